package capcredentialset

import (
	"maps"
	"sync"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// landing is an answer of CAP.
type landing struct {
	role       string
	asked      time.Time
	credential awscreds.Credential
	// proven is true if STS has accepted it.
	proven bool
	err    error
	// basis identifies the request's inputs: an answer for another spec or certificate is useless.
	basis string
	// proof is what a good answer proves about CAP.
	proof v1alpha1.CAPProof
}

// flights are the pending requests to CAP. They outlive a round: a hanging one holds up only its own role, and its answer wakes the set.
type flights struct {
	mu    sync.Mutex
	roles map[string]bool
	// landed are answers that no round has processed yet.
	landed []landing
	// arrived signals the waiting round.
	arrived chan struct{}
	// underWay are all pending requests, including those of a process that is ending.
	underWay sync.WaitGroup
}

func newFlights() *flights {
	return &flights{roles: map[string]bool{}, arrived: make(chan struct{}, 1)}
}

// take returns the answers that have arrived.
func (f *flights) take() []landing {
	f.mu.Lock()
	defer f.mu.Unlock()
	landed := f.landed
	f.landed = nil
	for _, l := range landed {
		delete(f.roles, l.role)
	}
	return landed
}

// flying are the roles whose answers have not been processed.
func (f *flights) flying() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.roles)
}

// start sends a request.
func (f *flights) start(role string, question func() landing, landed func()) {
	f.mu.Lock()
	f.roles[role] = true
	f.mu.Unlock()
	f.underWay.Go(func() {
		l := question()
		f.mu.Lock()
		f.landed = append(f.landed, l)
		f.mu.Unlock()
		select {
		case f.arrived <- struct{}{}:
		default:
		}
		landed()
	})
}
