package registry

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// dockerHub is the host of Docker Hub for all its names.
const dockerHub = "index.docker.io"

// target is the host and the image of a check.
type target struct {
	registry name.Registry
	// image is nil to log in only.
	image name.Reference
}

// parse finds the host of a key in a pull secret, and makes sure that the image is on that host: the credential goes with the request for its
// manifest, and another registry must not see it.
func parse(key, image string) (target, error) {
	registry, err := name.NewRegistry(Host(key))
	if err != nil || Host(key) == "" {
		return target{}, errors.New("the registry's name in the pull secret is not a host name")
	}
	if image == "" {
		return target{registry: registry}, nil
	}
	reference, err := name.ParseReference(image)
	if err != nil {
		return target{}, errors.New("the name of the image to verify with cannot be parsed")
	}
	if has := reference.Context().RegistryStr(); has != registry.RegistryStr() {
		return target{}, fmt.Errorf("the image to verify with is at %s, but the credential is for %s: name an image of that registry",
			has, registry.RegistryStr())
	}
	return target{registry: registry, image: reference}, nil
}

// Host is the host, with its port if any, of a registry as a pull secret names it. Of "quay.io/org" it is quay.io: the
// path only says which images the entry is for. Every name of Docker Hub, such as "https://index.docker.io/v1/", is
// index.docker.io.
func Host(key string) string {
	_, rest, found := strings.Cut(key, "://")
	if !found {
		rest = key
	}
	host, _, _ := strings.Cut(rest, "/")
	switch host {
	case "docker.io", "registry-1.docker.io", "www.docker.io":
		return dockerHub
	}
	return host
}
