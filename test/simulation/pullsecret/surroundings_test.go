package pullsecret

import (
	"time"

	configv1 "github.com/openshift/api/config/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	clusterfacts "github.com/openshift/credential-rotation-operator/internal/cluster"
)

// What the cluster is beside its Secrets: rights, topology, policies, kubelet, and other objects of the kind.

// important are the fields that change most of what happens.
var important = []string{"mode", "approval", "startWindows", "siblingClusters", "suspend", "rollout.probe", "rollout.timeout", "rollback", "verification", "ocm.accountID", "ocm.credentialsSecretRef"}

func (c *cluster) editImportant() {
	path := pick(c.w, important)
	c.w.Say("somebody edits spec.%s of %s", path, c.Name)
	c.edit(func(o *v1alpha1.PullSecretRotation) { mutators[path](c.w, &o.Spec) })
}

// editSeveral is a change of what is kept in Git, mostly for a rotation that is to take place.
func (c *cluster) editSeveral() {
	w := c.w
	paths := []string{pick(w, important), pick(w, important), pick(w, important)}
	w.Say("somebody edits %v of %s", paths, c.Name)
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		s := &o.Spec
		for _, path := range paths {
			mutators[path](w, s)
		}
		if s.Mode == v1alpha1.ModeFollow && w.Odds(2) {
			s.OCM.CredentialsSecretRef = nil // the cluster's own token will do
		}
		if !w.Odds(4) {
			s.RotateAfter = ptr.To(metav1.NewTime(time.Now().Truncate(time.Second)))
		}
	})
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
