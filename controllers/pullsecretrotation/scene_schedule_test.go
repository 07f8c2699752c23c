package pullsecretrotation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func scheduled(cron, zone string) func(*v1alpha1.PullSecretRotationSpec) {
	return func(s *v1alpha1.PullSecretRotationSpec) {
		s.RotateAfter, s.Schedule = nil, &v1alpha1.RotationSchedule{Cron: cron, TimeZone: zone}
	}
}

// The schedules' ticks are made from the present, because the simulated time begins there.

// halfADayAway is a daily schedule whose last tick and next tick are both half a day away.
func (s *scene) halfADayAway() func(*v1alpha1.PullSecretRotationSpec) {
	return scheduled(fmt.Sprintf("%d %d * * *", s.sim.Now().UTC().Minute(), s.sim.Now().UTC().Add(12*time.Hour).Hour()), "UTC")
}

func TestSchedule_TOfAnEditedScheduleCountsFromTheEdit(t *testing.T) {
	for name, change := range map[string]func(s *scene) func(*v1alpha1.PullSecretRotationSpec){
		"yearly becomes monthly": func(s *scene) func(*v1alpha1.PullSecretRotationSpec) {
			past := s.sim.Now().Add(-3 * day)
			return scheduled(fmt.Sprintf("0 3 %d * *", past.Day()), "UTC")
		},
		"another time zone moves a tick into the past": func(s *scene) func(*v1alpha1.PullSecretRotationSpec) {
			return func(spec *v1alpha1.PullSecretRotationSpec) { spec.Schedule.TimeZone = "Pacific/Kiritimati" }
		},
		"rotateAfter becomes a schedule": func(s *scene) func(*v1alpha1.PullSecretRotationSpec) { return s.halfADayAway() },
		"a follower gets a schedule": func(s *scene) func(*v1alpha1.PullSecretRotationSpec) {
			return func(spec *v1alpha1.PullSecretRotationSpec) {
				spec.Mode = v1alpha1.ModeRotate
				s.halfADayAway()(spec)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			spec := notDue()
			switch name {
			case "yearly becomes monthly":
				at := s.sim.Now().Add(-30 * day)
				spec = dueNow(scheduled(fmt.Sprintf("0 3 %d %d *", at.Day(), at.Month()), "UTC"))
			case "another time zone moves a tick into the past":
				at := s.sim.Now().Add(17*day + 7*time.Hour) // the edit is made 7 hours before, and there it is 14 hours later
				spec = dueNow(scheduled(fmt.Sprintf("%d %d %d * *", at.Minute(), at.Hour(), at.Day()), "UTC"))
			case "a follower gets a schedule":
				spec = following()
			}
			s.create(spec)
			s.run(17 * day)
			if name == "another time zone moves a tick into the past" {
				s.posts(0)
			}
			s.edit(change(s))
			s.run(3 * time.Minute)
			s.posts(0)
			s.alive(global)
			if next := s.get().Status.NextRotationAfter; next == nil || !next.After(s.sim.Now()) {
				t.Errorf("the next rotation is due at %v", next)
			}
			due := s.get().Status.NextRotationAfter
			s.run(due.Sub(s.sim.Now()) + 12*time.Hour)
			s.posts(1)
		})
	}
}

func TestSchedule_ASuspendedObjectIsDueAtOnceWhenItGoesOn(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow(scheduled("0 3 * * *", "UTC")))
	s.run(time.Minute)
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Suspend = true })
	s.run(3 * day)
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Suspend = false })
	s.run(time.Hour)
	s.posts(1)
}

func TestSchedule_OfMoreThanATickADayIsRefused(t *testing.T) {
	for _, cron := range []string{"* * * * *", "*/5 * * * *", "0 */6 * * *", "0 0,12 * * *", "0,30 3 * * *", "0-5 3 1 1 *", "15 1-2 * * 1", "* 3 * * *"} {
		t.Run(cron, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.create(dueNow(scheduled(cron, "UTC")))
			s.run(3 * day)
			s.posts(0)
			if _, reason, _ := s.ready(); reason != v1alpha1.ReasonInvalidSpec {
				t.Errorf("the reason is %s", reason)
			}
			s.notReady("once a day")
		})
	}
}
