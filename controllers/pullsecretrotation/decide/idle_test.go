package decide

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// idleInput is a cluster for which nothing is due, and that has asked OCM an hour ago.
func idleInput() Input {
	in := dueInput()
	in.Spec.RotateAfter, in.LastPoll, in.Facts.Rotations = hours(20), hours(-1).Time, nil
	in.Facts.Targets[0].Owner = "me"
	return in
}

// An idle object costs OCM nothing until the next health check, unless something has changed that only OCM can judge.
func TestIdle_AsksOCMOnlyWhenTheTimeOrAChangeRequiresIt(t *testing.T) {
	says := func(reason string) func(*Input) {
		return func(in *Input) {
			in.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: reason}}
		}
	}
	restored := func(change func(*IssuedFact)) func(*Input) {
		return func(in *Input) {
			in.Facts.Targets[0].Old = []string{"quay.io"}
			change(in.Facts.Issued)
		}
	}
	for _, c := range []decision{
		{"nothing has changed", func(*Input) {}, Wait, v1alpha1.ReasonNotDue, "The next rotation is due at 2026-05-07 08:00 UTC"},
		{"the interval is over", func(in *Input) { in.LastPoll = hours(-6).Time }, LookAtRotations, "", ""},
		{"this process has not asked yet", func(in *Input) { in.LastPoll = time.Time{} }, LookAtRotations, "", ""},
		{"the clock was set back", func(in *Input) { in.LastPoll = hours(1).Time }, LookAtRotations, "", ""},
		{"the spec was edited", func(in *Input) { in.Unasked = true }, LookAtRotations, "", ""},
		{"the pull secret was checked just now, which may have told something", func(in *Input) { in.Facts.Proven = true }, LookAtRotations, "", ""},
		{"OCM was asked just now: it is asked the rest too", func(in *Input) { in.Facts.Rotations, in.Facts.Issued = &[]Rotation{}, nil }, LookAtIssued, "", ""},
		{"a person was asked to act at OCM", says(v1alpha1.ReasonRotationVanished), LookAtRotations, "", ""},
		{"about the account", says(v1alpha1.ReasonAccountMismatch), LookAtRotations, "", ""},
		{"about the owner", says(v1alpha1.ReasonOwnerUnknown), LookAtRotations, "", ""},
		{"about the pin", says(v1alpha1.ReasonAccountPinMismatch), LookAtRotations, "", ""},
		{"about something else", says(v1alpha1.ReasonTargetMissing), Wait, v1alpha1.ReasonNotDue, ""},
		{"somebody has restored an old entry, and OCM has something newer", restored(func(*IssuedFact) {}), LookAtRotations, "", ""},
		{"OCM has what is on record", restored(func(i *IssuedFact) { i.SameAsIssued = true }), Wait, v1alpha1.ReasonNotDue, ""},
		{"OCM has nothing", restored(func(i *IssuedFact) { i.Present = false }), Wait, v1alpha1.ReasonNotDue, ""},
		{"OCM lags behind", restored(func(i *IssuedFact) { i.Superseded = true }), Wait, v1alpha1.ReasonNotDue, ""},
		{"what OCM has is not known", func(in *Input) { restored(func(*IssuedFact) {})(in); in.Facts.Issued = nil }, Wait, v1alpha1.ReasonNotDue, ""},
		{"OCM has something newer, which nobody needs", func(in *Input) { in.Facts.Issued.InUse = false }, Wait, v1alpha1.ReasonNotDue, ""},
		{"without any T", func(in *Input) { in.Spec.RotateAfter = nil }, Wait, v1alpha1.ReasonNotDue, "No rotation is due yet."},
		{"paused pools do not matter", func(in *Input) { in.Facts.Pools = nil }, Wait, v1alpha1.ReasonNotDue, ""},
		{"before a rotation they do", func(in *Input) { in.Spec.RotateAfter, in.Facts.Pools = hours(-1), nil }, LookAtPools, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, idleInput()) })
	}
}

func TestIdle_LooksAgainWhenSomethingIsDue(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   time.Duration
	}{
		{"the health check, five hours from now", func(*Input) {}, 5 * time.Hour},
		{"the look at OCM before it", func(in *Input) { in.LastPoll = hours(-2).Time }, 4 * time.Hour},
		{"no look at OCM is planned before the first", func(in *Input) { in.LastPoll, in.Facts.Rotations = time.Time{}, &[]Rotation{} }, 5 * time.Hour},
		{"a look in the future is none", func(in *Input) { in.LastPoll, in.Facts.Rotations = hours(3).Time, &[]Rotation{} }, 5 * time.Hour},
		{"the next T before it", func(in *Input) { in.Spec.RotateAfter = hours(3) }, 3 * time.Hour},
		{"somebody may unpause a pool", func(in *Input) {
			in.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionPoolsPaused, Status: metav1.ConditionTrue}}
		}, time.Hour},
	} {
		in := idleInput()
		row.change(&in)
		if d := Decide(in); d.Step != Wait || d.After != row.want {
			t.Errorf("%s: %s for %s, want %s", row.name, d.Step, d.After, row.want)
		}
	}
}

// Rights and the account are asked about when that can matter, and not by each idle reconcile.
func TestIdle_MakesSureOfRightsAndOfTheAccountWhenTheyMatter(t *testing.T) {
	noRights := func(in *Input) { in.Facts.RightsKnown = false }
	noAccount := func(in *Input) { in.Facts.Account, in.Facts.Rotations = nil, &[]Rotation{} }
	for _, c := range []decision{
		{"nothing is to be written: no right", noRights, Wait, v1alpha1.ReasonNotDue, ""},
		{"a rotation is due: the rights", func(in *Input) { noRights(in); in.Spec.RotateAfter = hours(-1) }, LookAtRights, "", ""},
		{"the health check is: the rights", func(in *Input) { noRights(in); in.Status.LastHealthCheck = hours(-6) }, LookAtRights, "", ""},
		{"one was missing: the rights", func(in *Input) {
			noRights(in)
			in.Status.Targets = []v1alpha1.TargetStatus{{Result: v1alpha1.ReasonAlreadyCurrent}, {Result: v1alpha1.ReasonForbidden}}
		}, LookAtRights, "", ""},
		{"none was missing", func(in *Input) {
			noRights(in)
			in.Status.Targets = []v1alpha1.TargetStatus{{Result: v1alpha1.ReasonAlreadyCurrent}}
		}, Wait, v1alpha1.ReasonNotDue, ""},
		{"all is on record: no account", noAccount, Wait, v1alpha1.ReasonNotDue, ""},
		{"a rotation is due: the account", func(in *Input) { noAccount(in); in.Spec.RotateAfter = hours(-1) }, LookAtAccount, "", ""},
		{"none is on record: the account", func(in *Input) { noAccount(in); in.Status.Account = nil }, LookAtAccount, "", ""},
		{"its id is not: the account", func(in *Input) { noAccount(in); in.Status.Account.ID = "" }, LookAtAccount, "", ""},
		{"one is pinned: the account", func(in *Input) { noAccount(in); in.Spec.OCM.AccountID = "me" }, LookAtAccount, "", ""},
		{"a target is nobody's: the account", func(in *Input) { noAccount(in); in.Facts.Targets[0].Owner = "" }, LookAtAccount, "", ""},
		{"a target is held up because it is nobody's: the account", func(in *Input) {
			noAccount(in)
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Problem: v1alpha1.ReasonOwnerUnknown})
		}, LookAtAccount, "", ""},
		{"a target is held up by something else: no account", func(in *Input) {
			noAccount(in)
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Problem: v1alpha1.ReasonTargetMissing})
		}, Wait, v1alpha1.ReasonTargetMissing, ""},
		{"it is known already: it is judged", func(in *Input) { noAccount(in); in.Facts.Account = &Account{ID: "me", Banned: true} }, Wait, v1alpha1.ReasonOCMForbidden, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, idleInput()) })
	}
}
