package decide

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// TestBegin_SaysForWhichTAndOnWhoseRequest: what this cluster has requested with another object does not count as started elsewhere.
func TestBegin_SaysForWhichTAndOnWhoseRequest(t *testing.T) {
	here := func(in *Input, why v1alpha1.RotationTrigger) {
		in.Facts.Requested = map[string]v1alpha1.RotationTrigger{"b": why}
	}
	underWay := func(in *Input, h int) {
		in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationPending, CreatedAt: hours(h).Time}}
	}
	ended := func(in *Input) {
		in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationCompleted, CreatedAt: hours(-9).Time}}
		in.Facts.Issued.InUse = false
	}
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   v1alpha1.RotationStatus
	}{
		{"requested by another cluster after T", func(in *Input) { underWay(in, 0) },
			v1alpha1.RotationStatus{ID: "b", Adopted: true, Reason: v1alpha1.TriggerRotateAfter, After: hours(-1)}},
		{"requested by another cluster before T", func(in *Input) { underWay(in, -9) }, v1alpha1.RotationStatus{ID: "b", Adopted: true, Reason: v1alpha1.TriggerStartedElsewhere}},
		{"requested by this cluster with another object", func(in *Input) { underWay(in, -9); here(in, v1alpha1.TriggerSchedule) },
			v1alpha1.RotationStatus{ID: "b", Adopted: true, RequestedHere: true, Reason: v1alpha1.TriggerSchedule}},
		{"requested by this cluster, nobody knows why", func(in *Input) { underWay(in, -9); here(in, "") },
			v1alpha1.RotationStatus{ID: "b", Adopted: true, RequestedHere: true, Reason: v1alpha1.TriggerStartedElsewhere}},
		{"requested here for T", func(in *Input) { underWay(in, 0); here(in, v1alpha1.TriggerSchedule) },
			v1alpha1.RotationStatus{ID: "b", Adopted: true, RequestedHere: true, Reason: v1alpha1.TriggerRotateAfter, After: hours(-1)}},
		{"caught up with", ended, v1alpha1.RotationStatus{ID: "b", Adopted: true, Reason: v1alpha1.TriggerCatchUp}},
		{"caught up with one requested here", func(in *Input) { ended(in); here(in, v1alpha1.TriggerSchedule) },
			v1alpha1.RotationStatus{ID: "b", Adopted: true, RequestedHere: true, Reason: v1alpha1.TriggerCatchUp}},
		{"caught up with one that is not listed", func(in *Input) {
			in.Facts.Issued.InUse, in.Facts.Owner = false, &OwnerFact{Dead: true, Known: true}
		}, v1alpha1.RotationStatus{Adopted: true, Reason: v1alpha1.TriggerCatchUp}},
		{"what a server that lags behind issues is not caught up with", func(in *Input) { ended(in); in.Facts.Issued.Superseded = true },
			v1alpha1.RotationStatus{Reason: v1alpha1.TriggerRotateAfter, After: hours(-1)}},
		{"nor what is not issued", func(in *Input) { ended(in); in.Facts.Issued.Present = false }, v1alpha1.RotationStatus{Reason: v1alpha1.TriggerRotateAfter, After: hours(-1)}},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := dueInput()
			row.change(&in)
			d := Decide(in)
			r := d.Rotation
			if d.Step != Begin || r.ID != row.want.ID || r.Adopted != row.want.Adopted || r.RequestedHere != row.want.RequestedHere || r.Reason != row.want.Reason || !r.After.Equal(row.want.After) {
				t.Errorf("%s of %+v, want %+v", d.Step, r, row.want)
			}
		})
	}
	in := dueInput()
	in.Spec.RotateAfter = hours(1)
	underWay(&in, 0)
	if r := Decide(in).Rotation; !r.After.Equal(hours(1)) {
		t.Errorf("one requested so shortly before the next T that clocks may be the reason is for the T %s", r.After)
	}
	in = dueInput()
	in.Spec.RotateAfter = hours(2)
	underWay(&in, 0)
	if r := Decide(in).Rotation; r.After != nil {
		t.Errorf("one requested long before the next T is for the T %s", r.After)
	}
}

// TestCatchUp_RestoresWhatTheLastRotationBrought instead of beginning anew, as long as OCM still issues it.
func TestCatchUp_RestoresWhatTheLastRotationBrought(t *testing.T) {
	for _, c := range []decision{
		{"somebody has changed an entry", func(*Input) {}, Heal, "", ""},
		{"OCM issues something else", func(in *Input) { in.Facts.Issued.SameAsIssued = false }, Begin, "", ""},
		{"the old entries were restored on purpose", func(in *Input) { in.Status.Rotation.RolledBackAt = hours(-35) }, Begin, "", ""},
		{"it was never applied here", func(in *Input) { in.Status.Rotation.AppliedAt = nil }, Begin, "", ""},
		{"nothing is on record", func(in *Input) { in.Status.Rotation = nil }, Begin, "", ""},
		{"an unknown value that works is left alone while nothing was ever rotated", func(in *Input) {
			in.Status.Rotation, in.Facts.Rotations = nil, &[]Rotation{}
		}, Wait, v1alpha1.ReasonNotDue, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := idleInput()
			in.Facts.Rotations = &[]Rotation{{ID: "a", Status: RotationCompleted, CreatedAt: hours(-50).Time}}
			in.Status.Rotation = &v1alpha1.RotationStatus{ID: "a", AppliedAt: hours(-40), RevokedAt: hours(-30)}
			in.Facts.Issued = &IssuedFact{Present: true, SameAsIssued: true}
			changed(&in)
			accepted(&in)
			c.check(t, in)
		})
	}
}
