// Package cluster reads facts of the cluster: its identity, topology and pools, its credentials mode and its CredentialsRequests. A kind that the
// cluster lacks (as on MicroShift, ROKS and hosted clusters) is a fact, not an error.
package cluster

import (
	"context"
	"fmt"
	"reflect"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// PullSecretFile is the file that the machine-config-operator writes to the nodes from the global pull secret. Source:
// openshift/machine-config-operator, templates/common.
const PullSecretFile = "/var/lib/kubelet/config.json"

// Facts about a cluster that a rotation of its pull secret depends on.
type Facts struct {
	// ID is spec.clusterID of ClusterVersion/version, by which OCM knows the cluster. Empty if there is none.
	ID string
	// ReleaseImage is the cluster's own release image, by digest. Empty if unknown.
	ReleaseImage string
	// Hosted is true if the control plane runs elsewhere (HyperShift): the pull secret is then overwritten from outside.
	Hosted bool
	// DisruptiveActions are those of Drain and Reboot that a node takes when the pull-secret file changes. Usually none.
	DisruptiveActions []string
}

// ReadFacts reads them without a cache, since they are needed a few times a day.
func ReadFacts(ctx context.Context, r client.Reader) (Facts, error) {
	var f Facts

	version := &configv1.ClusterVersion{}
	if found, err := get(ctx, r, "version", version); err != nil {
		return f, err
	} else if found {
		f.ID = string(version.Spec.ClusterID)
		f.ReleaseImage = version.Status.Desired.Image
	}

	infrastructure := &configv1.Infrastructure{}
	if found, err := get(ctx, r, "cluster", infrastructure); err != nil {
		return f, err
	} else if found {
		f.Hosted = infrastructure.Status.ControlPlaneTopology == configv1.ExternalTopologyMode
	}

	configuration := &operatorv1.MachineConfiguration{}
	if found, err := get(ctx, r, "cluster", configuration); err != nil {
		return f, err
	} else if found {
		f.DisruptiveActions = disruptiveActions(configuration)
	}
	return f, nil
}

// disruptiveActions returns the actions in the policy of the pull-secret file that take a node out of service.
func disruptiveActions(c *operatorv1.MachineConfiguration) []string {
	var actions []string
	for _, file := range c.Status.NodeDisruptionPolicyStatus.ClusterPolicies.Files {
		if file.Path != PullSecretFile {
			continue
		}
		for _, action := range file.Actions {
			if action.Type == operatorv1.DrainStatusAction || action.Type == operatorv1.RebootStatusAction {
				actions = append(actions, string(action.Type))
			}
		}
	}
	return actions
}

// Pool is what a roll-out needs to know of a MachineConfigPool.
type Pool struct {
	Name string
	// Wanted is the rendered configuration that the pool should have, Current the one that it has.
	Wanted, Current string
	// Machines, Updated and Degraded count its machines.
	Machines, Updated, DegradedMachines int32
	Paused, Degraded                    bool
	// Nodes selects its machines.
	Nodes *metav1.LabelSelector
}

// Settled is true if every machine of the pool has the wanted configuration.
func (p Pool) Settled() bool { return p.Wanted == p.Current && p.Updated == p.Machines && !p.Degraded }

// ReadPools reads the MachineConfigPools; a cluster without the kind has none.
func ReadPools(ctx context.Context, r client.Reader) ([]Pool, error) {
	list := &machineconfigurationv1.MachineConfigPoolList{}
	if err := r.List(ctx, list); err != nil {
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading the MachineConfigPools: %w", err)
	}
	pools := make([]Pool, 0, len(list.Items))
	for i := range list.Items {
		p := &list.Items[i]
		pools = append(pools, Pool{
			Name: p.Name, Paused: p.Spec.Paused,
			Wanted: p.Spec.Configuration.Name, Current: p.Status.Configuration.Name,
			Machines: p.Status.MachineCount, Updated: p.Status.UpdatedMachineCount, DegradedMachines: p.Status.DegradedMachineCount,
			Degraded: poolDegraded(p), Nodes: p.Spec.NodeSelector,
		})
	}
	return pools, nil
}

func poolDegraded(p *machineconfigurationv1.MachineConfigPool) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == machineconfigurationv1.MachineConfigPoolDegraded {
			return c.Status == "True"
		}
	}
	return false
}

// get reads a cluster-scoped object and returns whether it exists; a missing kind counts as a missing object.
func get(ctx context.Context, r client.Reader, name string, o client.Object) (bool, error) {
	err := r.Get(ctx, client.ObjectKey{Name: name}, o)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the %s %s: %w", kind(o), name, err)
	}
	return true, nil
}

// kind is the name of an object's kind.
func kind(o client.Object) string {
	if named := o.GetObjectKind().GroupVersionKind().Kind; named != "" {
		return named
	}
	return reflect.TypeOf(o).Elem().Name()
}
