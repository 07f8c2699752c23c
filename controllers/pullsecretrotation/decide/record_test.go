package decide

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestRecord_TheHistoryHasEachRotationOnce(t *testing.T) {
	now := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	s := Record{&v1alpha1.PullSecretRotationStatus{}}
	s.Remember(v1alpha1.RotationStatus{ID: "a", Reason: v1alpha1.TriggerSchedule, AppliedAt: TimePtr(now), RevokedAt: TimePtr(now)})
	s.Remember(v1alpha1.RotationStatus{ID: "b", Reason: v1alpha1.TriggerStartedElsewhere, GivenUpAt: TimePtr(now)})
	s.Remember(v1alpha1.RotationStatus{ID: "a", Reason: v1alpha1.TriggerCatchUp, OCMStatus: RotationCompleted})
	s.Remember(v1alpha1.RotationStatus{ID: "b", Reason: v1alpha1.TriggerStartedElsewhere, AppliedAt: TimePtr(now), RevokedAt: TimePtr(now)})
	if len(s.History) != 2 || s.History[0].ID != "b" || s.History[0].GivenUpAt != nil || s.History[1].Reason != v1alpha1.TriggerSchedule {
		t.Errorf("the history is %+v", s.History)
	}
}

func TestRecord_NewerCredentialsHaveNothingDoneWithThemYet(t *testing.T) {
	now := time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)
	at := TimePtr(now)
	s := Record{&v1alpha1.PullSecretRotationStatus{
		Rotation: &v1alpha1.RotationStatus{VerifiedAt: at, AppliedAt: at, RolledOutAt: at, RolledBackAt: at, Pools: []v1alpha1.PoolStatus{{Name: "worker"}}},
		Targets:  []v1alpha1.TargetStatus{{Name: "pull-secret", Healed: 7}},
	}}
	s.MarkIssued([]v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "new"}}, now)
	if r := s.Rotation; r.VerifiedAt != nil || r.AppliedAt != nil || r.RolledOutAt != nil || r.RolledBackAt != nil || r.Pools != nil || s.Targets[0].Healed != 0 {
		t.Errorf("of newer credentials the record says %+v, %+v", r, s.Targets)
	}
}
