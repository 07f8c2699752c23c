package decide

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// shared is an input of one of many clusters, which takes part in a rotation that another one has requested.
func shared(clusters int, changes ...func(*Input)) Input {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	in := Input{Now: now, Timing: &Timing{}, Facts: &Facts{}, Spec: &v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeRotate},
		Status: &v1alpha1.PullSecretRotationStatus{
			Account:  &v1alpha1.AccountStatus{ID: "account"},
			Siblings: &v1alpha1.SiblingsStatus{CountedAt: *TimePtr(now), Clusters: ptr.To(int32(clusters)), Position: ptr.To(int32(clusters / 2))},
			Rotation: &v1alpha1.RotationStatus{ID: "r", AccountID: "account", Adopted: true, RequestedAt: TimePtr(now.Add(-time.Hour))},
		}}
	in.Spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
	in.Timing.SetDefaults()
	for _, change := range changes {
		change(&in)
	}
	return in
}

func TestIssuedFrom(t *testing.T) {
	applied := func(in *Input) { in.Status.Rotation.AppliedAt = TimePtr(in.Now) }
	idle := func(in *Input) { in.Status.Rotation = nil; in.Facts.Rotations = &[]Rotation{} }
	for _, row := range []struct {
		name string
		in   Input
		want Source
	}{
		{"another cluster has requested it", shared(2), FromTransfer},
		{"no other cluster is known", shared(1), FromToken},
		{"this cluster has requested it", shared(2, func(in *Input) { in.Status.Rotation.Adopted = false }), FromToken},
		{"another object of this cluster has", shared(2, func(in *Input) { in.Status.Rotation.RequestedHere = true }), FromToken},
		{"the OCM credential has become another account's", shared(2, func(in *Input) { in.Status.Account.ID = "other" }), FromToken},
		{"it has switched", shared(2, applied), FromTransfer},
		{"it has switched, and somebody restores old entries", shared(2, applied, func(in *Input) { in.Facts.Targets = []TargetFact{{Old: []string{"quay.io"}}} }), FromToken},
		{"it was rolled back", shared(2, applied, func(in *Input) { in.Status.Rotation.RolledBackAt = TimePtr(in.Now) }), FromToken},
		{"it ended before this cluster switched", shared(2, func(in *Input) { in.Status.Rotation.OCMStatus = RotationCompleted }), FromToken},
		{"its record was deleted", shared(2, func(in *Input) { in.Facts.Rotations = &[]Rotation{} }), FromToken},
		{"it is about to be joined", shared(2, func(in *Input) {
			in.Status.Rotation, in.Facts.Rotations = nil, &[]Rotation{{ID: "r", Status: RotationPending, CreatedAt: in.Now}}
		}), FromTransfer},
		{"nothing is under way, among few", shared(400, idle), FromToken},
		{"nothing is under way, among many", shared(10000, idle), FromNowhere},
		{"nothing is under way, and the own token is dead", shared(10000, idle, func(in *Input) { in.Facts.Owner = &OwnerFact{Dead: true} }), FromToken},
		{"only the own token is there", shared(1, func(in *Input) { in.Spec.Mode, in.Spec.OCM.CredentialsSecretRef = v1alpha1.ModeFollow, nil }), FromTransfer},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := IssuedFrom(row.in); got != row.want {
				t.Errorf("they are read from %s, want %s", got, row.want)
			}
		})
	}
}

func TestFallsBack(t *testing.T) {
	later := func(in *Input) { in.Now = in.Now.Add(12 * time.Hour) }
	for _, row := range []struct {
		name    string
		in      Input
		refused bool
		want    bool
	}{
		{"nothing is offered yet", shared(2), false, false},
		{"nothing is offered after two batches", shared(2, later), false, true},
		{"what was offered no longer is", shared(2, func(in *Input) { in.Status.Rotation.IssuedAt = TimePtr(in.Now) }), false, true},
		{"the own token is refused", shared(2), true, true},
		{"the own token is refused, and it has just asked", shared(2, func(in *Input) { in.LastToken = in.Now }), true, false},
		{"the own token is refused, and it is not its turn among many", shared(10000, func(in *Input) { in.Status.Siblings.Position = ptr.To(int32(0)) }), true, false},
		{"it has switched", shared(2, func(in *Input) { in.Status.Rotation.AppliedAt = TimePtr(in.Now) }), true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := FallsBack(row.in, row.refused); got != row.want {
				t.Errorf("FallsBack is %v, want %v", got, row.want)
			}
		})
	}
}

// A single cluster looks at once after a start or an edit, one of many in its moment, and a change of a target is no such event.
func TestLooksTooEarly(t *testing.T) {
	start := func(in *Input) { in.ChangedSince = in.Now }
	for _, row := range []struct {
		name string
		in   Input
		want bool
	}{
		{"alone", shared(1, start), false},
		{"one of fifty", shared(50, start), true},
		{"one of fifty, in its moment", shared(50, start, func(in *Input) { in.Now = nextTurn(*in, in.ChangedSince) }), false},
		{"nothing has changed", shared(50, start, func(in *Input) { in.LastPoll = in.Now }), false},
		{"a target was changed", shared(50, func(in *Input) { in.LastPoll, in.Unproven, in.ChangedSince = in.Now, true, in.Now.Add(-time.Hour) }), false},
		{"the clock was set back", shared(50, func(in *Input) { in.ChangedSince = in.Now.Add(time.Hour) }), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := looksTooEarly(row.in); got != row.want {
				t.Errorf("looksTooEarly is %v, want %v", got, row.want)
			}
		})
	}
}
