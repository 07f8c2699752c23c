package decide

import (
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Record is the part of the status about rotations. Its methods are the transitions: nothing else changes status.rotation and status.history. The
// executor and the walk's model share them.
type Record struct {
	*v1alpha1.PullSecretRotationStatus
}

// keptHistory is the length of the history.
const keptHistory = 10

// Begin starts to take part in a rotation.
func (s Record) Begin(r v1alpha1.RotationStatus) {
	s.Rotation = &r
	s.endFights()
}

// endFights resets the counts of healed entries, which were about other credentials.
func (s Record) endFights() {
	for i := range s.Targets {
		s.Targets[i].Healed = 0
	}
}

// Intend records that a request is about to be sent, and what OCM listed before.
func (s Record) Intend(listed []Rotation, now time.Time) {
	s.Rotation.IntendedAt, s.Rotation.ListedBefore = TimePtr(now), ""
	if len(listed) > 0 {
		s.Rotation.ListedBefore = listed[0].ID
	}
}

// NotSent withdraws the intent: nothing was sent, or it was refused and had no effect.
func (s Record) NotSent() { s.Rotation.IntendedAt, s.Rotation.ListedBefore = nil, "" }

// Adopt takes part in a rotation that OCM lists. The baseline, if given, is what the cluster uses.
func (s Record) Adopt(known v1alpha1.RotationStatus, used []v1alpha1.EntryFingerprint) {
	r := s.Rotation
	if r.ID != known.ID {
		r.OfferEndsAt = nil // each rotation has its own offer
	}
	r.ID, r.OCMStatus, r.RequestedAt, r.After = known.ID, known.OCMStatus, known.RequestedAt, known.After
	r.Adopted, r.RequestedHere = known.Adopted, known.RequestedHere
	if r.IssuedAt == nil && len(used) > 0 {
		r.Baseline = used
	}
}

// Requested records the answer to the request.
func (s Record) Requested(made Rotation) {
	r := s.Rotation
	r.ID, r.OCMStatus, r.RequestedAt, r.RequestedHere = made.ID, made.Status, TimePtr(made.CreatedAt), true
}

// MarkIssued records that OCM issues other credentials than before. The later steps are then repeated.
func (s Record) MarkIssued(issued []v1alpha1.EntryFingerprint, now time.Time) {
	r := s.Rotation
	r.IssuedAt, r.Issued = TimePtr(now), issued
	r.VerifiedAt, r.AppliedAt, r.RolledOutAt, r.RolledBackAt, r.Pools, r.Machines, r.Answers = nil, nil, nil, nil, nil, nil, nil
	r.Probes = nil
	s.endFights()
}

// MarkVerified records that the new credentials are accepted or excused.
func (s Record) MarkVerified(now time.Time) {
	s.Rotation.VerifiedAt = TimePtr(now)
	s.Rotation.Answers = s.Answers(s.Rotation)
}

// Listed records the current rotation's state in OCM's list, and the rotation of the pull secret in use.
func (s Record) Listed(rotations []Rotation, now time.Time) {
	if r := s.Rotation; UnderWay(r) {
		if listed, ok := FindRotation(rotations, r.ID); ok {
			if listed.Status == RotationCompleted && r.OCMStatus != listed.Status && r.AppliedAt == nil {
				s.LastHealthCheck = nil // the old credentials have just been deleted: the pull secret in use is checked at once
			}
			r.OCMStatus = listed.Status
		}
	}
	s.Age(rotations, now)
}

// Age records the rotation of the pull secret in use: the latest that has ended, or the current one once it is applied.
func (s Record) Age(rotations []Rotation, now time.Time) {
	applied := s.Rotation != nil && s.Rotation.AppliedAt != nil && s.Rotation.RolledBackAt == nil
	for _, r := range rotations { // newest first
		if r.Status == RotationCompleted || applied && r.ID == s.Rotation.ID {
			// In the resolution of the status: a fraction would be written again in each reconcile. OCM's clock may be ahead, so the time is at
			// most now.
			created := r.CreatedAt
			if created.After(now) {
				created = now
			}
			s.PullSecretIssuedAt = TimePtr(created.Truncate(time.Second))
			return
		}
	}
}

// Offered records until when OCM waits for this cluster.
func (s Record) Offered(o OfferFact) {
	if !o.EndsAt.IsZero() {
		s.Rotation.OfferEndsAt = TimePtr(o.EndsAt.Truncate(time.Second))
	}
}

// BackupGone records that somebody has deleted the backup: the next decision does without it.
func (s Record) BackupGone() { s.Rotation.BackupSecret = "" }

// Before records the pools' configurations before the change that makes them render others. A pool that has not rendered a rollback yet will
// return to the same configuration, so none is recorded for it.
func (s Record) Before(pools []Pool) {
	back := TargetRow(s.PullSecretRotationStatus, GlobalPullSecret)
	for _, p := range pools {
		before := v1alpha1.PoolStatus{Name: p.Name, ConfigurationBefore: p.Wanted, DegradedBefore: p.Degraded}
		if back != nil && back.Result == v1alpha1.ReasonRolledBack {
			before.ConfigurationBefore = ""
		}
		s.Rotation.Pools = append(s.Rotation.Pools, before)
	}
}

// Applied records that the targets have the new credentials.
func (s Record) Applied(now time.Time) { s.Rotation.AppliedAt = TimePtr(now) }

// Healed counts that old values in a target were replaced again.
func (s Record) Healed(ref v1alpha1.SecretReference) {
	if ref == GlobalPullSecret {
		s.probesAnew()
	}
	TargetRow(s.PullSecretRotationStatus, ref).Healed++
}

// RollBack records that the old entries are about to be restored.
func (s Record) RollBack(now time.Time) {
	if s.Rotation.RolledBackAt == nil {
		s.Rotation.RolledBackAt, s.PullSecretIssuedAt = TimePtr(now), nil
	}
}

// Proven records a health check of the pull secret in use. It also verifies what somebody else has written, or what could not be checked before.
func (s Record) Proven(accepted bool, now time.Time) {
	s.LastHealthCheck = TimePtr(now)
	if r := s.Rotation; accepted && r != nil && r.AppliedAt != nil && r.VerifiedAt == nil {
		s.MarkVerified(now)
	}
}

// Unproven records that the checked credentials have been replaced: the pull secret in use is checked at once.
func (s Record) Unproven() { s.LastHealthCheck = nil }

// MarkRolledOut records that the pools have the new file.
func (s Record) MarkRolledOut(now time.Time) { s.Rotation.RolledOutAt = TimePtr(now) }

// Finish ends a rotation: OCM has deleted the old credentials.
func (s Record) Finish(status string, now time.Time) {
	s.Rotation.OCMStatus, s.Rotation.RevokedAt = status, TimePtr(now)
	s.Rotation.Answers = s.Answers(s.Rotation)
	s.progressEnds(now)
	s.Remember(*s.Rotation)
}

// Abandon gives up a rotation: one that was not requested because the spec changed, one whose record was deleted or that can no longer complete,
// or one of an account that the cluster has left. All but the first stay in the history without an end.
func (s Record) Abandon(now time.Time) {
	if s.Rotation.ID != "" {
		s.Rotation.GivenUpAt, s.Rotation.Answers = TimePtr(now), s.Answers(s.Rotation)
		s.Remember(*s.Rotation)
	}
	s.Rotation = nil
	if h := s.History; len(h) > 0 && h[0].AppliedAt != nil && h[0].RevokedAt != nil {
		s.Rotation = h[0].DeepCopy()
	}
}

// Satisfied records somebody else's rotation that makes the cluster's own unnecessary; it returns false if that was already recorded.
func (s Record) Satisfied(r v1alpha1.RotationStatus) bool {
	for i := range s.History {
		if h := &s.History[i]; h.ID == r.ID {
			h.After = r.After
			return false
		}
	}
	s.Remember(r)
	return true
}

// Remember adds a rotation to the history, newest first, each once. Catching up with a rotation that is already there adds only its end.
func (s Record) Remember(r v1alpha1.RotationStatus) {
	i := slices.IndexFunc(s.History, func(h v1alpha1.RotationStatus) bool { return h.ID == r.ID && r.ID != "" })
	if i >= 0 && r.Reason == v1alpha1.TriggerCatchUp && s.History[i].AppliedAt != nil {
		h := &s.History[i]
		h.OCMStatus, h.Issued, h.GivenUpAt = r.OCMStatus, r.Issued, r.GivenUpAt
		if h.RevokedAt == nil {
			h.RevokedAt = r.RevokedAt
		}
		return
	}
	if i >= 0 {
		s.History = slices.Delete(s.History, i, i+1)
	}
	s.History = append([]v1alpha1.RotationStatus{*r.DeepCopy()}, s.History...)
	s.History = s.History[:min(len(s.History), keptHistory)]
}
