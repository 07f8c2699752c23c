package schedule

import "time"

// Window opens at each tick of its schedule and stays open for its duration.
type Window struct {
	Schedule Schedule
	Duration time.Duration
}

// WindowOpen says whether one of the windows is open and, when none is, when the first one opens (zero when none ever
// does, or when one is open). Without any window it is always open.
func WindowOpen(windows []Window, now time.Time) (open bool, nextOpen time.Time) {
	if len(windows) == 0 {
		return true, time.Time{}
	}
	for _, w := range windows {
		if _, opened := LastTick(w.Schedule, now.Add(-w.Duration), now); opened {
			return true, time.Time{}
		}
		if tick, ok := NextTick(w.Schedule, now); ok && (nextOpen.IsZero() || tick.Before(nextOpen)) {
			nextOpen = tick
		}
	}
	return false, nextOpen
}
