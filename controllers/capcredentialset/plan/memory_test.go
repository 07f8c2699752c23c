package plan

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

func TestFailure_HonoursWhatThePortalAsksForWithinReason(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		7 * time.Minute:                 7 * time.Minute,
		14*time.Minute + 59*time.Second: 14*time.Minute + 59*time.Second,
		15 * time.Minute:                15 * time.Minute,
		time.Hour:                       15 * time.Minute,
		24 * time.Hour:                  15 * time.Minute,
	} {
		f := Failure{}.Again(v1alpha1.ReasonCAPUnavailable, "m", noon, noon.Add(asked), schedule.DefaultRetryRhythm)
		for name, l := range map[string]life{"not known": {}, "dead": {dead: true}, "about to end": {at: noon.Add(time.Second)}} {
			if got := f.retryAt("seed", l, noon).Sub(noon); got != want {
				t.Errorf("asked for %s, while the life is %s, it waits %s, want %s", asked, name, got, want)
			}
		}
	}
}

// A load balancer with one broken node answers now in one way and now in another.
func TestFailure_AnotherReasonBeginsNoNewRow(t *testing.T) {
	patient := schedule.RetryRhythm{Base: 30 * time.Second, Max: 10 * time.Minute, Patient: true}
	var f Failure
	for n := range 8 {
		if n%2 == 0 {
			f = f.Again("A", "m", noon, time.Time{}, schedule.DefaultRetryRhythm)
		} else {
			f = f.Again("B", "m", noon, time.Time{}, patient)
		}
	}
	if f.Count != 8 || f.Rhythm != patient {
		t.Errorf("%d failures in the rhythm %+v, want 8 in the slower one", f.Count, f.Rhythm)
	}
	if f = f.Again("A", "m", noon, time.Time{}, schedule.DefaultRetryRhythm); f.Rhythm != patient {
		t.Errorf("the rhythm is %+v, want the slower one of all in the row", f.Rhythm)
	}
}

func TestBreaker_CountsWhatWasOnItsWayTogetherOnce(t *testing.T) {
	bad := Failure{Reason: v1alpha1.ReasonCAPUnavailable, Last: noon, Rhythm: schedule.DefaultRetryRhythm}
	var b Breaker
	for range 4 {
		b = b.Fails(bad, noon.Add(-time.Second))
	}
	if b.Count != 1 || !b.Open {
		t.Errorf("after four answers at once: %+v", b)
	}
	bad.Last = noon.Add(10 * time.Second)
	if b = b.Fails(bad, noon.Add(9*time.Second)); b.Count != 2 {
		t.Errorf("after the probe: %+v", b)
	}
	if b = b.Answers(); b.Open || b.Count != 2 {
		t.Errorf("an answer about a role leaves it %+v, want closed and not forgotten", b)
	}
}

func TestLife_ADeadOneIsNotMadeMoreUrgentByOneThatIsAboutToEnd(t *testing.T) {
	soon, later, unknown, dead := life{at: noon}, life{at: noon.Add(time.Hour)}, life{}, life{dead: true}
	for name, test := range map[string]struct{ a, b, want life }{
		"the earlier":           {soon, later, soon},
		"what is known":         {unknown, later, later},
		"dead before soon":      {dead, soon, dead},
		"dead before not known": {unknown, dead, dead},
		"not known stays so":    {unknown, unknown, unknown},
	} {
		if x, y := test.a.shorter(test.b), test.b.shorter(test.a); x != test.want || y != test.want {
			t.Errorf("%s: %+v and %+v, want %+v", name, x, y, test.want)
		}
	}
}

// A time that nobody handles would make a round due at once, a hundred times a second.
func TestRestartWake_LeavesOutATimeThatARoundHasLetPass(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	m := NewMemory()
	m.Restarts[v1alpha1.RestartTarget{Name: "past"}] = RestartState{Retry: now.Add(-time.Minute)}
	if wake := m.RestartWake(now); !wake.IsZero() {
		t.Errorf("the next round is due at %s, and nothing is to be done then", wake)
	}
	later := now.Add(time.Minute)
	m.Restarts[v1alpha1.RestartTarget{Name: "later"}] = RestartState{Retry: later}
	if wake := m.RestartWake(now); !wake.Equal(later) {
		t.Errorf("the next restart is retried at %s, want %s", wake, later)
	}
}
