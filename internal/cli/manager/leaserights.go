package manager

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
)

// leaseRights knows whether the API server lets this process elect a leader. Without the right to the Lease a replica waits for
// ever, and looks healthy: whoever installed it must see that it is not. It learns from the answers to the election's own
// requests, so that it costs none. An API server that is away says nothing about rights.
type leaseRights struct {
	lease string
	log   logr.Logger

	mu sync.Mutex
	// refused are the methods that were last answered with 403.
	refused map[string]bool
}

func newLeaseRights(namespace string, log logr.Logger) *leaseRights {
	return &leaseRights{lease: namespace + "/" + leaderElectionID, log: log, refused: map[string]bool{}}
}

// watch is a copy of config for the client of the election alone, whose answers are looked at.
func (l *leaseRights) watch(config *rest.Config) *rest.Config {
	own := rest.CopyConfig(config)
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return leaseTransport{next: next, rights: l} })
	return own
}

type leaseTransport struct {
	next   http.RoundTripper
	rights *leaseRights
}

// RoundTrip sends the request and looks at the status of the answer.
func (t leaseTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		t.rights.note(req.Method, resp.StatusCode)
	}
	return resp, err
}

// note takes one answer down. A write that succeeds proves all that is needed; a missing or a foreign Lease proves that the
// method is allowed.
func (l *leaseRights) note(method string, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.refused) > 0
	switch {
	case status == http.StatusForbidden:
		l.refused[method] = true
	case status < 300 && method != http.MethodGet:
		clear(l.refused)
	case status < 300, status == http.StatusNotFound, status == http.StatusConflict:
		delete(l.refused, method)
	}
	switch now := len(l.refused) > 0; {
	case now && !before:
		l.log.Info("This replica is not ready. "+l.sentence(), "lease", l.lease)
	case before && !now:
		l.log.Info("The rights to elect a leader are there now", "lease", l.lease)
	}
}

func (l *leaseRights) sentence() string {
	return fmt.Sprintf("Its service account lacks a right to the Lease %s, so that no leader can be elected and nothing is rotated or refreshed. "+
		"Bind the Role %s in that namespace to the service account of this pod.", l.lease, leaderElectionID)
}

// check is a readyz check.
func (l *leaseRights) check(*http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.refused) > 0 {
		return fmt.Errorf("%s", l.sentence())
	}
	return nil
}
