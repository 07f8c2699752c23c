// Package simctl is shared by the simulators: a clock that tests advance, a server that can be stopped and started at the same address, and the
// JSON of the control interface.
package simctl

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Clock is the time inside a simulator: that of another clock, moved by Advance. It never runs faster, because a busy machine could not keep
// up. Simulators with the same Clock share their time.
type Clock struct {
	base clock.PassiveClock

	mu    sync.Mutex
	ahead time.Duration // of base
}

// NewClock returns a clock that shows the time of base, or of the machine when base is nil. A *Clock is returned as it is.
func NewClock(base clock.PassiveClock) *Clock {
	if shared, ok := base.(*Clock); ok {
		return shared
	}
	if base == nil {
		base = clock.RealClock{}
	}
	return &Clock{base: base}
}

// Now returns the time inside the simulator.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// Since returns how long ago t is inside the simulator.
func (c *Clock) Since(t time.Time) time.Duration {
	return c.Now().Sub(t)
}

// Advance moves the time by d, backwards when d is negative.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func (c *Clock) now() time.Time { return c.base.Now().Add(c.ahead) }
