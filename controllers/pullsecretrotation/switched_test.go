package pullsecretrotation

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// insights-operator is quicker than a follower's health check; another cluster of the account never switches. No alert should fire.
func TestSwitched_AFollowerThatFindsARotationAfterItSwitchedIsNotOverdue(t *testing.T) {
	for _, own := range []bool{false, true} {
		m := newMeter(t, simocm.Options{}, v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeFollow})
		if own {
			object := m.get(t)
			object.Spec.OCM.CredentialsSecretRef = nil
			if err := m.client.Update(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
		m.through(awaits(v1alpha1.ReasonFollowing))
		m.sim.StartRotationElsewhere(m.account.ID) // the first one is on record when the second comes
		m.wait()
		m.through(func(o *v1alpha1.PullSecretRotation) bool { return len(o.Status.History) == 1 })

		m.sim.AddCluster(m.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
		m.sim.StartRotationElsewhere(m.account.ID)
		m.sim.RunBatch()
		m.put(global.Namespace, global.Name, ".dockerconfigjson", m.sim.PullSecret(m.account.ID))
		for end := m.sim.Now().Add(3 * 24 * time.Hour); m.sim.Now().Before(end); m.wait() {
			if m.look(); readyReason(m.seen) == v1alpha1.ReasonIssueOverdue {
				t.Fatalf("own token %v: %+v", own, m.seen.Status.Conditions)
			}
		}
		m.through(func(o *v1alpha1.PullSecretRotation) bool { return len(o.Status.History) == 2 })
	}
}
