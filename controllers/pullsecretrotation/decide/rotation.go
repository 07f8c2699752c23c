package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// seeThrough decides while a rotation is under way. Its place in the way is the first time that is missing in
// status.rotation; everything else is derived.
var seeThrough = chain{
	{why: "the OCM credential has become another account's; it may be back", when: credentialMoved, needs: []*need{needAccount, needOwner}, check: ofAnotherAccount},
	{why: "it is still to be requested", when: unsent, then: requesting},
	{why: "new credentials are awaited", when: not(hasIssued), then: awaitingIssue},
	{why: "they are brought into the targets", when: not(hasApplied), then: delivering},
	{why: "they go to the machines, and OCM deletes the old ones", then: afterApply},
}

func unsent(in Input) bool {
	r := in.Status.Rotation
	return r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp
}

func hasIssued(in Input) bool { return in.Status.Rotation.IssuedAt != nil }

func hasApplied(in Input) bool { return in.Status.Rotation.AppliedAt != nil }

// requesting sends at most one POST for a T. The list is read right before, so that what another cluster, a person or a
// lost answer of our own has started is adopted instead of doubled.
var requesting = chain{
	{why: "what is listed already is adopted instead of doubled", needs: []*need{needRotations}, check: adoptListed},
	{why: "the intent of this reconcile is on record, and the list was read since", when: intentIsFresh, check: does(Request)},
	{why: "a request whose answer is not known may still take effect", check: settling},
	{why: "the mode or T has changed since the baseline", when: not(stillWanted), check: does(Abandon)},
	{why: "a target that may not be written holds it up", needs: []*need{needRights}},
	{why: "somebody can have replaced the pull secret by another account's", then: sameOwner},
	{why: "and the last gate may have closed", then: mayRequest},
	{why: "the intent comes before the request", check: does(RecordIntent)},
}

// adoptListed takes over what OCM lists in the place of a request.
func adoptListed(in Input) *Decision {
	known, ok := adoptable(*in.Facts.Rotations, in)
	if !ok {
		return nil
	}
	return adopt(known, in)
}

// intentIsFresh is true for one timeout: together with the request's own that is the time after which others no longer expect an
// effect. A process that stood still since sends nothing.
func intentIsFresh(in Input) bool {
	return in.Facts.IntentIsOurs && in.Now.Before(in.Status.Rotation.IntendedAt.Add(in.Timing.OCMTimeout))
}

func settling(in Input) *Decision {
	r := in.Status.Rotation
	if r.IntendedAt == nil {
		return nil
	}
	settled := r.IntendedAt.Add(in.Timing.settle())
	if !in.Now.Before(settled) || r.IntendedAt.After(in.Now) {
		return nil
	}
	return decided(Waiting(Progressing, v1alpha1.ReasonRotationStarted, "Making sure of the request",
		fmt.Sprintf("A request to OCM was about to be sent at %s and its answer is not known. It may still take effect: OCM's list decides at %s whether another is needed.",
			OnTheClock(r.IntendedAt.Time), OnTheClock(settled)), settled.Sub(in.Now)))
}

// stillWanted is true while the mode and T are those that the rotation was begun for.
func stillWanted(in Input) bool {
	after := in.Status.Rotation.After
	return in.Spec.Mode == v1alpha1.ModeRotate && in.due.Set && after != nil && after.Time.Equal(in.due.T.Truncate(time.Second))
}

// adopt takes over a rotation that OCM lists in the place of one of our own. When it was requested before T, it is seen
// through and T still needs its own.
func adopt(known Rotation, in Input) *Decision {
	r := in.Status.Rotation
	taken := found(in, known, r.Reason)
	taken.Adopted = !effect(known, in)
	taken.RequestedHere = taken.RequestedHere || !taken.Adopted
	if r.After != nil && !known.CreatedAt.Before(r.After.Add(-clockSkew)) {
		taken.After = r.After
	}
	return &Decision{Step: RecordID, Rotation: taken}
}

// adoptable is the rotation that makes a request of our own unnecessary: one that can still complete, one that counts for T, or
// the effect of a request whose answer is not known.
func adoptable(rotations []Rotation, in Input) (Rotation, bool) {
	r := in.Status.Rotation
	if p, ok := pending(rotations, in.Now); ok {
		return p, true
	}
	if r.After != nil {
		if s, ok := satisfying(rotations, r.After.Time, in); ok {
			return s, true
		}
	}
	if len(rotations) > 0 && effect(rotations[0], in) {
		return rotations[0], true
	}
	return Rotation{}, false
}

// awaitingIssue compares what OCM gives out with the baseline. The status stays "pending" until every cluster has switched:
// waiting for "completed" here would wait for ourselves.
var awaitingIssue = chain{
	{why: "what is in use is proven meanwhile", then: proveInUse},
	{why: "a reconcile that something else has caused does not ask OCM before the next poll", when: tooEarlyToPoll, check: awaitIssueMessage, amend: untilNextPoll},
	{why: "how far is it?", needs: []*need{needRotations}},
	{why: "somebody has deleted its record", when: not(listed), then: vanished},
	{why: "what does OCM give out?", needs: []*need{needIssued}},
	{why: "a server that lags behind gives out old ones", when: superseded, check: lagging},
	{why: "they are new, or the rotation has ended, so that somebody had switched this cluster before the baseline", when: thereIsNew, then: receive},
	{why: "it has ended, and nothing is offered to this cluster", when: completed, check: finish},
	{why: "it cannot complete any more, and no request of this cluster's for this T stands behind it", when: all(not(canComplete), giveUp), check: does(Abandon)},
	{why: "OCM's batch runs four times a day", check: awaitIssueMessage},
}

// current is the rotation under way, as OCM lists it.
func current(in Input) Rotation {
	r, _ := FindRotation(*in.Facts.Rotations, in.Status.Rotation.ID)
	return r
}

func listed(in Input) bool {
	_, ok := FindRotation(*in.Facts.Rotations, in.Status.Rotation.ID)
	return ok
}

func completed(in Input) bool { return current(in).Status == RotationCompleted }

func canComplete(in Input) bool { return lives(current(in), in.Now) }

func superseded(in Input) bool { return in.Facts.Issued.Superseded }

func finish(in Input) *Decision {
	return &Decision{Step: Finish, Rotation: found(in, current(in), in.Status.Rotation.Reason)}
}

// thereIsNew is true when what OCM gives out is what the rotation has issued: it differs from the baseline; or the rotation was found
// after it had, because some target has other credentials, or because all have these and OCM has worked on the rotation since; or it has
// ended.
func thereIsNew(in Input) bool {
	r, now, issued := in.Status.Rotation, current(in), in.Facts.Issued
	switch {
	case !issued.Present:
		return false
	case now.Status == RotationCompleted, !issued.SameAsBaseline:
		return true
	case in.Facts.Switched:
		return !issued.GivenBefore
	case !r.Adopted:
		return false
	default:
		return !issued.InUse || now.UpdatedAt.After(now.CreatedAt) && !issued.GivenBefore
	}
}

// giveUp is true when a rotation that cannot complete any more is no longer waited for: it was somebody else's, or a later T has
// come, which gets its own. For the T that this cluster has requested it for, none is requested in its place.
func giveUp(in Input) bool {
	return in.Status.Rotation.Adopted || in.Spec.Mode == v1alpha1.ModeFollow || laterT(in)
}

// laterT is true when a T has come after the rotation under way was asked for.
func laterT(in Input) bool {
	r, d := in.Status.Rotation, in.due
	return d.Set && d.T.After(since(r)) && (r.After == nil || d.T.After(r.After.Time))
}

func awaitIssueMessage(in Input) *Decision {
	r := in.Status.Rotation
	asked := since(r)
	if r.IssuedAt != nil {
		return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for the rotation's end",
			fmt.Sprintf("OCM no longer offers the new credentials of rotation %s to this cluster: insights-operator or a person has applied them, or the offer has expired. In the latter "+
				"case the pull secret in use dies when OCM ends the rotation; an OCM credential in spec.ocm.credentialsSecretRef prevents that.", r.ID), pollInterval(in)))
	}
	if in.Facts.Switched {
		return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for the rotation's end",
			fmt.Sprintf("This cluster has other credentials than at its last rotation: insights-operator or a person has applied those of rotation %s before it was found here. Its end is awaited; "+
				"newer credentials would be applied.", r.ID), pollInterval(in)))
	}
	switched := ""
	if r.Adopted { // found after it was requested, so maybe after it issued
		switched = " If this cluster already uses them, the operator only waits for the rotation to complete."
	}
	switched += oddStatus(r, in.Now)
	if age := in.Now.Sub(asked); age > in.Timing.IssueDeadline || slices.Contains(endings, r.OCMStatus) {
		return decided(Waiting(Failing, v1alpha1.ReasonIssueOverdue, "Waiting for new credentials (overdue)",
			fmt.Sprintf("OCM has not issued new credentials for rotation %s, asked at %s; its batch runs four times a day. The pull secret in use is unchanged. "+
				"Waiting goes on; open a support case with Red Hat that names the rotation.%s", r.ID, OnTheClock(asked), switched), pollInterval(in)))
	}
	return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for new credentials",
		fmt.Sprintf("OCM has not issued new credentials yet; its batch runs four times a day. Rotation %s was asked for at %s.%s", r.ID, OnTheClock(asked), switched),
		pollInterval(in)))
}

// vanished is for a rotation that OCM no longer lists: somebody deleted the record. What it has issued is applied all the
// same, because the old credentials may die. For the same T none is requested in its place; a later T, and a follower, which
// requests nothing, go on without it.
var vanished = chain{
	{why: "a newer rotation is under way", when: oneIsPending, check: adoptNewest},
	{why: "what it has issued is applied all the same", needs: []*need{needIssued}},
	{why: "the old credentials may die", when: issuedUnseen, then: receive},
	{why: "this cluster has what it needs; the history keeps the rotation, without an end", when: hasWhatItNeeds, check: does(Abandon)},
	{why: "a later T and a follower go on without it", when: goesOnWithout, check: does(Abandon)},
	{why: "for the same T none is requested in its place", check: vanishedMessage},
}

func adoptNewest(in Input) *Decision {
	newest, _ := pending(*in.Facts.Rotations, in.Now)
	return adopt(newest, in)
}

// issuedUnseen is true when OCM gives out something that the record of the rotation does not have.
func issuedUnseen(in Input) bool {
	i := in.Facts.Issued
	if !i.Present || i.Superseded {
		return false
	}
	if hasIssued(in) {
		return !i.SameAsIssued
	}
	return !i.SameAsBaseline
}

func hasWhatItNeeds(in Input) bool {
	return hasApplied(in) && in.Facts.Issued.InUse && refusedInUse(in.Status) == nil
}

func goesOnWithout(in Input) bool { return laterT(in) || in.Spec.Mode == v1alpha1.ModeFollow }

func vanishedMessage(in Input) *Decision {
	return decided(Waiting(Stalled, v1alpha1.ReasonRotationVanished, "Rotation vanished",
		fmt.Sprintf("OCM no longer lists rotation %s: somebody deleted its record, and whether it still takes place is not known. It is not requested a second time. "+
			"Set spec.rotateAfter to the present to have another one.", in.Status.Rotation.ID), RecheckForPeople))
}
