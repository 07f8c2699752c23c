package schedule

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must be there on a machine without them
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func cronIn(t testing.TB, expression, zone string) Schedule {
	t.Helper()
	s, err := ParseCron(expression, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseCron_RefusesWithASentence(t *testing.T) {
	for name, c := range map[string]struct{ cron, zone, sentence string }{
		"unknown zone":           {"0 3 * * *", "Europe/Atlantis", "Europe/Atlantis"},
		"the machine's own zone": {"0 3 * * *", "Local", "differs between machines"},
		"a path as zone":         {"0 3 * * *", "../../etc/passwd", "unknown"},
		"four fields":            {"0 3 * *", "", "needs minute, hour"},
		"six fields":             {"0 0 3 * * *", "", "needs minute, hour"},
		"a name":                 {"@daily", "", "needs minute, hour"},
		"a zone inside":          {"CRON_TZ=UTC 0 3 * * *", "", "must not name a time zone"},
		"a zone and no more":     {"TZ=UTC", "", "must not name a time zone"},
		"out of range":           {"61 3 * * *", "", "is invalid"},
		"step of zero":           {"*/0 3 * * *", "", "is invalid"},
		"30 February":            {"0 0 30 2 *", "", "never ticks"},
		"31 of short months":     {"0 0 31 4,6,9,11 *", "Europe/Berlin", "never ticks"},
		"empty":                  {"", "", "is invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseCron(c.cron, c.zone); err == nil || !strings.Contains(err.Error(), c.sentence) {
				t.Errorf("got %v, want a sentence with %q", err, c.sentence)
			}
		})
	}
}

func TestNextTick(t *testing.T) {
	for name, c := range map[string]struct{ cron, zone, now, want string }{
		"UTC when no zone is given":                    {"0 3 * * *", "", "2026-05-01T00:00:00Z", "2026-05-01T03:00:00Z"},
		"strictly after now":                           {"0 3 * * *", "", "2026-05-01T03:00:00Z", "2026-05-02T03:00:00Z"},
		"in summer Berlin is two hours ahead":          {"0 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T01:00:00Z"},
		"in winter one hour":                           {"0 3 * * *", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-12-01T02:00:00Z"},
		"each quarter":                                 {"0 3 1 */3 *", "Europe/Berlin", "2026-02-01T00:00:00Z", "2026-04-01T01:00:00Z"},
		"29 February":                                  {"0 0 29 2 *", "", "2025-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		"a skipped time ticks when the clock jumps":    {"30 2 29 3 *", "Europe/Berlin", "2026-03-01T00:00:00Z", "2026-03-29T01:00:00Z"},
		"the day after it is as usual":                 {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		"a repeated time ticks the first time":         {"30 2 25 10 *", "Europe/Berlin", "2026-10-01T00:00:00Z", "2026-10-25T00:30:00Z"},
		"and not the second":                           {"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		"the first time also west of Greenwich":        {"30 1 1 11 *", "America/New_York", "2026-10-15T00:00:00Z", "2026-11-01T05:30:00Z"},
		"each minute, in the hour that repeats":        {"* * * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-25T02:00:00Z"},
		"midnight that daylight saving skips (Havana)": {"0 0 8 3 *", "America/Havana", "2026-03-01T00:00:00Z", "2026-03-08T05:00:00Z"},
		"a day that a zone skips altogether (Samoa)":   {"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := NextTick(cronIn(t, c.cron, c.zone), at(t, c.now))
			if !ok || !got.Equal(at(t, c.want)) {
				t.Errorf("got %v %v, want %s", got, ok, c.want)
			}
		})
	}
}

func TestLastTick(t *testing.T) {
	for name, c := range map[string]struct {
		cron, zone, since, now string
		want                   string // empty: none
	}{
		"none since then":                        {"0 3 * * *", "", "2026-05-01T04:00:00Z", "2026-05-01T23:00:00Z", ""},
		"a tick at since itself does not count":  {"0 3 * * *", "", "2026-05-01T03:00:00Z", "2026-05-01T23:00:00Z", ""},
		"a tick seconds before since":            {"* * * * *", "", "2026-05-01T03:00:20Z", "2026-05-01T03:00:30Z", ""},
		"a tick at now counts":                   {"0 3 * * *", "", "2026-05-01T02:00:00Z", "2026-05-01T03:00:00Z", "2026-05-01T03:00:00Z"},
		"the last of many":                       {"* * * * *", "", "2016-01-01T00:00:00Z", "2026-05-01T03:00:59Z", "2026-05-01T03:00:00Z"},
		"the last of few":                        {"0 0 29 2 *", "", "2001-01-01T00:00:00Z", "2027-12-31T00:00:00Z", "2024-02-29T00:00:00Z"},
		"no bound at all":                        {"0 0 1 1 *", "", "0001-01-01T00:00:00Z", "2026-05-01T00:00:00Z", "2026-01-01T00:00:00Z"},
		"created in the future":                  {"0 3 * * *", "", "2027-01-01T00:00:00Z", "2026-05-01T00:00:00Z", ""},
		"a skipped time":                         {"30 2 * * *", "Europe/Berlin", "2026-03-01T00:00:00Z", "2026-03-29T12:00:00Z", "2026-03-29T01:00:00Z"},
		"a repeated time, before its second":     {"30 2 * * *", "Europe/Berlin", "2026-10-01T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T00:30:00Z"},
		"a repeated time, after its second":      {"30 2 * * *", "Europe/Berlin", "2026-10-01T00:00:00Z", "2026-10-25T12:00:00Z", "2026-10-25T00:30:00Z"},
		"each minute, in the hour that repeats":  {"* * * * *", "Europe/Berlin", "2026-10-01T00:00:00Z", "2026-10-25T01:30:00Z", "2026-10-25T00:59:00Z"},
		"irregular ticks, the last one long ago": {"0 0 1,2,3 1 *", "", "2020-01-01T00:00:00Z", "2026-12-31T00:00:00Z", "2026-01-03T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := LastTick(cronIn(t, c.cron, c.zone), at(t, c.since), at(t, c.now))
			if ok != (c.want != "") || ok && !got.Equal(at(t, c.want)) {
				t.Errorf("got %v %v, want %q", got, ok, c.want)
			}
		})
	}
}

func TestNextTick_LooksFiveYearsAhead(t *testing.T) {
	if got, ok := NextTick(cronIn(t, "0 0 29 2 *", ""), at(t, "2096-03-01T00:00:00Z")); ok {
		t.Errorf("1900, 2100 and so on have no 29 February, but it ticks at %s", got)
	}
}

func TestZeroSchedule_NeverTicks(t *testing.T) {
	now := time.Now()
	if _, ok := NextTick(Schedule{}, now); ok {
		t.Error("next")
	}
	for _, since := range []time.Time{now.Add(-time.Hour), {}} {
		if _, ok := LastTick(Schedule{}, since, now); ok {
			t.Error("last")
		}
	}
}

// TestLastTick_IsTheLastOfAllTicks walks random schedules and moments and compares with walking tick by tick.
func TestLastTick_IsTheLastOfAllTicks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	crons := []string{"* * * * *", "*/7 */5 * * *", "30 2 * * *", "0 0 * * 1", "15 1-3 * 3,10 0", "0 3 1 */3 *", "59 23 31 * *"}
	zones := []string{"UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "America/St_Johns"}
	for range 400 {
		s := cronIn(t, crons[random.IntN(len(crons))], zones[random.IntN(len(zones))])
		now := at(t, "2026-01-01T00:00:00Z").Add(time.Duration(random.Int64N(int64(400 * 24 * time.Hour))))
		since := now.Add(-time.Duration(random.Int64N(int64(60 * time.Hour))))
		var want time.Time
		for tick, ok := NextTick(s, since); ok && !tick.After(now); tick, ok = NextTick(s, tick) {
			want = tick
		}
		if got, ok := LastTick(s, since, now); ok == want.IsZero() || !got.Equal(want) {
			t.Fatalf("since %v now %v: got %v %v, want %v", since, now, got, ok, want)
		}
	}
}

// countedSchedule counts how often the library is asked.
type countedSchedule struct {
	inner interface{ Next(time.Time) time.Time }
	asked *int
}

func (c countedSchedule) Next(t time.Time) time.Time { *c.asked++; return c.inner.Next(t) }

func TestLastTick_CostsAFewStepsHoweverOftenItTicks(t *testing.T) {
	asked := 0
	s := cronIn(t, "* * * * *", "Europe/Berlin")
	s.wall = countedSchedule{s.wall, &asked}
	for _, since := range []string{"0001-01-01T00:00:00Z", "2006-01-01T00:00:00Z"} {
		asked = 0
		if _, ok := LastTick(s, at(t, since), at(t, "2026-07-01T00:00:30Z")); !ok || asked > 300 {
			t.Errorf("since %s: %v after %d steps", since, ok, asked)
		}
	}
}

func FuzzParseCron(f *testing.F) {
	for _, seed := range []string{"0 3 1 */3 *", "* * * * *", "30 2 29 2 0", "1-5/2,7 ? * JAN-MAR mon", "0-59/4294967295 0 30 2 *", "TZ= x"} {
		f.Add(seed, "Europe/Berlin")
	}
	now := at(f, "2026-10-25T00:30:00Z")
	f.Fuzz(func(t *testing.T, expression, zone string) {
		s, err := ParseCron(expression, zone)
		if err != nil {
			return
		}
		next, ok := NextTick(s, now)
		if ok && !next.After(now) {
			t.Fatalf("the next tick %v is not after now", next)
		}
		if last, ok := LastTick(s, now.AddDate(-1, 0, 0), now); ok && last.After(now) {
			t.Fatalf("the last tick %v is after now", last)
		}
	})
}
