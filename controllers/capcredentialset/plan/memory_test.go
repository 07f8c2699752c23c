package plan

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

func TestFailure_HonoursWhatThePortalAsksForWithinReason(t *testing.T) {
	fail := func(retryAfter time.Duration) time.Duration {
		f := Failure{}.Again(v1alpha1.ReasonCAPUnavailable, "m", noon, noon.Add(retryAfter), schedule.DefaultRetryRhythm)
		return f.retryAt("seed", time.Time{}, noon).Sub(noon)
	}
	if got := fail(7 * time.Minute); got != 7*time.Minute {
		t.Errorf("asked for 7 minutes, it waits %s", got)
	}
	if got := fail(24 * time.Hour); got > maxRetryAfter {
		t.Errorf("asked for a day, it waits %s", got)
	}
	f := Failure{}.Again("A", "m", noon, time.Time{}, schedule.DefaultRetryRhythm).Again("A", "m", noon, time.Time{}, schedule.DefaultRetryRhythm)
	if f.Count != 2 || f.Again("B", "m", noon, time.Time{}, schedule.DefaultRetryRhythm).Count != 1 {
		t.Error("another trouble does not begin its own rhythm")
	}
}
