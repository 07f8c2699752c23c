package ocm

import (
	"net/http"
	"sync"
)

// Moment is a point in the life of a request.
type Moment string

const (
	// BeforeEffect: the request has arrived and nothing has happened yet.
	BeforeEffect Moment = "BeforeEffect"
	// AfterEffect: everything has happened, but the client has no response yet.
	AfterEffect Moment = "AfterEffect"
)

// Held is one request that is held until the test has done something, such as killing the client.
type Held struct {
	endpoint string
	moment   Moment
	arrived  chan struct{}
	release  chan bool // true: go on, false: close the connection
	once     sync.Once
}

// Arrived is closed when the request has reached the moment.
func (h *Held) Arrived() <-chan struct{} { return h.arrived }

// Release lets the request continue. A request that has not arrived yet will not be held.
func (h *Held) Release() { h.once.Do(func() { h.release <- true }) }

// Drop closes the connection: before the effect nothing happens, after it the response is lost.
func (h *Held) Drop() { h.once.Do(func() { h.release <- false }) }

// holds are the requests to hold.
type holds struct {
	mu    sync.Mutex
	holds []*Held
}

// Hold holds the next request for the operation. A held request whose client goes away ends there: before
// the effect nothing happens.
func (s *Sim) Hold(operation string, moment Moment) *Held {
	h := &Held{endpoint: operation, moment: moment, arrived: make(chan struct{}), release: make(chan bool, 1)}
	s.holds.mu.Lock()
	defer s.holds.mu.Unlock()
	s.holds.holds = append(s.holds.holds, h)
	return h
}

func (f *holds) take(op string, moment Moment) *Held {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, h := range f.holds {
		if h.moment == moment && (h.endpoint == op || h.endpoint == OpAny) {
			f.holds = append(f.holds[:i:i], f.holds[i+1:]...)
			return h
		}
	}
	return nil
}

// wait holds a request; it does not return if the connection must be closed.
func (h *Held) wait(r *http.Request) {
	if h == nil {
		return
	}
	close(h.arrived)
	select {
	case goOn := <-h.release:
		if goOn {
			return
		}
	case <-r.Context().Done(): // the client has gone, or the Sim ends
	}
	panic(http.ErrAbortHandler)
}
