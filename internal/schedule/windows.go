package schedule

import "time"

// Window opens at each tick of its schedule and stays open for its duration.
type Window struct {
	Schedule Schedule
	Duration time.Duration
}

// Opening is a window that is open: since At, for Duration. The zero value is none.
type Opening struct {
	At       time.Time
	Duration time.Duration
}

// Open is true when there is an open window.
func (o Opening) Open() bool { return !o.At.IsZero() }

// WindowOpened gives the window that is open, of several the one that closes last, and, when none is, when the first one opens
// (zero when none ever does).
func WindowOpened(windows []Window, now time.Time) (opened Opening, nextOpen time.Time) {
	for _, w := range windows {
		at, open := LastTick(w.Schedule, now.Add(-w.Duration), now)
		if closes := at.Add(w.Duration); open && closes.After(opened.At.Add(opened.Duration)) {
			// Windows that overlap are one: an opening that moved on with each tick would put off for ever who waits a
			// while after it.
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
