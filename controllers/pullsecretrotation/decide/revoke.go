package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// afterApply follows the pools and OCM in parallel.
var afterApply = chain{
	{why: "an old entry that somebody has restored is replaced", then: oldEntries},
	{why: "`spec.rollback: Never` means that a person wants the new credentials after all", when: unwantedRollback, then: reissue},
	{why: "an interrupted rollback continues", when: rollingBack, then: rollBack},
	{why: "do the machines have the new file?", when: rollingOut, needs: []*need{needPools}},
	{why: "and which of them do not?", when: followsMachines, needs: []*need{needMachines}},
	{why: "they have", when: all(rollingOut, settled), check: does(MarkRolledOut)},
	{why: "`spec.rollout.probe`: can they pull with it?", when: Probing, then: probeMachines},
	{why: "the applied pull secret is checked at the health check's interval", when: all(healthIsDue, canaryUsable), needs: []*need{needChecks}, then: judgeApplied},
	{why: "a machine that its registry refuses is evidence as the registry's own answer is, and with the same patience", when: probeCondemns, then: judgeProbe},
	{why: "the roll-out and the probes are reported before OCM's progress, and awaited", then: awaitingRevocation, amend: besideMachines},
}

// unwantedRollback is true for a rollback that the spec forbids.
func unwantedRollback(in Input) bool {
	return in.Status.Rotation.RolledBackAt != nil && in.Spec.Rollback == v1alpha1.RollbackNever
}

func rollingOut(in Input) bool {
	return in.Status.Rotation.RolledOutAt == nil && in.Status.Rotation.RolledBackAt == nil
}

func settled(in Input) bool { return rollout(in) == nil }

func besideMachines(in Input, said *Decision) *Decision {
	return besideProbes(in, besideRollout(in, said))
}

// besideRollout reports the roll-out instead of OCM's progress. A degraded pool says nothing about a credential: it is reported, but causes no
// rollback. Once the old credentials are gone, the roll-out is followed until it is overdue.
func besideRollout(in Input, said *Decision) *Decision {
	if !rollingOut(in) {
		return said
	}
	pools := rollout(in)
	switch {
	case said.Step == Finish && pools.Reason != v1alpha1.ReasonRolloutOverdue:
		return pools
	case said.Step != Wait:
		return said
	}
	pools.After = min(pools.After, said.After)
	return pools
}

// judgeApplied judges the applied pull secret as between rotations, except that a registry that refuses a new entry and accepts the old one
// causes a rollback.
var judgeApplied = chain{
	{why: "a short failure of a registry is not a reason to roll back", when: appliedRefused, check: refusedForAWhile},
	{why: "is the entry that was replaced still there?", when: all(appliedRefused, hasBackup), needs: []*need{needBackup}},
	{why: "and what does the registry say of it?", when: all(appliedRefused, hasBackup), needs: []*need{needBackupChecks}},
	{why: "it does", when: all(appliedRefused, oldAccepted), then: rollBack},
	{why: "the health check is complete", check: does(RecordHealth)},
}

// appliedRefused is true if a registry refuses the new entries, and a rollback is possible.
func appliedRefused(in Input) bool {
	r := in.Status.Rotation
	return r.RolledBackAt == nil && in.Spec.Rollback != v1alpha1.RollbackNever && len(refusedChanges(in)) > 0
}

// refusedForAWhile asks the registry again, as for new credentials, before a refusal has consequences.
func refusedForAWhile(in Input) *Decision {
	refused := refusedChanges(in)
	until := refusedSince(refused).Add(in.Timing.VerifyDeadline)
	if !in.Now.Before(until) {
		return nil
	}
	return decided(Waiting(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
		fmt.Sprintf("The pull secret applied at %s is refused: %s. If that is still so at %s and the old entries are accepted, the operator will restore them.",
			OnTheClock(in.Status.Rotation.AppliedAt.Time), spoken(refused), OnTheClock(until)), in.Timing.VerifyRetry))
}

func hasBackup(in Input) bool { return in.Status.Rotation.BackupSecret != "" }

func oldAccepted(in Input) bool { return accepts(in.Facts.BackupChecks) }

// accepts is true if one of the registries has accepted.
func accepts(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.accepted() })
}

// refusedChanges are the refusals of entries that this rotation has issued.
func refusedChanges(in Input) []Check {
	var list []Check
	for _, c := range in.Facts.Checks {
		change := Change{Registry: c.Registry, Source: c.Registry, Fingerprint: c.Fingerprint}
		if c.Policy != v1alpha1.VerificationSkip && c.Result.Outcome.Refused() && Holds(in.Status.Rotation.Issued, c.Fingerprint) && !proven(in, change) {
			list = append(list, c)
		}
	}
	return list
}

func spoken(checks []Check) string {
	list := make([]string, 0, len(checks))
	for _, c := range checks {
		list = append(list, c.said())
	}
	return strings.Join(list, "; ")
}

// refusedSince is when the first of the refusing registries began to refuse.
func refusedSince(refused []Check) time.Time {
	first := refused[0].Since
	for _, c := range refused {
		if c.Since.Before(first) {
			first = c.Since
		}
	}
	return first
}

// rollBack restores the old entries while OCM keeps the old credentials, which only its list shows. Once they are deleted, restoring them would
// break the cluster for good.
var rollBack = chain{
	{why: "does OCM still keep the old credentials?", when: mayRollBack, needs: []*need{needRotations}},
	{why: "does it still wait for this cluster?", when: all(mayRollBack, oldAlive), needs: []*need{needOffer}},
	{why: "then the old entries work, and for long enough, if they are still there", when: all(mayRollBack, oldAlive, timeToGoBack), needs: []*need{needBackup}},
	{why: "they are", when: all(mayRollBack, oldAlive, timeToGoBack), check: does(RollBack)},
}

func mayRollBack(in Input) bool { return hasBackup(in) && in.Spec.Rollback != v1alpha1.RollbackNever }

func oldAlive(in Input) bool { return current(in).Status == RotationPending }

// timeToGoBack is true while OCM does not consider this cluster switched, and the deadline is not near.
func timeToGoBack(in Input) bool { return in.Facts.Offer.Open && in.Now.Before(closes(in)) }

// rollingBack is true while a rollback has begun but not reached each target.
func rollingBack(in Input) bool {
	return in.Status.Rotation.RolledBackAt != nil && slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool {
		return t.Problem == "" && Applied(TargetRow(in.Status, t.Ref))
	})
}

// reissue starts again with what OCM issues.
var reissue = chain{
	{why: "which credentials does OCM issue?", needs: []*need{needIssued}, then: receive},
}

// awaitingRevocation checks whether OCM has deleted the old credentials, or has issued others in the meantime.
var awaitingRevocation = chain{
	{why: "a cluster that was late has nothing to wait for", when: endedBefore, check: finishNow},
	{why: "a reconcile with another cause does not ask OCM before the next poll", when: tooEarlyToPoll, check: awaitRevokeMessage, amend: untilNextPoll},
	{why: "what is the rotation's status?", needs: []*need{needRotations}},
	{why: "somebody has deleted its record", when: not(listed), then: vanished},
	{why: "which credentials does OCM issue?", needs: []*need{needIssued}},
	{why: "the answer of a server that lags behind is ignored", when: superseded, check: awaitRevokeMessage, amend: soon},
	{why: "it has ended, and OCM issues the credentials of another rotation, which has its own deadlines", when: overtaken, check: finish},
	{why: "it was adopted before OCM's batch ran: these are the actual new credentials", when: all(not(nothingOffered), not(sameAsIssued)), then: receive},
	{why: "somebody has written an unknown credential of the account", when: differs, then: setAgain},
	{why: "it has ended and the old credentials no longer work: the new ones must be written again", when: all(completed, isRolledBack), then: receive},
	{why: "it has ended", when: completed, check: finish},
	{why: "it can no longer complete, and a later T has come", when: all(not(canComplete), laterT), check: does(Abandon)},
	{why: "every cluster of the account must have switched", check: awaitRevokeMessage},
}

var setAgain = chain{
	{why: "the new credentials must belong to the account of the cluster's pull secret", then: sameOwner},
	{why: "by evidence, as in a rotation", then: late},
	{why: "and less often the longer the fight lasts", check: fightAbout},
}

// endedBefore is true if a rotation ended before this cluster began to catch up.
func endedBefore(in Input) bool {
	return in.Status.Rotation.Reason == v1alpha1.TriggerCatchUp && in.Status.Rotation.OCMStatus == RotationCompleted
}

func finishNow(in Input) *Decision { return &Decision{Step: Finish, Rotation: *in.Status.Rotation} }

func isRolledBack(in Input) bool { return in.Status.Rotation.RolledBackAt != nil }

// differs is true if a target has a credential of the account other than the issued one, but should not.
func differs(in Input) bool {
	return in.Facts.Issued.Present && !in.Facts.Issued.InUse && !isRolledBack(in)
}

func soon(in Input, said *Decision) *Decision {
	said.After = min(said.After, atItsTurn(in, in.Timing.PollMin))
	return said
}

// overtaken is true if a rotation has ended and another one under way issues the current credentials.
func overtaken(in Input) bool {
	return oneIsPending(in) && completed(in) && !isRolledBack(in)
}

func awaitRevokeMessage(in Input) *Decision {
	r := in.Status.Rotation
	asked := since(r)
	after := untilNewPoll(in)
	if r.RolledBackAt != nil {
		return decided(Waiting(Stalled, v1alpha1.ReasonRolledBack, "Rolled back",
			fmt.Sprintf("The old entries were restored at %s because a registry refused the new ones. They stop working when OCM completes "+
				"rotation %s; the operator then writes the new ones again. Fix the cause before that, and set spec.rollback to Never to get the "+
				"new ones at once.", OnTheClock(r.RolledBackAt.Time), r.ID), after))
	}
	if refusedInUse(in.Status) != nil && wantsRollback(in) {
		return decided(Waiting(Failing, v1alpha1.ReasonRollbackImpossible, "Applied credentials refused",
			fmt.Sprintf("A registry refuses the new credentials, which this cluster has had since %s, and accepts the old ones. Those are not restored, because OCM may delete "+
				"them at any time, or their backup is missing. See the condition PullSecretValid, and fix the cause.", OnTheClock(r.AppliedAt.Time)), after))
	}
	if refusedInUse(in.Status) != nil {
		return decided(Waiting(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
			fmt.Sprintf("This cluster has had the new credentials since %s, but a registry refuses the pull secret in use. See the condition "+
				"PullSecretValid.", OnTheClock(r.AppliedAt.Time)), after))
	}
	if in.Now.Sub(asked) > in.Timing.RevokeDeadline {
		return decided(Waiting(Ready, v1alpha1.ReasonRevocationOverdue, "Rotated; revocation overdue",
			fmt.Sprintf("This cluster has used the new credentials since %s, but OCM has not deleted the old ones of rotation %s, requested at %s: "+
				"another cluster of the account may not have switched. The old credentials may still work. Check the account's other "+
				"clusters.%s", OnTheClock(r.AppliedAt.Time), r.ID, OnTheClock(asked), oddStatus(r, in.Now)), after))
	}
	return decided(Waiting(Ready, v1alpha1.ReasonAwaitingRevocation, "Rotated; waiting for revocation",
		fmt.Sprintf("This cluster has used the new credentials since %s. OCM deletes the old ones when every cluster of the account has switched, "+
			"which can take several days.",
			OnTheClock(r.AppliedAt.Time)), after))
}

// wantsRollback is true if, by the evidence on record, a registry refuses what this rotation brought and has accepted since then what it
// replaced. Where a rollback is possible, it takes place before anybody is told.
func wantsRollback(in Input) bool {
	s, r := Record{in.Status}, in.Status.Rotation
	return in.Spec.Rollback != v1alpha1.RollbackNever && slices.ContainsFunc(r.Issued, func(f v1alpha1.EntryFingerprint) bool {
		fresh := s.Credential(f.Registry, f.Fingerprint)
		return fresh != nil && fresh.RefusedSince != nil && slices.ContainsFunc(r.Baseline, func(b v1alpha1.EntryFingerprint) bool {
			old := s.Credential(b.Registry, b.Fingerprint)
			return b.Registry == f.Registry && b.Fingerprint != f.Fingerprint && old != nil && old.RefusedSince == nil && old.VerifiedAt != nil &&
				!old.VerifiedAt.Before(fresh.RefusedSince)
		})
	})
}
