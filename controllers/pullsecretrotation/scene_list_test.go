package pullsecretrotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// OCM's list may hold anything.

// lists adds a record to OCM's list that OCM ignores.
func (s *scene) lists(status string, age time.Duration) {
	s.sim.AddRecord(s.account.ID, simocm.Record{Status: status, CreatedAt: s.sim.Now().Add(-age)})
}

func TestList_ARecordThatCannotEndAnyMoreHoldsUpNothing(t *testing.T) {
	const year = 365 * day
	soon := func(s *scene) v1alpha1.PullSecretRotationSpec {
		at := metav1.NewTime(s.sim.Now().Add(time.Hour))
		return dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.RotateAfter = &at })
	}
	for _, status := range []string{"pending", "FAILED", ""} {
		for name, c := range map[string]struct {
			ages []time.Duration
			spec func(*scene) v1alpha1.PullSecretRotationSpec
		}{
			"two years old, T is still to come": {[]time.Duration{2 * year}, soon},
			"several":                           {[]time.Duration{3 * year, 2 * year, 40 * day}, soon},
		} {
			t.Run(fmt.Sprintf("%q, %s", status, name), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				for _, age := range c.ages {
					s.lists(status, age)
				}
				s.create(c.spec(s))
				s.until("the rotation has ended", 4*day, revoked)
				s.posts(1)
				s.current(global)
			})
		}
	}
}

func TestList_ARecordThatHasFailedNeitherBlocksNorSatisfies(t *testing.T) {
	for _, status := range []string{"failed", "Cancelled"} {
		t.Run(status, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.lists(status, time.Hour)
			s.create(dueNow())
			s.until("the rotation has ended", 4*day, revoked)
			s.posts(1)
		})
	}
}

func TestList_ACompletedRotationAfterTSatisfiesWhateverElseIsListed(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.lists("unheard-of", 400*day)
	s.lists("pending", 20*day)
	s.lists("completed", 10*day)
	s.lists("failed", 5*day)
	s.create(dueNow())
	s.run(3 * day)
	s.posts(0)
	if status, reason, message := s.ready(); status != metav1.ConditionTrue {
		t.Errorf("Ready is %s, %s: %s", status, reason, message)
	}
}

func TestList_AnUnknownStatusCountsAsUnderWayForAsLongAsItCanBeAndIsNamed(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.lists("in_review", 14*day)
	s.create(dueNow())
	s.run(12 * time.Hour)
	s.posts(0)
	s.notReady("in_review")
	s.until("a rotation is requested after the time in which that one could have ended", 30*day, func(*v1alpha1.PullSecretRotation) bool {
		return s.sim.Count(simocm.OpPostRotation) == 1
	})
	s.until("the rotation has ended", 5*day, revoked)
	s.posts(1)
	s.current(global)
}

func TestList_OnesOwnRotationThatFailsIsSaidAndALaterTGetsItsOwn(t *testing.T) {
	s := newScene(t, simocm.Options{BatchInterval: 10 * day})
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	first := s.get().Status.Rotation.ID
	s.sim.Abandon(first, "failed")
	s.run(2 * time.Hour)
	s.notReady("ocm delete ", first, "failed")
	at := s.sim.Now().Add(2 * time.Hour)
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.RotateAfter.Time = at })
	s.run(time.Hour)
	s.posts(1) // for its own T, no other is requested
	s.run(2 * time.Hour)
	s.posts(2)
}

func TestList_ADeletedRecordIsWhatTheMessageAdvises(t *testing.T) {
	s := newScene(t, simocm.Options{BatchInterval: 1000 * day})
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	id := s.get().Status.Rotation.ID
	s.sim.EditRecord(id, func(r *simocm.Record) { r.Status = "stuck" })
	s.run(time.Hour)
	_, _, message := s.ready()
	want := "ocm delete /api/accounts_mgmt/v1/accounts/" + s.account.ID + "/pull_secret_rotation/" + id
	if !strings.Contains(message, want) {
		t.Errorf("the message does not hold the command %q: %s", want, message)
	}
}

// A fleet with wrong clocks requests once for one T.
func TestList_AFleetWithWrongClocksRequestsOnce(t *testing.T) {
	for name, skew := range map[string]func(int) time.Duration{
		"all differently": func(i int) time.Duration { return time.Duration(i*6-60) * time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			f := newSceneFleet(t, 20, skew)
			at := metav1.NewTime(f.sim.Now().Add(6 * time.Hour))
			f.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
				spec.RotateAfter, spec.SiblingClusters = &at, v1alpha1.SiblingsAllow
			}))
			f.run(2 * day)
			if got := f.sim.Count(simocm.OpPostRotation); got != 1 {
				t.Errorf("%d rotations were requested for one T", got)
			}
			for _, s := range f.scenes {
				s.current(global)
				if s.get().Status.Rotation == nil || s.get().Status.Rotation.RevokedAt == nil {
					status, reason, message := s.ready()
					t.Errorf("the cluster with its clock off by %s has not seen the rotation through: %s, %s: %s", s.skew, status, reason, message)
				}
			}
		})
	}
}

func TestList_AnotherTSoonAfterARotationHasOneOfItsOwn(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	s.until("the new entries are applied", day, applied)
	_ = s.sim.Telemetry(s.id, s.entries(global)[simocm.CloudOpenShift])
	s.sim.RunBatch()
	s.until("the rotation has ended", day, revoked)
	at := s.sim.Now() // within minutes of the first request: a person wants another one
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.RotateAfter.Time = at })
	s.run(3 * day)
	s.posts(2)
	s.current(global)
}
