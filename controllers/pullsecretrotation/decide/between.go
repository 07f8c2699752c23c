package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// betweenRotations decides while none is under way: is one due, has somebody else started or finished one, is what is in
// use still good? An idle object asks OCM only when T is due or the health check is: two requests.
func betweenRotations(in Input, d Due) Decision {
	isDue := d.Set && !satisfiedByRecord(in.Status, d.T)
	nextHealth := nextHealthCheck(in)
	if w, ok := oldEntries(in); ok {
		return w
	}
	if !in.Facts.RightsKnown && (isDue || !in.Now.Before(nextHealth) || lacksRight(in.Status)) {
		return Do(LookAtRights)
	}
	if problem, bad := brokenCanary(in); bad {
		return problem
	}
	// The registries are asked without OCM: it may be away for days.
	if check, ok := proveInUse(in); ok {
		return check
	}
	asked := in.Facts.Rotations == nil && !in.Facts.Proven && in.Now.Before(nextLook(in)) && !outdated(in)
	if in.Spec.Mode == v1alpha1.ModeAudit {
		if report, ok := lastAudit(in, d, isDue, nextHealth); ok && asked {
			return report
		}
	} else if !isDue && asked {
		return idle(in, d, nextHealth)
	}
	if (isDue || in.Spec.Mode == v1alpha1.ModeAudit) && in.Facts.Pools == nil {
		return Do(LookAtPools) // paused ones are reported before a rotation, not after
	}
	if w, ok := stillHeldByPools(in, d); ok && isDue && asked {
		return w
	}
	if w, ok := checkAccount(in, isDue); ok {
		return w
	}
	if in.Facts.Rotations == nil {
		return Do(LookAtRotations)
	}
	rotations := *in.Facts.Rotations
	if in.Facts.Issued == nil {
		return Do(LookAtIssued)
	}
	if in.Spec.Mode == v1alpha1.ModeAudit {
		return audit(in, d, isDue, nextHealth)
	}
	if r, ok := pending(rotations, in.Now); ok {
		if w, ok := sameOwner(in); !ok {
			return w
		}
		reason := v1alpha1.TriggerStartedElsewhere
		if forT(r, d) != nil {
			reason = d.Reason
		}
		return Decision{Step: Begin, Rotation: foundFor(in, r, reason, d)}
	}
	if w, ok := catchUp(in, d, rotations); ok {
		return w
	}
	if isDue {
		if r, ok := satisfying(rotations, d.T, in); ok {
			return Decision{Step: RecordSatisfied, Rotation: foundFor(in, r, v1alpha1.TriggerStartedElsewhere, d)}
		}
	}
	if !isDue {
		return idle(in, d, nextHealth)
	}
	if w, ok := mayRequest(in, d); !ok {
		return w
	}
	return Decision{Step: Begin, Rotation: v1alpha1.RotationStatus{After: TimePtr(d.T), Reason: d.Reason}}
}

// catchUp is for a cluster that comes late: OCM has finished a rotation and this cluster still has something else. Its own
// credentials are dead, so the current pull secret is verified and applied at once.
func catchUp(in Input, d Due, rotations []Rotation) (Decision, bool) {
	if !in.Facts.Issued.Present || in.Facts.Issued.Superseded {
		return Decision{}, false
	}
	if in.Facts.Issued.InUse {
		return Decision{}, false
	}
	if w, ok := sameOwner(in); !ok {
		return w, true
	}
	if len(rotations) == 0 && !in.Facts.Owner.Dead {
		return Decision{}, false // differs and works, and nothing was ever rotated: not ours to change
	}
	if heal, ok := again(in); ok {
		return heal, true
	}
	r := v1alpha1.RotationStatus{Adopted: true, OCMStatus: RotationCompleted}
	if len(rotations) > 0 {
		r = foundFor(in, rotations[0], v1alpha1.TriggerCatchUp, d)
	}
	r.Reason = v1alpha1.TriggerCatchUp
	return Decision{Step: Begin, Rotation: r}, true
}

// again is for a target that has something else of the account's than what the last rotation on record has brought, which OCM still
// gives out: it is set again, braked as a fight is, and no other rotation is begun for it.
func again(in Input) (Decision, bool) {
	r := in.Status.Rotation
	if r == nil || r.AppliedAt == nil || r.RolledBackAt != nil || !in.Facts.Issued.SameAsIssued {
		return Decision{}, false
	}
	if heal, ok := late(in); ok {
		return heal, true
	}
	if fight, ok := fightAbout(in); ok {
		return fight, true
	}
	return Decision{}, false
}

// fightAbout reports the target of a fight that is looked at again first.
func fightAbout(in Input) (Decision, bool) {
	fight, isFight := Decision{}, false
	for _, t := range in.Facts.Targets {
		if !Pauses(in, t) {
			continue
		}
		row := TargetRow(in.Status, t.Ref)
		until := FightUntil(row)
		if rest := until.Sub(in.Now); !isFight || rest < fight.After {
			isFight, fight = true, Waiting(Failing, v1alpha1.ReasonWriterFight, "Another writer puts old entries back",
				fmt.Sprintf("%s puts other credentials into %s (%s), %d times so far. They are replaced again at %s. Stop that writer, or give it the new pull secret.",
					WriterName(t.Writer), t.Ref, strings.Join(slices.Concat(t.Old, t.Other), ", "), row.Healed, OnTheClock(until)), rest)
		}
	}
	return fight, isFight
}

// Pauses is true for a target that another writer changes again and again: it is left alone for a while, whatever is done to the
// others.
func Pauses(in Input, t TargetFact) bool {
	return len(t.Old)+len(t.Other) > 0 && in.Now.Before(FightUntil(TargetRow(in.Status, t.Ref)))
}

// oldEntries heals a target that went back to a value known to be old. Nobody fights for ever: each time the wait doubles.
func oldEntries(in Input) (Decision, bool) {
	r := in.Status.Rotation
	if r == nil || r.AppliedAt == nil || r.RolledBackAt != nil || in.Spec.Mode == v1alpha1.ModeAudit {
		return Decision{}, false
	}
	for _, t := range in.Facts.Targets {
		if len(t.Old) == 0 || Pauses(in, t) {
			continue
		}
		if in.Facts.Issued == nil {
			return Do(LookAtIssued), true
		}
		if !in.Facts.Issued.SameAsIssued || in.Facts.Issued.Superseded {
			return Decision{}, false // a newer rotation: it is found by the usual way
		}
		if heal, ok := late(in); ok {
			return heal, true
		}
	}
	if !slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return len(t.Old) > 0 }) {
		return Decision{}, false // what no record knows may be newer: OCM's list decides
	}
	return fightAbout(in)
}

// outdated is true when an old entry was put back and OCM gives out something newer than what the record would heal it
// with: the newer rotation is looked for at once, not at the next health check.
func outdated(in Input) bool {
	if in.Facts.Issued == nil || !in.Facts.Issued.Present || in.Facts.Issued.SameAsIssued || in.Facts.Issued.Superseded {
		return false
	}
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return len(t.Old) > 0 })
}

// FightUntil is until when an entry that was put back is left alone: not at all for the first three times, then 1 minute,
// doubled each time up to an hour.
func FightUntil(t *v1alpha1.TargetStatus) time.Time {
	if t == nil || t.Healed < 3 || t.AppliedAt == nil {
		return time.Time{}
	}
	pause := time.Minute << min(t.Healed-3, 6)
	return t.AppliedAt.Add(min(pause, time.Hour))
}

// WriterName names a field manager in a sentence.
func WriterName(manager string) string {
	if manager == "" {
		return "Another writer"
	}
	return fmt.Sprintf("The writer %q", manager)
}

// idle reports that nothing is to be done.
func idle(in Input, d Due, nextHealth time.Time) Decision {
	after := untilNext(in, nextHealth)
	reason, phase, message := v1alpha1.ReasonNotDue, "Up to date", ""
	switch {
	case in.Spec.Mode == v1alpha1.ModeFollow:
		reason, phase = v1alpha1.ReasonFollowing, "Following"
		message = "Waits for a rotation that another cluster, a person or Red Hat requests."
	case d.Set:
		message = fmt.Sprintf("The account's pull secret has been rotated after %s.", OnTheClock(d.T))
	default:
		message = "No rotation is due yet."
	}
	if d.Next != nil {
		message += fmt.Sprintf(" The next rotation is due at %s.", OnTheClock(*d.Next))
		after = min(after, d.Next.Sub(in.Now))
	}
	if meta.IsStatusConditionTrue(in.Status.Conditions, v1alpha1.ConditionPoolsPaused) {
		after = min(after, RecheckForPeople)
	}
	if fight, ok := fightAbout(in); ok {
		return fight // it says why a registry refuses what is in use, if one does
	}
	if c := refusedInUse(in.Status); c != nil {
		return Waiting(Stalled, c.Reason, "Pull secret refused", c.Message, after)
	}
	if t, bad := brokenTarget(in); bad {
		return Waiting(Stalled, t.Problem, "A target is left out", "The targets that can be used are served; this one is left out. "+t.Message, min(after, recheckTarget(t)))
	}
	return Waiting(Ready, reason, phase, message, after)
}

// recheckRefused is how soon a pull secret that a registry refuses is proven again: whoever mends it wants to see that it
// worked, and it costs OCM two requests.
const recheckRefused = 5 * time.Minute

// recheckUnready is how soon what holds back a rotation and may pass by itself is looked at again: it costs OCM some requests.
const recheckUnready = 30 * time.Minute

// refusedInUse is the condition that says so; nil while no registry is known to refuse the pull secret in use.
func refusedInUse(s *v1alpha1.PullSecretRotationStatus) *metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPullSecretValid); c != nil && c.Status == metav1.ConditionFalse {
		return c
	}
	return nil
}

// brokenCanary is true when the first target cannot be used: then no rotation is begun, because its result could not be
// used either. One of the others that cannot be used does not hold up the rest.
func brokenCanary(in Input) (Decision, bool) {
	if t := in.Facts.Targets[0]; t.Problem != "" {
		return Waiting(Stalled, t.Problem, "Held back by a target", t.Message, recheckTarget(t)), true
	}
	return Decision{}, false
}

// lacksRight is true when a target could not be used for lack of a right.
func lacksRight(s *v1alpha1.PullSecretRotationStatus) bool {
	return slices.ContainsFunc(s.Targets, func(t v1alpha1.TargetStatus) bool { return t.Result == v1alpha1.ReasonForbidden })
}

// recheckTarget is how often a broken target is looked at without an event: a change of the Secret is one, a right that was
// granted is none.
func recheckTarget(t TargetFact) time.Duration {
	if t.Problem == v1alpha1.ReasonForbidden {
		return time.Minute
	}
	return RecheckForPeople
}

// brokenTarget is the first that cannot be used.
func brokenTarget(in Input) (TargetFact, bool) {
	for _, t := range in.Facts.Targets {
		if t.Problem != "" {
			return t, true
		}
	}
	return TargetFact{}, false
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
func foundFor(in Input, r Rotation, reason v1alpha1.RotationTrigger, d Due) v1alpha1.RotationStatus {
	s := found(in, r, reason)
	if t := forT(r, d); t != nil {
		s.After = TimePtr(*t)
	}
	return s
}

// HealthInterval is how often what is in use is proven.
func HealthInterval(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.HealthCheckInterval == nil {
		return 6 * time.Hour // the schema's default
	}
	return min(spec.HealthCheckInterval.Duration, longestHealthInterval)
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
func untilNext(in Input, nextHealth time.Time) time.Duration {
	look := HealthInterval(in.Spec)
	if last := in.LastPoll; !last.IsZero() && !last.After(in.Now) {
		look -= in.Now.Sub(last)
	}
	return max(min(nextHealth.Sub(in.Now), look), time.Second)
}

// proveInUse asks the registries about what is in use when that is due, whatever else goes on.
func proveInUse(in Input) (Decision, bool) {
	if in.Now.Before(nextHealthCheck(in)) || in.Facts.Targets[0].Problem != "" {
		return Decision{}, false
	}
	if in.Facts.Checks == nil {
		return Do(CheckInUse), true
	}
	return Do(RecordHealth), true
}

// longestHealthInterval is the schema's bound: a rotation must be noticed well within the five days for which OCM waits for a cluster.
const longestHealthInterval = 48 * time.Hour

// nextHealthCheck comes sooner than the spec says while a registry refuses what is in use: it is asked whether that has passed.
func nextHealthCheck(in Input) time.Time {
	interval, last := HealthInterval(in.Spec), in.Status.LastHealthCheck
	if refusedInUse(in.Status) != nil {
		interval = min(interval, recheckRefused)
	}
	if len(unprovable(in)) > 0 {
		interval = min(interval, recheckUnready)
	}
	if in.Unproven || last == nil || last.After(in.Now) { // a clock that went back must not put the check off
		return in.Now
	}
	return last.Add(interval)
}

// TargetRow is a target's row in the status; nil where it has none.
func TargetRow(s *v1alpha1.PullSecretRotationStatus, ref v1alpha1.SecretReference) *v1alpha1.TargetStatus {
	for i := range s.Targets {
		if t := &s.Targets[i]; t.Namespace == ref.Namespace && t.Name == ref.Name {
			return t
		}
	}
	return nil
}

// Applied is true for a target that has had the new credentials; one that could not be used until now gets them late.
func Applied(t *v1alpha1.TargetStatus) bool {
	return t != nil && (t.Result == v1alpha1.ReasonPullSecretUpdated || t.Result == v1alpha1.ReasonAlreadyCurrent || t.Result == v1alpha1.ReasonEntryHealed)
}

// TimePtr is a time as the status has it.
func TimePtr(t time.Time) *metav1.Time {
	m := metav1.NewTime(t)
	return &m
}
