package decide

import (
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// What Kubernetes and registries accept as a name is accepted to its last letter, and no more of a wrong one is shown than a line holds.
func TestInvalidNames_AtTheirLimits(t *testing.T) {
	spec := func(change func(*v1alpha1.PullSecretRotationSpec)) *v1alpha1.PullSecretRotationSpec {
		s := &v1alpha1.PullSecretRotationSpec{}
		change(s)
		return s
	}
	registry := func(name string) *v1alpha1.PullSecretRotationSpec {
		return spec(func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{name} })
	}
	image := func(name string) *v1alpha1.PullSecretRotationSpec {
		return spec(func(s *v1alpha1.PullSecretRotationSpec) { s.Rollout.Probe = &v1alpha1.RolloutProbe{Image: name} })
	}
	for name, row := range map[string]struct {
		spec *v1alpha1.PullSecretRotationSpec
		says string // "" for a valid one
	}{
		"the longest registry":  {registry(strings.Repeat("a", 253)), ""},
		"a longer one":          {registry(strings.Repeat("a", 254)), `"` + strings.Repeat("a", 64) + `"...`},
		"the longest image":     {image(strings.Repeat("a", 1024)), ""},
		"a longer image":        {image(strings.Repeat("a", 1025)), "spec.rollout.probe.image is"},
		"each letter":           {registry("azAZ09.azAZ09"), ""},
		"no image of the probe": {image(""), "spec.rollout.probe.image is"},
		"beside the letters":    {registry("a{b"), "spec.entries.addMissing[0] is"},
		"before the letters":    {registry("a@b"), "spec.entries.addMissing[0] is"},
		"a wrong name of 64":    {registry(strings.Repeat("?", 64)), `"` + strings.Repeat("?", 64) + `", which`},
		"a pool that has no name": {spec(func(s *v1alpha1.PullSecretRotationSpec) {
			s.Rollout.Probe = &v1alpha1.RolloutProbe{Image: "a", Pools: []string{"worker", ""}}
		}), "spec.rollout.probe.pools[1] is"},
		"a pool that has a name": {spec(func(s *v1alpha1.PullSecretRotationSpec) {
			s.Rollout.Probe = &v1alpha1.RolloutProbe{Image: "a", Pools: []string{"worker"}}
		}), ""},
	} {
		err := InvalidNames(row.spec)
		if (err != nil) != (row.says != "") || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
	for _, letters := range []string{"a", "z", "A", "Z", "0", "9"} {
		if err := InvalidNames(registry(letters)); err != nil {
			t.Errorf("%s: %v", letters, err)
		}
	}
}

// What the services need is said in the fields' comments; tests and the demo shorten some, and the others stay.
func TestTiming_DefaultsSuitTheServices(t *testing.T) {
	var all Timing
	all.SetDefaults()
	if want := (Timing{
		PollMin: schedule.IssuePollMin, PollMax: schedule.IssuePollMax, RevokePollMin: schedule.RevocationPollMin, RevokePollMax: schedule.RevocationPollMax,
		PoolPoll: 30 * time.Second, OCMTimeout: 30 * time.Second, RequestSpread: 30 * time.Minute, LookPace: time.Second, ProgressPause: 3 * time.Hour,
		VerifyRetry: time.Minute, VerifyDeadline: 30 * time.Minute, Window: 120 * time.Hour, WindowMargin: 24 * time.Hour,
		ProofRetry: 5 * time.Minute, ProofPatience: 24 * time.Hour, ProofInterval: 24 * time.Hour, ProbeDelay: 310 * time.Second, ProbeAttempt: 5 * time.Minute,
		IssueDeadline: 24 * time.Hour, RevokeDeadline: 120 * time.Hour,
	}); all != want {
		t.Errorf("they are %+v, want %+v", all, want)
	}
	short := Timing{PollMin: time.Second, Window: time.Minute}
	if short.SetDefaults(); short.PollMin != time.Second || short.Window != time.Minute || short.PollMax != schedule.IssuePollMax {
		t.Errorf("shortened, they are %+v", short)
	}
	for interval, want := range map[time.Duration]time.Duration{time.Hour: time.Hour, 72 * time.Hour: 48 * time.Hour} {
		if got := HealthInterval(&v1alpha1.PullSecretRotationSpec{HealthCheckInterval: duration(interval)}); got != want {
			t.Errorf("a health check each %s takes place each %s: a rotation must be noticed within the five days for which OCM waits", interval, got)
		}
	}
}

// An edited schedule makes no T in the past; one that was there before the object's first reconcile counts from its creation.
func TestSchedule_IsInForceSinceItWasSeen(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   time.Time
	}{
		{"never seen, in an object that nobody has looked at", func(*Input) {}, hours(-100).Time},
		{"never seen, in an object that had none", func(in *Input) { in.Status.ObservedGeneration = 1 }, noon},
		{"seen as it is", func(in *Input) { known(in, "0 3 * * *", "") }, hours(-50).Time},
		{"seen with another time", func(in *Input) { known(in, "0 4 * * *", "") }, noon},
		{"seen in another zone", func(in *Input) { known(in, "0 3 * * *", "Europe/Paris") }, noon},
		{"seen, whatever the generation", func(in *Input) { known(in, "0 3 * * *", ""); in.Status.ObservedGeneration = 0 }, hours(-50).Time},
		{"there is none", func(in *Input) { in.Spec.Schedule = nil }, time.Time{}},
		{"nobody needs one", func(in *Input) { in.Spec.Mode = v1alpha1.ModeFollow }, time.Time{}},
	} {
		in := dueInput()
		in.Spec.Schedule = &v1alpha1.RotationSchedule{Cron: "0 3 * * *"}
		row.change(&in)
		Record{in.Status}.NoteSchedule(in)
		if s := in.Status.Schedule; (s != nil) != !row.want.IsZero() || s != nil && (!s.Since.Time.Equal(row.want) || s.Cron != "0 3 * * *") {
			t.Errorf("%s: %+v, want it since %s", row.name, s, row.want)
		}
	}
	in := dueInput()
	known(&in, "0 3 * * *", "")
	if (Record{in.Status}).NoteSchedule(in); in.Status.Schedule != nil {
		t.Errorf("a schedule that was removed is on record: %+v", in.Status.Schedule)
	}
	in.Created, in.Status = hours(-1).Time, nil
	if at := scheduleSince(in); !at.Equal(hours(-1).Time) {
		t.Errorf("without a status it is in force since %s", at)
	}
}

func known(in *Input, cron, zone string) {
	in.Status.ObservedGeneration = 1
	in.Status.Schedule = &v1alpha1.ScheduleStatus{Cron: cron, TimeZone: zone, Since: *hours(-50)}
}

func TestTrigger_RefusesAScheduleThatCanTickMoreThanDaily(t *testing.T) {
	for cron, want := range map[string]bool{"0 3 * * *": true, "30 12 1 * *": true, "* 3 * * *": false, "0 * * * *": false, "0 3,15 * * *": false, "*/5 3 * * *": false} {
		in := dueInput()
		in.Spec.Schedule = &v1alpha1.RotationSchedule{Cron: cron}
		if _, err := Trigger(in); (err == nil) != want {
			t.Errorf("%s: %v", cron, err)
		}
	}
}

func TestSatisfiedByRecord_OneThatWasGivenUpCountsOnceItIsApplied(t *testing.T) {
	for name, row := range map[string]struct {
		r    v1alpha1.RotationStatus
		want bool
	}{
		"given up before it was applied": {v1alpha1.RotationStatus{ID: "a", After: hours(0), GivenUpAt: hours(1)}, false},
		"given up after that":            {v1alpha1.RotationStatus{ID: "a", After: hours(0), GivenUpAt: hours(1), AppliedAt: hours(0)}, true},
		"applied":                        {v1alpha1.RotationStatus{ID: "a", After: hours(0), AppliedAt: hours(0)}, true},
	} {
		if got := satisfiedByRecord(&v1alpha1.PullSecretRotationStatus{History: []v1alpha1.RotationStatus{row.r}}, noon); got != row.want {
			t.Errorf("%s: it satisfies T: %v", name, got)
		}
	}
}

func TestLagging_IsKnownOfTheRotationUnderWay(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.PullSecretRotationStatus){
		"nothing is under way":    func(s *v1alpha1.PullSecretRotationStatus) { s.Rotation.RevokedAt = hours(0) },
		"it has ended":            func(s *v1alpha1.PullSecretRotationStatus) { s.Rotation.OCMStatus = RotationCompleted },
		"nobody was asked":        func(s *v1alpha1.PullSecretRotationStatus) { s.Siblings = nil },
		"it is about another one": func(s *v1alpha1.PullSecretRotationStatus) { s.Siblings.RotationID = "b" },
		"neither has an id":       func(s *v1alpha1.PullSecretRotationStatus) { s.Siblings.RotationID, s.Rotation.ID = "", "" },
	} {
		s := &v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: "a"}, Siblings: &v1alpha1.SiblingsStatus{RotationID: "a", NotSwitched: ptr.To(int32(3)), FirstOfferEndsAt: hours(1)}}
		if n, first := Lagging(s); n == nil || *n != 3 || !first.Equal(hours(1)) {
			t.Fatalf("lagging are %v until %s", n, first)
		}
		change(s)
		if n, first := Lagging(s); n != nil || first != nil {
			t.Errorf("%s: lagging are %v until %s", name, n, first)
		}
	}
	// The end of a rotation changes only what is known about it.
	s := record(v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: "a"}, Siblings: &v1alpha1.SiblingsStatus{RotationID: "b", Switched: ptr.To(int32(1)), NotSwitched: ptr.To(int32(3))}})
	if s.Finish(RotationCompleted, noon); *s.Siblings.NotSwitched != 3 {
		t.Errorf("the end of another rotation makes of it %+v", s.Siblings)
	}
	s.Siblings = &v1alpha1.SiblingsStatus{RotationID: "a"}
	if s.Finish(RotationCompleted, noon); s.Siblings.NotSwitched != nil {
		t.Errorf("the end makes of nothing %+v", s.Siblings)
	}
}
