package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// oldEntries heals a target that was set back to a value known to be old. The wait doubles each time, which limits a fight between writers.
var oldEntries = chain{
	{why: "the credentials of the last rotation are kept in place", when: keepsApplied, then: healing},
}

var healing = chain{
	{why: "a target without a current fight has an old value", when: mayHeal, needs: []*need{needIssued}},
	{why: "OCM still issues the recorded credentials", when: all(mayHeal, recordIsCurrent), then: late},
	{why: "the usual checks find a newer rotation, and an unknown value may be newer", when: onlyAFight, check: fightAbout},
}

func keepsApplied(in Input) bool {
	r := in.Status.Rotation
	return r != nil && r.AppliedAt != nil && r.RolledBackAt == nil && !auditing(in)
}

// mayHeal is true if a target has an old value and is not paused.
func mayHeal(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return len(t.Old) > 0 && !Pauses(in, t) })
}

func recordIsCurrent(in Input) bool {
	return in.Facts.Issued.SameAsIssued && !in.Facts.Issued.Superseded
}

// onlyAFight is true if there is an old value, and nothing newer than the record.
func onlyAFight(in Input) bool { return hasOld(in) && (!mayHeal(in) || recordIsCurrent(in)) }

func hasOld(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return len(t.Old) > 0 })
}

// outdated is true if an old entry was restored and OCM issues something newer than the record: the newer rotation is looked up at once, not at
// the next health check.
func outdated(in Input) bool {
	if in.Facts.Issued == nil || !in.Facts.Issued.Present || in.Facts.Issued.SameAsIssued || in.Facts.Issued.Superseded {
		return false
	}
	return hasOld(in)
}

// late delivers issued credentials after the rotation was applied: to targets that became usable or were added to the spec, to added entries, and
// to those that somebody has changed.
var late = chain{
	{why: "an entry of the account differs from what OCM issues", when: anythingPending, then: bringLate},
}

var bringLate = chain{
	{why: "the new credentials must belong to the account of the cluster's pull secret", then: sameOwner},
	{why: "a registry must have accepted it", when: unprovenPending, needs: []*need{needIssuedChecks}},
	{why: "entries that the evidence allows are written", when: somethingMayBeWritten, check: does(Heal)},
}

// fightAbout reports the fight whose target is healed next.
func fightAbout(in Input) *Decision {
	var fight *Decision
	for _, t := range in.Facts.Targets {
		if !Pauses(in, t) {
			continue
		}
		row := TargetRow(in.Status, t.Ref)
		until := FightUntil(row)
		if rest := until.Sub(in.Now); fight == nil || rest < fight.After {
			fight = decided(Waiting(Failing, v1alpha1.ReasonWriterFight, "Another writer restores old entries",
				fmt.Sprintf("%s has written other credentials to %s (%s) %d times so far. The operator replaces them again at %s. Stop that "+
					"writer, or give it the new pull secret.",
					WriterName(t.Writer), t.Ref, strings.Join(slices.Concat(t.Old, t.Other), ", "), row.Healed, OnTheClock(until)), rest))
		}
	}
	return fight
}

// Pauses is true for a target that another writer changes repeatedly: the operator pauses for this target alone.
func Pauses(in Input, t TargetFact) bool {
	return len(t.Old)+len(t.Other) > 0 && in.Now.Before(FightUntil(TargetRow(in.Status, t.Ref)))
}

// FightUntil is until when a restored entry is left alone: not at all for the first three times, then 1 minute, doubling each time up to an hour.
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
