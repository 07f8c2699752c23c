package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// seeThrough decides while a rotation is under way. The first missing time in status.rotation shows its progress; everything else is derived.
var seeThrough = chain{
	{why: "the OCM credential belonged to another account and may have been corrected", when: credentialMoved, needs: []*need{needAccount, needOwner}, check: ofAnotherAccount},
	{why: "it has not been requested yet", when: unsent, then: requesting},
	{why: "new credentials are awaited", when: not(hasIssued), then: awaitingIssue},
	{why: "they are written to the targets", when: not(hasApplied), then: delivering},
	{why: "they are rolled out to the machines, and OCM deletes the old ones", then: afterApply},
}

func unsent(in Input) bool {
	r := in.Status.Rotation
	return r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp
}

func hasIssued(in Input) bool { return in.Status.Rotation.IssuedAt != nil }

func hasApplied(in Input) bool { return in.Status.Rotation.AppliedAt != nil }

// requesting sends at most one POST for a T. The list is read right before, so that a rotation started by another cluster, a person or an own
// request whose answer was lost is adopted instead of repeated.
var requesting = chain{
	{why: "a listed rotation is adopted instead of repeated", needs: []*need{needRotations}, check: adoptListed},
	{why: "this reconcile has recorded the intent and read the list since", when: intentIsFresh, check: does(Request)},
	{why: "a request whose answer is unknown may still take effect", check: settling},
	{why: "the mode or T has changed since the baseline", when: not(stillWanted), check: does(Abandon)},
	{why: "a target that may not be written holds up the request", needs: []*need{needRights}},
	{why: "somebody may have replaced the pull secret by another account's", then: sameOwner},
	{why: "something new may hold back the request", then: mayRequest},
	{why: "the intent comes before the request", check: does(RecordIntent)},
}

// adoptListed adopts a listed rotation instead of sending a request.
func adoptListed(in Input) *Decision {
	known, ok := adoptable(*in.Facts.Rotations, in)
	if !ok {
		return nil
	}
	return adopt(known, in)
}

// intentIsFresh is true for one timeout: after that time plus the request's own, others no longer expect an effect. A process that was suspended
// in between must not send the request.
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
		fmt.Sprintf("A request to OCM was about to be sent at %s, and its answer is unknown. It may still take effect. At %s the operator checks "+
			"OCM's list and decides whether another request is needed.",
			OnTheClock(r.IntendedAt.Time), OnTheClock(settled)), settled.Sub(in.Now)))
}

// stillWanted is true while T is the one for which the rotation was begun. Mode Follow has none.
func stillWanted(in Input) bool {
	after := in.Status.Rotation.After
	return after != nil && after.Time.Equal(in.due.T.Truncate(time.Second))
}

// adopt takes part in a listed rotation instead of requesting one. If it was requested before T, T still needs its own rotation afterwards.
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

// adoptable is a rotation that makes a request unnecessary: one that can still complete, one that counts for T, or the effect of a request whose
// answer is unknown.
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

// awaitingIssue compares the issued credentials with the baseline. The status stays "pending" until every cluster has switched: waiting for
// "completed" before switching is a deadlock.
var awaitingIssue = chain{
	{why: "the pull secret in use is still checked", then: proveInUse},
	{why: "a reconcile with another cause does not ask OCM before the next poll", when: tooEarlyToPoll, check: awaitIssueMessage, amend: untilNextPoll},
	{why: "what is the rotation's status?", needs: []*need{needRotations}},
	{why: "somebody has deleted its record", when: not(listed), then: vanished},
	{why: "which credentials does OCM issue?", needs: []*need{needIssued}},
	{why: "a server that lags behind returns old ones", when: superseded, check: lagging},
	{why: "they are new, or the rotation has ended, which means that somebody switched this cluster before the baseline", when: thereIsNew, then: receive},
	{why: "it has ended, and nothing is offered to this cluster", when: completed, check: finish},
	{why: "it can no longer complete, and this cluster did not request it for this T", when: all(not(canComplete), giveUp), check: does(Abandon)},
	{why: "OCM issues credentials four times a day", check: awaitIssueMessage},
}

// current is the current rotation in OCM's list.
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

// thereIsNew is true if OCM issues the rotation's credentials: they differ from the baseline; or the rotation was found after it had issued them,
// because some target has other credentials, or because all targets have these and OCM has updated the rotation since; or it has ended.
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

// giveUp is true if a rotation that can no longer complete should be abandoned: it was somebody else's, or a later T has come, which gets its
// own. For the same T this cluster does not request another.
func giveUp(in Input) bool {
	return in.Status.Rotation.Adopted || in.Spec.Mode == v1alpha1.ModeFollow || laterT(in)
}

// laterT is true if a T has come after the current rotation was requested.
func laterT(in Input) bool {
	r, d := in.Status.Rotation, in.due
	return d.Set && d.T.After(since(r)) && (r.After == nil || d.T.After(r.After.Time))
}

func awaitIssueMessage(in Input) *Decision {
	r := in.Status.Rotation
	asked := since(r)
	if r.IssuedAt != nil {
		return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for the end of the rotation",
			fmt.Sprintf("OCM no longer offers the new credentials of rotation %s to this cluster: insights-operator or a person has applied them, "+
				"or the offer has expired. In the latter case the pull secret in use stops working when OCM ends the rotation, unless you provide "+
				"an OCM credential in spec.ocm.credentialsSecretRef.", r.ID), untilNewPoll(in)))
	}
	if in.Facts.Switched {
		return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for the end of the rotation",
			fmt.Sprintf("This cluster has other credentials than after its last rotation: insights-operator or a person applied those of rotation "+
				"%s before the operator found it. The operator waits for the rotation to complete, and would apply newer credentials.", r.ID), untilNewPoll(in)))
	}
	switched := ""
	if r.Adopted { // found after the request, so possibly after it issued credentials
		switched = " If this cluster already uses them, the operator only waits for the rotation to complete."
	}
	switched += oddStatus(r, in.Now)
	if age := in.Now.Sub(asked); age > in.Timing.IssueDeadline || slices.Contains(endings, r.OCMStatus) {
		return decided(Waiting(Failing, v1alpha1.ReasonIssueOverdue, "Waiting for new credentials (overdue)",
			fmt.Sprintf("OCM has not issued new credentials for rotation %s, requested at %s, although it issues them four times a day. The pull "+
				"secret in use is unchanged. The operator keeps waiting; open a support case with Red Hat that names the "+
				"rotation.%s", r.ID, OnTheClock(asked), switched), untilNewPoll(in)))
	}
	return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for new credentials",
		fmt.Sprintf("OCM has not issued new credentials yet; it issues them four times a day. Rotation %s was requested "+
			"at %s.%s", r.ID, OnTheClock(asked), switched),
		untilNewPoll(in)))
}

// vanished is for a rotation that OCM no longer lists: somebody deleted the record. Its credentials are applied anyway, because the old ones may
// stop working. The operator does not request another for the same T; a later T, or a follower, goes on without it.
var vanished = chain{
	{why: "a newer rotation is under way", when: oneIsPending, check: adoptNewest},
	{why: "the credentials that it issued are applied anyway", needs: []*need{needIssued}},
	{why: "the old credentials may stop working", when: issuedUnseen, then: receive},
	{why: "this cluster has the new credentials; the history keeps the rotation without an end", when: hasWhatItNeeds, check: does(Abandon)},
	{why: "a later T and a follower go on without it", when: goesOnWithout, check: does(Abandon)},
	{why: "the same T gets no second request", check: vanishedMessage},
}

func adoptNewest(in Input) *Decision {
	newest, _ := pending(*in.Facts.Rotations, in.Now)
	return adopt(newest, in)
}

// issuedUnseen is true if OCM issues something that is not in the record of the rotation.
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
		fmt.Sprintf("OCM no longer lists rotation %s: somebody deleted its record, and it is unknown whether it still takes place. The operator "+
			"does not request it again. To request another rotation, set spec.rotateAfter to the current time.", in.Status.Rotation.ID), RecheckForPeople))
}
