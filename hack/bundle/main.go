// Command bundle writes the OLM bundle (registry+v1) of the operator from its manifests, which it reads as one YAML stream from standard input,
// as `kustomize build config/manifests` prints them. It replaces operator-sdk, which uses the same layout, so that only Go is
// needed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/openshift/credential-rotation-operator/hack/release/facts"
)

const (
	packageName        = "credential-rotation-operator"
	suggestedNamespace = "openshift-" + packageName
)

// options are the flags.
type options struct {
	// version of the operator without v, such as 0.1.0.
	version string
	// image of the operator with its tag or digest.
	image string
	// mustGatherImage is the image for must-gather.
	mustGatherImage string
	// icon is an SVG file.
	icon string
	// facts is release.yaml.
	facts string
	// channels are separated by commas; none means those of the facts.
	channels string
	// out is the directory of the bundle.
	out string
	// installer is the file for the rights with which OLM v1 installs the bundle; empty for none.
	installer string
}

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "version of the operator, such as 0.1.0")
	flag.StringVar(&o.image, "image", "", "image of the operator")
	flag.StringVar(&o.mustGatherImage, "must-gather-image", "", "image for oc adm must-gather")
	flag.StringVar(&o.facts, "facts", "../release/release.yaml", "file with the metadata of the release")
	flag.StringVar(&o.channels, "channels", "", "channels of this version, separated by commas, instead of those of that file")
	flag.StringVar(&o.icon, "icon", "../../config/manifests/icon.svg", "the operator's icon")
	flag.StringVar(&o.out, "out", "../../bundle", "directory to write to; its manifests and metadata are replaced")
	flag.StringVar(&o.installer, "installer", "", "file to write with the rights with which OLM v1 installs the bundle")
	flag.Parse()
	if err := run(o, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

func run(o options, manifests io.Reader) error {
	if o.version == "" || o.image == "" || o.mustGatherImage == "" {
		return errors.New("-version, -image and -must-gather-image are needed")
	}
	objects, err := decode(manifests)
	if err != nil {
		return fmt.Errorf("the manifests on standard input: %w", err)
	}
	icon, err := os.ReadFile(o.icon)
	if err != nil {
		return fmt.Errorf("the icon: %w", err)
	}
	f, err := facts.Read(o.facts)
	if err != nil {
		return err
	}
	if o.channels == "" {
		o.channels = strings.Join(f.Channels, ",")
	}
	p, err := sort(objects)
	if err != nil {
		return err
	}
	files, err := p.assemble(o, f, icon)
	if err != nil {
		return err
	}
	if o.installer != "" {
		if err := writeInstaller(o.installer, p.installer()); err != nil {
			return err
		}
	}
	return write(o.out, files)
}

func decode(r io.Reader) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(r, 4096)
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}
