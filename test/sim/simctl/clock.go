// Package simctl is what the simulators share besides certificates: a clock that can be driven, a server that can be
// stopped and started at the same address, and the JSON of the control interface.
package simctl

import (
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Clock is the time inside a simulator: that of another clock, moved by Advance and run faster or slower by a factor.
// Simulators that are given the same Clock live in the same time.
type Clock struct {
	base clock.PassiveClock

	mu     sync.Mutex
	speed  float64
	anchor time.Time // of base, when shown was right
	shown  time.Time
}

// NewClock returns a clock that shows the time of base, or of the machine when base is nil. A *Clock is returned as it is.
func NewClock(base clock.PassiveClock) *Clock {
	if shared, ok := base.(*Clock); ok {
		return shared
	}
	if base == nil {
		base = clock.RealClock{}
	}
	now := base.Now()
	return &Clock{base: base, speed: 1, anchor: now, shown: now}
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
	c.rebase()
	c.shown = c.shown.Add(d)
}

// SetSpeed lets the time pass speed times as fast as that of the clock below, from now on.
func (c *Clock) SetSpeed(speed float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebase()
	c.speed = speed
}

func (c *Clock) rebase() {
	c.shown = c.now()
	c.anchor = c.base.Now()
}

func (c *Clock) now() time.Time {
	elapsed := c.base.Since(c.anchor)
	if c.speed == 1 { // exact: a float would lose nanoseconds
		return c.shown.Add(elapsed)
	}
	return c.shown.Add(time.Duration(float64(elapsed) * c.speed))
}
