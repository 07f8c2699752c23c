package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// oldEntries heals a target that went back to a value known to be old. Nobody fights for ever: each time the wait doubles.
var oldEntries = chain{
	{why: "what the last rotation has brought is kept", when: keepsApplied, then: healing},
}

var healing = chain{
	{why: "an old value in a target that is not fought about", when: mayHeal, needs: []*need{needIssued}},
	{why: "OCM still gives out what the record would heal it with", when: all(mayHeal, recordIsCurrent), then: late},
	{why: "a newer rotation is found by the usual way, and what no record knows may be newer", when: onlyAFight, check: fightAbout},
}

func keepsApplied(in Input) bool {
	r := in.Status.Rotation
	return r != nil && r.AppliedAt != nil && r.RolledBackAt == nil && !auditing(in)
}

// mayHeal is true when a target has an old value and is not left alone.
func mayHeal(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return len(t.Old) > 0 && !Pauses(in, t) })
}

func recordIsCurrent(in Input) bool {
	return in.Facts.Issued.SameAsIssued && !in.Facts.Issued.Superseded
}

// onlyAFight is true when an old value is there and nothing newer than the record.
func onlyAFight(in Input) bool { return hasOld(in) && (!mayHeal(in) || recordIsCurrent(in)) }

func hasOld(in Input) bool {
	return slices.ContainsFunc(in.Facts.Targets, func(t TargetFact) bool { return len(t.Old) > 0 })
}

// outdated is true when an old entry was put back and OCM gives out something newer than what the record would heal it
// with: the newer rotation is looked for at once, not at the next health check.
func outdated(in Input) bool {
	if in.Facts.Issued == nil || !in.Facts.Issued.Present || in.Facts.Issued.SameAsIssued || in.Facts.Issued.Superseded {
		return false
	}
	return hasOld(in)
}

// late brings issued credentials into entries that came after the rotation was applied: targets that could not be used, or that the
// spec names now, entries that it has added since, and those that somebody has changed.
var late = chain{
	{why: "an entry of the account's differs from what OCM gives out", when: anythingPending, then: bringLate},
}

var bringLate = chain{
	{why: "what is written must be of the account whose pull secret the cluster has", then: sameOwner},
	{why: "a registry must have accepted it", when: unprovenPending, needs: []*need{needIssuedChecks}},
	{why: "what the evidence allows is written", when: somethingMayBeWritten, check: does(Heal)},
}

// fightAbout reports the target of a fight that is looked at again first.
func fightAbout(in Input) *Decision {
	var fight *Decision
	for _, t := range in.Facts.Targets {
		if !Pauses(in, t) {
			continue
		}
		row := TargetRow(in.Status, t.Ref)
		until := FightUntil(row)
		if rest := until.Sub(in.Now); fight == nil || rest < fight.After {
			fight = decided(Waiting(Failing, v1alpha1.ReasonWriterFight, "Another writer puts old entries back",
				fmt.Sprintf("%s puts other credentials into %s (%s), %d times so far. They are replaced again at %s. Stop that writer, or give it the new pull secret.",
					WriterName(t.Writer), t.Ref, strings.Join(slices.Concat(t.Old, t.Other), ", "), row.Healed, OnTheClock(until)), rest))
		}
	}
	return fight
}

// Pauses is true for a target that another writer changes again and again: it is left alone for a while, whatever is done to the
// others.
func Pauses(in Input, t TargetFact) bool {
	return len(t.Old)+len(t.Other) > 0 && in.Now.Before(FightUntil(TargetRow(in.Status, t.Ref)))
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
