package harness

import (
	"context"
	"sync"
)

// Moment is where on its way a request is held.
type Moment string

const (
	// Before: the service has not seen the request.
	Before Moment = "before"
	// After: the service has carried it out, and the client does not know yet.
	After Moment = "after"
)

// Hold stops the one request that it is for.
type Hold struct {
	moment Moment
	match  func(APIRequest) bool

	// reached is closed when a request is held, released when it may go on.
	reached  chan struct{}
	released chan struct{}
	once     sync.Once

	// held is what was held; set before reached is closed.
	held APIRequest
}

// Hold stops the next request that matches, at the given moment, until Release. A request whose client dies while it is
// held goes no further.
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

// Release lets the request go on. A hold that nothing has reached yet holds nothing any more.
func (h *Hold) Release() { h.once.Do(func() { close(h.released) }) }

// matching takes the first hold that is for this request out of the list. The caller holds the lock.
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

// wait holds until Release and says whether the client is still there.
func (h *Hold) wait(ctx context.Context) bool {
	close(h.reached)
	select {
	case <-h.released:
		return true
	case <-ctx.Done():
		return false
	}
}
