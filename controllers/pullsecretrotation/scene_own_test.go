package pullsecretrotation_test

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestOwnRotation_OfARecreatedObjectIsNotReportedAsStartedElsewhere(t *testing.T) {
	for at, when := range map[string]func(*v1alpha1.PullSecretRotation) bool{"once requested": requested, "once applied": applied} {
		t.Run(at, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.create(dueNow())
			s.until(at, 2*day, when)
			s.recreate()
			s.run(4 * day)
			s.posts(1)
			s.current(global)
			if s.events.has("which it did not request") {
				t.Errorf("an event reports it as started elsewhere: %q", s.events.lines)
			}
			for _, r := range s.get().Status.History {
				if r.Reason == v1alpha1.TriggerStartedElsewhere {
					t.Errorf("the cluster's own rotation counts as started elsewhere")
				}
			}
		})
	}
}

func TestOwnRotation_OfAnotherObjectOfThisClusterIsNotReportedAsStartedElsewhere(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.putTarget(hub, s.document(global))
	s.create(dueNow())
	other := s.get()
	other.Name, other.ResourceVersion, other.UID = "other", "", "another"
	other.Spec = following(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Targets = []v1alpha1.SecretReference{hub} })
	if err := s.api.Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for range 5 * 12 {
		s.look()
		s.lookAt("other")
		s.sim.Advance(2 * time.Hour)
	}
	s.posts(1)
	s.current(global)
	s.current(hub)
	if s.events.has("which it did not request") {
		t.Errorf("an event reports it as started elsewhere: %q", s.events.lines)
	}
}
