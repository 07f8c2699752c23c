package decide

import (
	"fmt"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Due is the current T: the account's pull secret must have been rotated at or after it.
type Due struct {
	// T; Set is false if there is none yet.
	T   time.Time
	Set bool
	// Reason is the trigger that gave T.
	Reason v1alpha1.RotationTrigger
	// Next is the next T in the future, nil if there is none.
	Next *time.Time
}

// Trigger computes T from the spec. An error is a sentence about the spec.
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
		if !atMostDaily(s.Cron) {
			return d, fmt.Errorf("spec.schedule: %q may tick more often than once a day, and a rotation takes days; name one minute and one hour", s.Cron)
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
		whole := in.Spec.RotateAfter.Truncate(time.Second) // as the status stores it
		after = &whole
	}
	d.T, d.Set, d.Next = schedule.Due(after, ticks, scheduleSince(in), in.Now)
	d.Reason = v1alpha1.TriggerSchedule
	if after != nil && d.T.Equal(*after) {
		d.Reason = v1alpha1.TriggerRotateAfter
	}
	return d, nil
}

// atMostDaily is true for a cron expression whose minute and hour are single numbers.
func atMostDaily(cron string) bool {
	fields := strings.Fields(cron)
	for _, f := range fields[:min(len(fields), 2)] {
		if strings.Trim(f, "0123456789") != "" {
			return false
		}
	}
	return true
}

// scheduleSince is since when the spec's schedule has been in force: an edited one must not make a T in the past.
func scheduleSince(in Input) time.Time {
	s := in.Spec.Schedule
	if s == nil || in.Status == nil {
		return in.Created
	}
	known := in.Status.Schedule
	switch {
	case known == nil && in.Status.ObservedGeneration <= 0: // never reconciled
		return in.Created
	case known == nil, known.Cron != s.Cron, known.TimeZone != s.TimeZone:
		return in.Now
	}
	return known.Since.Time
}

// NoteSchedule records in the status since when the spec's schedule has been in force.
func (s Record) NoteSchedule(in Input) {
	if in.Spec.Schedule == nil || in.Spec.Mode == v1alpha1.ModeFollow {
		s.Schedule = nil
		return
	}
	since := scheduleSince(in).Truncate(time.Second)
	s.Schedule = &v1alpha1.ScheduleStatus{Cron: in.Spec.Schedule.Cron, TimeZone: in.Spec.Schedule.TimeZone, Since: *TimePtr(since)}
}

// satisfiedByRecord is true if this object has taken part in a rotation that satisfies T, or is doing so. OCM's clock may be behind T's: a
// rotation that was requested for T counts whatever its created_at says.
func satisfiedByRecord(s *v1alpha1.PullSecretRotationStatus, t time.Time) bool {
	counts := func(r *v1alpha1.RotationStatus) bool {
		if r.ID == "" || r.GivenUpAt != nil && r.AppliedAt == nil || r.AccountID != "" && s.Account != nil && r.AccountID != s.Account.ID {
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
