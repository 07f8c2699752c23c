package simctl

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Limits select which of the matching requests a fault hits.
type Limits struct {
	// Skip lets as many requests pass first.
	Skip int
	// Every hits only each n-th of the remaining requests, like one bad server of several; 0 and 1 hit all.
	Every int
	// Times is how many requests are hit; 0: all until the faults are cleared.
	Times int
}

// Fault is the common part of the simulators' faults.
type Fault interface {
	// Check returns an error for an invalid fault, such as an unknown kind.
	Check() error
	// Limits of the fault.
	Limits() Limits
}

// Faults are the faults of a simulator, in the order in which they were added. The zero value is ready to use.
type Faults[F Fault] struct {
	mu     sync.Mutex
	active []*active[F]
}

type active[F Fault] struct {
	fault     F
	met, hits int
}

// Add adds faults, or none if one of them is invalid.
func (f *Faults[F]) Add(faults ...F) error {
	for _, fault := range faults {
		if err := fault.Check(); err != nil {
			return err
		}
		if l := fault.Limits(); l.Skip < 0 || l.Every < 0 || l.Times < 0 {
			return fmt.Errorf("skip, every and times must not be negative")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range faults {
		f.active = append(f.active, &active[F]{fault: fault})
	}
	return nil
}

// Clear ends all of them.
func (f *Faults[F]) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = nil
}

// Active returns those that have not been used up.
func (f *Faults[F]) Active() []F {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []F
	for _, a := range f.active {
		out = append(out, a.fault)
	}
	return out
}

// Take returns the first fault that matches a request and hits it, and counts the hit.
func (f *Faults[F]) Take(fits func(F) bool) (F, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, a := range f.active {
		if !fits(a.fault) || !a.hit() {
			continue
		}
		if times := a.fault.Limits().Times; times > 0 && a.hits >= times {
			f.active = slices.Delete(f.active, i, i+1)
		}
		return a.fault, true
	}
	var none F
	return none, false
}

// hit counts a matching request, and reports whether the fault hits it.
func (a *active[F]) hit() bool {
	l := a.fault.Limits()
	a.met++
	if a.met <= l.Skip || (a.met-l.Skip)%max(1, l.Every) != 0 {
		return false
	}
	a.hits++
	return true
}

// HandleFaults adds POST /faults and DELETE /faults to a control interface.
func HandleFaults[F Fault](mux *http.ServeMux, add func(F) error, heal func()) {
	HandleControl(mux, "POST /faults", func(fault F) (any, error) { return nil, add(fault) })
	HandleControl(mux, "DELETE /faults", func(struct{}) (any, error) {
		heal()
		return nil, nil
	})
}

// CheckKind refuses an unknown kind and lists the known ones: a misspelt fault would do nothing, and a test that expects it would pass
// for the wrong reason.
func CheckKind[K ~string](what string, kind K, known []K) error {
	if !slices.Contains(known, kind) {
		return fmt.Errorf("unknown %s %q; known are %q", what, kind, known)
	}
	return nil
}

// Wait waits for a delay in the machine's time, as the client's timeout does. It returns false if the client or the simulator ends first.
func Wait(r *http.Request, delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// Disconnect closes the connection of the handler that calls it, without an answer. It does not return.
func Disconnect() {
	panic(http.ErrAbortHandler) // the way of net/http, without a log message
}

// Hang blocks until the client or the simulator has gone. It does not return.
func Hang(r *http.Request) {
	<-r.Context().Done()
	Disconnect()
}
