package decide

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// What has been applied stays on record after a rotation is given up, because it is still kept in place.
func TestAbandon_ReturnsToTheLastRotationThatHasEndedHere(t *testing.T) {
	done := v1alpha1.RotationStatus{ID: "done", AppliedAt: hours(-9), RevokedAt: hours(-8)}
	for name, row := range map[string]struct {
		id      string
		history []v1alpha1.RotationStatus
		current string
		newest  string
	}{
		"one that was never requested leaves no trace": {"", []v1alpha1.RotationStatus{done}, "done", "done"},
		"the first of all":                     {"", nil, "", ""},
		"another is remembered without an end": {"a", []v1alpha1.RotationStatus{done}, "", "a"},
		"the last was only seen":               {"", []v1alpha1.RotationStatus{{ID: "seen", RevokedAt: hours(-8)}, done}, "", "seen"},
		"the last has no end":                  {"", []v1alpha1.RotationStatus{{ID: "left", AppliedAt: hours(-9)}, done}, "", "left"},
	} {
		t.Run(name, func(t *testing.T) {
			s := record(v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: row.id}, History: row.history})
			s.Abandon(noon)
			current, newest := "", ""
			if s.Rotation != nil {
				current = s.Rotation.ID
			}
			if len(s.History) > 0 {
				newest = s.History[0].ID
			}
			if current != row.current || newest != row.newest {
				t.Errorf("the current one is %q and the newest of the history %q", current, newest)
			}
			if row.id != "" && (s.History[0].GivenUpAt == nil || s.History[0].RevokedAt != nil) {
				t.Errorf("it is remembered as %+v", s.History[0])
			}
		})
	}
}

func TestSatisfied_IsToldOnceAndForWhichT(t *testing.T) {
	s := record()
	if !s.Satisfied(v1alpha1.RotationStatus{ID: "b", After: hours(-2)}) || len(s.History) != 1 {
		t.Errorf("the first time is not told: %+v", s.History)
	}
	s.Satisfied(v1alpha1.RotationStatus{ID: "c", After: hours(-2)})
	if s.Satisfied(v1alpha1.RotationStatus{ID: "b", After: hours(-1)}) || len(s.History) != 2 || !s.History[1].After.Equal(hours(-1)) || !s.History[0].After.Equal(hours(-2)) {
		t.Errorf("the second time: %+v", s.History)
	}
}

// Catching up with a rotation that this cluster has seen before adds its end to what is on record.
func TestRemember_AnEndThatWasMissed(t *testing.T) {
	caught := v1alpha1.RotationStatus{ID: "a", Reason: v1alpha1.TriggerCatchUp, OCMStatus: RotationCompleted, Issued: set("new"), RevokedAt: hours(0)}
	for name, row := range map[string]struct {
		before  v1alpha1.RotationStatus
		reason  v1alpha1.RotationTrigger
		revoked *metav1.Time
	}{
		"it had no end":              {v1alpha1.RotationStatus{ID: "a", Reason: v1alpha1.TriggerSchedule, AppliedAt: hours(-9), GivenUpAt: hours(-8)}, v1alpha1.TriggerSchedule, hours(0)},
		"it had one":                 {v1alpha1.RotationStatus{ID: "a", Reason: v1alpha1.TriggerSchedule, AppliedAt: hours(-9), RevokedAt: hours(-8)}, v1alpha1.TriggerSchedule, hours(-8)},
		"it was never applied here":  {v1alpha1.RotationStatus{ID: "a", Reason: v1alpha1.TriggerSchedule}, v1alpha1.TriggerCatchUp, hours(0)},
		"that was another":           {v1alpha1.RotationStatus{ID: "b", Reason: v1alpha1.TriggerSchedule, AppliedAt: hours(-9)}, v1alpha1.TriggerCatchUp, hours(0)},
		"that was one without an id": {v1alpha1.RotationStatus{Reason: v1alpha1.TriggerSchedule, AppliedAt: hours(-9)}, v1alpha1.TriggerCatchUp, hours(0)},
	} {
		s := record(v1alpha1.PullSecretRotationStatus{History: []v1alpha1.RotationStatus{row.before}})
		s.Remember(caught)
		if h := s.History[0]; h.ID != "a" || h.Reason != row.reason || !h.RevokedAt.Equal(row.revoked) || h.GivenUpAt != nil || h.OCMStatus != RotationCompleted || !Holds(h.Issued, "new") {
			t.Errorf("%s: %+v", name, h)
		}
	}
	s := record(v1alpha1.PullSecretRotationStatus{History: []v1alpha1.RotationStatus{{Reason: v1alpha1.TriggerSchedule, AppliedAt: hours(-9)}}})
	if s.Remember(v1alpha1.RotationStatus{Reason: v1alpha1.TriggerCatchUp}); len(s.History) != 2 {
		t.Errorf("two without an id are taken for one: %+v", s.History)
	}
}

func TestRemember_KeepsTheTenNewest(t *testing.T) {
	s := record()
	for i := range 12 {
		s.Remember(v1alpha1.RotationStatus{ID: fmt.Sprint(i), AppliedAt: TimePtr(noon.Add(time.Duration(i) * time.Hour))})
	}
	if len(s.History) != 10 || s.History[0].ID != "11" || s.History[9].ID != "2" {
		t.Errorf("%d are kept, from %s to %s", len(s.History), s.History[0].ID, s.History[len(s.History)-1].ID)
	}
}

func TestMarkIssued_HasMachinesAskedAnew(t *testing.T) {
	s := record(v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{Probes: []v1alpha1.ProbeStatus{{Pool: "worker"}}}})
	if s.MarkIssued(set("new"), noon); s.Rotation.Probes != nil {
		t.Errorf("of the new credentials machines have said %+v", s.Rotation.Probes)
	}
}
