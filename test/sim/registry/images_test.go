package registry_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// TestImages_CanBePulled does what podman pull, skopeo copy and skopeo inspect do: manifest, configuration, layers, tags.
func TestImages_CanBePulled(t *testing.T) {
	r := newRig(t, directory{})
	for _, image := range []string{"quay.io/" + releaseRepo + ":v1", "quay.io/" + releaseRepo + "@" + r.digest, "registry.redhat.io/" + indexRepo + ":v1"} {
		ref, err := name.ParseReference(image)
		if err != nil {
			t.Fatal(err)
		}
		options := []remote.Option{remote.WithAuth(good()), remote.WithTransport(r.http.Transport)}
		pulled, err := remote.Image(ref, options...)
		if err != nil {
			t.Fatalf("%s: %v", image, err)
		}
		if _, err := pulled.ConfigFile(); err != nil {
			t.Errorf("configuration of %s: %v", image, err)
		}
		layers, err := pulled.Layers()
		if err != nil || len(layers) == 0 {
			t.Fatalf("%s has %d layers: %v", image, len(layers), err)
		}
		for _, layer := range layers {
			content, err := layer.Compressed()
			if err != nil {
				t.Fatalf("a layer of %s: %v", image, err)
			}
			// The library compares what it reads with the digest.
			if n, err := io.Copy(io.Discard, content); err != nil || n == 0 {
				t.Errorf("a layer of %s: %d bytes, %v", image, n, err)
			}
			_ = content.Close()
		}
		tags, err := remote.List(ref.Context(), options...)
		if err != nil || !strings.Contains(strings.Join(tags, " "), "v1") {
			t.Errorf("tags of %s: %v %v", image, tags, err)
		}
	}
}

// TestUnknownRepository_IsNoEvidenceAtRedHatsRegistries distinguishes a misspelt name from a refused credential.
func TestUnknownRepository_IsNoEvidenceAtRedHatsRegistries(t *testing.T) {
	r := newRig(t, directory{})
	for _, host := range []string{registry.RedHatRegistry, registry.RedHatConnect} {
		ref, err := name.ParseReference(host + "/ubi8/ubbi:latest")
		if err != nil {
			t.Fatal(err)
		}
		_, err = remote.Get(ref, remote.WithAuth(good()), remote.WithTransport(r.http.Transport))
		if status(err) != http.StatusNotFound || !strings.Contains(err.Error(), "NAME_UNKNOWN") {
			t.Errorf("%s: %v, want 404 NAME_UNKNOWN", host, err)
		}
	}
}

// TestDenyPull_CoversEverythingBelowAPath has a credential for a part of a registry.
func TestDenyPull_CoversEverythingBelowAPath(t *testing.T) {
	r := newRig(t, directory{})
	r.image(registry.Quay, "openshift-release-dev/ocp-v4.0-art-dev", registry.Subscribers)
	r.image(registry.Quay, "openshift-release-development/tools", registry.Subscribers)
	r.DenyPull(registry.Quay, user, "openshift-release-dev", true)
	for image, want := range map[string]int{releaseRepo: 401, "openshift-release-dev/ocp-v4.0-art-dev": 401, "openshift-release-development/tools": 200} {
		if got := status(r.head("quay.io/"+image+":v1", good())); got != want {
			t.Errorf("%s: %d, want %d", image, got, want)
		}
	}
}
