package schedule

import (
	"testing"
	"time"
)

func TestPollInterval_GrowsWithAgeBetweenItsBounds(t *testing.T) {
	for name, c := range map[string]struct{ age, want time.Duration }{
		"the clock jumped back": {-time.Hour, time.Minute},
		"at once":               {0, time.Minute},
		"a few minutes":         {3 * time.Minute, time.Minute},
		"a quarter":             {time.Hour, 15 * time.Minute},
		"at most":               {24 * time.Hour, 40 * time.Minute},
	} {
		if got := PollInterval(c.age, IssuePollMin, IssuePollMax); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := PollInterval(time.Hour, time.Minute, 0); got != time.Minute {
		t.Errorf("bounds the wrong way round: %v", got)
	}
}

// polls counts how often something is polled that takes this long.
func polls(duration, shortest, longest time.Duration) int {
	count := 0
	for age := time.Duration(0); age < duration; age += PollInterval(age, shortest, longest) {
		count++
	}
	return count
}

func TestPollInterval_ARotationCostsLessThan300Requests(t *testing.T) {
	issue := polls(24*time.Hour, IssuePollMin, IssuePollMax)
	revocation := polls(5*24*time.Hour, RevocationPollMin, RevocationPollMax)
	t.Logf("%d polls in 24 h for the issue, %d in 5 days for the revocation", issue, revocation)
	// A poll for the issue reads the rotation and the access token, one for the revocation the rotation; each may need a
	// token exchange before.
	const around = 20 // preflight, baseline, listing, the request itself
	if total := around + issue*(2+1) + revocation*(1+1); total >= 300 {
		t.Errorf("%d requests, token exchanges included", total)
	}
	// Even when both kinds of poll need two requests and an exchange each.
	if total := around + (issue+revocation)*3; total >= 300 {
		t.Errorf("%d requests at worst", total)
	}
}

func TestDue(t *testing.T) {
	daily := cronIn(t, "0 3 * * *", "UTC")
	for name, c := range map[string]struct {
		rotateAfter string // empty: none
		schedule    *Schedule
		created     string
		now         string
		want, next  string // empty: none
	}{
		"nothing asked": {created: "2026-05-01T00:00:00Z", now: "2026-05-02T00:00:00Z"},
		"rotateAfter has come, also from before the creation": {
			rotateAfter: "2026-04-01T00:00:00Z", created: "2026-05-01T00:00:00Z", now: "2026-05-02T00:00:00Z", want: "2026-04-01T00:00:00Z"},
		"rotateAfter is now": {
			rotateAfter: "2026-05-02T00:00:00Z", created: "2026-05-01T00:00:00Z", now: "2026-05-02T00:00:00Z", want: "2026-05-02T00:00:00Z"},
		"rotateAfter is still to come": {
			rotateAfter: "2026-06-01T00:00:00Z", created: "2026-05-01T00:00:00Z", now: "2026-05-02T00:00:00Z", next: "2026-06-01T00:00:00Z"},
		"no tick since the creation": {
			schedule: &daily, created: "2026-05-01T04:00:00Z", now: "2026-05-02T00:00:00Z", next: "2026-05-02T03:00:00Z"},
		"the last tick since the creation": {
			schedule: &daily, created: "2026-04-01T00:00:00Z", now: "2026-05-02T00:00:00Z", want: "2026-05-01T03:00:00Z", next: "2026-05-02T03:00:00Z"},
		"the later of both: the tick": {
			rotateAfter: "2026-04-30T00:00:00Z", schedule: &daily, created: "2026-04-01T00:00:00Z", now: "2026-05-02T00:00:00Z",
			want: "2026-05-01T03:00:00Z", next: "2026-05-02T03:00:00Z"},
		"the later of both: rotateAfter": {
			rotateAfter: "2026-05-01T12:00:00Z", schedule: &daily, created: "2026-04-01T00:00:00Z", now: "2026-05-02T00:00:00Z",
			want: "2026-05-01T12:00:00Z", next: "2026-05-02T03:00:00Z"},
		"the sooner of both that are to come: the tick": {
			rotateAfter: "2026-05-02T05:00:00Z", schedule: &daily, created: "2026-05-01T04:00:00Z", now: "2026-05-02T00:00:00Z", next: "2026-05-02T03:00:00Z"},
		"the sooner of both that are to come: rotateAfter": {
			rotateAfter: "2026-05-02T01:00:00Z", schedule: &daily, created: "2026-05-01T04:00:00Z", now: "2026-05-02T00:00:00Z", next: "2026-05-02T01:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			var rotateAfter *time.Time
			if c.rotateAfter != "" {
				after := at(t, c.rotateAfter)
				rotateAfter = &after
			}
			got, ok, next := Due(rotateAfter, c.schedule, at(t, c.created), at(t, c.now))
			if ok != (c.want != "") || ok && !got.Equal(at(t, c.want)) {
				t.Errorf("T is %v %v, want %q", got, ok, c.want)
			}
			if (next != nil) != (c.next != "") || next != nil && !next.Equal(at(t, c.next)) {
				t.Errorf("next is %v, want %q", next, c.next)
			}
		})
	}
}
