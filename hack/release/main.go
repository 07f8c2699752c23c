// Command release builds the operator's images, bundle and catalog without a container engine, pushes them to a registry, and writes a
// complete release. It needs Go, and git for the commit that the provenance names.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/openshift/credential-rotation-operator/hack/release/compile"
	"github.com/openshift/credential-rotation-operator/hack/release/facts"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

const packageName = "credential-rotation-operator"

// maker has the flags and the values derived from them.
type maker struct {
	root, out, version, base, catalogBase, registry, from, sign string
	platforms                                                   []v1.Platform
	facts                                                       *facts.Facts
}

// verbs are the subcommands; each has a target in the Makefile.
var verbs = map[string]func(*maker, context.Context) error{
	"images":       (*maker).images,
	"bundle-image": (*maker).bundleImage,
	"catalog":      (*maker).catalog,
	"push":         (*maker).push,
	"release":      (*maker).release,
	"verify":       (*maker).verify,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 || verbs[args[0]] == nil {
		return fmt.Errorf("one of images, bundle-image, catalog, push, release, verify is needed")
	}
	m, err := parse(args[0], args[1:])
	if err != nil {
		return err
	}
	return verbs[args[0]](m, ctx)
}

func parse(verb string, args []string) (*maker, error) {
	m := &maker{}
	set := flag.NewFlagSet(verb, flag.ContinueOnError)
	set.StringVar(&m.root, "root", "../..", "the checkout")
	set.StringVar(&m.out, "out", "../../dist", "output directory")
	set.StringVar(&m.version, "version", "", "version without v, such as 0.1.0")
	set.StringVar(&m.base, "base", oci.Scratch, "base of the operator's image by digest, or scratch")
	set.StringVar(&m.catalogBase, "catalog-base", oci.Scratch, "base of the catalog's image by digest (with opm it can serve the catalog), or scratch")
	set.StringVar(&m.registry, "registry", "", "registry and organisation of all images, such as registry.example.org/me, instead of those in release.yaml")
	set.StringVar(&m.from, "from", "", "catalog of the previous release, to extend")
	set.StringVar(&m.sign, "sign", "", "keyless or a cosign key, to sign the checksums")
	platforms := set.String("platforms", "linux/amd64,linux/arm64,linux/ppc64le,linux/s390x", "platforms of the images")
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if m.platforms, err = compile.ParsePlatforms(*platforms); err != nil {
		return nil, err
	}
	if m.facts, err = facts.Read(filepath.Join(m.root, "hack/release/release.yaml")); err != nil {
		return nil, err
	}
	if m.registry != "" {
		for _, image := range []*string{&m.facts.Image, &m.facts.MustGatherImage, &m.facts.BundleImage, &m.facts.CatalogImage} {
			*image = m.registry + "/" + path.Base(*image)
		}
	}
	_, err = m.facts.ChannelsOf(m.version)
	return m, err
}

// tag is that of all images of this version.
func (m *maker) tag() string { return "v" + m.version }

// layout is the directory of an image's OCI layout.
func (m *maker) layout(image string) string { return filepath.Join(m.out, "images", image) }

// tell prints a result.
func tell(what, where string, digest v1.Hash) { fmt.Printf("%s %s %s\n", what, where, digest) }
