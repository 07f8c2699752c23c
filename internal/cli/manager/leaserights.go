package manager

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
)

// leaseRights knows whether this process has the rights for leader election. Without them a replica would wait forever and look healthy, so the
// readiness must show it. It observes the answers to the election's own requests, so it costs none. An unavailable API server says nothing about
// rights.
type leaseRights struct {
	lease string
	log   logr.Logger

	mu sync.Mutex
	// refused are the methods whose last answer was a 403.
	refused map[string]bool
}

func newLeaseRights(namespace string, log logr.Logger) *leaseRights {
	return &leaseRights{lease: namespace + "/" + leaderElectionID, log: log, refused: map[string]bool{}}
}

// watch returns a copy of config for the election's client, whose answers it observes.
func (l *leaseRights) watch(config *rest.Config) *rest.Config {
	own := rest.CopyConfig(config)
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return leaseTransport{next: next, rights: l} })
	return own
}

type leaseTransport struct {
	next   http.RoundTripper
	rights *leaseRights
}

// RoundTrip sends the request and notes the status of the answer.
func (t leaseTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		t.rights.note(req.Method, resp.StatusCode)
	}
	return resp, err
}

// note records one answer. A successful write proves all needed rights; a missing Lease or a conflict proves that the method is allowed.
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
		l.log.Info("The rights to elect a leader have been granted", "lease", l.lease)
	}
}

func (l *leaseRights) sentence() string {
	return fmt.Sprintf("Its service account lacks a right to the Lease %s, so it cannot become the leader, and nothing is rotated or refreshed. "+
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
