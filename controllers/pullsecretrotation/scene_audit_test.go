package pullsecretrotation_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Reports of mode Audit, which changes nothing.

func TestAudit_SaysWhatIsPendingAndWhatIsStale(t *testing.T) {
	auditing := func(s *v1alpha1.PullSecretRotationSpec) { s.Mode = v1alpha1.ModeAudit }
	t.Run("a rotation is under way", func(t *testing.T) {
		s := newScene(t, simocm.Options{})
		s.create(notDue(auditing))
		s.run(time.Hour)
		id := s.sim.StartRotationElsewhere(s.account.ID)
		s.run(day)
		s.notReady(id, "mode")
		s.unchangedSince()
	})
	t.Run("a rotation is under way and this cluster has it", func(t *testing.T) {
		s := newScene(t, simocm.Options{})
		s.create(notDue(auditing))
		s.run(time.Hour)
		s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
		s.sim.StartRotationElsewhere(s.account.ID)
		s.sim.Advance(time.Minute)
		s.sim.RunBatch()
		s.putTarget(global, s.sim.PullSecret(s.account.ID))
		s.run(day)
		if status, reason, message := s.ready(); status != metav1.ConditionTrue {
			t.Errorf("the cluster has what is new, and Ready is %s, %s: %s", status, reason, message)
		}
	})
	t.Run("one has ended without a target", func(t *testing.T) {
		s := newScene(t, simocm.Options{})
		s.putTarget(hub, s.document(global))
		s.rotatedBefore(s.account)
		s.putTarget(global, s.sim.PullSecret(s.account.ID))
		s.create(notDue(auditing, withHub))
		s.run(day)
		s.notReady(hub.String())
	})
}

func (s *scene) unchangedSince() {
	s.t.Helper()
	if len(s.writes) > 0 {
		s.t.Errorf("mode Audit has written %d times", len(s.writes))
	}
}

func TestAudit_NamesWhatWouldBeDone(t *testing.T) {
	s := newScene(t, simocm.Options{})
	own := auth("12345|customer", "own")
	s.putTarget(global, edited(s.document(global), map[string]string{simocm.RedHatRegistry: own, simocm.RedHatConnect: ""}))
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
		spec.Mode, spec.Entries.AddMissing = v1alpha1.ModeAudit, []string{simocm.RedHatConnect}
	}))
	s.run(time.Hour)
	got := map[string]string{}
	for _, e := range s.target(global).Entries {
		got[e.Registry] = e.Action
	}
	want := map[string]string{simocm.Quay: "WouldBeReplaced", simocm.CloudOpenShift: "WouldBeReplaced", simocm.RedHatConnect: "WouldBeAdded", simocm.RedHatRegistry: "KeptForeign"}
	for registry, action := range want {
		if got[registry] != action {
			t.Errorf("%s: %s, want %s", registry, got[registry], action)
		}
	}
	s.posts(0)
}
