// Package schedule says when something is due: a rotation by cron, windows and polls, a short-lived credential by its expiry. It is pure: every
// function gets the time as an argument, and what looks random comes from a stable seed.
package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a cron expression in a time zone. Every matching wall-clock time is exactly one tick: a time that daylight saving skips ticks at
// the moment of the change, and a time that it repeats ticks only the first time. (The cron library alone skips the former and repeats the
// latter. Here a tick demands a rotation: none may be lost, and two an hour apart would mean two rotations.)
type Schedule struct {
	wall cron.Schedule // wall-clock times, stored as UTC
	zone *time.Location
}

// fields are the five usual ones, without seconds, names like @daily or a zone inside the expression.
var fields = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// ParseCron reads a cron expression of five fields and the IANA name of a time zone, UTC when empty. The error is a sentence for the author. An
// expression that never ticks, such as 30 February, is an error.
func ParseCron(expression, zone string) (Schedule, error) {
	if zone == "" {
		zone = "UTC"
	}
	if zone == "Local" {
		return Schedule{}, fmt.Errorf("time zone %q differs between machines: use an IANA name such as Europe/Berlin", zone)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return Schedule{}, fmt.Errorf("time zone %q is unknown: use an IANA name such as Europe/Berlin", zone)
	}
	if strings.Contains(expression, "=") {
		return Schedule{}, fmt.Errorf("cron %q must not name a time zone: use the field timeZone", expression)
	}
	wall, err := fields.Parse(expression)
	if err != nil {
		return Schedule{}, fmt.Errorf("cron %q is invalid (%w): it needs minute, hour, day of month, month and day of week, such as \"0 3 1 */3 *\"", expression, err)
	}
	// Starting in any year shows whether it ever ticks, because the library looks five years ahead.
	if wall.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return Schedule{}, fmt.Errorf("cron %q never ticks: no month that it allows has such a day", expression)
	}
	return Schedule{wall: wall, zone: location}, nil
}

// NextTick is the first tick after now; false if there is none in the next five years.
func NextTick(s Schedule, now time.Time) (time.Time, bool) {
	if s.wall == nil {
		return time.Time{}, false
	}
	// In a repeated hour the wall clock's next ticks lie in the past and are skipped. No zone repeats more than a day, and that only when it
	// crosses the date line.
	for wall := onTheWall(now.In(s.zone)); ; {
		wall = s.wall.Next(wall)
		if wall.IsZero() {
			return time.Time{}, false
		}
		if tick := s.fromTheWall(wall); tick.After(now) {
			return tick.UTC(), true
		}
	}
}

// LastTick is the last tick after since and not after now. It takes a few dozen steps however often the schedule ticks and however long ago since
// is.
func LastTick(s Schedule, since, now time.Time) (time.Time, bool) {
	// The cron library only looks forward, so the last tick is found by bisection: "there is a tick in (t, now]" is true for all t before the
	// last tick and false from then on. The first loop finds a t where it is true, looking back twice as far each time.
	next := func(t time.Time) (time.Time, bool) {
		tick, ok := NextTick(s, t)
		return tick, ok && !tick.After(now)
	}
	low, found := now, false
	for back := time.Minute; !found; back *= 2 {
		low = now.Add(-back)
		if !low.After(since) || back > farBack {
			low = since
		}
		if _, found = next(low); !found && !low.After(since) {
			return time.Time{}, false
		}
	}
	for high := now; ; {
		tick, _ := next(low)
		middle := tick.Add(high.Sub(tick) / 2)
		if _, more := next(tick); !more {
			return tick, true
		}
		if _, more := next(middle); more {
			low = middle
		} else {
			low, high = tick, middle
		}
	}
}

// farBack ends the doubling before a duration overflows; no schedule that ever ticks pauses that long.
const farBack = 64 * 365 * 24 * time.Hour

// onTheWall returns what the wall clock shows, as a time in UTC.
func onTheWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// fromTheWall returns the first moment at which the clock shows wall, or at which it jumps over wall. It is monotonic, which LastTick relies on.
func (s Schedule) fromTheWall(wall time.Time) time.Time {
	guess := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, s.zone)
	start, end := guess.ZoneBounds()
	if shown := onTheWall(guess); !shown.Equal(wall) {
		// Skipped: guess lies on one side of the jump.
		if shown.Before(wall) {
			return end
		}
		return start
	}
	if start.IsZero() {
		return guess
	}
	// A repeated time is shown first with the offset from before the change.
	_, before := start.Add(-time.Second).Zone()
	earlier := wall.Add(-time.Duration(before) * time.Second)
	if earlier.Before(start) && onTheWall(earlier.In(s.zone)).Equal(wall) {
		return earlier
	}
	return guess
}
