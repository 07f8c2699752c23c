package registry

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// Access says who may pull from a repository.
type Access string

const (
	// Subscribers: every living credential. The default.
	Subscribers Access = ""
	// Public: everybody.
	Public Access = "Public"
	// Nobody: the repository exists, and no credential covers it.
	Nobody Access = "Nobody"
)

// store holds the images of a registry: their bytes in go-containerregistry's own registry, and who may have them.
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

// mayPull says whether a user, or nobody (""), may pull. No token covers a repository that does not exist: to a client it
// looks like one that it may not use. MANIFEST_UNKNOWN is for another tag or digest of a repository that does.
func (s *store) mayPull(user, repository string) bool {
	access, known := s.access[repository]
	switch {
	case !known || access == Nobody || s.denied[[2]string{user, repository}]:
		return false
	case access == Public:
		return true
	}
	return user != ""
}

// AddImage creates a small image and returns its digest, "sha256:...". The access is that of the whole repository.
func (s *Sim) AddImage(registry, repository, tag string, access Access) (string, error) {
	image, err := random.Image(64, 1)
	if err != nil {
		return "", err
	}
	manifest, err := image.RawManifest()
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return "", err
	}
	h := s.host(registry)
	s.mu.Lock()
	h.store.access[repository] = access
	s.mu.Unlock()
	// By tag and by digest: the second is how a cluster names its release image.
	for _, reference := range []string{tag, digest.String()} {
		r := httptest.NewRequest(http.MethodPut, "/v2/"+repository+"/manifests/"+reference, bytes.NewReader(manifest))
		r.Header.Set("Content-Type", string(mediaType))
		w := httptest.NewRecorder()
		h.store.images.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			return "", fmt.Errorf("put %s/%s:%s: status %d", registry, repository, reference, w.Code)
		}
	}
	return digest.String(), nil
}

// DenyPull keeps one user from one repository although the login is good, or allows it again.
func (s *Sim) DenyPull(registry, user, repository string, deny bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).store.denied[[2]string{user, repository}] = deny
}
