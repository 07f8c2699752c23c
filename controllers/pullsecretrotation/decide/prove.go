package decide

import (
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file decides when the credentials that a rotation has replaced are shown to the registries once more: OCM says that it has
// deleted them, and only a refusal proves it.

// proveDead is about each rotation on record that has ended, also while another is under way.
var proveDead = chain{
	{why: "the backup of credentials that are proven dead is deleted", when: hasDeadBackup, check: dropDead},
	{why: "OCM says that they are deleted: do the registries refuse them?", when: proofIsDue, needs: []*need{needOldChecks}, check: recordOld},
}

func hasDeadBackup(in Input) bool { return deadBackup(in.Status) != nil }

func deadBackup(s *v1alpha1.PullSecretRotationStatus) *v1alpha1.RotationStatus {
	return Record{s}.first(func(r *v1alpha1.RotationStatus) bool { return r.BackupSecret != "" && r.RevocationProvenAt != nil })
}

func dropDead(in Input) *Decision {
	return &Decision{Step: DropBackup, Rotation: *deadBackup(in.Status)}
}

// recordOld notes the answers. Where there is nothing to ask about, because nothing was replaced or somebody has deleted the backup,
// nothing can be proven, and there is nothing to keep.
func recordOld(in Input) *Decision {
	step := RecordRevocation
	if len(in.Facts.OldChecks) == 0 {
		step = DropBackup
	}
	return &Decision{Step: step, Rotation: *Proving(in)}
}

func proofIsDue(in Input) bool { return Proving(in) != nil }

// Proving is the rotation whose replaced credentials are to be tried now; nil when none is.
func Proving(in Input) *v1alpha1.RotationStatus {
	if auditing(in) {
		return nil
	}
	return Record{in.Status}.first(func(r *v1alpha1.RotationStatus) bool {
		at := nextProof(in.Timing, r)
		return !at.IsZero() && (!in.Now.Before(at) || r.RevocationTriedAt != nil && r.RevocationTriedAt.After(in.Now)) // a clock that went back must not put it off
	})
}

// nextProof is when the replaced credentials of a rotation are tried; zero when they are not. A refusal may need time to spread: they are
// tried with pauses that double, for a day, and then daily.
func nextProof(t *Timing, r *v1alpha1.RotationStatus) time.Time {
	switch {
	case r.RevokedAt == nil || r.RevocationProvenAt != nil || r.BackupSecret == "":
		return time.Time{}
	case r.RevocationTriedAt == nil:
		return r.RevokedAt.Time
	}
	patience, tried := r.RevokedAt.Add(t.ProofPatience), r.RevocationTriedAt.Time
	if !tried.Before(patience) {
		return tried.Add(t.ProofInterval)
	}
	next := tried.Add(max(t.ProofRetry, tried.Sub(r.RevokedAt.Time)))
	if next.After(patience) {
		return patience // a person is told on time
	}
	return next
}

// untilProof ends a wait in time for the next proof.
func untilProof(in Input, d Decision) Decision {
	if d.Step != Wait || in.Spec.Suspend || auditing(in) {
		return d
	}
	for _, r := range (Record{in.Status}).all() {
		if at := nextProof(in.Timing, r); !at.IsZero() {
			d.After = min(d.After, max(at.Sub(in.Now), time.Second))
		}
	}
	return d
}

// Tried notes what the registries say of the credentials that a rotation has replaced, and returns that rotation; empty if it is not on record.
func (s Record) Tried(backup string, checks []Check, now time.Time) (tried v1alpha1.RotationStatus) {
	for _, r := range s.all() {
		if r.BackupSecret != backup || r.RevokedAt == nil { // one that was given up may have had a backup of the same name
			continue
		}
		r.RevocationTriedAt, r.RevocationAnswers = TimePtr(now), oldAnswers(r.RevocationAnswers, checks, now)
		if len(checks) > 0 && !slices.ContainsFunc(checks, func(c Check) bool { return oldAnswer(c) != AnswerRefused }) {
			r.RevocationProvenAt = TimePtr(now)
		}
		tried = *r
	}
	return tried
}

// BackupDropped notes that a backup is gone.
func (s Record) BackupDropped(backup string) {
	for _, r := range s.all() {
		if r.BackupSecret == backup {
			r.BackupSecret = ""
		}
	}
}

// oldAnswers are one for each registry, the worst where targets had different credentials, each with the time from which it is so.
func oldAnswers(before []v1alpha1.RegistryAnswer, checks []Check, now time.Time) []v1alpha1.RegistryAnswer {
	var list []v1alpha1.RegistryAnswer
	for _, c := range checks {
		i := slices.IndexFunc(list, func(a v1alpha1.RegistryAnswer) bool { return a.Registry == c.Registry })
		switch result := oldAnswer(c); {
		case i >= 0 && worse(result, list[i].Result):
			list[i].Result = result
		case i < 0 && len(list) < keptAnswers:
			list = append(list, v1alpha1.RegistryAnswer{Registry: c.Registry, Result: result})
		}
	}
	for i := range list {
		list[i].At = TimePtr(now)
		if known := slices.IndexFunc(before, func(a v1alpha1.RegistryAnswer) bool {
			return a.Registry == list[i].Registry && a.Result == list[i].Result && a.At != nil
		}); known >= 0 {
			list[i].At = before[known].At
		}
	}
	return list
}

// oldAnswer judges a credential that should be dead. Only a refused login proves that it is; a good one proves that it lives, whatever
// may be pulled with it. A denial can be either.
func oldAnswer(c Check) string {
	switch c.Result.Outcome {
	case Unauthorized:
		return AnswerRefused
	case Accepted, NotFound:
		return AnswerAccepted
	}
	return AnswerNone
}

// worse is true when an answer says less of a death than another.
func worse(a, b string) bool {
	rank := func(result string) int {
		return slices.Index([]string{AnswerRefused, AnswerNone, AnswerAccepted}, result)
	}
	return rank(a) > rank(b)
}

// StillAccepted are the registries that accept what a rotation has replaced, and those that could not say.
func StillAccepted(r *v1alpha1.RotationStatus) (accepted, unasked []string) {
	for _, a := range r.RevocationAnswers {
		switch a.Result {
		case AnswerAccepted:
			accepted = append(accepted, a.Registry)
		case AnswerNone:
			unasked = append(unasked, a.Registry)
		}
	}
	return accepted, unasked
}

// Overdue is true when what a rotation has replaced should have been dead for long.
func (t *Timing) Overdue(r *v1alpha1.RotationStatus) bool {
	return r.RevokedAt != nil && r.RevocationTriedAt != nil && !r.RevocationTriedAt.Time.Before(r.RevokedAt.Add(t.ProofPatience))
}

// all are the rotations on record, the present one first. One that has ended is in the history too.
func (s Record) all() []*v1alpha1.RotationStatus {
	var list []*v1alpha1.RotationStatus
	if s.Rotation != nil {
		list = append(list, s.Rotation)
	}
	for i := range s.History {
		list = append(list, &s.History[i])
	}
	return list
}

func (s Record) first(is func(*v1alpha1.RotationStatus) bool) *v1alpha1.RotationStatus {
	list := s.all()
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return nil
}
