package schedule

import (
	"testing"
	"time"
)

func TestWindowOpened(t *testing.T) {
	nights := Window{cronIn(t, "0 22 * * *", "Europe/Berlin"), 4 * time.Hour}
	sundays := Window{cronIn(t, "0 8 * * 0", "UTC"), time.Hour}
	leap := Window{cronIn(t, "0 0 29 2 *", "UTC"), 24 * time.Hour}
	for name, c := range map[string]struct {
		windows []Window
		now     string
		open    bool
		next    string // empty: none is given
	}{
		"open at its tick":                    {[]Window{nights}, "2026-05-01T20:00:00Z", true, ""},
		"open past midnight":                  {[]Window{nights}, "2026-05-01T23:59:59Z", true, ""},
		"closed when its duration has passed": {[]Window{nights}, "2026-05-02T00:00:00Z", false, "2026-05-02T20:00:00Z"},
		"the first of several is named":       {[]Window{nights, sundays}, "2026-05-03T07:00:00Z", false, "2026-05-03T08:00:00Z"},
		"wherever it stands":                  {[]Window{sundays, nights}, "2026-05-03T07:00:00Z", false, "2026-05-03T08:00:00Z"},
		"one open window is enough":           {[]Window{nights, sundays}, "2026-05-03T08:30:00Z", true, ""},
		"years until it opens":                {[]Window{leap}, "2025-05-01T00:00:00Z", false, "2028-02-29T00:00:00Z"},
		"one that cannot open":                {[]Window{{}}, "2026-05-01T00:00:00Z", false, ""},
		"four hours also when the clock falls back": {
			[]Window{nights}, "2026-10-24T23:59:59Z", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			opened, next := WindowOpened(c.windows, at(t, c.now))
			if open := opened.Open(); open != c.open || next.IsZero() != (c.next == "") || c.next != "" && !next.Equal(at(t, c.next)) {
				t.Errorf("got %v %v, want %v %q", opened, next, c.open, c.next)
			}
		})
	}
}

func TestWindowOpened_TakesWindowsThatOverlapForOne(t *testing.T) {
	quarters := []Window{{cronIn(t, "*/15 * * * *", "UTC"), time.Hour}}
	opened, _ := WindowOpened(quarters, at(t, "2026-05-01T10:20:00Z"))
	if !opened.At.Equal(at(t, "2026-05-01T09:30:00Z")) || opened.Duration != 105*time.Minute {
		t.Errorf("got %+v, want open since 09:30, the oldest that is still open, until 11:15", opened)
	}
}

func TestWindowOpened_IsTheOneThatClosesLast(t *testing.T) {
	short := Window{cronIn(t, "0 * * * *", "UTC"), time.Hour}
	long := Window{cronIn(t, "0 8 * * *", "UTC"), 4 * time.Hour}
	for _, windows := range [][]Window{{short, long}, {long, short}} {
		opened, _ := WindowOpened(windows, at(t, "2026-05-01T10:30:00Z"))
		if !opened.At.Equal(at(t, "2026-05-01T08:00:00Z")) || opened.Duration != 4*time.Hour {
			t.Errorf("got %+v, want the long window, which opened at 08:00", opened)
		}
	}
}
