package pullsecret

import (
	"fmt"
	"maps"
	"slices"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// machines are those of a cluster, in one pool.
type machines struct {
	rolled string // the versions of what rollOut has looked at
	stuck  bool   // the pool does not follow
	sick   bool   // a machine is degraded, and keeps the file that it has
	frail  bool   // a machine does not survive the next change
	pulls  string // what comes of it when a machine is to pull an image
}

// pool changes the cluster's pool of machines.
func (c *cluster) pool(change func(*machineconfigurationv1.MachineConfigPool)) {
	p := &machineconfigurationv1.MachineConfigPool{}
	must(c.API.Get(quietly, client.ObjectKey{Name: poolName}, p))
	before := p.DeepCopy()
	change(p)
	degraded := corev1.ConditionFalse
	if p.Status.DegradedMachineCount > 0 {
		degraded = corev1.ConditionTrue
	}
	p.Status.Conditions = []machineconfigurationv1.MachineConfigPoolCondition{{Type: machineconfigurationv1.MachineConfigPoolDegraded, Status: degraded}}
	if !equality.Semantic.DeepEqual(before, p) {
		must(c.API.Update(quietly, p))
	}
	for i := range 1 + c.w.crowd {
		c.machine(p, machineName(i))
	}
}

func machineName(i int) string { return fmt.Sprintf("%s-%d", poolName, i) }

// machine lets a machine that has a MachineConfigNode say what its pool does.
func (c *cluster) machine(p *machineconfigurationv1.MachineConfigPool, name string) {
	n := &machineconfigurationv1.MachineConfigNode{}
	must(c.API.Get(quietly, client.ObjectKey{Name: name}, n))
	before := n.DeepCopy()
	n.Spec.Pool.Name, n.Status.ConfigVersion = poolName, &machineconfigurationv1.MachineConfigNodeStatusMachineConfigVersion{Current: p.Status.Configuration.Name}
	degraded := metav1.ConditionFalse
	if p.Status.DegradedMachineCount > 0 {
		degraded = metav1.ConditionTrue
	}
	for _, said := range []metav1.Condition{
		{Type: string(machineconfigurationv1.MachineConfigNodeUpdated), Status: metav1.ConditionTrue, Reason: "Simulated"},
		{Type: string(machineconfigurationv1.MachineConfigNodeNodeDegraded), Status: degraded, Reason: "Simulated"},
	} {
		meta.SetStatusCondition(&n.Status.Conditions, said)
	}
	if !equality.Semantic.DeepEqual(before, n) {
		must(c.API.Update(quietly, n))
	}
}

// rollOut is what the machine-config-operator does after a while: the machines get the pull secret.
func (c *cluster) rollOut() {
	if c.stuck {
		return
	}
	pool := &machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: poolName}}
	seen := c.versions(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: global.Namespace, Name: global.Name}}, pool)
	if seen == c.rolled {
		return
	}
	defer func() { c.rolled = seen }()
	name := "rendered-" + fingerprint(c.document(global))
	c.pool(func(p *machineconfigurationv1.MachineConfigPool) {
		if p.Spec.Paused {
			return
		}
		if c.frail && p.Spec.Configuration.Name != name {
			c.frail, c.sick = false, true
			c.w.Say("%s: a machine does not survive the change", c.Name)
		}
		p.Spec.Configuration.Name = name
		p.Status.MachineCount, p.Status.UpdatedMachineCount, p.Status.DegradedMachineCount = 3, 3, 0
		switch {
		case !c.sick:
			p.Status.Configuration.Name = name
		case p.Status.Configuration.Name == name:
			p.Status.DegradedMachineCount = 1
		default:
			p.Status.UpdatedMachineCount, p.Status.DegradedMachineCount = 2, 1
		}
	})
}

func (c *cluster) changePool() {
	w := c.w
	switch w.Roll(4) {
	case 0:
		c.stuck = !c.stuck
	case 1:
		c.pool(func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = !p.Spec.Paused })
	case 2:
		c.sick = !c.sick
		c.rolled = ""
		c.rollOut()
	case 3:
		c.frail = true
	}
}

// askMachines has the machines pull an image after a rotation, which some of them cannot.
func (c *cluster) askMachines() {
	c.pulls = pick(c.w, slices.Sorted(maps.Keys(outcomes)))
	c.w.Say("%s: machines are to pull an image (%q)", c.Name, c.pulls)
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		o.Spec.Rollout.WaitForPools = ptr.To(true)
		o.Spec.Rollout.Probe = &v1alpha1.RolloutProbe{Image: probeImages[0], Timeout: &metav1.Duration{Duration: pick(c.w, []time.Duration{time.Hour, 12 * time.Hour})}}
	})
}

// outcomes are what may come of it when a machine is to pull an image.
var outcomes = map[string]corev1.ContainerStatus{
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
		status := outcomes[c.pulls]
		status.Name = p.Spec.Containers[0].Name
		p.Spec.NodeName, p.Status.ContainerStatuses = machineName(0), []corev1.ContainerStatus{status}
		must(c.API.Update(quietly, p))
	}
}
