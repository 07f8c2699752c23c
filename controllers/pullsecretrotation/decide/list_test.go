package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A person is told how to remove a record that is wrong, once it has another status than it should, or for longer than it can.
func TestOddStatus_IsAnUnusualWordOrAWaitWithoutAnEnd(t *testing.T) {
	for name, row := range map[string]struct {
		status string
		age    time.Duration
		odd    bool
	}{
		"pending for a day":                           {RotationPending, 24 * time.Hour, false},
		"pending for as long as a rotation can take":  {RotationPending, rotationLife, true},
		"an unknown word":                             {"queued", time.Hour, true},
		"an unknown word for longer than it can take": {"queued", 2 * rotationLife, true},
	} {
		got := oddStatus(&v1alpha1.RotationStatus{ID: "r", AccountID: "me", OCMStatus: row.status, RequestedAt: TimePtr(noon.Add(-row.age))}, noon)
		if (got != "") != row.odd || row.odd && !strings.Contains(got, "ocm delete /api/accounts_mgmt/v1/accounts/me/pull_secret_rotation/r") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestSatisfying_ARotationOnRecordIsNotForALaterT(t *testing.T) {
	list := []Rotation{{ID: "b", Status: RotationCompleted, CreatedAt: noon.Add(-time.Minute)}}
	for id, want := range map[string]bool{"a": true, "b": false} {
		in := Input{Now: noon, Status: &v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: id}}}
		if _, got := satisfying(list, noon, in); got != want {
			t.Errorf("with %s on record, one from a minute before T satisfies it: %v", id, got)
		}
	}
}

// A reconcile with another cause does not ask OCM before the next poll, which the interval at the last one has set.
func TestPoll_IsDueAfterTheIntervalOfTheLastOne(t *testing.T) {
	in := underWayInput()
	in.Facts.Rotations, in.LastPoll = nil, noon
	in.Status.Rotation.RequestedAt = hours(-1) // so the interval was a quarter of an hour
	in.Now = noon.Add(15*time.Minute - time.Second)
	if d := Decide(in); d.Step != Wait || d.After != time.Second {
		t.Errorf("a second before the next poll: %s for %s", d.Step, d.After)
	}
	in.Now = noon.Add(15 * time.Minute)
	if d := Decide(in); d.Step != LookAtRotations {
		t.Errorf("when it is due: %s", d.Step)
	}
	in.Now = noon.Add(time.Minute)
	for name, change := range map[string]func(*Input){
		"after an edit":                      func(in *Input) { in.Unasked = true },
		"by a new process":                   func(in *Input) { in.LastPoll = time.Time{} },
		"after the clock was set back":       func(in *Input) { in.LastPoll = hours(1).Time },
		"while a person is asked to act":     func(in *Input) { reportedLately(in, v1alpha1.ReasonRotationVanished); in.LastPoll = noon },
		"a look that has begun is completed": func(in *Input) { list(in, RotationPending); in.Facts.Issued = nil },
	} {
		asked := in
		asked.Status = in.Status.DeepCopy()
		facts := *in.Facts
		asked.Facts = &facts
		if change(&asked); Decide(asked).Step == Wait {
			t.Errorf("%s: OCM is not asked", name)
		}
	}
}

func TestPollInterval_IsShortWhereTheOldCredentialsMayDieAtAnyMoment(t *testing.T) {
	timing := testTiming()
	for name, row := range map[string]struct {
		r    v1alpha1.RotationStatus
		want time.Duration
	}{
		"applied for days": {v1alpha1.RotationStatus{AppliedAt: hours(-48)}, timing.RevokePollMax},
		"rolled back":      {v1alpha1.RotationStatus{AppliedAt: hours(-48), RolledBackAt: hours(-47)}, timing.RevokePollMin},
		"requested four hours ago, by this clock":  {v1alpha1.RotationStatus{StartedAt: hours(-4)}, min(time.Hour, timing.PollMax)},
		"requested twenty minutes ago by OCM's":    {v1alpha1.RotationStatus{StartedAt: hours(-4), RequestedAt: TimePtr(noon.Add(-20 * time.Minute))}, 5 * time.Minute},
		"nobody knows when: as seldom as can be":   {v1alpha1.RotationStatus{}, timing.PollMax},
		"applied now, however long that has taken": {v1alpha1.RotationStatus{RequestedAt: hours(-48), AppliedAt: hours(0)}, timing.RevokePollMin},
	} {
		in := Input{Now: noon, Timing: timing, Status: &v1alpha1.PullSecretRotationStatus{Rotation: &row.r}}
		if got := pollInterval(in); got != row.want {
			t.Errorf("%s: polled each %s, want %s", name, got, row.want)
		}
	}
}
