package decide

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// This file says when OCM is polled while a rotation is under way.

// tooEarlyToPoll keeps reconciles with other causes from asking OCM before the next poll.
func tooEarlyToPoll(in Input) bool {
	if in.LastPoll.IsZero() || in.Unasked || in.Facts.Rotations != nil || asksForAPerson(in.Status) {
		return false
	}
	return !in.LastPoll.After(in.Now) && untilPoll(in) > 0
}

// untilPoll is how long it is until the next poll, by the interval at the last one; the interval has grown since.
func untilPoll(in Input) time.Duration {
	polled := in
	polled.Now = in.LastPoll
	return nextPoll(in, in.LastPoll, pollInterval(polled)).Sub(in.Now)
}

// nextPoll is the first poll at least an interval after the last one. In a large fleet the moment to ask for an access_token comes seldom, and a
// cluster that may need one polls then: at its own intervals it could miss that moment each time.
func nextPoll(in Input, last time.Time, interval time.Duration) time.Time {
	at := nextTurn(in, last.Add(interval))
	if turn, ok := fallbackTurn(in, last); ok && turn.Before(at) {
		return turn
	}
	return at
}

// untilNextPoll repeats the last report until the next poll.
func untilNextPoll(in Input, said *Decision) *Decision {
	said.After = untilPoll(in)
	return said
}

// asksForAPerson is true while a person must act on a result from OCM: then each reconcile asks OCM, because otherwise the next one would
// withdraw the report.
func asksForAPerson(s *v1alpha1.PullSecretRotationStatus) bool {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	return ready != nil && (ready.Reason == v1alpha1.ReasonRotationVanished || ready.Reason == v1alpha1.ReasonAccountMismatch ||
		ready.Reason == v1alpha1.ReasonOwnerUnknown ||
		ready.Reason == v1alpha1.ReasonAccountPinMismatch)
}

// pollInterval grows with the time waited: for new credentials since the request, for the end of the old ones since this cluster switched.
func pollInterval(in Input) time.Duration {
	r := in.Status.Rotation
	if r.RolledBackAt != nil {
		return in.Timing.RevokePollMin // the old credentials, which are in use, may be deleted at any batch
	}
	if r.AppliedAt != nil {
		return schedule.PollInterval(in.Now.Sub(r.AppliedAt.Time), in.Timing.RevokePollMin, in.Timing.RevokePollMax)
	}
	return schedule.PollInterval(in.Now.Sub(since(r)), in.Timing.PollMin, in.Timing.PollMax)
}

// untilNewPoll is how long it is until the next poll after one that has just taken place.
func untilNewPoll(in Input) time.Duration { return nextPoll(in, in.Now, pollInterval(in)).Sub(in.Now) }

// since is when the rotation was requested, by OCM's clock or, before that is known, by ours.
func since(r *v1alpha1.RotationStatus) time.Time {
	switch {
	case r.RequestedAt != nil:
		return r.RequestedAt.Time
	case r.StartedAt != nil:
		return r.StartedAt.Time
	}
	return time.Time{}
}
