package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// refusedInput is a cluster whose applied credential its registry refuses, at a health check that is due.
func refusedInput(change func(*Input)) Input {
	in := underWayInput()
	rolledOut(&in)
	in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
	refusedFor(&in, in.Timing.VerifyDeadline)
	in.Facts.BackupChecks, in.Facts.Offer = said(Accepted, v1alpha1.VerificationRequired), &OfferFact{Open: true}
	if change != nil {
		change(&in)
	}
	return in
}

func TestRollback_IsForWhatThisRotationBroughtAndARegistryRefuses(t *testing.T) {
	twin := Check{Registry: telemetryRegistry, Fingerprint: "new", Policy: v1alpha1.VerificationRequired, Result: Answer{Outcome: Unauthorized, Message: "refuses it"}}
	for _, c := range []decision{
		{"it is refused for long", func(*Input) {}, RollBack, "", ""},
		{"its registry is skipped", func(in *Input) { in.Facts.Checks[0].Policy = v1alpha1.VerificationSkip }, RecordHealth, "", ""},
		{"it was rolled back already", func(in *Input) {
			in.Status.Rotation.RolledBackAt, in.Status.Targets[0].Result = hours(-1), v1alpha1.ReasonRolledBack
		}, RecordHealth, "", ""},
		{"OCM refuses the token, whose twin is accepted", func(in *Input) { in.Facts.Checks = []Check{twin}; accepted(in) }, RecordHealth, "", ""},
		{"the first of two refusals counts", func(in *Input) {
			in.Facts.Checks[0].Since = noon
			in.Facts.Checks = append(in.Facts.Checks, in.Facts.Checks[0])
			in.Facts.Checks[1].Since = noon.Add(-in.Timing.VerifyDeadline)
		}, RollBack, "", ""},
		{"both are named", func(in *Input) {
			refusedFor(in, time.Minute)
			in.Facts.Checks = append(in.Facts.Checks, twin)
			in.Facts.Checks[1].Since = noon
			in.Status.Credentials = nil
		}, Wait, v1alpha1.ReasonRegistriesRefuse, "quay.io: says Unauthorized; cloud.openshift.com: refuses it."},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, refusedInput(nil)) })
	}
}

// A rollback that would help and is no longer possible is told apart from one that would not help.
func TestWantsRollback_IfTheOldIsAcceptedSinceTheNewIsRefused(t *testing.T) {
	row := func(in *Input, fingerprint string) *v1alpha1.CredentialStatus {
		return (Record{in.Status}).row("quay.io", fingerprint)
	}
	for _, c := range []decision{
		{"accepted since", func(*Input) {}, Wait, v1alpha1.ReasonRollbackImpossible, ""},
		{"accepted in the same second", func(in *Input) { row(in, "old").VerifiedAt = hours(-2) }, Wait, v1alpha1.ReasonRollbackImpossible, ""},
		{"accepted before that", func(in *Input) { row(in, "old").VerifiedAt = hours(-3) }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"refused as well", func(in *Input) { row(in, "old").RefusedSince = hours(-1) }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"never accepted", func(in *Input) { row(in, "old").VerifiedAt = nil }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"nothing is known of the old", func(in *Input) { in.Status.Credentials = in.Status.Credentials[:1] }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"nothing is known of the new", func(in *Input) { in.Status.Credentials = in.Status.Credentials[1:] }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"the new is not refused by its registry", func(in *Input) { row(in, "new").RefusedSince = nil }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"the old is another registry's", func(in *Input) {
			in.Status.Rotation.Baseline[0].Registry, in.Status.Credentials[1].Registry = "registry.redhat.io", "registry.redhat.io"
		}, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"the new is the old", func(in *Input) {
			in.Status.Rotation.Baseline[0].Fingerprint = "new"
			row(in, "new").VerifiedAt = hours(-1)
		}, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"the spec forbids it", func(in *Input) { in.Spec.Rollback = v1alpha1.RollbackNever }, Wait, v1alpha1.ReasonRegistriesRefuse, ""},
		{"nothing in use is refused any more", func(in *Input) { in.Status.Conditions = nil }, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := underWayInput()
			rolledOut(&in)
			in.Status.LastHealthCheck, in.Status.Conditions = hours(0), append(in.Status.Conditions, refusedCondition)
			in.Status.Rotation.Baseline = []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "old"}}
			in.Status.Credentials = []v1alpha1.CredentialStatus{
				{Registry: "quay.io", Fingerprint: "new", RefusedSince: hours(-2)}, {Registry: "quay.io", Fingerprint: "old", VerifiedAt: hours(-1)},
			}
			c.check(t, in)
		})
	}
}

func TestDecide_AwaitsTheEndOfTheOldCredentials(t *testing.T) {
	next := func(in *Input, status string) {
		in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationPending, CreatedAt: hours(0).Time}, {ID: "a", Status: status, CreatedAt: hours(-1).Time}}
		in.Facts.Issued = &IssuedFact{Present: true}
	}
	for _, c := range []decision{
		{"OCM's word is asked for, whatever is on record", func(in *Input) { in.Facts.Rotations, in.Status.Rotation.OCMStatus = nil, RotationCompleted }, LookAtRotations, "", ""},
		{"also by a cluster that catches up with one that has not ended", func(in *Input) {
			in.Facts.Rotations, in.Status.Rotation.Reason = nil, v1alpha1.TriggerCatchUp
		}, LookAtRotations, "", ""},
		{"nothing is offered to this cluster any more, so whose its pull secret is does not matter", func(in *Input) {
			in.Facts.Issued, in.Facts.Owner = &IssuedFact{}, &OwnerFact{AccountID: "you"}
		}, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
		{"what was put back is not replaced again", func(in *Input) { rolledBack(in); changed(in) }, Wait, v1alpha1.ReasonRolledBack, ""},
		{"it has ended, and the next issues already", func(in *Input) { next(in, RotationCompleted) }, Finish, "", ""},
		{"after a rollback the next must be received", func(in *Input) { rolledBack(in); next(in, RotationCompleted) }, RecordID, "", ""},
		{"it has not ended, and the next issues already", func(in *Input) { next(in, RotationPending) }, RecordID, "", ""},
		{"for as long as transfers live", func(in *Input) { in.Status.Rotation.RequestedAt = hours(-120) }, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := underWayInput()
			rolledOut(&in)
			c.check(t, in)
		})
	}
	in := underWayInput()
	rolledOut(&in)
	in.Status.Rotation.AppliedAt, in.Facts.Issued.Superseded = hours(-100), true
	if d := Decide(in); d.Step != Wait || d.After != in.Timing.PollMin {
		t.Errorf("a server that lags behind is asked again in %s", d.After)
	}
}

func TestRollout_IsOverdueAndPolledLessOftenAfterItsTimeout(t *testing.T) {
	for _, row := range []struct {
		applied time.Duration
		reason  string
		poll    time.Duration
	}{
		{2 * time.Hour, v1alpha1.ReasonRollingOut, 30 * time.Second},
		{2*time.Hour + 20*time.Minute, v1alpha1.ReasonRolloutOverdue, 5 * time.Minute},
		{9 * time.Hour, v1alpha1.ReasonRolloutOverdue, 10 * time.Minute},
	} {
		in := underWayInput()
		appliedSince(&in, -1)
		in.Status.Rotation.AppliedAt = TimePtr(noon.Add(-row.applied))
		in.Facts.Pools = &[]Pool{{Name: "worker", Wanted: "new", Current: "old", Machines: 3, Updated: 1}}
		d := rollout(in)
		if d.Reason != row.reason || d.After != row.poll || strings.Contains(d.Message, "without") {
			t.Errorf("after %s: %s, again in %s: %s", row.applied, d.Reason, d.After, d.Message)
		}
		if d := besideRollout(in, &Decision{Step: Wait, After: time.Second}); d.Reason != row.reason || d.After != time.Second {
			t.Errorf("after %s, beside a poll of OCM that is due: %s, again in %s", row.applied, d.Reason, d.After)
		}
	}
}
