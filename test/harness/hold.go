package harness

import (
	"context"
	"sync"
)

// Moment is when a request is held.
type Moment string

const (
	// Before: the service has not seen the request.
	Before Moment = "before"
	// After: the service has handled it, but the client has no response yet.
	After Moment = "after"
)

// Hold holds one request.
type Hold struct {
	moment Moment
	match  func(APIRequest) bool

	// reached is closed when a request is held, released when it may continue.
	reached  chan struct{}
	released chan struct{}
	once     sync.Once

	// held is the held request; set before reached is closed.
	held APIRequest
}

// Hold holds the next matching request until Release. If the client dies meanwhile, the request is dropped.
func (t *Tap) Hold(moment Moment, match func(APIRequest) bool) *Hold {
	h := &Hold{moment: moment, match: match, reached: make(chan struct{}), released: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holds = append(t.holds, h)
	return h
}

// Reached is closed once a request is held.
func (h *Hold) Reached() <-chan struct{} { return h.reached }

// Held is the request that is or was held, once Reached is closed.
func (h *Hold) Held() APIRequest { return h.held }

// Release lets the request continue, and cancels a hold that no request has reached yet.
func (h *Hold) Release() { h.once.Do(func() { close(h.released) }) }

// matching removes the first hold for this request from the list and returns it. The caller holds the lock.
func (t *Tap) matching(r APIRequest, moment Moment) *Hold {
	for i, h := range t.holds {
		if h.moment == moment && h.match(r) {
			t.holds = append(t.holds[:i:i], t.holds[i+1:]...)
			h.held = r
			return h
		}
	}
	return nil
}

// wait waits for Release and returns whether the client is still connected.
func (h *Hold) wait(ctx context.Context) bool {
	close(h.reached)
	select {
	case <-h.released:
		return true
	case <-ctx.Done():
		return false
	}
}
