package main

import (
	"archive/tar"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/openshift/credential-rotation-operator/hack/release/compile"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

// checkout is a small repository like this one, with a program that compiles quickly.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":                      "module github.com/openshift/credential-rotation-operator\n\ngo 1.26.0\n",
		"main.go":                     "package main\n\nimport (\n\t\"crypto/sha256\"\n\n\t\"github.com/openshift/credential-rotation-operator/internal/version\"\n)\n\nfunc main() { println(version.Version(), sha256.Size) }\n",
		"internal/version/version.go": "package version\n\nvar version string\n\nfunc Version() string { return version }\n",
	} {
		write(t, filepath.Join(root, name), content)
	}
	for _, name := range []string{"Dockerfile", "bundle.Dockerfile", "hack/release/catalog.Dockerfile", "hack/release/must-gather.Dockerfile", "LICENSE", "hack/release/release.yaml", "config/manifests/icon.svg"} {
		raw, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, name), string(raw))
	}
	// Another program in place of the toolbox, because it needs no modules.
	write(t, filepath.Join(root, "hack/release/toolbox/main.go"), "package main\n\nimport \"crypto/sha256\"\n\nfunc main() { println(sha256.Size) }\n")
	write(t, filepath.Join(root, "hack/release/toolbox/programs.txt"), read(t, "toolbox/programs.txt"))
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// built builds the images of a checkout, and returns that of the operator.
func built(t *testing.T, root, out string, flags ...string) v1.ImageIndex {
	t.Helper()
	args := append([]string{"images", "-root", root, "-out", out, "-version", "1.2.3"}, flags...)
	if err := run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	return layoutOf(t, out, "operator")
}

// layoutOf is a valid image that was built.
func layoutOf(t *testing.T, out, name string) v1.ImageIndex {
	t.Helper()
	index, _, err := oci.Read(filepath.Join(out, "images", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Fatal(err)
	}
	return index
}

func TestImages_AreTheSameFromTwoFolders(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, out := range []string{first, second} {
		built(t, checkout(t), out, "-platforms", "linux/amd64")
	}
	for _, image := range []string{"operator", "must-gather"} {
		one, err := layoutOf(t, first, image).Digest()
		if err != nil {
			t.Fatal(err)
		}
		if two, err := layoutOf(t, second, image).Digest(); err != nil || one != two {
			t.Errorf("%s: the digests are %s and %s (%v)", image, one, two, err)
		}
	}
}

// images gives the image of each platform of an index.
func imagesOf(t *testing.T, index v1.ImageIndex) map[string]v1.Image {
	t.Helper()
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]v1.Image{}
	for _, d := range manifest.Manifests {
		if all[d.Platform.String()], err = index.Image(d.Digest); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// filesOf are the files of an image with their mode and content.
func filesOf(t *testing.T, image v1.Image) map[string]tar.Header {
	t.Helper()
	reader := tar.NewReader(mutate.Extract(image))
	files := map[string]tar.Header{}
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeDir {
			files["/"+header.Name] = *header
		}
	}
}

// The expectations repeat the Dockerfile by hand.
func TestImage_IsWhatTheDockerfileSays(t *testing.T) {
	for platform, image := range imagesOf(t, built(t, checkout(t), t.TempDir(), "-platforms", "linux/amd64,linux/arm64")) {
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if platform != config.OS+"/"+config.Architecture {
			t.Errorf("the image of %s is for %s/%s", platform, config.OS, config.Architecture)
		}
		if c := config.Config; c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/credential-rotation-operator"}) || len(c.Cmd) > 0 {
			t.Errorf("it runs %v %v as %s", c.Entrypoint, c.Cmd, c.User)
		}
		for _, label := range []string{"name", "vendor", "version", "release", "summary", "description", "maintainer", "url", "com.redhat.component",
			"io.k8s.display-name", "io.openshift.tags", "org.opencontainers.image.source", "org.opencontainers.image.licenses"} {
			if value := config.Config.Labels[label]; value == "" || strings.Contains(value, "$") {
				t.Errorf("the label %s is %q", label, value)
			}
		}
		if v := config.Config.Labels["version"]; v != "v1.2.3" {
			t.Errorf("the label version is %s", v)
		}
		files := filesOf(t, image)
		for _, want := range []string{"/credential-rotation-operator", "/etc/pki/tls/certs/ca-bundle.crt", "/licenses/LICENSE"} {
			if _, ok := files[want]; !ok {
				t.Errorf("%s is missing", want)
			}
		}
		if link := files["/usr/bin/gather"]; link.Linkname != "/credential-rotation-operator" {
			t.Errorf("the link for must-gather is %+v", link)
		}
		if files["/credential-rotation-operator"].Mode != 0o755 {
			t.Errorf("the program has mode %o", files["/credential-rotation-operator"].Mode)
		}
	}
}

// The programs that `oc adm must-gather` calls are the toolbox under their names.
func TestImage_ForMustGatherHasWhatOcCalls(t *testing.T) {
	out := t.TempDir()
	built(t, checkout(t), out, "-platforms", "linux/arm64")
	image := imagesOf(t, layoutOf(t, out, "must-gather"))["linux/arm64"]
	files := filesOf(t, image)
	for _, name := range []string{"/usr/bin/gather", "/toolbox"} {
		if files[name].Typeflag != tar.TypeReg || files[name].Mode != 0o755 {
			t.Errorf("%s is %+v", name, files[name])
		}
	}
	for _, name := range []string{"bash", "setsid", "sleep", "sync", "tar"} {
		if link := files["/bin/"+name]; link.Linkname != "/toolbox" {
			t.Errorf("%s is %+v", name, link)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Config; c.User != "65532:65532" || c.Labels["version"] != "v1.2.3" || !slices.Equal(c.Entrypoint, []string{"/usr/bin/gather"}) {
		t.Errorf("%+v", c)
	}
}

func TestImages_AreForEachPlatformThatOpenShiftRunsOn(t *testing.T) {
	m, err := parse("images", []string{"-root", "../..", "-version", "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(m.platforms, compile.Platforms, func(a, b v1.Platform) bool { return a.Equals(b) }) {
		t.Errorf("the platforms are %v", m.platforms)
	}
}

func TestRoots_AreAuthoritiesInPEM(t *testing.T) {
	count := 0
	for rest := oci.Roots(); ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if c, err := x509.ParseCertificate(block.Bytes); err != nil || !c.IsCA {
			t.Fatalf("certificate %d is not an authority: %v", count, err)
		}
	}
	if count < 50 {
		t.Errorf("there are %d authorities", count)
	}
}

// serve starts a registry on this machine.
func serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestPush_LetsTheImageBePulledByDigest(t *testing.T) {
	host, out := serve(t), t.TempDir()
	want, err := built(t, checkout(t), out, "-platforms", "linux/arm64", "-registry", host+"/me").Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"push", "-root", "../..", "-out", out, "-version", "1.2.3", "-registry", host + "/me"}); err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{"@" + want.String(), ":v1.2.3"} {
		index, err := oci.Pull(t.Context(), host+"/me/credential-rotation-operator"+reference)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Index(index); err != nil {
			t.Error(err)
		}
		if got, err := index.Digest(); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", reference, got, want, err)
		}
	}
}

func TestPush_ReportsMissingImages(t *testing.T) {
	err := run(t.Context(), []string{"push", "-root", "../..", "-out", t.TempDir(), "-version", "1.2.3"})
	if err == nil || !strings.Contains(err.Error(), "build them first") {
		t.Error(err)
	}
}

func TestImages_AreBuiltOnABaseByDigest(t *testing.T) {
	host := serve(t)
	base, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	config, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = "linux", "amd64"
	config.Config.Labels = map[string]string{"name": "the base", "of-the-base": "stays"}
	config.Config.Cmd = []string{"/bin/sh"}
	if base, err = mutate.ConfigFile(base, config); err != nil {
		t.Fatal(err)
	}
	digest, err := oci.Push(context.Background(), host+"/base", "latest", mutate.AppendManifests(emptyIndex(), mutate.IndexAddendum{
		Add: base, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}}))
	if err != nil {
		t.Fatal(err)
	}
	name := host + "/base@" + digest.String()
	image := imagesOf(t, built(t, checkout(t), t.TempDir(), "-platforms", "linux/amd64", "-base", name))["linux/amd64"]
	layers, err := image.Layers()
	if err != nil || len(layers) != 5 {
		t.Errorf("%d layers, want that of the base and our four (%v)", len(layers), err)
	}
	if config, err = image.ConfigFile(); err != nil {
		t.Fatal(err)
	}
	labels := config.Config.Labels
	if labels["name"] != "credential-rotation-operator" || labels["of-the-base"] != "stays" || labels["org.opencontainers.image.base.name"] != name || len(config.Config.Cmd) > 0 {
		t.Errorf("the labels are %v, the arguments %v", labels, config.Config.Cmd)
	}
}

func TestImages_RefuseABaseWithoutADigest(t *testing.T) {
	_, err := oci.BaseOf(t.Context(), "registry.access.redhat.com/ubi9/ubi-micro:latest")
	if err == nil || !strings.Contains(err.Error(), "by digest") {
		t.Error(err)
	}
}

// TestRule_PreflightContainer checks the container policy of openshift-preflight (internal/policy/container) as far as it needs no registry.
// An image from scratch fails only BasedOnUbi; certification needs a build with BASE.
func TestRule_PreflightContainer(t *testing.T) {
	out := t.TempDir()
	index := built(t, checkout(t), out, "-platforms", "linux/amd64")
	image := imagesOf(t, index)["linux/amd64"]
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	labels := config.Config.Labels
	t.Run("HasRequiredLabel", func(t *testing.T) {
		for _, label := range []string{"name", "vendor", "version", "release", "summary", "description", "maintainer"} {
			if labels[label] == "" {
				t.Errorf("there is no label %s", label)
			}
		}
	})
	t.Run("HasNoProhibitedLabelsTrademark", func(t *testing.T) {
		for _, label := range []string{"name", "vendor", "maintainer"} {
			if strings.Contains(strings.ToLower(strings.ReplaceAll(labels[label], " ", "")), "redhat") {
				t.Errorf("%s is %q, which is a trademark", label, labels[label])
			}
		}
	})
	t.Run("HasLicense", func(t *testing.T) {
		if file, ok := filesOf(t, image)["/licenses/LICENSE"]; !ok || file.Size == 0 {
			t.Error("there is no licence in /licenses")
		}
	})
	t.Run("RunAsNonRoot", func(t *testing.T) {
		if user, _, _ := strings.Cut(config.Config.User, ":"); user == "" || user == "0" || user == "root" {
			t.Errorf("it runs as %q", config.Config.User)
		}
	})
	t.Run("LayerCountAcceptable", func(t *testing.T) {
		if layers, err := image.Layers(); err != nil || len(layers) > 40 {
			t.Errorf("%d layers (%v)", len(layers), err)
		}
	})
	t.Run("HasUniqueTag", func(t *testing.T) {
		if _, tag, err := oci.Read(filepath.Join(out, "images", "operator")); err != nil || tag != "v1.2.3" {
			t.Errorf("the tag is %q (%v)", tag, err)
		}
	})
}
