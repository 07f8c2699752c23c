package decide

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// betweenRotations decides while no rotation is under way: is one due, has somebody else started or finished one, does the pull secret in use
// still work? An idle object asks OCM only when T or the health check is due: two requests.
var betweenRotations = chain{
	{why: "an old entry that somebody has restored is replaced", then: oldEntries},
	{why: "a missing right is noticed before it is needed, and a granted one soon after", when: rightsMatter, needs: []*need{needRights}},
	{why: "a first target that cannot be used holds up everything", check: brokenCanary},
	{why: "the pull secret in use is checked without OCM, which may be unavailable for days", then: proveInUse},
	{why: "in mode Audit the last report stands until OCM is asked again", when: all(auditing, askedLately), check: lastAudit},
	{why: "nothing is due, and OCM was asked recently", when: all(not(auditing), not(isDue), askedLately), check: idle},
	{why: "paused pools are reported before a rotation, not after", when: dueOrAuditing, needs: []*need{needPools}},
	{why: "pools that held back a rotation still do; that needs no request to OCM", when: all(isDue, askedLately), check: stillHeldByPools},
	{why: "before its turn to request, a cluster of many need not ask OCM", when: all(isDue, not(auditing), hasSiblings), check: notItsTurn},
	{why: "a list that shows a rotation tells from where its credentials are to be read", when: all(hasSiblings, accountKnown), needs: []*need{needRotations}},
	{why: "the OCM credential and the pull secret must belong to the same account", when: accountMatters, then: oneAccount},
	{why: "has somebody else requested a rotation?", needs: []*need{needRotations}},
	{why: "how many clusters share what OCM answers in an hour?", when: CountIsOld, needs: []*need{needSiblings}},
	{why: "does OCM issue new credentials?", needs: []*need{needIssued}},
	{why: "mode Audit only reports", when: auditing, then: audit},
	{why: "a rotation under way is joined, whoever requested it", when: oneIsPending, then: join},
	{why: "a cluster that missed the end of a rotation catches up", when: fellBehind, then: catchUp},
	{why: "somebody else's rotation satisfies T", when: isDue, check: satisfied},
	{why: "nothing is due", when: not(isDue), check: idle},
	{why: "the last checks before the cluster's own request", then: mayRequest},
	{why: "T is due, and nothing stands in the way", check: begin},
}

// isDue is true if T has come and no recorded rotation satisfies it.
func isDue(in Input) bool { return in.due.Set && !satisfiedByRecord(in.Status, in.due.T) }

func dueOrAuditing(in Input) bool { return isDue(in) || auditing(in) }

// askedLately is true while neither the time nor a change requires asking OCM.
func askedLately(in Input) bool {
	return in.Facts.Rotations == nil && !in.Facts.Proven && in.Now.Before(nextLook(in)) && !outdated(in)
}

// rightsMatter is true if a target may have to be written, or if a missing right is recorded.
func rightsMatter(in Input) bool { return isDue(in) || healthIsDue(in) || lacksRight(in.Status) }

// accountMatters is true if a rotation is due, and until the account and the owners of the targets are recorded.
func accountMatters(in Input) bool {
	return in.Facts.Account != nil || isDue(in) || !accountKnown(in) || in.Spec.OCM.AccountID != "" || unowned(in)
}

func accountKnown(in Input) bool { return in.Status.Account != nil && in.Status.Account.ID != "" }

func oneIsPending(in Input) bool {
	_, ok := pending(*in.Facts.Rotations, in.Now)
	return ok
}

var join = chain{
	{why: "the new credentials must belong to the account of the cluster's pull secret", then: sameOwner},
	{why: "the baseline and the backup come first", check: beginPending},
}

func beginPending(in Input) *Decision {
	r, _ := pending(*in.Facts.Rotations, in.Now)
	reason := v1alpha1.TriggerStartedElsewhere
	if forT(r, in.due) != nil {
		reason = in.due.Reason
	}
	return &Decision{Step: Begin, Rotation: foundFor(in, r, reason)}
}

// fellBehind is true if the cluster lacks the credentials that OCM issues, although no rotation is under way.
func fellBehind(in Input) bool {
	i := in.Facts.Issued
	return i.Present && !i.Superseded && !i.InUse
}

// catchUp is for a cluster that is late: OCM has completed a rotation, and this cluster still has other credentials. These no longer work, so the
// current pull secret is verified and applied at once.
var catchUp = chain{
	{why: "the new credentials must belong to the account of the cluster's pull secret", then: sameOwner},
	{why: "the credentials of the last recorded rotation are restored", when: all(everRotated, lastStillGiven), then: again},
	{why: "a different credential that works is left alone, unless a rotation has ended", when: everRotated, check: beginCatchUp},
}

// everRotated is true if OCM lists a rotation, or if the cluster's token is invalid, which only a rotation explains.
func everRotated(in Input) bool { return len(*in.Facts.Rotations) > 0 || in.Facts.Owner.Dead }

// lastStillGiven is true while OCM still issues the credentials of the last recorded rotation.
func lastStillGiven(in Input) bool {
	r := in.Status.Rotation
	return r != nil && r.AppliedAt != nil && r.RolledBackAt == nil && in.Facts.Issued.SameAsIssued
}

// again slows down as in a fight, and does not begin another rotation.
var again = chain{
	{why: "by evidence, as in a rotation", then: late},
	{why: "and less often the longer the fight lasts", check: fightAbout},
}

func beginCatchUp(in Input) *Decision {
	r := v1alpha1.RotationStatus{Adopted: true, OCMStatus: RotationCompleted}
	if listed := *in.Facts.Rotations; len(listed) > 0 {
		r = foundFor(in, listed[0], v1alpha1.TriggerCatchUp)
	}
	r.Reason = v1alpha1.TriggerCatchUp
	return &Decision{Step: Begin, Rotation: r}
}

func satisfied(in Input) *Decision {
	r, ok := satisfying(*in.Facts.Rotations, in.due.T, in)
	if !ok {
		return nil
	}
	return &Decision{Step: RecordSatisfied, Rotation: foundFor(in, r, v1alpha1.TriggerStartedElsewhere)}
}

func begin(in Input) *Decision {
	return &Decision{Step: Begin, Rotation: v1alpha1.RotationStatus{After: TimePtr(in.due.T), Reason: in.due.Reason}}
}

// idle reports that there is nothing to do.
func idle(in Input) *Decision {
	after := untilNext(in)
	reason, phase, message := v1alpha1.ReasonNotDue, "Up to date", ""
	switch {
	case in.Spec.Mode == v1alpha1.ModeFollow:
		reason, phase = v1alpha1.ReasonFollowing, "Following"
		message = "The operator waits for a rotation that another cluster, a person or Red Hat requests."
	case in.due.Set:
		message = fmt.Sprintf("The account's pull secret has been rotated after %s.", OnTheClock(in.due.T))
	default:
		message = "No rotation is due yet."
	}
	if next := in.due.Next; next != nil {
		message += fmt.Sprintf(" The next rotation is due at %s.", OnTheClock(*next))
		after = min(after, next.Sub(in.Now))
	}
	if poolsReportedPaused(in) {
		after = min(after, RecheckForPeople)
	}
	if fight := fightAbout(in); fight != nil {
		return fight // the condition says why a registry refuses the pull secret in use, if one does
	}
	if c := refusedInUse(in.Status); c != nil {
		return decided(Waiting(Stalled, c.Reason, "Pull secret refused", c.Message, after))
	}
	if t, bad := brokenTarget(in); bad {
		return decided(Waiting(Stalled, t.Problem, "A target is left out", "The usable targets are updated; this one is "+
			"left out. "+t.Message, min(after, recheckTarget(t))))
	}
	return decided(Waiting(Ready, reason, phase, message, after))
}

// found is a rotation that this object did not request. If this cluster requested it with another object, which may have been deleted, it does
// not count as started elsewhere.
func found(in Input, r Rotation, reason v1alpha1.RotationTrigger) v1alpha1.RotationStatus {
	why, here := in.Facts.Requested[r.ID]
	if here && why != "" && reason == v1alpha1.TriggerStartedElsewhere {
		reason = why
	}
	return v1alpha1.RotationStatus{ID: r.ID, Adopted: true, RequestedHere: here, Reason: reason, OCMStatus: r.Status, RequestedAt: TimePtr(r.CreatedAt)}
}

// foundFor also records the T that it satisfies.
func foundFor(in Input, r Rotation, reason v1alpha1.RotationTrigger) v1alpha1.RotationStatus {
	s := found(in, r, reason)
	if t := forT(r, in.due); t != nil {
		s.After = TimePtr(*t)
	}
	return s
}

// nextLook is when to ask OCM again although nothing is due: with the health check, and at once after a start or a change.
func nextLook(in Input) time.Time {
	if in.LastPoll.IsZero() || in.Unasked || in.LastPoll.After(in.Now) || asksForAPerson(in.Status) {
		return in.Now
	}
	return in.LastPoll.Add(HealthInterval(in.Spec))
}

// untilNext is how long to wait for the next health check and the next request to OCM. What needs a person is checked again with the next event
// or after RecheckForPeople, not at once.
func untilNext(in Input) time.Duration {
	look := HealthInterval(in.Spec)
	if last := in.LastPoll; !last.IsZero() && !last.After(in.Now) {
		look -= in.Now.Sub(last)
	}
	return max(min(nextHealthCheck(in).Sub(in.Now), look), time.Second)
}
