package decide

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Due is the T of now: the account's pull secret must have been rotated at or after it.
type Due struct {
	// T, and Set, which is false when there is none yet.
	T   time.Time
	Set bool
	// Reason is the later of the two triggers.
	Reason v1alpha1.RotationTrigger
	// Next is the T still to come, nil when there is none.
	Next *time.Time
}

// satisfiedBy is true when a rotation was created at or after T.
func (d Due) satisfiedBy(r Rotation) bool { return d.Set && !r.CreatedAt.Before(d.T) }

// Trigger works out T from the spec. An error is a sentence about the spec.
func Trigger(in Input) (Due, error) {
	var d Due
	if in.Spec.Mode == v1alpha1.ModeFollow {
		return d, nil
	}
	var ticks *schedule.Schedule
	if s := in.Spec.Schedule; s != nil {
		parsed, err := schedule.ParseCron(s.Cron, s.TimeZone)
		if err != nil {
			return d, fmt.Errorf("spec.schedule: %w", err)
		}
		ticks = &parsed
	}
	for i, w := range in.Spec.StartWindows {
		if _, err := schedule.ParseCron(w.Cron, w.TimeZone); err != nil {
			return d, fmt.Errorf("spec.startWindows[%d]: %w", i, err)
		}
	}
	var after *time.Time
	if in.Spec.RotateAfter != nil {
		whole := in.Spec.RotateAfter.Truncate(time.Second) // as status has it
		after = &whole
	}
	d.T, d.Set, d.Next = schedule.Due(after, ticks, in.Created, in.Now)
	d.Reason = v1alpha1.TriggerSchedule
	if after != nil && d.T.Equal(*after) {
		d.Reason = v1alpha1.TriggerRotateAfter
	}
	return d, nil
}

// satisfiedByRecord is true when this object has itself seen a rotation that satisfies T through, or is seeing it.
// OCM's clock may be behind T's: a rotation that was requested for T counts whatever its created_at says.
func satisfiedByRecord(s *v1alpha1.PullSecretRotationStatus, t time.Time) bool {
	counts := func(r *v1alpha1.RotationStatus) bool {
		if r.ID == "" || r.AccountID != "" && s.Account != nil && r.AccountID != s.Account.ID {
			return false
		}
		return r.After != nil && !r.After.Time.Before(t) || r.RequestedAt != nil && !r.RequestedAt.Time.Before(t)
	}
	if s.Rotation != nil && counts(s.Rotation) {
		return true
	}
	for i := range s.History {
		if counts(&s.History[i]) {
			return true
		}
	}
	return false
}

// satisfying is the newest rotation that OCM lists as created at or after T.
func satisfying(rotations []Rotation, t time.Time) (Rotation, bool) {
	if len(rotations) > 0 && !rotations[0].CreatedAt.Before(t) {
		return rotations[0], true
	}
	return Rotation{}, false
}

// pending is the newest rotation that has not ended. Statuses other than completed count as in progress: OCM publishes
// no list of them.
func pending(rotations []Rotation) (Rotation, bool) {
	for _, r := range rotations {
		if r.Status != RotationCompleted {
			return r, true
		}
	}
	return Rotation{}, false
}

func FindRotation(rotations []Rotation, id string) (Rotation, bool) {
	for _, r := range rotations {
		if r.ID == id {
			return r, true
		}
	}
	return Rotation{}, false
}
