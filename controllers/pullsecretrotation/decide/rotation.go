package decide

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// seeThrough decides while a rotation is under way. Its place in the way is the first time that is missing in
// status.rotation; everything else is derived.
func seeThrough(in Input, d Due) Decision {
	r := in.Status.Rotation
	if w, other := ofAnotherAccount(in); other {
		return w
	}
	switch {
	case r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp:
		return requesting(in, d)
	case r.IssuedAt == nil:
		return awaitingIssue(in, d)
	case r.AppliedAt == nil:
		return delivering(in, d)
	default:
		return afterApply(in, d)
	}
}

// requesting sends at most one POST for a T. The list is read right before, so that what another cluster, a person or a
// lost answer of our own has started is adopted instead of doubled.
func requesting(in Input, d Due) Decision {
	r := in.Status.Rotation
	if in.Facts.Rotations == nil {
		return Do(LookAtRotations)
	}
	if known, ok := adoptable(*in.Facts.Rotations, in); ok {
		return adopt(known, in)
	}
	// An intent is good for one timeout: together with the request's own that is the time after which others no longer expect
	// an effect. A process that stood still since sends nothing.
	if in.Facts.IntentIsOurs && in.Now.Before(r.IntendedAt.Add(in.Timing.OCMTimeout)) {
		return Do(Request)
	}
	if r.IntendedAt != nil {
		if settled := r.IntendedAt.Add(in.Timing.settle()); in.Now.Before(settled) && !r.IntendedAt.After(in.Now) {
			return Waiting(Progressing, v1alpha1.ReasonRotationStarted, "Making sure of the request",
				fmt.Sprintf("A request to OCM was about to be sent at %s and its answer is not known. It may still take effect: OCM's list decides at %s whether another is needed.",
					OnTheClock(r.IntendedAt.Time), OnTheClock(settled)), settled.Sub(in.Now))
		}
	}
	// The world may have changed since the baseline: the mode, T, the window.
	if in.Spec.Mode != v1alpha1.ModeRotate || !d.Set || r.After == nil || !r.After.Time.Equal(d.T.Truncate(time.Second)) {
		return Do(Abandon)
	}
	if !in.Facts.RightsKnown {
		return Do(LookAtRights)
	}
	// The pull secret may have, too: somebody can have replaced it by another account's.
	if w, ok := sameOwner(in); !ok {
		return w
	}
	if w, ok := mayRequest(in, d); !ok {
		return w
	}
	return Do(RecordIntent)
}

// adopt takes over a rotation that OCM lists in the place of one of our own. When it was requested before T, it is seen
// through and T still needs its own.
func adopt(known Rotation, in Input) Decision {
	r := in.Status.Rotation
	taken := found(in, known, r.Reason)
	taken.Adopted = !effect(known, in)
	taken.RequestedHere = taken.RequestedHere || !taken.Adopted
	if r.After != nil && !known.CreatedAt.Before(r.After.Add(-clockSkew)) {
		taken.After = r.After
	}
	return Decision{Step: RecordID, Rotation: taken}
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
func awaitingIssue(in Input, d Due) Decision {
	r := in.Status.Rotation
	if check, ok := proveInUse(in); ok {
		return check
	}
	if w, early := tooEarlyToPoll(in, v1alpha1.ReasonAwaitingIssue); early {
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
	issued := in.Facts.Issued
	if issued.Superseded {
		return lagging(in)
	}
	if issued.Present && hasIssued(in, current) {
		return receive(in)
	}
	if current.Status == RotationCompleted {
		if issued.Present {
			return receive(in) // somebody had switched this cluster before the baseline was taken
		}
		return Decision{Step: Finish, Rotation: found(in, current, r.Reason)}
	}
	if !lives(current, in.Now) && giveUp(in, d) {
		return Do(Abandon)
	}
	return awaitIssueMessage(in)
}

// hasIssued is true when what OCM gives out is what the rotation has issued: it differs from the baseline; or the rotation was found
// after it had, because some target has other credentials, or because all have these and OCM has worked on the rotation since.
func hasIssued(in Input, current Rotation) bool {
	r, issued := in.Status.Rotation, in.Facts.Issued
	switch {
	case !issued.SameAsBaseline:
		return true
	case in.Facts.Switched:
		return !issued.GivenBefore
	case !r.Adopted:
		return false
	default:
		return !issued.InUse || current.UpdatedAt.After(current.CreatedAt) && !issued.GivenBefore
	}
}

// giveUp is true when a rotation that cannot complete any more is no longer waited for: it was somebody else's, or a later T has
// come, which gets its own. For the T that this cluster has requested it for, none is requested in its place.
func giveUp(in Input, d Due) bool {
	r := in.Status.Rotation
	return r.Adopted || in.Spec.Mode == v1alpha1.ModeFollow || laterT(in, d)
}

// laterT is true when a T has come after the rotation under way was asked for.
func laterT(in Input, d Due) bool {
	r := in.Status.Rotation
	return d.Set && d.T.After(since(r)) && (r.After == nil || d.T.After(r.After.Time))
}

func awaitIssueMessage(in Input) Decision {
	r := in.Status.Rotation
	asked := since(r)
	if r.IssuedAt != nil {
		return Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for the rotation's end",
			fmt.Sprintf("OCM no longer offers the new credentials of rotation %s to this cluster: insights-operator or a person has applied them, or the offer has expired. In the latter "+
				"case the pull secret in use dies when OCM ends the rotation; an OCM credential in spec.ocm.credentialsSecretRef prevents that.", r.ID), pollInterval(in))
	}
	if in.Facts.Switched {
		return Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for the rotation's end",
			fmt.Sprintf("This cluster has other credentials than at its last rotation: insights-operator or a person has applied those of rotation %s before it was found here. Its end is awaited; "+
				"newer credentials would be applied.", r.ID), pollInterval(in))
	}
	switched := ""
	if r.Adopted { // found after it was requested, so maybe after it issued
		switched = " If this cluster already uses them, the operator only waits for the rotation to complete."
	}
	switched += oddStatus(r, in.Now)
	if age := in.Now.Sub(asked); age > in.Timing.IssueDeadline || slices.Contains(endings, r.OCMStatus) {
		return Waiting(Failing, v1alpha1.ReasonIssueOverdue, "Waiting for new credentials (overdue)",
			fmt.Sprintf("OCM has not issued new credentials for rotation %s, asked at %s; its batch runs four times a day. The pull secret in use is unchanged. "+
				"Waiting goes on; open a support case with Red Hat that names the rotation.%s", r.ID, OnTheClock(asked), switched), pollInterval(in))
	}
	return Waiting(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for new credentials",
		fmt.Sprintf("OCM has not issued new credentials yet; its batch runs four times a day. Rotation %s was asked for at %s.%s", r.ID, OnTheClock(asked), switched),
		pollInterval(in))
}

// vanished is for a rotation that OCM no longer lists: somebody deleted the record. What it has issued is applied all the
// same, because the old credentials may die. For the same T none is requested in its place; a later T, and a follower, which
// requests nothing, go on without it.
func vanished(in Input, d Due) Decision {
	r := in.Status.Rotation
	if newest, ok := pending(*in.Facts.Rotations, in.Now); ok {
		return adopt(newest, in)
	}
	if in.Facts.Issued == nil {
		return Do(LookAtIssued)
	}
	if i := in.Facts.Issued; i.Present && !i.Superseded && (r.IssuedAt == nil && !i.SameAsBaseline || r.IssuedAt != nil && !i.SameAsIssued) {
		return receive(in)
	}
	if r.AppliedAt != nil && in.Facts.Issued.InUse && refusedInUse(in.Status) == nil {
		return Do(Abandon) // this cluster has what it needs; the history keeps the rotation, without an end
	}
	if laterT(in, d) || in.Spec.Mode == v1alpha1.ModeFollow {
		return Do(Abandon)
	}
	return Waiting(Stalled, v1alpha1.ReasonRotationVanished, "Rotation vanished",
		fmt.Sprintf("OCM no longer lists rotation %s: somebody deleted its record, and whether it still takes place is not known. It is not requested a second time. "+
			"Set spec.rotateAfter to the present to have another one.", r.ID), RecheckForPeople)
}

// tooEarlyToPoll spares OCM: a reconcile that something else has caused does not ask it again before the next poll.
func tooEarlyToPoll(in Input, reason string) (Decision, bool) {
	if in.LastPoll.IsZero() || in.Unasked || in.Facts.Rotations != nil || asksForAPerson(in.Status) {
		return Decision{}, false
	}
	polled := in
	polled.Now = in.LastPoll // the interval that was told then; it has grown since
	rest := in.LastPoll.Add(pollInterval(polled)).Sub(in.Now)
	if rest <= 0 || in.LastPoll.After(in.Now) {
		return Decision{}, false
	}
	d := awaitIssueMessage(in)
	if reason == v1alpha1.ReasonAwaitingRevocation {
		d = awaitRevokeMessage(in)
	}
	d.After = rest
	return d, true
}

// asksForAPerson is true while a person is asked to act upon what a look at OCM has shown: then each look is at OCM, or the
// next one would take it back.
func asksForAPerson(s *v1alpha1.PullSecretRotationStatus) bool {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	return ready != nil && (ready.Reason == v1alpha1.ReasonRotationVanished || ready.Reason == v1alpha1.ReasonAccountMismatch ||
		ready.Reason == v1alpha1.ReasonOwnerUnknown ||
		ready.Reason == v1alpha1.ReasonAccountPinMismatch)
}

// pollInterval grows with the age of what is awaited: new credentials since the request, the end of the old ones since
// this cluster switched.
func pollInterval(in Input) time.Duration {
	r := in.Status.Rotation
	if r.RolledBackAt != nil {
		return in.Timing.RevokePollMin // the old credentials, which are in use, may die at any batch
	}
	if r.AppliedAt != nil {
		return schedule.PollInterval(in.Now.Sub(r.AppliedAt.Time), in.Timing.RevokePollMin, in.Timing.RevokePollMax)
	}
	return schedule.PollInterval(in.Now.Sub(since(r)), in.Timing.PollMin, in.Timing.PollMax)
}

// since is when the rotation was asked for, by OCM's word or, before that is known, ours.
func since(r *v1alpha1.RotationStatus) time.Time {
	switch {
	case r.RequestedAt != nil:
		return r.RequestedAt.Time
	case r.StartedAt != nil:
		return r.StartedAt.Time
	}
	return time.Time{}
}
