package registry

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// FaultKind is a kind of fault.
type FaultKind string

const (
	// RateLimited is a 429 TOOMANYREQUESTS, with Retry-After when Fault.RetryAfter is set.
	RateLimited FaultKind = "RateLimited"
	// Error500 is a 500 with an error document.
	Error500 FaultKind = "Error500"
	// HTML502 is a gateway's page.
	HTML502 FaultKind = "HTML502"
	// Denied403 is a 403 DENIED, which quay.io also sends for reasons other than the token.
	Denied403 FaultKind = "Denied403"
	// Unauthorized401 is a 401 UNAUTHORIZED for any credentials.
	Unauthorized401 FaultKind = "Unauthorized401"
	// Hang never responds.
	Hang FaultKind = "Hang"
	// Dropped closes the connection.
	Dropped FaultKind = "Dropped"
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{RateLimited, Error500, HTML502, Denied403, Unauthorized401, Hang, Dropped}
}

// Fault makes some requests fail.
type Fault struct {
	// Registry is one of Hosts; empty: all of them.
	Registry string `json:"registry"`
	// Endpoint is EndpointPing, EndpointToken ... or EndpointAny; empty is the same as EndpointAny.
	Endpoint string    `json:"endpoint"`
	Kind     FaultKind `json:"kind"`
	// Skip lets as many requests pass first; Every hits only each n-th of the remaining ones.
	Skip  int `json:"skip,omitempty"`
	Every int `json:"every,omitempty"`
	// Times limits how many requests are hit; 0: until the faults are cleared.
	Times      int             `json:"times,omitempty"`
	RetryAfter simctl.Duration `json:"retryAfter,omitempty"`
}

// Check returns an error for an invalid fault.
func (f Fault) Check() error {
	if err := simctl.CheckKind("kind of fault", f.Kind, FaultKinds()); err != nil {
		return err
	}
	if err := simctl.CheckKind("registry", f.Registry, append([]string{""}, Hosts...)); err != nil {
		return err
	}
	endpoints := []string{"", EndpointAny, EndpointPing, EndpointToken, EndpointManifest, EndpointBlob, EndpointTags}
	if err := simctl.CheckKind("endpoint", f.Endpoint, endpoints); err != nil {
		return err
	}
	if f.RetryAfter < 0 {
		return fmt.Errorf("retryAfter must not be negative")
	}
	return nil
}

// Limits of the fault.
func (f Fault) Limits() simctl.Limits {
	return simctl.Limits{Skip: f.Skip, Every: f.Every, Times: f.Times}
}

// Break adds a fault; the first that matches a request hits it. An invalid fault is a mistake in the test.
func (s *Sim) Break(f Fault) {
	if err := s.faults.Add(f); err != nil {
		panic("the registry simulator: " + err.Error())
	}
}

// Mend ends all faults.
func (s *Sim) Mend() { s.faults.Clear() }

func (s *Sim) takeFault(registry, endpoint string) (Fault, bool) {
	return s.faults.Take(func(f Fault) bool {
		return (f.Registry == "" || f.Registry == registry) && (f.Endpoint == "" || f.Endpoint == EndpointAny || f.Endpoint == endpoint)
	})
}

func (f Fault) answer(w http.ResponseWriter, r *http.Request) {
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
		simctl.Hang(r)
	default: // Dropped
		simctl.Disconnect()
	}
}
