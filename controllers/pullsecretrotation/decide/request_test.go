package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A request is only for the T for which the rotation was begun.
func TestRequest_IsAbandonedWhenItsTIsGone(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"the spec has none":    func(in *Input) { in.Spec.RotateAfter = nil },
		"it lies ahead":        func(in *Input) { in.Spec.RotateAfter = hours(1) },
		"none is on record":    func(in *Input) { in.Status.Rotation.After = nil },
		"it is an earlier one": func(in *Input) { in.Spec.RotateAfter = hours(-2) },
	} {
		in := underWayInput()
		in.Status.Rotation.ID, in.Status.Rotation.RequestedAt, in.Facts.Rotations = "", nil, &[]Rotation{}
		if change(&in); Decide(in).Step != Abandon {
			t.Errorf("%s: %s", name, Decide(in).Step)
		}
	}
}

// What is adopted is this cluster's own if it can be the effect of its request.
func TestAdopt_TellsWhoseRequestItWas(t *testing.T) {
	for _, row := range []struct {
		name          string
		change        func(*Input)
		adopted, here bool
	}{
		{"the effect of a request whose answer was lost", func(in *Input) { in.Status.Rotation.IntendedAt = hours(-1) }, false, true},
		{"another cluster's", func(*Input) {}, true, false},
		{"one that this cluster has requested with another object", func(in *Input) {
			in.Facts.Requested = map[string]v1alpha1.RotationTrigger{"a": v1alpha1.TriggerSchedule}
		}, true, true},
	} {
		in := underWayInput()
		in.Status.Rotation.ID = ""
		row.change(&in)
		if d := Decide(in); d.Step != RecordID || d.Rotation.Adopted != row.adopted || d.Rotation.RequestedHere != row.here {
			t.Errorf("%s: %s of %+v", row.name, d.Step, d.Rotation)
		}
	}
	in := underWayInput()
	in.Status.Rotation.ID = ""
	list(&in, RotationCompleted)
	if d := Decide(in); d.Step != RecordID || d.Rotation.ID != "a" {
		t.Errorf("one that has been completed for T is requested again: %s", d.Step)
	}
	in.Status.Rotation.After = nil
	if d := Decide(in); d.Step != Abandon {
		t.Errorf("without a T: %s", d.Step)
	}
}

// New credentials are told by a difference; where the rotation was found after it may have issued them, also by what OCM says of it.
func TestThereIsNew_ByWhatOCMIssuesAndSaysOfTheRotation(t *testing.T) {
	adopted := func(in *Input) {
		in.Status.Rotation.Adopted = true
		(*in.Facts.Rotations)[0].UpdatedAt = hours(0).Time
	}
	for _, c := range []decision{
		{"an own rotation has issued nothing else yet", func(in *Input) { adopted(in); in.Status.Rotation.Adopted = false; in.Facts.Issued.InUse = false }, Wait, v1alpha1.ReasonAwaitingIssue, ""},
		{"one that was found has been touched since the request, and each target has what it issued", adopted, MarkIssued, "", ""},
		{"it has not been touched", func(in *Input) { adopted(in); (*in.Facts.Rotations)[0].UpdatedAt = hours(-1).Time }, Wait, v1alpha1.ReasonAwaitingIssue, "the operator only waits for the rotation to complete."},
		{"what is in use was issued before it", func(in *Input) { adopted(in); in.Facts.Issued.GivenBefore = true }, Wait, v1alpha1.ReasonAwaitingIssue, ""},
		{"some target lacks what is issued", func(in *Input) {
			adopted(in)
			in.Facts.Issued.InUse, in.Facts.Issued.GivenBefore, (*in.Facts.Rotations)[0].UpdatedAt = false, true, time.Time{}
		}, MarkIssued, "", ""},
		{"the cluster had switched before, to what was issued before", func(in *Input) { adopted(in); in.Facts.Switched, in.Facts.Issued.GivenBefore = true, true }, Wait, v1alpha1.ReasonAwaitingIssue, "waits for the rotation to complete"},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, underWayInput()) })
	}
}

// One that can no longer complete is left if nobody else waits for it; for the same T this cluster requests no other.
func TestDecide_LeavesARotationThatCannotComplete(t *testing.T) {
	failed := func(in *Input) { list(in, "failed"); in.Status.Rotation.OCMStatus = "failed" }
	for _, c := range []decision{
		{"its own request", failed, Wait, v1alpha1.ReasonIssueOverdue, `The rotation's status in OCM is "failed"`},
		{"somebody else's", func(in *Input) { failed(in); in.Status.Rotation.Adopted = true }, Abandon, "", ""},
		{"a follower's", func(in *Input) { failed(in); in.Spec.Mode, in.Spec.RotateAfter = v1alpha1.ModeFollow, nil }, Abandon, "", ""},
		{"a later T has come", func(in *Input) { failed(in); in.Spec.RotateAfter = hours(0) }, Abandon, "", ""},
		{"a later T has come, and it was requested after that", func(in *Input) {
			failed(in)
			in.Spec.RotateAfter, in.Status.Rotation.RequestedAt = TimePtr(noon.Add(-time.Minute)), hours(0)
		}, Wait, v1alpha1.ReasonIssueOverdue, ""},
		{"the T that it is for, by a clock that is behind", func(in *Input) {
			failed(in)
			in.Status.Rotation.RequestedAt = hours(-2)
		}, Wait, v1alpha1.ReasonIssueOverdue, ""},
		{"it was for no T, and one has come", func(in *Input) {
			failed(in)
			in.Status.Rotation.After, in.Status.Rotation.RequestedAt = nil, hours(-2)
		}, Abandon, "", ""},
		{"it has waited for as long as is normal", func(in *Input) { in.Status.Rotation.RequestedAt = hours(-24) }, Wait, v1alpha1.ReasonAwaitingIssue, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, underWayInput()) })
	}
}

// A record that somebody has deleted says nothing about the credentials: what it issued is applied, because the old ones may stop working.
func TestVanished_WhatIsIssuedAndUnseenIsApplied(t *testing.T) {
	applied := func(in *Input) { rolledOut(in); in.Facts.Rotations = &[]Rotation{} }
	for _, c := range []decision{
		{"nothing new is issued", func(*Input) {}, Wait, v1alpha1.ReasonRotationVanished, ""},
		{"something is", func(in *Input) { in.Facts.Issued.SameAsBaseline = false }, MarkIssued, "", ""},
		{"a server lags behind", func(in *Input) { in.Facts.Issued.SameAsBaseline, in.Facts.Issued.Superseded = false, true }, Wait, v1alpha1.ReasonRotationVanished, ""},
		{"nothing is offered", func(in *Input) { in.Facts.Issued = &IssuedFact{} }, Wait, v1alpha1.ReasonRotationVanished, ""},
		{"this cluster has it", applied, Abandon, "", ""},
		{"it has it, and a registry refuses it", func(in *Input) {
			applied(in)
			in.Status.Conditions, in.Status.LastHealthCheck = append(in.Status.Conditions, refusedCondition), hours(0)
		}, Wait, v1alpha1.ReasonRotationVanished, ""},
		{"it has it no longer", func(in *Input) { applied(in); in.Facts.Issued.InUse = false }, Wait, v1alpha1.ReasonRotationVanished, ""},
		{"something else is issued since", func(in *Input) {
			applied(in)
			in.Facts.Issued.SameAsIssued, in.Facts.Issued.SameAsBaseline = false, true
		}, MarkIssued, "", ""},
		{"what is issued is what it brought", func(in *Input) { applied(in); in.Facts.Issued.SameAsBaseline = false }, Abandon, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := underWayInput()
			in.Facts.Rotations = &[]Rotation{}
			c.check(t, in)
		})
	}
	in := underWayInput()
	in.Status.Rotation.Adopted = false
	if d := Decide(in); strings.Contains(d.Message, "If this cluster already uses them") {
		t.Errorf("of its own rotation it says %s", d.Message)
	}
}
