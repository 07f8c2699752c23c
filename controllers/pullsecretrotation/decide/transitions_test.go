package decide

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestRecord_FromTheIntentToTheAnswer(t *testing.T) {
	s := record(v1alpha1.PullSecretRotationStatus{Targets: []v1alpha1.TargetStatus{{Name: "pull-secret", Healed: 7}}})
	s.Begin(v1alpha1.RotationStatus{Reason: v1alpha1.TriggerSchedule})
	if s.Targets[0].Healed != 0 {
		t.Error("a fight about earlier credentials goes on")
	}
	r := s.Rotation
	s.Intend([]Rotation{{ID: "before"}, {ID: "older"}}, noon)
	if !r.IntendedAt.Equal(hours(0)) || r.ListedBefore != "before" {
		t.Errorf("the intent is %+v: the effect of the request is told from what was listed before", r)
	}
	s.NotSent()
	if r.IntendedAt != nil || r.ListedBefore != "" {
		t.Errorf("an intent that was withdrawn leaves %+v", r)
	}
	s.Rotation.ListedBefore = "earlier"
	s.Intend(nil, noon)
	if !r.IntendedAt.Equal(hours(0)) || r.ListedBefore != "" {
		t.Errorf("with an empty list the intent is %+v", r)
	}
	s.Requested(Rotation{ID: "a", Status: RotationPending, CreatedAt: noon})
	if r.ID != "a" || r.OCMStatus != RotationPending || !r.RequestedAt.Equal(hours(0)) || !r.RequestedHere {
		t.Errorf("the answer is recorded as %+v", r)
	}
}

func TestAdopt_TakesOverTheRotationAndWhatTheClusterUses(t *testing.T) {
	known := v1alpha1.RotationStatus{ID: "b", OCMStatus: "queued", RequestedAt: hours(-2), After: hours(-3), Adopted: true, RequestedHere: true}
	used := set("in use")
	for name, row := range map[string]struct {
		change   func(*v1alpha1.RotationStatus)
		used     []v1alpha1.EntryFingerprint
		baseline string
		offer    bool
	}{
		"another one has its own offer":               {nil, used, "in use", false},
		"the same keeps it":                           {func(r *v1alpha1.RotationStatus) { r.ID = "b" }, used, "in use", true},
		"what the cluster uses is not known":          {nil, nil, "before", false},
		"what came with a rotation is no baseline":    {func(r *v1alpha1.RotationStatus) { r.IssuedAt = hours(-1) }, used, "before", false},
		"nor is nothing, when that is what was found": {nil, []v1alpha1.EntryFingerprint{}, "before", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := record()
			s.Rotation = &v1alpha1.RotationStatus{ID: "a", OfferEndsAt: hours(9), Baseline: set("before")}
			if row.change != nil {
				row.change(s.Rotation)
			}
			s.Adopt(known, row.used)
			r := s.Rotation
			if r.ID != "b" || r.OCMStatus != "queued" || !r.RequestedAt.Equal(hours(-2)) || !r.After.Equal(hours(-3)) || !r.Adopted || !r.RequestedHere {
				t.Errorf("it takes part in %+v", r)
			}
			if (r.OfferEndsAt != nil) != row.offer || !Holds(r.Baseline, row.baseline) {
				t.Errorf("the offer ends at %s, and the baseline is %+v", r.OfferEndsAt, r.Baseline)
			}
		})
	}
}

// When OCM deletes credentials that are in use, they are checked at once.
func TestListed_TellsWhenTheOldCredentialsHaveDied(t *testing.T) {
	for name, row := range map[string]struct {
		change  func(*v1alpha1.RotationStatus)
		checked bool // the last health check still counts
		status  string
	}{
		"it has ended before this cluster switched": {nil, false, RotationCompleted},
		"it had ended before":                       {func(r *v1alpha1.RotationStatus) { r.OCMStatus = RotationCompleted }, true, RotationCompleted},
		"it has ended after this cluster switched":  {func(r *v1alpha1.RotationStatus) { r.AppliedAt = hours(-2) }, true, RotationCompleted},
		"another has ended":                         {func(r *v1alpha1.RotationStatus) { r.ID = "b" }, true, RotationPending},
		"the record is about one that is over":      {func(r *v1alpha1.RotationStatus) { r.RevokedAt = hours(-2) }, true, RotationPending},
	} {
		t.Run(name, func(t *testing.T) {
			s := record(v1alpha1.PullSecretRotationStatus{LastHealthCheck: hours(-1), Rotation: &v1alpha1.RotationStatus{ID: "a", OCMStatus: RotationPending}})
			if row.change != nil {
				row.change(s.Rotation)
			}
			s.Listed([]Rotation{{ID: "a", Status: RotationCompleted, CreatedAt: hours(-5).Time}}, noon)
			if (s.LastHealthCheck != nil) != row.checked || s.Rotation.OCMStatus != row.status {
				t.Errorf("the last health check is %s, and OCM's status %s", s.LastHealthCheck, s.Rotation.OCMStatus)
			}
			if !s.PullSecretIssuedAt.Equal(hours(-5)) {
				t.Errorf("the pull secret in use is from %s", s.PullSecretIssuedAt)
			}
		})
	}
	s := record(v1alpha1.PullSecretRotationStatus{LastHealthCheck: hours(-1), Rotation: &v1alpha1.RotationStatus{ID: "a", OCMStatus: "queued"}})
	if s.Listed([]Rotation{{ID: "a", Status: RotationPending}}, noon); s.Rotation.OCMStatus != RotationPending || s.LastHealthCheck == nil {
		t.Errorf("one that goes on is recorded as %+v", s.Rotation)
	}
}

func TestAge_IsThatOfThePullSecretInUse(t *testing.T) {
	listed := []Rotation{{ID: "c", Status: RotationPending, CreatedAt: hours(-1).Add(time.Second / 2)}, {ID: "b", Status: RotationCompleted, CreatedAt: hours(-9).Time},
		{ID: "a", Status: RotationCompleted, CreatedAt: hours(-99).Time}}
	for name, row := range map[string]struct {
		current *v1alpha1.RotationStatus
		want    *metav1.Time
	}{
		"the latest that has ended":           {nil, hours(-9)},
		"the current one once it is applied":  {&v1alpha1.RotationStatus{ID: "c", AppliedAt: hours(0)}, hours(-1)},
		"not before":                          {&v1alpha1.RotationStatus{ID: "c"}, hours(-9)},
		"nor after it was rolled back":        {&v1alpha1.RotationStatus{ID: "c", AppliedAt: hours(0), RolledBackAt: hours(0)}, hours(-9)},
		"another than the one that is listed": {&v1alpha1.RotationStatus{ID: "d", AppliedAt: hours(0)}, hours(-9)},
	} {
		s := record(v1alpha1.PullSecretRotationStatus{Rotation: row.current})
		if s.Age(listed, noon); !s.PullSecretIssuedAt.Equal(row.want) {
			t.Errorf("%s: it is from %s, want %s", name, s.PullSecretIssuedAt, row.want)
		}
	}
	s := record(v1alpha1.PullSecretRotationStatus{PullSecretIssuedAt: hours(-7)})
	if s.Age(listed[:1], noon); !s.PullSecretIssuedAt.Equal(hours(-7)) {
		t.Errorf("without one that counts it becomes %s", s.PullSecretIssuedAt)
	}
	if s.Age([]Rotation{{ID: "a", Status: RotationCompleted, CreatedAt: hours(1).Time}}, noon); !s.PullSecretIssuedAt.Equal(hours(0)) {
		t.Errorf("by a clock that is ahead it is from %s, which has not come", s.PullSecretIssuedAt)
	}
}

func TestRecord_TheChangeOfTheTargets(t *testing.T) {
	s := record(v1alpha1.PullSecretRotationStatus{PullSecretIssuedAt: hours(-5), LastHealthCheck: hours(-1), Rotation: &v1alpha1.RotationStatus{ID: "a", BackupSecret: "backup"}})
	r := s.Rotation
	if s.Offered(OfferFact{}); r.OfferEndsAt != nil {
		t.Errorf("an offer without an end has one: %s", r.OfferEndsAt)
	}
	if s.Offered(OfferFact{EndsAt: hours(9).Add(time.Second / 2)}); !r.OfferEndsAt.Equal(hours(9)) {
		t.Errorf("the offer ends at %s: times have whole seconds", r.OfferEndsAt)
	}
	if s.MarkVerified(noon); !r.VerifiedAt.Equal(hours(0)) {
		t.Errorf("verified at %s", r.VerifiedAt)
	}
	if s.Applied(noon); !r.AppliedAt.Equal(hours(0)) {
		t.Errorf("applied at %s", r.AppliedAt)
	}
	if s.MarkRolledOut(noon); !r.RolledOutAt.Equal(hours(0)) {
		t.Errorf("rolled out at %s", r.RolledOutAt)
	}
	if s.RollBack(noon); !r.RolledBackAt.Equal(hours(0)) || s.PullSecretIssuedAt != nil {
		t.Errorf("rolled back at %s, to a pull secret from %s", r.RolledBackAt, s.PullSecretIssuedAt)
	}
	s.PullSecretIssuedAt = hours(-9)
	if s.RollBack(noon.Add(time.Hour)); !r.RolledBackAt.Equal(hours(0)) || s.PullSecretIssuedAt == nil {
		t.Errorf("going on with a rollback begins it at %s", r.RolledBackAt)
	}
	if s.Unproven(); s.LastHealthCheck != nil {
		t.Errorf("what has been replaced was checked at %s", s.LastHealthCheck)
	}
	if s.BackupGone(); r.BackupSecret != "" {
		t.Errorf("the backup that is gone is %s", r.BackupSecret)
	}
}

// Pools return to the configuration that they had before a rollback, so that one says nothing about the change that follows.
func TestBefore_RecordsWhatPoolsHadUnlessTheyAreOnTheWayBack(t *testing.T) {
	pools := []Pool{{Name: "master", Wanted: "m", Current: "m"}, {Name: "worker", Wanted: "w", Current: "w", Degraded: true}}
	for result, want := range map[string]string{v1alpha1.ReasonPullSecretUpdated: "w", v1alpha1.ReasonRolledBack: "", "no row": "w"} {
		s := record(v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{}})
		if result != "no row" {
			s.Targets = []v1alpha1.TargetStatus{{Namespace: global.Namespace, Name: global.Name, Result: result}}
		}
		s.Before(pools)
		if p := s.Rotation.Pools; len(p) != 2 || p[0].DegradedBefore || !p[1].DegradedBefore || p[1].Name != "worker" || p[1].ConfigurationBefore != want {
			t.Errorf("%s: %+v, want the configuration %q", result, s.Rotation.Pools, want)
		}
	}
}

func TestHealed_CountsPerTargetAndHasMachinesAskedAgain(t *testing.T) {
	s := record(v1alpha1.PullSecretRotationStatus{
		Targets:  []v1alpha1.TargetStatus{{Namespace: hive.Namespace, Name: hive.Name}, {Namespace: global.Namespace, Name: global.Name}},
		Rotation: &v1alpha1.RotationStatus{Probes: []v1alpha1.ProbeStatus{{Pool: "asked", EndedAt: hours(-1)}, {Pool: "not answered"}}},
	})
	s.Healed(hive)
	if len(s.Rotation.Probes) != 2 {
		t.Error("a Secret that is not the machines' has them asked again")
	}
	s.Healed(global)
	s.Healed(global)
	if s.Targets[0].Healed != 1 || s.Targets[1].Healed != 2 {
		t.Errorf("healed %d and %d times", s.Targets[0].Healed, s.Targets[1].Healed)
	}
	if p := s.Rotation.Probes; len(p) != 1 || p[0].Pool != "asked" {
		t.Errorf("the probes on record are %+v: their file was changed", p)
	}
}

// A health check verifies what somebody else has written, or what could not be asked about before.
func TestProven_VerifiesWhatIsAppliedAndWasNot(t *testing.T) {
	for name, row := range map[string]struct {
		r        *v1alpha1.RotationStatus
		accepted bool
		verified *metav1.Time
	}{
		"applied":         {&v1alpha1.RotationStatus{AppliedAt: hours(-1)}, true, hours(0)},
		"refused":         {&v1alpha1.RotationStatus{AppliedAt: hours(-1)}, false, nil},
		"not applied":     {&v1alpha1.RotationStatus{}, true, nil},
		"verified before": {&v1alpha1.RotationStatus{AppliedAt: hours(-1), VerifiedAt: hours(-2)}, true, hours(-2)},
		"no rotation":     {nil, true, nil},
	} {
		s := record(v1alpha1.PullSecretRotationStatus{Rotation: row.r})
		s.Proven(row.accepted, noon)
		if !s.LastHealthCheck.Equal(hours(0)) || row.r != nil && !row.r.VerifiedAt.Equal(row.verified) {
			t.Errorf("%s: checked at %s, %+v", name, s.LastHealthCheck, row.r)
		}
	}
}
