package decide

import (
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// underWayInput is a cluster whose rotation was requested an hour ago; the tables set how far it has come since.
func underWayInput() Input {
	in := dueInput()
	in.Status.Rotation = &v1alpha1.RotationStatus{
		ID: "a", After: hours(-1), Reason: v1alpha1.TriggerRotateAfter, RequestedAt: hours(-1), StartedAt: hours(-1), BackupSecret: "backup", OCMStatus: RotationPending,
	}
	in.Facts.Rotations = &[]Rotation{{ID: "a", Status: RotationPending, CreatedAt: hours(-1).Time}}
	in.Facts.Issued, in.Facts.BackupKnown = &IssuedFact{Present: true, SameAsBaseline: true, InUse: true}, true
	return in
}

// list is OCM's list.
func list(in *Input, status string) {
	in.Facts.Rotations = &[]Rotation{{ID: "a", Status: status, CreatedAt: hours(-1).Time}}
}

func issued(in *Input) {
	in.Status.Rotation.IssuedAt = TimePtr(noon.Add(-time.Minute))
	in.Facts.Issued = &IssuedFact{Present: true, SameAsIssued: true}
	in.Status.Rotation.Issued = []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "new"}}
	in.Facts.Targets[0].Changes = []Change{{Registry: "quay.io", Source: "quay.io", Fingerprint: "new"}}
}

// accepted is the evidence that the registry accepts the issued credential.
func accepted(in *Input) {
	Record{in.Status}.Answered([]Check{{Registry: "quay.io", Fingerprint: "new", Result: Answer{Outcome: Accepted}}}, in.Now)
}

func appliedSince(in *Input, since int) {
	issued(in)
	in.Status.Rotation.VerifiedAt, in.Status.Rotation.AppliedAt = hours(since), hours(since)
	in.Status.Rotation.Pools = []v1alpha1.PoolStatus{{Name: "worker", ConfigurationBefore: "old"}}
	in.Status.Targets = []v1alpha1.TargetStatus{{Namespace: global.Namespace, Name: global.Name, Result: v1alpha1.ReasonPullSecretUpdated}}
	in.Facts.Issued.InUse, in.Facts.Targets[0].Changes = true, nil
	accepted(in)
}

func rolledOut(in *Input) {
	appliedSince(in, -1)
	in.Status.Rotation.RolledOutAt = hours(0)
}

func rolledBack(in *Input) {
	rolledOut(in)
	in.Status.Rotation.RolledBackAt, in.Status.Targets[0].Result = hours(0), v1alpha1.ReasonRolledBack
}

// changed is a target whose entry differs from the issued one.
func changed(in *Input) {
	in.Facts.Issued.InUse = false
	in.Facts.Targets[0].Changes = []Change{{Registry: "quay.io", Source: "quay.io", Fingerprint: "new"}}
}

// answers are the registries' answers about the issued credentials.
func answers(in *Input, checks []Check) {
	in.Facts.IssuedChecks, in.Status.Rotation.OfferEndsAt = checks, hours(72)
	Record{in.Status}.Answered(checks, in.Now)
}

// refusedFor is a refusal of the pull secret in use that has lasted for a while.
func refusedFor(in *Input, since time.Duration) {
	Record{in.Status}.Answered(in.Facts.Checks, noon.Add(-since))
	in.Facts.Checks[0].Since = noon.Add(-since)
}

func said(outcome Outcome, policy v1alpha1.VerificationPolicy) []Check {
	return []Check{{Registry: "quay.io", Policy: policy, Fingerprint: "new", Result: Answer{Outcome: outcome, Message: "says " + string(outcome)}}}
}

func TestDecide_UntilTheRequest(t *testing.T) {
	unsent := func(in *Input) {
		in.Status.Rotation.ID, in.Status.Rotation.RequestedAt = "", nil
		in.Facts.Rotations = &[]Rotation{}
	}
	intended := func(in *Input, ago time.Duration) {
		unsent(in)
		in.Status.Rotation.IntendedAt = TimePtr(noon.Add(-ago))
	}
	for _, c := range []decision{
		{"the list is read first", func(in *Input) { unsent(in); in.Facts.Rotations = nil }, LookAtRotations, "", ""},
		{"then the intent is recorded", unsent, RecordIntent, "", ""},
		{"an intent of our own is followed by the request", func(in *Input) { intended(in, 0); in.Facts.IntentIsOurs = true }, Request, "", ""},
		{"but not when the process stood still since", func(in *Input) { intended(in, 31*time.Second); in.Facts.IntentIsOurs = true }, Wait, v1alpha1.ReasonRotationStarted, ""},
		{"another object's intent is given time to take effect", func(in *Input) { intended(in, 59*time.Second) }, Wait, v1alpha1.ReasonRotationStarted, "the operator checks OCM's list"},
		{"and then replaced", func(in *Input) { intended(in, time.Minute) }, RecordIntent, "", ""},
		{"its effect is adopted", func(in *Input) { intended(in, time.Second); list(in, RotationPending) }, RecordID, "", ""},
		{"also instead of our own request", func(in *Input) { intended(in, 0); in.Facts.IntentIsOurs = true; list(in, "queued") }, RecordID, "", ""},
		{"a T that was changed meanwhile abandons it", func(in *Input) { unsent(in); in.Spec.RotateAfter = hours(0) }, Abandon, "", ""},
		{"so does another mode", func(in *Input) { unsent(in); in.Spec.Mode, in.Spec.RotateAfter = v1alpha1.ModeFollow, nil }, Abandon, "", ""},
		{"an approval that was taken back holds it back", func(in *Input) { unsent(in); in.Spec.Approval = v1alpha1.ApprovalBeforeRequest }, Wait, v1alpha1.ReasonAwaitingApproval, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, underWayInput()) })
	}
}

func TestDecide_FromTheRequestToTheTarget(t *testing.T) {
	for _, c := range []decision{
		{"OCM's credentials are the same as before: it waits", func(*Input) {}, Wait, v1alpha1.ReasonAwaitingIssue, "was requested at 2026-05-06 11:00 UTC"},
		{"for longer than normal: it says so and waits on", func(in *Input) { in.Status.Rotation.RequestedAt = hours(-25) }, Wait, v1alpha1.ReasonIssueOverdue, "support case"},
		{"the cluster had switched before it was found: what it uses is on record from now on", func(in *Input) { in.Facts.Switched = true }, MarkIssued, "", ""},
		{"or, where nothing is offered, the end is awaited, for however long", func(in *Input) {
			in.Facts.Switched, in.Facts.Issued, in.Status.Rotation.RequestedAt = true, &IssuedFact{}, hours(-100)
		}, Wait, v1alpha1.ReasonAwaitingIssue, "waits for the rotation to complete"},
		{"new credentials are seen while the rotation is pending", func(in *Input) { in.Facts.Issued.SameAsBaseline = false }, MarkIssued, "", ""},
		{"a rotation that has ended leaves no doubt", func(in *Input) { list(in, RotationCompleted) }, MarkIssued, "", ""},
		{"a follower that is offered nothing ends with it", func(in *Input) { list(in, RotationCompleted); in.Facts.Issued = &IssuedFact{} }, Finish, "", ""},
		{"whose they are is made sure of first", func(in *Input) { in.Facts.Issued.SameAsBaseline, in.Facts.Account = false, nil }, LookAtAccount, "", ""},
		{"and whose the cluster's pull secret is", func(in *Input) { in.Facts.Issued.SameAsBaseline, in.Facts.Owner = false, nil }, LookAtOwner, "", ""},
		{"a pin that was moved meanwhile holds them back", func(in *Input) { in.Facts.Issued.SameAsBaseline, in.Spec.OCM.AccountID = false, "you" }, Wait, v1alpha1.ReasonAccountPinMismatch, ""},
		{"a token on record that has died does not", func(in *Input) {
			in.Facts.Issued.SameAsBaseline, in.Facts.Owner = false, &OwnerFact{Dead: true, Known: true, Email: "before@example.com"}
		}, MarkIssued, "", ""},
		{"another one that OCM refuses does", func(in *Input) {
			in.Facts.Issued.SameAsBaseline, in.Facts.Owner = false, &OwnerFact{Dead: true, Email: "someone.else@example.com"}
		}, Wait, v1alpha1.ReasonAccountMismatch, "e-mail address"},
		{"a rotation of an account that the operator has left: it asks whether that is still so", func(in *Input) {
			in.Status.Rotation.AccountID, in.Facts.Account = "before", nil
		}, LookAtAccount, "", ""},
		{"it is: a person is asked", func(in *Input) {
			in.Status.Rotation.AccountID, in.Facts.Owner = "before", &OwnerFact{AccountID: "before"}
		}, Wait, v1alpha1.ReasonAccountMismatch, "Provide an OCM credential of account before"},
		{"and that advice is good: the cluster follows", func(in *Input) { in.Status.Rotation.AccountID = "before" }, Abandon, "", ""},
		{"or the pin says so", func(in *Input) {
			in.Status.Rotation.AccountID, in.Facts.Owner, in.Spec.OCM.AccountID = "before", &OwnerFact{Dead: true}, "me"
		}, Abandon, "", ""},
		{"start windows and approval hold nothing back now", func(in *Input) {
			in.Spec.Approval = v1alpha1.ApprovalBeforeRequest
			in.Facts.Issued.SameAsBaseline = false
		}, MarkIssued, "", ""},
		{"a reconcile before the next poll asks nothing", func(in *Input) { in.LastPoll, in.Facts.Rotations = noon.Add(-time.Minute), nil }, Wait, v1alpha1.ReasonAwaitingIssue, ""},
		{"at the next poll it does", func(in *Input) { in.LastPoll, in.Facts.Rotations = noon.Add(-time.Hour), nil }, LookAtRotations, "", ""},
		{"a poll in the future does not count", func(in *Input) { in.LastPoll, in.Facts.Rotations = noon.Add(time.Hour), nil }, LookAtRotations, "", ""},
		{"a record that vanished is not requested again", func(in *Input) { in.Facts.Rotations = &[]Rotation{} }, Wait, v1alpha1.ReasonRotationVanished, "set spec.rotateAfter to the current time"},
		{"and that advice is good", func(in *Input) { in.Facts.Rotations = &[]Rotation{}; in.Spec.RotateAfter = hours(0) }, Abandon, "", ""},
		{"a follower goes on without it", func(in *Input) {
			in.Facts.Rotations, in.Spec.RotateAfter, in.Spec.Mode = &[]Rotation{}, nil, v1alpha1.ModeFollow
		}, Abandon, "", ""},
		{"another pending one replaces it", func(in *Input) { (*in.Facts.Rotations)[0].ID = "b" }, RecordID, "", ""},
		{"issued credentials are verified", issued, CheckIssued, "", ""},
		{"a follower whose offer has ended waits for the end", func(in *Input) { issued(in); in.Facts.Issued = &IssuedFact{} }, Wait, v1alpha1.ReasonAwaitingIssue, "no longer offers"},
		{"newer ones take their place", func(in *Input) { issued(in); in.Facts.Issued.SameAsIssued = false }, MarkIssued, "", ""},
		{"accepted ones are good", func(in *Input) { issued(in); accepted(in) }, MarkVerified, "", ""},
		{"a refusal counts only after a while", func(in *Input) { issued(in); answers(in, said(Denied, v1alpha1.VerificationRequired)) }, Wait, v1alpha1.ReasonVerifying,
			"until 2026-05-06 12:29 UTC a refusal does not count"},
		{"then it counts", func(in *Input) {
			issued(in)
			in.Status.Rotation.IssuedAt = hours(-1)
			answers(in, said(Unauthorized, v1alpha1.VerificationBestEffort))
		}, Wait, v1alpha1.ReasonCredentialsRefused, "quay.io: says Unauthorized"},
		{"an unreachable registry holds it back where it is Required", func(in *Input) {
			issued(in)
			answers(in, said(Unreachable, v1alpha1.VerificationRequired))
		}, Wait,
			v1alpha1.ReasonVerificationIncomplete, "BestEffort or Skip"},
		{"and not where it is BestEffort", func(in *Input) {
			issued(in)
			answers(in, said(Unreachable, v1alpha1.VerificationBestEffort))
		}, MarkVerified, "", ""},
		{"as the time runs out it is written unproven", func(in *Input) {
			issued(in)
			answers(in, said(Unreachable, v1alpha1.VerificationRequired))
			in.Status.Rotation.OfferEndsAt = hours(0)
		}, Apply, "", ""},
		{"and as soon as OCM has deleted the old ones", func(in *Input) {
			issued(in)
			answers(in, said(Unreachable, v1alpha1.VerificationRequired))
			in.Status.Rotation.OCMStatus = RotationCompleted
		}, Apply, "", ""},
		{"but never when it is refused", func(in *Input) {
			issued(in)
			answers(in, said(Unauthorized, v1alpha1.VerificationRequired))
			in.Status.Rotation.OfferEndsAt, in.Status.Rotation.IssuedAt = hours(0), hours(-24)
		}, Wait, v1alpha1.ReasonCredentialsRefused, ""},
		{"the token for OCM waits for the others, because OCM counts a cluster that reports with it as switched", func(in *Input) {
			issued(in)
			answers(in, said(Unreachable, v1alpha1.VerificationRequired))
			in.Facts.Targets[0].Changes = append(in.Facts.Targets[0].Changes, Change{Registry: telemetryRegistry, Source: telemetryRegistry, Fingerprint: "token"})
			Record{in.Status}.Answered([]Check{{Registry: telemetryRegistry, Fingerprint: "token", Result: Answer{Outcome: Accepted}}}, in.Now)
		}, Wait, v1alpha1.ReasonVerificationIncomplete, ""},
		{"a lagging server's old credentials are not new", func(in *Input) {
			issued(in)
			in.Facts.Issued = &IssuedFact{Present: true, Superseded: true}
		}, Wait, v1alpha1.ReasonVerifying, "lags behind"},
		{"before the target is written the pools are looked at", func(in *Input) {
			issued(in)
			accepted(in)
			in.Status.Rotation.VerifiedAt, in.Facts.Pools = hours(0), nil
		}, LookAtPools, "", ""},
		{"then it is written", func(in *Input) { issued(in); accepted(in); in.Status.Rotation.VerifiedAt = hours(0) }, Apply, "", ""},
		{"nothing is written while the canary is broken", func(in *Input) {
			issued(in)
			in.Status.Rotation.VerifiedAt = hours(0)
			in.Facts.Targets[0] = TargetFact{Ref: global, Problem: v1alpha1.ReasonTargetInvalid, Message: "Repair it."}
		}, Wait, v1alpha1.ReasonTargetInvalid, "Repair it."},
		{"a suspended object writes nothing", func(in *Input) {
			issued(in)
			in.Status.Rotation.VerifiedAt, in.Spec.Suspend = hours(0), true
		}, Wait, v1alpha1.ReasonSuspended, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, underWayInput()) })
	}
}

func TestDecide_FromTheTargetToTheEnd(t *testing.T) {
	pools := func(in *Input, p Pool) {
		p.Name, p.Machines = "worker", 3
		in.Facts.Pools = &[]Pool{p}
	}
	degraded := func(in *Input) {
		appliedSince(in, -1)
		pools(in, Pool{Wanted: "new", Current: "old", Degraded: true})
	}
	for _, c := range []decision{
		{"no pools at all is fine", func(in *Input) { appliedSince(in, 0) }, MarkRolledOut, "", ""},
		{"a pool that has not rendered the change is waited for, though it says that all is well", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "old", Current: "old", Updated: 3})
		}, Wait, v1alpha1.ReasonRollingOut, "worker has not rendered the change yet"},
		{"then its machines", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "new", Current: "old", Updated: 1})
		}, Wait, v1alpha1.ReasonRollingOut, "1 of 3 machines"},
		{"for longer than the timeout: it says so and follows on", func(in *Input) {
			appliedSince(in, -3)
			pools(in, Pool{Wanted: "new", Current: "old", Updated: 1})
		}, Wait,
			v1alpha1.ReasonRolloutOverdue, "oc get machineconfigpools"},
		{"the machines are looked at after their pools", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "new", Current: "new", Updated: 3})
			in.Facts.Machines = nil
		}, LookAtMachines, "", ""},
		{"a machine in the middle of the update is waited for, though its pool has counted it", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "new", Current: "new", Updated: 3})
			in.Facts.Machines = &[]Machine{{Name: "worker-1", Pool: "worker", Current: "old", Condition: "Drained", Reason: "UpdateExecutedDrained"}}
		}, Wait, v1alpha1.ReasonRollingOut, "without worker-1 (Drained: UpdateExecutedDrained)"},
		{"a machine at rest is not, whatever its record says that it has", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "new", Current: "new", Updated: 3})
			in.Facts.Machines = &[]Machine{{Name: "worker-1", Pool: "worker", Current: "old", Updated: true}}
		}, MarkRolledOut, "", ""},
		{"nor one of a pool that is not there", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "new", Current: "new", Updated: 3})
			in.Facts.Machines = &[]Machine{{Name: "old-1", Pool: "removed", Current: "old"}}
		}, MarkRolledOut, "", ""},
		{"machines do not end a roll-out before their pool", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "new", Current: "old", Updated: 1})
			in.Facts.Machines = &[]Machine{{Name: "worker-1", Pool: "worker", Current: "new", Updated: true}}
		}, Wait, v1alpha1.ReasonRollingOut, "1 of 3 machines"},
		{"a paused pool is not waited for", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "old", Current: "old", Paused: true})
		}, MarkRolledOut, "", ""},
		{"no pool is, when the spec says so", func(in *Input) {
			appliedSince(in, 0)
			pools(in, Pool{Wanted: "old", Current: "old"})
			no := false
			in.Spec.Rollout.WaitForPools = &no
		}, MarkRolledOut, "", ""},
		{"a pool that degrades is reported: it is no evidence about a credential", degraded, Wait, v1alpha1.ReasonRolloutDegraded, "oc describe machineconfigpool worker"},
		{"not one that was degraded before the change", func(in *Input) {
			degraded(in)
			in.Status.Rotation.Pools[0].DegradedBefore = true
		}, Wait, v1alpha1.ReasonRollingOut, "worker is degraded, as it was before"},
		{"nor for another writer's change", func(in *Input) {
			degraded(in)
			in.Status.Rotation.Pools, in.Status.Targets[0].Result = nil, v1alpha1.ReasonAlreadyCurrent
		}, Wait, v1alpha1.ReasonRolloutDegraded, "oc describe machineconfigpool worker"},
		{"not when the spec says Never", func(in *Input) { degraded(in); in.Spec.Rollback = v1alpha1.RollbackNever }, Wait, v1alpha1.ReasonRolloutDegraded, "oc describe machineconfigpool worker"},
		{"the end of the old credentials is waited for", rolledOut, Wait, v1alpha1.ReasonAwaitingRevocation, "can take several days"},
		{"for longer than transfers live: it says so and waits on", func(in *Input) { rolledOut(in); in.Status.Rotation.RequestedAt = hours(-121) }, Wait, v1alpha1.ReasonRevocationOverdue,
			"Check the account's other clusters"},
		{"OCM says that it is over", func(in *Input) { rolledOut(in); list(in, RotationCompleted) }, Finish, "", ""},
		{"but not before the machines have it", func(in *Input) {
			appliedSince(in, -1)
			list(in, RotationCompleted)
			pools(in, Pool{Wanted: "new", Current: "old"})
		}, Wait, v1alpha1.ReasonRollingOut, ""},
		{"unless they take too long", func(in *Input) {
			appliedSince(in, -3)
			list(in, RotationCompleted)
			pools(in, Pool{Wanted: "new", Current: "old"})
		}, Finish, "", ""},
		{"other credentials are issued meanwhile", func(in *Input) { rolledOut(in); in.Facts.Issued.SameAsIssued = false }, MarkIssued, "", ""},
		{"an old entry is healed at once", func(in *Input) { rolledOut(in); changed(in); in.Facts.Targets[0].Old = []string{"quay.io"} }, Heal, "", ""},
		{"not so when it is another account's", func(in *Input) {
			rolledOut(in)
			in.Facts.Issued.InUse, in.Facts.Owner = false, &OwnerFact{AccountID: "you"}
		}, Wait, v1alpha1.ReasonAccountMismatch, "belongs to account you"},
		{"an entry that no record knows is healed at the next poll", func(in *Input) { rolledOut(in); changed(in) }, Heal, "", ""},
		{"a rollback that was interrupted goes on", func(in *Input) {
			rolledOut(in)
			in.Facts.Offer = &OfferFact{Open: true}
			in.Status.Rotation.RolledBackAt = hours(0)
		}, RollBack, "", ""},
		{"with the old entries, which are read first", func(in *Input) {
			rolledOut(in)
			in.Facts.Offer, in.Facts.BackupKnown = &OfferFact{Open: true}, false
			in.Status.Rotation.RolledBackAt = hours(0)
		}, LookAtBackup, "", ""},
		{"and ends where they are gone", func(in *Input) {
			rolledBack(in)
			in.Status.Targets[0].Result = v1alpha1.ReasonPullSecretUpdated
			in.Status.Rotation.BackupSecret = ""
		}, Wait, v1alpha1.ReasonRolledBack, ""},
		{"what was rolled back says so", rolledBack, Wait, v1alpha1.ReasonRolledBack, "set spec.rollback to Never"},
		{"and that advice is good", func(in *Input) {
			rolledBack(in)
			in.Spec.Rollback = v1alpha1.RollbackNever
		}, MarkIssued, "", ""},
		{"its old credentials die: the new ones go in again", func(in *Input) {
			rolledBack(in)
			list(in, RotationCompleted)
		}, MarkIssued, "", ""},
		{"a health check is due", func(in *Input) { rolledOut(in); in.Status.LastHealthCheck = hours(-7) }, CheckInUse, "", ""},
		{"registries that refuse what was applied roll it back", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline)
			in.Facts.BackupChecks, in.Facts.Offer = said(Accepted, v1alpha1.VerificationRequired), &OfferFact{Open: true}
		}, RollBack, "", ""},
		{"only when the old entries are accepted: they are asked about", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline)
		}, CheckBackup, "", ""},
		{"which are read first", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline)
			in.Facts.BackupKnown = false
		}, LookAtBackup, "", ""},
		{"not when they are refused as well", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline)
			in.Facts.BackupChecks = said(Unauthorized, v1alpha1.VerificationRequired)
		}, RecordHealth, "", ""},
		{"not when OCM no longer waits for this cluster", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline)
			in.Facts.BackupChecks, in.Facts.Offer = said(Accepted, v1alpha1.VerificationRequired), &OfferFact{}
		}, RecordHealth, "", ""},
		{"not for an entry that this rotation did not bring", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline)
			in.Facts.Checks[0].Fingerprint = "somebody's"
			in.Facts.BackupChecks, in.Facts.Offer = said(Accepted, v1alpha1.VerificationRequired), &OfferFact{Open: true}
		}, RecordHealth, "", ""},
		{"not for a registry's bad moment", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			refusedFor(in, in.Timing.VerifyDeadline-time.Second)
		}, Wait, v1alpha1.ReasonRegistriesRefuse, "the operator will restore them"},
		{"nor when the spec says Never", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unauthorized, v1alpha1.VerificationRequired)
			in.Spec.Rollback = v1alpha1.RollbackNever
		}, RecordHealth, "", ""},
		{"registries that cannot be reached do not", func(in *Input) {
			rolledOut(in)
			in.Status.LastHealthCheck, in.Facts.Checks = hours(-7), said(Unreachable, v1alpha1.VerificationRequired)
		}, RecordHealth, "", ""},
		{"what was caught up with needs no revocation", func(in *Input) {
			rolledOut(in)
			in.Status.Rotation.Reason, in.Status.Rotation.OCMStatus = v1alpha1.TriggerCatchUp, RotationCompleted
		}, Finish, "", ""},
		{"a reconcile before the next poll asks nothing", func(in *Input) {
			rolledOut(in)
			in.LastPoll, in.Facts.Rotations = noon.Add(-time.Minute), nil
		}, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, underWayInput()) })
	}
}

func TestJudge_OnlyARefusalIsEvidenceAndOnlyRequiredWaitsForAnAnswer(t *testing.T) {
	for _, policy := range []v1alpha1.VerificationPolicy{v1alpha1.VerificationRequired, v1alpha1.VerificationBestEffort, v1alpha1.VerificationSkip} {
		for _, outcome := range []Outcome{Accepted, Unauthorized, Denied, Unreachable, RateLimited, TLSError} {
			refused, unknown := Judge(said(outcome, policy))
			skip := policy == v1alpha1.VerificationSkip || outcome == Accepted
			if want := !skip && outcome.Refused(); (len(refused) == 1) != want {
				t.Errorf("%s %s: refused %v", policy, outcome, refused)
			}
			if want := !skip && !outcome.Refused() && policy == v1alpha1.VerificationRequired; (len(unknown) == 1) != want {
				t.Errorf("%s %s: unknown %v", policy, outcome, unknown)
			}
		}
	}
}

// Nothing in a message may depend on the current time: it would be written again in each reconcile.
func TestDecide_SaysTheSameAtEachLook(t *testing.T) {
	in := underWayInput()
	first := Decide(in)
	in.Now = noon.Add(37 * time.Second)
	if later := Decide(in); later.Message != first.Message || strings.Contains(first.Message, " ago") {
		t.Errorf("first %q\nthen  %q", first.Message, later.Message)
	}
}
