package decide

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// betweenRotations is for while none is under way: is one due, has somebody else started or finished one, is what is in use still
// good? An idle object asks OCM only when T is due or the health check is: two requests.
var betweenRotations = chain{
	{why: "an old entry that somebody has put back is replaced", then: oldEntries},
	{why: "a missing right is noticed before it is needed, and a granted one soon", when: rightsMatter, needs: []*need{needRights}},
	{why: "a first target that cannot be used holds up everything", check: brokenCanary},
	{why: "what is in use is proven without OCM, which may be away for days", then: proveInUse},
	{why: "in mode Audit the last report stands until OCM is to be asked again", when: all(auditing, askedLately), check: lastAudit},
	{why: "nothing is due, and OCM was asked lately", when: all(not(auditing), not(isDue), askedLately), check: idle},
	{why: "paused pools are reported before a rotation, not after", when: dueOrAuditing, needs: []*need{needPools}},
	{why: "pools that held a rotation back still do, for which OCM need not be asked", when: all(isDue, askedLately), check: stillHeldByPools},
	{why: "the OCM credential and the pull secret must be one account's", when: accountMatters, then: oneAccount},
	{why: "has somebody else requested one, or does OCM give out something new?", needs: []*need{needRotations, needIssued}},
	{why: "mode Audit reports and does nothing", when: auditing, then: audit},
	{why: "a rotation that is under way is joined, whoever has requested it", when: oneIsPending, then: join},
	{why: "a cluster that has missed the end of one catches up", when: fellBehind, then: catchUp},
	{why: "a rotation of somebody else's satisfies T", when: isDue, check: satisfied},
	{why: "nothing is due", when: not(isDue), check: idle},
	{why: "the last gate before a request of one's own", then: mayRequest},
	{why: "T is due, and nothing stands in the way", check: begin},
}

// isDue is true when a T has come that no rotation on record satisfies.
func isDue(in Input) bool { return in.due.Set && !satisfiedByRecord(in.Status, in.due.T) }

func dueOrAuditing(in Input) bool { return isDue(in) || auditing(in) }

// askedLately is true while OCM need not be asked because of the time, or of what has changed.
func askedLately(in Input) bool {
	return in.Facts.Rotations == nil && !in.Facts.Proven && in.Now.Before(nextLook(in)) && !outdated(in)
}

// rightsMatter is true when a target may have to be written, or when the lack of a right is on record.
func rightsMatter(in Input) bool { return isDue(in) || healthIsDue(in) || lacksRight(in.Status) }

// accountMatters is true when a rotation is due, and until the account, and whose the targets are, is on record.
func accountMatters(in Input) bool {
	onRecord := in.Status.Account != nil && in.Status.Account.ID != ""
	return in.Facts.Account != nil || isDue(in) || !onRecord || in.Spec.OCM.AccountID != "" || unowned(in)
}

func oneIsPending(in Input) bool {
	_, ok := pending(*in.Facts.Rotations, in.Now)
	return ok
}

var join = chain{
	{why: "what it brings must be of the account whose pull secret the cluster has", then: sameOwner},
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

// fellBehind is true for a cluster that has something else than what OCM gives out, although no rotation is under way.
func fellBehind(in Input) bool {
	i := in.Facts.Issued
	return i.Present && !i.Superseded && !i.InUse
}

// catchUp is for a cluster that comes late: OCM has finished a rotation and this cluster still has something else. Its own
// credentials are dead, so the current pull secret is verified and applied at once.
var catchUp = chain{
	{why: "what it brings must be of the account whose pull secret the cluster has", then: sameOwner},
	{why: "what the last rotation on record has brought is set again", when: all(everRotated, lastStillGiven), then: again},
	{why: "what differs and works is not ours to change, unless a rotation has ended", when: everRotated, check: beginCatchUp},
}

// everRotated is true when OCM lists a rotation, or the cluster's token is dead, which nothing else explains.
func everRotated(in Input) bool { return len(*in.Facts.Rotations) > 0 || in.Facts.Owner.Dead }

// lastStillGiven is true while OCM gives out what the last rotation on record has brought here.
func lastStillGiven(in Input) bool {
	r := in.Status.Rotation
	return r != nil && r.AppliedAt != nil && r.RolledBackAt == nil && in.Facts.Issued.SameAsIssued
}

// again is braked as a fight is, and no other rotation is begun for it.
var again = chain{
	{why: "by evidence, as in a rotation", then: late},
	{why: "and less often the longer somebody fights about it", check: fightAbout},
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

// idle reports that nothing is to be done.
func idle(in Input) *Decision {
	after := untilNext(in)
	reason, phase, message := v1alpha1.ReasonNotDue, "Up to date", ""
	switch {
	case in.Spec.Mode == v1alpha1.ModeFollow:
		reason, phase = v1alpha1.ReasonFollowing, "Following"
		message = "Waits for a rotation that another cluster, a person or Red Hat requests."
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
		return fight // it says why a registry refuses what is in use, if one does
	}
	if c := refusedInUse(in.Status); c != nil {
		return decided(Waiting(Stalled, c.Reason, "Pull secret refused", c.Message, after))
	}
	if t, bad := brokenTarget(in); bad {
		return decided(Waiting(Stalled, t.Problem, "A target is left out", "The targets that can be used are served; this one is left out. "+t.Message, min(after, recheckTarget(t))))
	}
	return decided(Waiting(Ready, reason, phase, message, after))
}

// found is a rotation that this object did not request, as OCM lists it. This cluster may have, by an object that was deleted since or
// by another: then it is not called started elsewhere.
func found(in Input, r Rotation, reason v1alpha1.RotationTrigger) v1alpha1.RotationStatus {
	why, here := in.Facts.Requested[r.ID]
	if here && why != "" && reason == v1alpha1.TriggerStartedElsewhere {
		reason = why
	}
	return v1alpha1.RotationStatus{ID: r.ID, Adopted: true, RequestedHere: here, Reason: reason, OCMStatus: r.Status, RequestedAt: TimePtr(r.CreatedAt)}
}

// foundFor also notes the T that it satisfies.
func foundFor(in Input, r Rotation, reason v1alpha1.RotationTrigger) v1alpha1.RotationStatus {
	s := found(in, r, reason)
	if t := forT(r, in.due); t != nil {
		s.After = TimePtr(*t)
	}
	return s
}

// nextLook is when OCM is to be asked again although nothing is due: on the health check's interval, and at once after a start or a
// change.
func nextLook(in Input) time.Time {
	if in.LastPoll.IsZero() || in.Unasked || in.LastPoll.After(in.Now) || asksForAPerson(in.Status) {
		return in.Now
	}
	return in.LastPoll.Add(HealthInterval(in.Spec))
}

// untilNext is how long to wait for the next health check and the next look at OCM, after one in which all was done that is due: what asks
// for a person is looked at again with the next event, or as often as such things are, not at once.
func untilNext(in Input) time.Duration {
	look := HealthInterval(in.Spec)
	if last := in.LastPoll; !last.IsZero() && !last.After(in.Now) {
		look -= in.Now.Sub(last)
	}
	return max(min(nextHealthCheck(in).Sub(in.Now), look), time.Second)
}
