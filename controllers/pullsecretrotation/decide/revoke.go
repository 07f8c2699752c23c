package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// afterApply follows the pools and OCM at once: neither waits for the other.
func afterApply(in Input, d Due) Decision {
	r := in.Status.Rotation
	if w, ok := oldEntries(in); ok {
		return w
	}
	if r.RolledBackAt != nil && in.Spec.Rollback == v1alpha1.RollbackNever {
		return reissue(in) // a person wants the new credentials after all
	}
	if rollingBack(in) {
		if d := rollBack(in, Decision{Step: Wait}); d.Step != Wait {
			return d
		}
	}
	rollingOut := r.RolledOutAt == nil && r.RolledBackAt == nil
	var pools Decision
	if rollingOut {
		if in.Facts.Pools == nil {
			return Do(LookAtPools)
		}
		verdict, settled := rollout(in, *in.Facts.Pools)
		if settled {
			return Do(MarkRolledOut)
		}
		pools = verdict // a degraded pool says nothing about a credential: it is reported, and nothing is put back for it
	}
	if check, ok := checkApplied(in); ok {
		return check
	}
	ocmSays := awaitingRevocation(in, d)
	if ocmSays.Step == Finish && rollingOut && pools.Reason != v1alpha1.ReasonRolloutOverdue {
		return pools // the old credentials are gone, the machines not all there: followed on
	}
	if ocmSays.Step != Wait || !rollingOut {
		return ocmSays
	}
	pools.After = min(pools.After, ocmSays.After)
	return pools
}

// checkApplied proves the applied pull secret on the health check's interval, as between rotations. A registry that refuses an entry
// which this rotation brought, and accepts the one that it replaced, is a reason to go back.
func checkApplied(in Input) (Decision, bool) {
	look, ok := proveInUse(in)
	if !ok || look.Step != RecordHealth {
		return look, ok
	}
	r, refused := in.Status.Rotation, refusedChanges(in)
	if len(refused) == 0 || r.RolledBackAt != nil || r.RevokedAt != nil || in.Spec.Rollback == v1alpha1.RollbackNever {
		return look, true
	}
	verdict := Waiting(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
		fmt.Sprintf("The pull secret applied at %s is refused: %s.", OnTheClock(r.AppliedAt.Time), spoken(refused)), in.Timing.VerifyRetry)
	if until := refusedSince(refused).Add(in.Timing.VerifyDeadline); in.Now.Before(until) {
		// A registry's bad moment is no reason to go back: it is asked again, as about new credentials.
		verdict.Message += fmt.Sprintf(" If that is so until %s and the old entries are accepted, they are put back.", OnTheClock(until))
		return verdict, true
	}
	if r.BackupSecret != "" && in.Facts.BackupChecks == nil {
		return Do(CheckBackup), true
	}
	if accepts(in.Facts.BackupChecks) {
		if d := rollBack(in, verdict); d.Step != Wait {
			return d, true
		}
	}
	return look, true
}

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
// backup is dead, and putting it back would break the cluster for good: then the verdict says so.
func rollBack(in Input, verdict Decision) Decision {
	r := in.Status.Rotation
	if in.Spec.Rollback == v1alpha1.RollbackNever {
		return verdict
	}
	// The verdict's own message comes last: it may end in a command.
	impossible := func(why string) Decision {
		verdict.Reason, verdict.Message = v1alpha1.ReasonRollbackImpossible, "Nothing is rolled back: "+why+" "+verdict.Message
		return verdict
	}
	if r.BackupSecret == "" {
		return impossible("the backup of the old entries is gone.")
	}
	if in.Facts.Rotations == nil {
		return Do(LookAtRotations)
	}
	current, listed := FindRotation(*in.Facts.Rotations, r.ID)
	switch {
	case !listed:
		return impossible(fmt.Sprintf("OCM no longer lists rotation %s, so the old credentials may be dead.", r.ID))
	case current.Status == RotationCompleted:
		return impossible("OCM has deleted the old credentials, and putting them back would break the cluster.")
	case current.Status != RotationPending:
		return impossible(fmt.Sprintf("OCM says %q of rotation %s, so the old credentials may be dead.", current.Status, r.ID))
	case in.Facts.Offer == nil:
		return Do(LookAtOffer)
	case !in.Facts.Offer.Open:
		return impossible("OCM counts this cluster as switched, so it may delete the old credentials at any time.")
	case !in.Now.Before(closes(in)):
		return impossible("the time that OCM gives this cluster is nearly over, and the old credentials die with it.")
	}
	return Do(RollBack)
}

// rollingBack is true while a rollback has begun and has not come to each target: it was interrupted.
func rollingBack(in Input) bool {
	return in.Status.Rotation.RolledBackAt != nil && slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool {
		return t.Problem == "" && Applied(TargetRow(in.Status, t.Ref))
	})
}

// reissue starts again from what OCM gives out.
func reissue(in Input) Decision {
	if in.Facts.Issued == nil {
		return Do(LookAtIssued)
	}
	return receive(in)
}

// awaitingRevocation looks whether OCM has deleted the old credentials, or has issued others in the meantime.
func awaitingRevocation(in Input, d Due) Decision {
	r := in.Status.Rotation
	if r.Reason == v1alpha1.TriggerCatchUp && r.OCMStatus == RotationCompleted {
		return Decision{Step: Finish, Rotation: *r}
	}
	if w, early := tooEarlyToPoll(in, v1alpha1.ReasonAwaitingRevocation); early {
		return w
	}
	if in.Facts.Rotations == nil {
		return Do(LookAtRotations)
	}
	current, listed := FindRotation(*in.Facts.Rotations, r.ID)
	if !listed {
		return vanished(in, d)
	}
	if in.Facts.Issued == nil {
		return Do(LookAtIssued)
	}
	if in.Facts.Issued.Superseded {
		d := awaitRevokeMessage(in) // a server that lags behind: what it says is no news
		d.After = min(d.After, in.Timing.PollMin)
		return d
	}
	if overtaken(in, current) {
		return Decision{Step: Finish, Rotation: found(in, current, r.Reason)}
	}
	if in.Facts.Issued.Present && !in.Facts.Issued.SameAsIssued {
		return receive(in) // adopted before the batch ran: these are the real new ones
	}
	if in.Facts.Issued.Present && !in.Facts.Issued.InUse && r.RolledBackAt == nil {
		if w, other := clusterOfAnotherAccount(in); other {
			return w
		}
		if w, ok := late(in); ok {
			return w // somebody has put something else of the account's there, which no record knows
		}
		if fight, ok := fightAbout(in); ok {
			return fight
		}
	}
	if current.Status == RotationCompleted {
		if r.RolledBackAt != nil {
			return receive(in) // the old credentials are dead: the new ones must go in again
		}
		return Decision{Step: Finish, Rotation: found(in, current, r.Reason)}
	}
	if !lives(current, in.Now) && laterT(in, d) {
		return Do(Abandon)
	}
	return awaitRevokeMessage(in)
}

// overtaken is true when a rotation has ended and another is under way, which issues what OCM gives out now: that one is seen through by
// itself, because its time is its own.
func overtaken(in Input, current Rotation) bool {
	next, ok := pending(*in.Facts.Rotations, in.Now)
	return ok && next.ID != current.ID && current.Status == RotationCompleted && in.Status.Rotation.RolledBackAt == nil
}

func awaitRevokeMessage(in Input) Decision {
	r := in.Status.Rotation
	asked := since(r)
	after := pollInterval(in)
	if r.RolledBackAt != nil {
		return Waiting(Stalled, v1alpha1.ReasonRolledBack, "Rolled back",
			fmt.Sprintf("The old entries were put back at %s because a registry refused the new ones. They die when OCM completes rotation %s; the new ones are then set again. Repair the "+
				"cause before that, and set spec.rollback to Never to have the new ones at once.", OnTheClock(r.RolledBackAt.Time), r.ID), after)
	}
	if refusedInUse(in.Status) != nil {
		return Waiting(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
			fmt.Sprintf("This cluster has had the new credentials since %s, and a registry refuses the pull secret in use; see the condition PullSecretValid.", OnTheClock(r.AppliedAt.Time)), after)
	}
	if in.Now.Sub(asked) > in.Timing.RevokeDeadline {
		return Waiting(Ready, v1alpha1.ReasonRevocationOverdue, "Rotated; revocation overdue",
			fmt.Sprintf("This cluster has used the new credentials since %s, but OCM has not deleted the old ones of rotation %s, asked for at %s: some other cluster of the account may not have "+
				"switched. The old credential may still be usable. Check the account's other clusters.%s", OnTheClock(r.AppliedAt.Time), r.ID, OnTheClock(asked), oddStatus(r, in.Now)), after)
	}
	return Waiting(Ready, v1alpha1.ReasonAwaitingRevocation, "Rotated; waiting for revocation",
		fmt.Sprintf("This cluster has used the new credentials since %s. OCM deletes the old ones when every cluster of the account has switched, which can take several days.",
			OnTheClock(r.AppliedAt.Time)), after)
}
