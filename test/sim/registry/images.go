package registry

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	gopath "path"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// Access is who may pull from a repository.
type Access string

const (
	// Subscribers: every valid credential. The default.
	Subscribers Access = ""
	// Public: everyone.
	Public Access = "Public"
	// Nobody: the repository exists, and no credential covers it.
	Nobody Access = "Nobody"
)

// store has the images of a registry: their bytes in go-containerregistry's own registry, and their access.
type store struct {
	images http.Handler
	access map[string]Access // by repository
	denied map[[2]string]bool
}

func newStore() store {
	return store{
		images: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))),
		access: map[string]Access{},
		denied: map[[2]string]bool{},
	}
}

// mayPull reports whether a user, or an anonymous client (""), may pull. No token covers a repository that does not exist: at quay.io it looks
// like one that the client may not use. MANIFEST_UNKNOWN is for an unknown tag or digest of an existing repository.
func (s *store) mayPull(user, repository string) bool {
	access, known := s.access[repository]
	switch {
	case !known || access == Nobody || s.isDenied(user, repository):
		return false
	case access == Public:
		return true
	}
	return user != ""
}

func (s *store) isDenied(user, repository string) bool {
	for path := repository; path != "."; path = gopath.Dir(path) {
		if s.denied[[2]string{user, path}] {
			return true
		}
	}
	return false
}

// AddImage creates a small image and returns its digest, "sha256:...". The access is that of the whole repository.
func (s *Sim) AddImage(registry, repository, tag string, access Access) (string, error) {
	image, err := random.Image(64, 1)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	h := s.host(registry)
	if err := h.store.push(repository, image, tag, digest.String()); err != nil {
		return "", fmt.Errorf("push %s/%s:%s: %w", registry, repository, tag, err)
	}
	s.mu.Lock()
	h.store.access[repository] = access
	s.mu.Unlock()
	return digest.String(), nil
}

// push stores layers, configuration, and the manifest under each of the references. A cluster names its
// release image by digest.
func (s *store) push(repository string, image v1.Image, references ...string) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	config, err := partial.ConfigLayer(image)
	if err != nil {
		return err
	}
	for _, layer := range append(layers, config) {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		if err := s.put(http.MethodPost, "/v2/"+repository+"/blobs/uploads/?digest="+digest.String(), "application/octet-stream", content); err != nil {
			return err
		}
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return err
	}
	for _, reference := range references {
		if err := s.put(http.MethodPut, "/v2/"+repository+"/manifests/"+reference, string(mediaType), bytes.NewReader(manifest)); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) put(method, path, contentType string, content io.Reader) error {
	body, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	s.images.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		return fmt.Errorf("%s %s: status %d", method, path, w.Code)
	}
	return nil
}

// DenyPull denies a user with a valid login a repository, or everything below a path such as "openshift-release-dev", or
// allows it again.
func (s *Sim) DenyPull(registry, user, repository string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).store.denied[[2]string{user, repository}] = deny
}
