package schedule

import "time"

// Window opens at each tick of its schedule and stays open for its duration.
type Window struct {
	Schedule Schedule
	Duration time.Duration
}

// Opening is an open window: since At, for Duration. The zero value means that no window is open.
type Opening struct {
	At       time.Time
	Duration time.Duration
}

// Open is true if there is an open window.
func (o Opening) Open() bool { return !o.At.IsZero() }

// WindowOpened returns the open window; if several are open, the one that closes last. If none is open, it returns when the next one opens (zero
// if none ever does).
func WindowOpened(windows []Window, now time.Time) (opened Opening, nextOpen time.Time) {
	for _, w := range windows {
		at, open := LastTick(w.Schedule, now.Add(-w.Duration), now)
		if closes := at.Add(w.Duration); open && closes.After(opened.At.Add(opened.Duration)) {
			// Overlapping windows count as one: an opening that moved with each tick would postpone forever those that wait a while after it.
			if oldest, ok := NextTick(w.Schedule, now.Add(-w.Duration)); ok && oldest.Before(at) {
				at = oldest
			}
			opened = Opening{At: at, Duration: closes.Sub(at)}
		}
		if tick, ok := NextTick(w.Schedule, now); ok && (nextOpen.IsZero() || tick.Before(nextOpen)) {
			nextOpen = tick
		}
	}
	if opened.Open() {
		nextOpen = time.Time{}
	}
	return opened, nextOpen
}
