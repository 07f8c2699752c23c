package registry

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// FaultKind is a kind of bad day.
type FaultKind string

const (
	// RateLimited is a 429 TOOMANYREQUESTS, with Retry-After when Fault.RetryAfter is set.
	RateLimited FaultKind = "RateLimited"
	// Error500 is a 500 with an error document.
	Error500 FaultKind = "Error500"
	// HTML502 is a gateway's page.
	HTML502 FaultKind = "HTML502"
	// Denied403 is a 403 DENIED, which quay.io too gives for reasons other than the token.
	Denied403 FaultKind = "Denied403"
	// Unauthorized401 is a 401 UNAUTHORIZED whatever the credentials.
	Unauthorized401 FaultKind = "Unauthorized401"
	// Hang never answers.
	Hang FaultKind = "Hang"
	// Dropped closes the connection.
	Dropped FaultKind = "Dropped"
)

// Fault is a bad day of some requests.
type Fault struct {
	// Registry is one of Hosts; empty: all of them.
	Registry string `json:"registry"`
	// Endpoint is EndpointPing, EndpointToken ... or EndpointAny, which empty means too.
	Endpoint string    `json:"endpoint"`
	Kind     FaultKind `json:"kind"`
	// Times limits how many requests are hit; 0: until the faults are cleared.
	Times      int             `json:"times,omitempty"`
	RetryAfter simctl.Duration `json:"retryAfter,omitempty"`
}

// Break adds a fault; the first that fits a request hits it.
func (s *Sim) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// Mend ends all faults.
func (s *Sim) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

func (s *Sim) takeFault(registry, endpoint string) *Fault {
	for i, f := range s.faults {
		if f.Registry != "" && f.Registry != registry || f.Endpoint != "" && f.Endpoint != EndpointAny && f.Endpoint != endpoint {
			continue
		}
		hit := *f
		if f.Times--; f.Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return &hit
	}
	return nil
}

func (f *Fault) answer(w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case RateLimited:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(time.Duration(f.RetryAfter).Seconds())))
		}
		writeError(w, http.StatusTooManyRequests, "TOOMANYREQUESTS", "too many requests")
	case Error500:
		writeError(w, http.StatusInternalServerError, "UNKNOWN", "unknown error")
	case HTML502:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = fmt.Fprintln(w, "<html><body><h1>502 Bad Gateway</h1></body></html>") // the client has gone away
	case Denied403:
		writeError(w, http.StatusForbidden, "DENIED", "requested access to the resource is denied")
	case Unauthorized401:
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	case Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	default: // Dropped, and a kind that nobody knows: closing the connection is hard to overlook
		panic(http.ErrAbortHandler)
	}
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

// Certificate is a kind of server certificate.
type Certificate string

const (
	// GoodCertificate bears the registry's name.
	GoodCertificate Certificate = "Good"
	// OtherName is signed by the same CA for another name.
	OtherName Certificate = "OtherName"
	// OtherCA bears the right name and is signed by a CA that nobody trusts, as a proxy that inspects TLS does.
	OtherCA Certificate = "OtherCA"
)

// Present makes a registry show a certificate from the next connection on.
func (s *Sim) Present(registry string, c Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).certs.shown = c
}

type certificates struct {
	shown Certificate
	all   map[Certificate]*tls.Certificate
}

func (c *certificates) make(ca *simtls.CA, name string) error {
	stranger, err := simtls.NewCA("nobody's CA")
	if err != nil {
		return err
	}
	c.shown, c.all = GoodCertificate, map[Certificate]*tls.Certificate{}
	for kind, by := range map[Certificate]struct {
		ca    *simtls.CA
		hosts []string
	}{
		GoodCertificate: {ca, []string{name, "127.0.0.1"}},
		OtherName:       {ca, []string{"other.example.com"}},
		OtherCA:         {stranger, []string{name, "127.0.0.1"}},
	} {
		cert, err := by.ca.Server(by.hosts...)
		if err != nil {
			return err
		}
		c.all[kind] = &cert
	}
	return nil
}

func (c *certificates) config(mu *sync.Mutex) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if cert := c.all[c.shown]; cert != nil {
				return cert, nil
			}
			return nil, fmt.Errorf("no certificate of kind %q", c.shown)
		},
	}
}
