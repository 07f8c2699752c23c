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

// An Obituary is a Directory that also knows for how long formerly valid credentials have been deleted, in its own time. The simulated OCM is
// one. Without it a revocation takes effect at once.
type Obituary interface {
	DeadFor(registry, user, password string) (time.Duration, bool)
}

// Forgotten is a revocation that never takes effect.
const Forgotten time.Duration = math.MaxInt64

// RevokeLate makes a registry go on accepting credentials for some time after they were deleted, in the time of the directory; Forgotten is
// forever, and zero, the default, ends that.
func (s *Sim) RevokeLate(registry string, by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).late = by
}

// accepts says whether credentials work at a registry for all that is known of them, without an attempt being counted.
func (h *host) accepts(user, password string) bool {
	// The directory has a lock of its own, so it is asked before ours is taken.
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

// Accepts says what the registry behind a key of a pull secret makes of the auth that stands there: whatever the key,
// with a path (quay.io/openshift-release-dev), a scheme or a port, credentials are judged by their value. It is for tests that
// look at a whole pull secret; nothing is counted, and nothing spreads. False with an error when there is no such registry here.
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

// Refuse keeps a user from logging in although its credentials are alive, or lets it in again.
func (s *Sim) Refuse(registry, user string, refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).refused[user] = refuse
}

// spread is how credentials that a registry has not seen yet become known to it.
type spread struct {
	attempts int
	after    time.Duration
	// seen is when and how often a user was tried before it became known; known users stay known.
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

// arrived counts an attempt and says whether the user is known by now.
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

// Spread makes a registry refuse living credentials until they have been tried that many times, and until that time has
// passed since the first. Users that have logged in before are known already. Zero, the default, is at once.
func (s *Sim) Spread(registry string, attempts int, after time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.host(registry)
	h.spread.attempts, h.spread.after = attempts, after
}
