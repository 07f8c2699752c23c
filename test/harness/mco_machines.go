package harness

import (
	"context"
	"fmt"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// seedMachines gives each machine of a pool its MachineConfigNode.
func seedMachines(ctx context.Context, c client.Client, pool *machineconfigurationv1.MachineConfigPool, machines int32) error {
	for i := range machines {
		name := machineName(pool.Name, i)
		n := &machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: name}}
		n.Spec.Node.Name, n.Spec.Pool.Name, n.Spec.ConfigVersion.Desired = name, pool.Name, pool.Spec.Configuration.Name
		settleMachine(n, pool.Spec.Configuration.Name)
		if err := Ensure(ctx, c, n); err != nil {
			return err
		}
	}
	return nil
}

func machineName(pool string, i int32) string { return fmt.Sprintf("%s-%d", pool, i) }

// settleMachine is a machine at rest with a configuration.
func settleMachine(n *machineconfigurationv1.MachineConfigNode, configuration string) {
	n.Status.ConfigVersion = &machineconfigurationv1.MachineConfigNodeStatusMachineConfigVersion{Current: configuration, Desired: configuration}
	setMachineCondition(n, machineconfigurationv1.MachineConfigNodeUpdated, metav1.ConditionTrue, "All nodes are updated")
	setMachineCondition(n, machineconfigurationv1.MachineConfigNodeUpdateExecuted, metav1.ConditionFalse, "")
	setMachineCondition(n, machineconfigurationv1.MachineConfigNodeNodeDegraded, metav1.ConditionFalse, "")
}

func setMachineCondition(n *machineconfigurationv1.MachineConfigNode, kind machineconfigurationv1.StateProgress, status metav1.ConditionStatus, message string) {
	meta.SetStatusCondition(&n.Status.Conditions, metav1.Condition{Type: string(kind), Status: status, Reason: string(kind), Message: message})
}

// stepMachines brings the MachineConfigNodes of a pool to what the pool counts. The first machine of a degraded pool is the one that fails.
func (m *MachineConfigOperator) stepMachines(ctx context.Context, pool *machineconfigurationv1.MachineConfigPool, degraded bool) error {
	settled := pool.Status.Configuration.Name == pool.Spec.Configuration.Name
	for i := range pool.Status.MachineCount {
		n := &machineconfigurationv1.MachineConfigNode{}
		err := m.client.Get(ctx, client.ObjectKey{Name: machineName(pool.Name, i)}, n)
		if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return err
		}
		patch := client.MergeFrom(n.DeepCopy())
		switch {
		case settled || i < pool.Status.UpdatedMachineCount:
			settleMachine(n, pool.Spec.Configuration.Name)
		case pool.Spec.Paused:
		case degraded && i == 0:
			setMachineCondition(n, machineconfigurationv1.MachineConfigNodeUpdated, metav1.ConditionFalse, "")
			setMachineCondition(n, machineconfigurationv1.MachineConfigNodeNodeDegraded, metav1.ConditionTrue, "couldn't compact pullsecret")
		default:
			setMachineCondition(n, machineconfigurationv1.MachineConfigNodeUpdated, metav1.ConditionFalse, "")
			setMachineCondition(n, machineconfigurationv1.MachineConfigNodeUpdateExecuted, metav1.ConditionUnknown, "")
		}
		if err := m.client.Status().Patch(ctx, n, patch); err != nil {
			return err
		}
	}
	return nil
}
