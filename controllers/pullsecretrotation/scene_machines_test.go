package pullsecretrotation_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// machines gives each pool of the scene three machines with a MachineConfigNode. They follow their pools, unless their annotation says that they
// are stuck.
func (s *scene) machines(pools ...string) {
	s.t.Helper()
	for _, pool := range pools {
		for i := range 3 {
			n := &machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", pool, i)}}
			n.Spec.Pool.Name, n.Spec.ConfigVersion.Desired = pool, s.rendered()
			n.Status = machineAtRest(s.rendered())
			if err := s.api.Create(s.t.Context(), n); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	s.afterLook = append(s.afterLook, func() {
		for _, pool := range pools {
			for i := range 3 {
				s.machine(fmt.Sprintf("%s-%d", pool, i), func(n *machineconfigurationv1.MachineConfigNode) {
					if n.Annotations["stuck"] == "" {
						n.Status = machineAtRest(s.rendered())
					}
				})
			}
		}
	})
}

func machineAtRest(configuration string) machineconfigurationv1.MachineConfigNodeStatus {
	return machineconfigurationv1.MachineConfigNodeStatus{
		ConfigVersion: &machineconfigurationv1.MachineConfigNodeStatusMachineConfigVersion{Current: configuration, Desired: configuration},
		Conditions:    []metav1.Condition{{Type: "Updated", Status: metav1.ConditionTrue, Reason: "Updated"}},
	}
}

// machine changes a machine; one that is gone stays so.
func (s *scene) machine(name string, change func(*machineconfigurationv1.MachineConfigNode)) {
	s.t.Helper()
	n := &machineconfigurationv1.MachineConfigNode{}
	err := s.api.Get(s.t.Context(), client.ObjectKey{Name: name}, n)
	if before := n.DeepCopy(); err == nil {
		if change(n); !equality.Semantic.DeepEqual(before, n) { // a write of the fake API server takes long
			err = s.api.Update(s.t.Context(), n)
		}
	}
	if client.IgnoreNotFound(err) != nil {
		s.t.Fatal(err)
	}
}

// stuckAt leaves a machine in a step of the update, with a reason and a message.
func stuckAt(status metav1.ConditionStatus, kind, reason, message string) func(*machineconfigurationv1.MachineConfigNode) {
	return func(n *machineconfigurationv1.MachineConfigNode) {
		n.Annotations = map[string]string{"stuck": "here"}
		meta.SetStatusCondition(&n.Status.Conditions, metav1.Condition{Type: "Updated", Status: metav1.ConditionFalse, Reason: "Updated"})
		meta.SetStatusCondition(&n.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message})
	}
}

// shortRollout makes a roll-out overdue soon, so that it is looked at seldom after that.
func shortRollout(spec *v1alpha1.PullSecretRotationSpec) {
	spec.Rollout.Timeout, spec.SiblingClusters = &metav1.Duration{Duration: 2 * time.Minute}, v1alpha1.SiblingsAllow
}

func TestMachines_ThoseThatLagAreNamedWithTheirReasonUntilTheyHaveTheFile(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
	s.pools("master", "worker")
	s.machines("master", "worker")
	s.machine("worker-2", stuckAt(metav1.ConditionUnknown, "Drained", "UpdateExecutedDrained", "evicting pods"))
	s.machine("worker-1", stuckAt(metav1.ConditionTrue, "NodeDegraded", "NodeDegraded", `couldn't compact pullsecret "`+string(s.document(global))+`"`))
	s.create(dueNow(shortRollout))
	s.until("the new entries are applied", 2*day, applied)
	s.run(5 * time.Minute)
	r := s.get().Status.Rotation
	if r.RolledOutAt != nil || r.RolledBackAt != nil || r.Machines == nil {
		t.Fatalf("the rotation is %+v", r)
	}
	want := v1alpha1.MachinesStatus{Total: 6, Updated: 4, Lagging: []v1alpha1.LaggingMachine{
		{Name: "worker-1", Pool: "worker", Condition: "NodeDegraded", Reason: "NodeDegraded"},
		{Name: "worker-2", Pool: "worker", Condition: "Drained", Reason: "UpdateExecutedDrained"},
	}}
	if fmt.Sprint(*r.Machines) != fmt.Sprint(want) {
		t.Errorf("the machines are %+v", *r.Machines)
	}
	if _, _, said := s.ready(); !strings.Contains(said, "worker-1 (NodeDegraded: NodeDegraded)") || !strings.Contains(said, "worker-2 (Drained: UpdateExecutedDrained)") {
		t.Errorf("the message is %q", said)
	}
	for _, name := range []string{"worker-1", "worker-2"} {
		s.machine(name, func(n *machineconfigurationv1.MachineConfigNode) { n.Annotations = nil })
	}
	s.run(5 * time.Minute)
	if r = s.get().Status.Rotation; r.RolledOutAt == nil || r.Machines.Updated != 6 || len(r.Machines.Lagging) != 0 {
		t.Errorf("the machines have it, and the rotation is %+v", r)
	}
}

// What a machine says of itself neither ends a roll-out nor rolls one back, and holds up the end of the rotation no longer than its timeout.
func TestMachines_OneThatLiesDecidesNothing(t *testing.T) {
	for name, lie := range map[string]func(*scene){
		"a machine is degraded": func(s *scene) {
			s.machine("worker-1", stuckAt(metav1.ConditionTrue, "NodeDegraded", "ImagePullUnauthorized", "the new pull secret is refused"))
		},
		"a machine never reports": func(s *scene) {
			s.machine("worker-1", stuckAt(metav1.ConditionUnknown, "UpdateExecuted", "AsExpected", ""))
		},
		"a machine reports what its pool does not have": func(s *scene) {
			s.pool("worker", func(p *machineconfigurationv1.MachineConfigPool) { p.Annotations = map[string]string{"stuck": "here"} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.pools("master", "worker")
			s.machines("master", "worker")
			lie(s)
			s.create(dueNow(shortRollout))
			s.until("the new entries are applied", 2*day, applied)
			s.run(5 * time.Minute)
			if r := s.get().Status.Rotation; r.RolledOutAt != nil {
				t.Error("the roll-out is said to have ended")
			}
			s.until("the rotation has ended", 4*day, revoked)
			s.notRolledBack()
			s.current(global)
		})
	}
}

func TestMachines_PoolsSufficeWhereTheKindGoesAway(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.pools("master", "worker")
	s.machines("master", "worker")
	s.machine("worker-1", stuckAt(metav1.ConditionUnknown, "UpdateExecuted", "UpdateExecuted", ""))
	s.create(dueNow(shortRollout))
	s.until("a machine is waited for", 2*day, func(o *v1alpha1.PullSecretRotation) bool {
		return o.Status.Rotation != nil && o.Status.Rotation.Machines != nil
	})
	if err := s.api.DeleteAllOf(t.Context(), &machineconfigurationv1.MachineConfigNode{}); err != nil {
		t.Fatal(err)
	}
	s.run(5 * time.Minute)
	if r := s.get().Status.Rotation; r.RolledOutAt == nil || r.Machines != nil {
		t.Errorf("the pools have the new file, and the rotation is %+v", r)
	}
}

// A reason is text of a machine: it is shown if it is a plain word that has nothing of a credential in it.
func TestMachines_AReasonThatResemblesACredentialIsLeftOut(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
	s.pools("worker")
	s.machines("worker")
	raw, err := base64.StdEncoding.DecodeString(s.entries(global)[simocm.Quay])
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(raw), ":")
	const spoken = "CorrectHorseBattery"
	s.putTarget(global, edited(s.document(global), map[string]string{"mirror.example.com": auth("me", spoken)}))
	for i, reason := range []string{"X" + secret[:12], "two words: " + secret, "Said" + spoken} {
		s.machine(fmt.Sprintf("worker-%d", i), stuckAt(metav1.ConditionTrue, "NodeDegraded", reason, ""))
	}
	s.create(dueNow(shortRollout))
	s.until("a machine is waited for", 2*day, func(o *v1alpha1.PullSecretRotation) bool {
		return o.Status.Rotation != nil && o.Status.Rotation.Machines != nil
	})
	for _, m := range s.get().Status.Rotation.Machines.Lagging {
		if m.Condition != "NodeDegraded" || m.Reason != "" {
			t.Errorf("the machine is %+v", m)
		}
	}
}
