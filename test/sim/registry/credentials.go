package registry

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"time"
)

// A Directory knows which credentials are valid. The simulated OCM is one.
type Directory interface {
	Alive(registry, user, password string) bool
}

// An Obituary is a Directory that also knows how long ago credentials were deleted, by its own clock. The simulated OCM is
// one. Without it a revocation takes effect at once.
type Obituary interface {
	DeadFor(registry, user, password string) (time.Duration, bool)
}

// Forgotten is a revocation that never takes effect.
const Forgotten time.Duration = math.MaxInt64

// RevokeLate makes a registry accept credentials for some time after their deletion, by the directory's clock; Forgotten is
// forever, and zero, the default, not at all.
func (s *Sim) RevokeLate(registry string, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).late = by
}

// accepts reports whether a registry accepts credentials, without counting an attempt.
func (h *host) accepts(user, password string) bool {
	// The directory has its own lock, so it is called before ours is taken.
	alive := h.sim.opts.Directory.Alive(h.name, user, password)
	var deadFor time.Duration
	wasAlive := false
	if obituary, ok := h.sim.opts.Directory.(Obituary); ok && !alive {
		deadFor, wasAlive = obituary.DeadFor(h.name, user, password)
	}
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	return (alive || wasAlive && deadFor < h.late) && !h.refused[user]
}

// Accepts reports whether the registry of a pull secret's key accepts its auth. The key may have a path (quay.io/openshift-release-dev),
// a scheme or a port. It is for tests of a whole pull secret: nothing is counted, and nothing spreads. It returns an error for a registry
// that is not simulated.
func (s *Sim) Accepts(key, auth string) (bool, error) {
	name := strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	name, _, _ = strings.Cut(name, "/")
	name, _, _ = strings.Cut(name, ":")
	h := s.hosts[name]
	if h == nil {
		return false, fmt.Errorf("the registry simulator has no registry behind %q", key)
	}
	raw, err := base64.StdEncoding.DecodeString(auth)
	user, password, ok := strings.Cut(string(raw), ":")
	return err == nil && ok && h.accepts(user, password), nil
}

// Refuse makes a registry refuse a user with valid credentials, or accept it again.
func (s *Sim) Refuse(registry, user string, refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).refused[user] = refuse
}

// spread is how new credentials become known to a registry.
type spread struct {
	attempts int
	after    time.Duration
	// seen is when and how often a user tried before it became known; known users stay known.
	seen  map[string]*sighting
	known map[string]bool
}

type sighting struct {
	attempts int
	first    time.Time
}

func newSpread() spread {
	return spread{seen: map[string]*sighting{}, known: map[string]bool{}}
}

// arrived counts an attempt and reports whether the user is known now.
func (s *spread) arrived(user string, now time.Time) bool {
	if s.known[user] {
		return true
	}
	seen := s.seen[user]
	if seen == nil {
		seen = &sighting{first: now}
		s.seen[user] = seen
	}
	seen.attempts++
	s.known[user] = seen.attempts > s.attempts && now.Sub(seen.first) >= s.after
	return s.known[user]
}

// Spread makes a registry refuse valid credentials until that many attempts, and until that time after the
// first. Users that have logged in before are already known. Zero, the default, is at once.
func (s *Sim) Spread(registry string, attempts int, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(registry)
	h.spread.attempts, h.spread.after = attempts, after
}
