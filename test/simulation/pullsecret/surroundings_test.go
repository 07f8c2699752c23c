package pullsecret

import (
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	clusterfacts "github.com/openshift/credential-rotation-operator/internal/cluster"
)

// What the cluster is beside its Secrets: rights, topology, policies, kubelet, and other objects of the kind.

// important are the fields that change most of what happens.
var important = []string{"mode", "approval", "startWindows", "siblingClusters", "suspend", "rollout.probe", "rollout.timeout", "rollback", "verification", "ocm.accountID"}

func (c *cluster) editImportant() {
	path := pick(c.w, important)
	c.w.Say("somebody edits spec.%s of %s", path, c.Name)
	c.edit(func(o *v1alpha1.PullSecretRotation) { mutators[path](c.w, &o.Spec) })
}

func (c *cluster) changeRights() {
	c.Forbidden = pick(c.w, []string{"", "", "patch *v1.Secret " + global.Namespace, "patch *v1.Secret " + hub.Namespace, "create *v1.Pod", "create *v1.Secret", "update *v1.Secret"})
	c.w.Say("%s: no right to %s", c.Name, c.Forbidden)
}

func (c *cluster) changeSurroundings() {
	if c.w.Odds(2) {
		c.host(c.w.Odds(2))
		return
	}
	c.disrupt(c.w.Odds(2))
}

// host says whether the cluster is a hosted one.
func (c *cluster) host(hosted bool) {
	i := &configv1.Infrastructure{}
	must(c.API.Get(quietly, client.ObjectKey{Name: "cluster"}, i))
	i.Status.ControlPlaneTopology = configv1.HighlyAvailableTopologyMode
	if hosted {
		i.Status.ControlPlaneTopology = configv1.ExternalTopologyMode
	}
	must(c.API.Update(quietly, i))
}

// disrupt says whether nodes are drained for a new pull secret.
func (c *cluster) disrupt(drained bool) {
	m := &operatorv1.MachineConfiguration{}
	must(c.API.Get(quietly, client.ObjectKey{Name: "cluster"}, m))
	m.Status.NodeDisruptionPolicyStatus.ClusterPolicies.Files = nil
	if drained {
		m.Status.NodeDisruptionPolicyStatus.ClusterPolicies.Files = []operatorv1.NodeDisruptionPolicyStatusFile{{
			Path: clusterfacts.PullSecretFile, Actions: []operatorv1.NodeDisruptionPolicyStatusAction{{Type: operatorv1.DrainStatusAction}},
		}}
	}
	must(c.API.Update(quietly, m))
}

const rivalName = "rival"

// claim is a suspended object that is older and names the same targets.
func (c *cluster) claim() {
	if c.secretRotation(rivalName) != nil {
		return
	}
	s := defaults()
	s.Suspend = true
	c.delete()
	must(c.API.Create(quietly, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: rivalName}, Spec: s}))
	c.w.Live(2*time.Second, 1)
	c.put(defaults())
}

func (c *cluster) secretRotation(name string) *v1alpha1.PullSecretRotation {
	o := &v1alpha1.PullSecretRotation{}
	if c.API.Get(quietly, client.ObjectKey{Name: name}, o) != nil {
		return nil
	}
	return o
}

// pulls are what may come of it when a machine is to pull an image.
var pulls = map[string]corev1.ContainerStatus{
	"":            {ImageID: "sha256:1", State: waiting("CreateContainerConfigError", "configmap not found")},
	"refused":     {State: waiting("ErrImagePull", "unauthorized: access to the requested resource is not authorized")},
	"missing":     {State: waiting("ErrImagePull", "manifest unknown")},
	"unreachable": {State: waiting("ErrImagePull", "dial tcp: i/o timeout")},
	"silent":      {State: waiting("ContainerCreating", "")},
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

// kubelet takes up the Pods that there are.
func (c *cluster) kubelet() {
	list := &corev1.PodList{}
	must(c.API.List(quietly, list, client.InNamespace(operatorNamespace)))
	for i := range list.Items {
		p := &list.Items[i]
		if len(p.Status.ContainerStatuses) > 0 {
			continue
		}
		status := pulls[c.pulls]
		status.Name = p.Spec.Containers[0].Name
		p.Spec.NodeName, p.Status.ContainerStatuses = poolName+"-0", []corev1.ContainerStatus{status}
		must(c.API.Update(quietly, p))
	}
}
