package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// afterApply follows the pools and OCM at once: neither waits for the other.
var afterApply = chain{
	{why: "an old entry that somebody has put back is replaced", then: oldEntries},
	{why: "`spec.rollback: Never` says that a person wants the new credentials after all", when: unwantedRollback, then: reissue},
	{why: "a rollback that was interrupted goes on", when: rollingBack, then: rollBack},
	{why: "have the machines the new file?", when: rollingOut, needs: []*need{needPools}},
	{why: "they have", when: all(rollingOut, settled), check: does(MarkRolledOut)},
	{why: "what is applied is proven on the health check's interval", when: all(healthIsDue, canaryUsable), needs: []*need{needChecks}, then: judgeApplied},
	{why: "a roll-out is reported before OCM's progress, and waited for", then: awaitingRevocation, amend: besideRollout},
}

// unwantedRollback is true for a rollback that the spec does not want.
func unwantedRollback(in Input) bool {
	return in.Status.Rotation.RolledBackAt != nil && in.Spec.Rollback == v1alpha1.RollbackNever
}

func rollingOut(in Input) bool {
	return in.Status.Rotation.RolledOutAt == nil && in.Status.Rotation.RolledBackAt == nil
}

func settled(in Input) bool { return rollout(in) == nil }

// besideRollout reports the roll-out in the place of OCM's progress. A degraded pool says nothing about a credential: it is reported, and
// nothing is put back for it. Once the old credentials are gone, a roll-out is followed on until it is overdue.
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

// judgeApplied judges the applied pull secret as between rotations, but for a registry that refuses an entry which this rotation brought,
// and accepts the one that it replaced: that is a reason to go back.
var judgeApplied = chain{
	{why: "a registry's bad moment is no reason to go back", when: appliedRefused, check: refusedForAWhile},
	{why: "is the entry that was replaced still there?", when: all(appliedRefused, hasBackup), needs: []*need{needBackup}},
	{why: "and what does the registry say of it?", when: all(appliedRefused, hasBackup), needs: []*need{needBackupChecks}},
	{why: "it does", when: all(appliedRefused, oldAccepted), then: rollBack},
	{why: "the health check is concluded", check: does(RecordHealth)},
}

// appliedRefused is true when a registry refuses what the rotation has brought, and the old entries might be put back for that.
func appliedRefused(in Input) bool {
	r := in.Status.Rotation
	return r.RolledBackAt == nil && r.RevokedAt == nil && in.Spec.Rollback != v1alpha1.RollbackNever && len(refusedChanges(in)) > 0
}

// refusedForAWhile has the registry asked again, as about new credentials, before that has consequences.
func refusedForAWhile(in Input) *Decision {
	refused := refusedChanges(in)
	until := refusedSince(refused).Add(in.Timing.VerifyDeadline)
	if !in.Now.Before(until) {
		return nil
	}
	return decided(Waiting(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
		fmt.Sprintf("The pull secret applied at %s is refused: %s. If that is so until %s and the old entries are accepted, they are put back.",
			OnTheClock(in.Status.Rotation.AppliedAt.Time), spoken(refused), OnTheClock(until)), in.Timing.VerifyRetry))
}

func hasBackup(in Input) bool { return in.Status.Rotation.BackupSecret != "" }

func oldAccepted(in Input) bool { return accepts(in.Facts.BackupChecks) }

// accepts is true when one of the registries has accepted.
func accepts(checks []Check) bool {
	return slices.ContainsFunc(checks, func(c Check) bool { return c.accepted() })
}

// refusedChanges are the answers that speak against an entry which this rotation has issued.
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

// refusedSince is when the first of the registries that refuse began to.
func refusedSince(refused []Check) time.Time {
	first := refused[0].Since
	for _, c := range refused {
		if c.Since.Before(first) {
			first = c.Since
		}
	}
	return first
}

// rollBack puts the old entries back while OCM keeps the old credentials alive, which only its list can tell. Afterwards the
// backup is dead, and putting it back would break the cluster for good.
var rollBack = chain{
	{why: "does OCM keep the old credentials alive?", when: mayRollBack, needs: []*need{needRotations}},
	{why: "does it still wait for this cluster?", when: all(mayRollBack, oldAlive), needs: []*need{needOffer}},
	{why: "then they work, and for long enough, if they are still there", when: all(mayRollBack, oldAlive, timeToGoBack), needs: []*need{needBackup}},
	{why: "they are", when: all(mayRollBack, oldAlive, timeToGoBack), check: does(RollBack)},
}

func mayRollBack(in Input) bool { return hasBackup(in) && in.Spec.Rollback != v1alpha1.RollbackNever }

func oldAlive(in Input) bool { return current(in).Status == RotationPending }

// timeToGoBack is true while OCM does not count this cluster as switched, and the time that it gives it is not nearly over.
func timeToGoBack(in Input) bool { return in.Facts.Offer.Open && in.Now.Before(closes(in)) }

// rollingBack is true while a rollback has begun and has not come to each target: it was interrupted.
func rollingBack(in Input) bool {
	return in.Status.Rotation.RolledBackAt != nil && slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool {
		return t.Problem == "" && Applied(TargetRow(in.Status, t.Ref))
	})
}

// reissue starts again from what OCM gives out.
var reissue = chain{
	{why: "what does OCM give out?", needs: []*need{needIssued}, then: receive},
}

// awaitingRevocation looks whether OCM has deleted the old credentials, or has issued others in the meantime.
var awaitingRevocation = chain{
	{why: "a cluster that came late has nothing to wait for", when: endedBefore, check: finishNow},
	{why: "a reconcile that something else has caused does not ask OCM before the next poll", when: tooEarlyToPoll, check: awaitRevokeMessage, amend: untilNextPoll},
	{why: "how far is it?", needs: []*need{needRotations}},
	{why: "somebody has deleted its record", when: not(listed), then: vanished},
	{why: "what does OCM give out?", needs: []*need{needIssued}},
	{why: "what a server says that lags behind is no news", when: superseded, check: awaitRevokeMessage, amend: soon},
	{why: "it has ended, and what OCM gives out is another's, whose time is its own", when: overtaken, check: finish},
	{why: "it was adopted before the batch ran: these are the real new ones", when: all(not(nothingOffered), not(sameAsIssued)), then: receive},
	{why: "somebody has put something else of the account's there, which no record knows", when: differs, then: setAgain},
	{why: "it has ended and the old credentials are dead: the new ones must go in again", when: all(completed, isRolledBack), then: receive},
	{why: "it has ended", when: completed, check: finish},
	{why: "it cannot complete any more, and a later T has come", when: all(not(canComplete), laterT), check: does(Abandon)},
	{why: "every cluster of the account must have switched", check: awaitRevokeMessage},
}

var setAgain = chain{
	{why: "what is written must be of the account whose pull secret the cluster has", then: sameOwner},
	{why: "by evidence, as in a rotation", then: late},
	{why: "and less often the longer somebody fights about it", check: fightAbout},
}

// endedBefore is true for a rotation that had ended before this cluster began to catch up.
func endedBefore(in Input) bool {
	return in.Status.Rotation.Reason == v1alpha1.TriggerCatchUp && in.Status.Rotation.OCMStatus == RotationCompleted
}

func finishNow(in Input) *Decision { return &Decision{Step: Finish, Rotation: *in.Status.Rotation} }

func isRolledBack(in Input) bool { return in.Status.Rotation.RolledBackAt != nil }

// differs is true when a target has something else of the account's than what OCM gives out, and should not.
func differs(in Input) bool {
	return in.Facts.Issued.Present && !in.Facts.Issued.InUse && !isRolledBack(in)
}

func soon(in Input, said *Decision) *Decision {
	said.After = min(said.After, in.Timing.PollMin)
	return said
}

// overtaken is true when a rotation has ended and another is under way, which issues what OCM gives out now.
func overtaken(in Input) bool {
	next, ok := pending(*in.Facts.Rotations, in.Now)
	return ok && next.ID != current(in).ID && completed(in) && !isRolledBack(in)
}

func awaitRevokeMessage(in Input) *Decision {
	r := in.Status.Rotation
	asked := since(r)
	after := pollInterval(in)
	if r.RolledBackAt != nil {
		return decided(Waiting(Stalled, v1alpha1.ReasonRolledBack, "Rolled back",
			fmt.Sprintf("The old entries were put back at %s because a registry refused the new ones. They die when OCM completes rotation %s; the new ones are then set again. Repair the "+
				"cause before that, and set spec.rollback to Never to have the new ones at once.", OnTheClock(r.RolledBackAt.Time), r.ID), after))
	}
	if refusedInUse(in.Status) != nil {
		return decided(Waiting(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
			fmt.Sprintf("This cluster has had the new credentials since %s, and a registry refuses the pull secret in use; see the condition PullSecretValid.", OnTheClock(r.AppliedAt.Time)), after))
	}
	if in.Now.Sub(asked) > in.Timing.RevokeDeadline {
		return decided(Waiting(Ready, v1alpha1.ReasonRevocationOverdue, "Rotated; revocation overdue",
			fmt.Sprintf("This cluster has used the new credentials since %s, but OCM has not deleted the old ones of rotation %s, asked for at %s: some other cluster of the account may not have "+
				"switched. The old credential may still be usable. Check the account's other clusters.%s", OnTheClock(r.AppliedAt.Time), r.ID, OnTheClock(asked), oddStatus(r, in.Now)), after))
	}
	return decided(Waiting(Ready, v1alpha1.ReasonAwaitingRevocation, "Rotated; waiting for revocation",
		fmt.Sprintf("This cluster has used the new credentials since %s. OCM deletes the old ones when every cluster of the account has switched, which can take several days.",
			OnTheClock(r.AppliedAt.Time)), after))
}
