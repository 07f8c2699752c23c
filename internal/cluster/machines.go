package cluster

import (
	"context"
	"fmt"
	"regexp"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Machine is what a roll-out needs to know of a machine, by its MachineConfigNode. The machine itself writes most of that object.
type Machine struct {
	Name, Pool string
	// Current is the rendered configuration that it has.
	Current string
	// Updated: it says that it is not in the middle of an update. Degraded: it says that it cannot take a configuration.
	Updated, Degraded bool
	// Condition is the one that explains a machine without its configuration, Reason that condition's reason. No message is kept: the
	// machine-config-operator quotes files in them.
	Condition, Reason string
}

// machinesPerPage bounds what one answer of the API server brings: a cluster may have two thousand machines.
const machinesPerPage = 250

// ReadMachines reads the MachineConfigNodes. There are none where the kind is missing, as before OpenShift 4.20 or after a way back to it, and
// where the operator may not read them: the pools then have to suffice.
func ReadMachines(ctx context.Context, r client.Reader) ([]Machine, error) {
	var machines []Machine
	list := &machineconfigurationv1.MachineConfigNodeList{}
	for {
		err := r.List(ctx, list, client.Limit(machinesPerPage), client.Continue(list.Continue))
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the MachineConfigNodes: %w", err)
		}
		for i := range list.Items {
			machines = append(machines, machine(&list.Items[i]))
		}
		if list.Continue == "" {
			return machines, nil
		}
	}
}

func machine(n *machineconfigurationv1.MachineConfigNode) Machine {
	conditions := n.Status.Conditions
	m := Machine{
		Name: n.Name, Pool: n.Spec.Pool.Name,
		Updated:  meta.IsStatusConditionTrue(conditions, string(machineconfigurationv1.MachineConfigNodeUpdated)),
		Degraded: meta.IsStatusConditionTrue(conditions, string(machineconfigurationv1.MachineConfigNodeNodeDegraded)),
	}
	if n.Status.ConfigVersion != nil {
		m.Current = n.Status.ConfigVersion.Current
	}
	if c := telling(conditions); c != nil {
		m.Condition = c.Type
		if len(c.Reason) <= longestReason && plainReason.MatchString(c.Reason) {
			m.Reason = c.Reason
		}
	}
	return m
}

// plainReason is what the machine-config-operator gives as reason: words in capitals and small letters, such as UpdateExecutedDrained or
// AppliedFilesAndOS. Little else is, and no random text.
var plainReason = regexp.MustCompile(`^(?:[A-Z]{1,3}[a-z]{1,20}){1,5}[A-Z]{0,3}$`)

// longestReason is the schema's bound.
const longestReason = 64

// updateSteps are the steps of an update in their order, a part after the step that it belongs to. One that is under way is Unknown.
var updateSteps = []machineconfigurationv1.StateProgress{
	machineconfigurationv1.MachineConfigNodeUpdatePrepared,
	machineconfigurationv1.MachineConfigNodeUpdateExecuted,
	machineconfigurationv1.MachineConfigNodeUpdateCordoned,
	machineconfigurationv1.MachineConfigNodeUpdateDrained,
	machineconfigurationv1.MachineConfigNodeUpdateFilesAndOS,
	machineconfigurationv1.MachineConfigNodeUpdatePostActionComplete,
	machineconfigurationv1.MachineConfigNodeUpdateRebooted,
	machineconfigurationv1.MachineConfigNodeResumed,
	machineconfigurationv1.MachineConfigNodeUpdateComplete,
	machineconfigurationv1.MachineConfigNodeUpdateUncordoned,
}

// telling is the condition that says why a machine lags: that it is degraded, the step under way, or that it is not updated.
func telling(conditions []metav1.Condition) *metav1.Condition {
	if c := meta.FindStatusCondition(conditions, string(machineconfigurationv1.MachineConfigNodeNodeDegraded)); c != nil && c.Status == metav1.ConditionTrue {
		return c
	}
	for i := len(updateSteps) - 1; i >= 0; i-- {
		if c := meta.FindStatusCondition(conditions, string(updateSteps[i])); c != nil && c.Status == metav1.ConditionUnknown {
			return c
		}
	}
	if c := meta.FindStatusCondition(conditions, string(machineconfigurationv1.MachineConfigNodeUpdated)); c != nil && c.Status != metav1.ConditionTrue {
		return c
	}
	return nil
}
