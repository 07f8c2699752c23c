package simctl

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
	moment  Moment
	fits    func(operation string) bool
	arrived chan struct{}
	release chan bool // true: go on, false: close the connection
	once    sync.Once
}

// Arrived is closed when the request has reached the moment.
func (h *Held) Arrived() <-chan struct{} { return h.arrived }

// Release lets the request continue. A request that has not arrived yet will not be held.
func (h *Held) Release() { h.once.Do(func() { h.release <- true }) }

// Drop closes the connection: before the effect nothing happens, after it the response is lost.
func (h *Held) Drop() { h.once.Do(func() { h.release <- false }) }

// Holds are the requests to hold. The zero value is ready to use.
type Holds struct {
	mu    sync.Mutex
	holds []*Held
}

// Add holds the next request for a fitting operation. A held request whose client goes away ends there: before the effect nothing happens.
func (f *Holds) Add(moment Moment, fits func(operation string) bool) *Held {
	h := &Held{moment: moment, fits: fits, arrived: make(chan struct{}), release: make(chan bool, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holds = append(f.holds, h)
	return h
}

// Wait holds the request if it is one to hold; it does not return if the connection must be closed.
func (f *Holds) Wait(r *http.Request, operation string, moment Moment) {
	h := f.take(operation, moment)
	if h == nil {
		return
	}
	close(h.arrived)
	select {
	case goOn := <-h.release:
		if goOn {
			return
		}
	case <-r.Context().Done(): // the client has gone, or the simulator ends
	}
	Disconnect()
}

func (f *Holds) take(operation string, moment Moment) *Held {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, h := range f.holds {
		if h.moment == moment && h.fits(operation) {
			f.holds = append(f.holds[:i:i], f.holds[i+1:]...)
			return h
		}
	}
	return nil
}
