package decide

import (
	"fmt"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestFollowed_CountsTheMachinesAndNamesTheFirstThatLag(t *testing.T) {
	s := Record{&v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{}}}
	pools := []Pool{{Name: "worker", Wanted: "new", Current: "old", Machines: 60, Updated: 30}, {Name: "held", Wanted: "new", Current: "old", Machines: 1, Paused: true}}
	machines := []Machine{{Name: "held-0", Pool: "held", Current: "old"}, {Name: "gone-0", Pool: "removed", Current: "old"}}
	for i := range 60 {
		m := Machine{Name: fmt.Sprintf("worker-%02d", i), Pool: "worker", Current: "new", Updated: true}
		if i >= 30 {
			m.Current, m.Updated = "old", false
		}
		m.Degraded = i == 5 || i == 59
		machines = append(machines, m)
	}
	s.Followed(pools, machines)
	m := s.Rotation.Machines
	if m.Total != 61 || m.Updated != 30 || len(m.Lagging) != keptLagging {
		t.Fatalf("%d of %d are updated, and %d are named", m.Updated, m.Total, len(m.Lagging))
	}
	if fmt.Sprint(m.Lagging[0].Name, m.Lagging[1].Name, m.Lagging[2].Name) != "worker-05worker-59held-0" {
		t.Errorf("the first are %+v", m.Lagging[:3])
	}
	if s.Followed(pools, nil); s.Rotation.Machines != nil {
		t.Error("machines are counted that nobody can see any more")
	}
}

// A pool says that all is well until the machine-config-operator has rendered the change.
func TestFollowed_CountsNoMachineBeforeItsPoolHasRenderedTheChange(t *testing.T) {
	s := Record{&v1alpha1.PullSecretRotationStatus{
		Rotation: &v1alpha1.RotationStatus{Pools: []v1alpha1.PoolStatus{{Name: "worker", ConfigurationBefore: "old"}}},
		Targets:  []v1alpha1.TargetStatus{{Namespace: GlobalPullSecret.Namespace, Name: GlobalPullSecret.Name, Result: v1alpha1.ReasonPullSecretUpdated}},
	}}
	s.Followed([]Pool{{Name: "worker", Wanted: "old", Current: "old", Machines: 1, Updated: 1}}, []Machine{{Name: "worker-0", Pool: "worker", Current: "old", Updated: true}})
	if m := s.Rotation.Machines; m.Total != 1 || m.Updated != 0 || len(m.Lagging) != 1 {
		t.Errorf("the machines are %+v", m)
	}
}
