package pullsecret

import (
	"fmt"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

const (
	operatorNamespace = stage.OperatorNamespace
	objectName        = "account"
	poolName          = "worker"
	// foreignSecret is part of each credential that is not the account's.
	foreignSecret = "FOREIGN-CANARY"
)

// global is the cluster's own pull secret; hub is another target.
var (
	global = v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"}
	hub    = v1alpha1.SecretReference{Namespace: "hive", Name: "pull"}
	ocmKey = client.ObjectKey{Namespace: operatorNamespace, Name: "ocm"}
)

// cluster is one of the account's.
type cluster struct {
	*stage.Cluster
	w       *world
	id      string
	mute    bool                // its telemetry is not sent
	traffic stage.Rate          // requests within the last hour
	posts   map[string][]string // the rotations requested, by object and T
	past    stage.Past[spec]
	shown   string // the version of the object that was last judged
	machines
	// restorer is how often somebody still puts back what the operator replaces.
	restorer int
}

func newCluster(w *world, number int) *cluster {
	c := &cluster{w: w, id: fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", number), posts: map[string][]string{}}
	c.Cluster = w.AddCluster(fmt.Sprintf("cluster-%d", number), c, scheme)
	c.Meddlers, c.Backoff = 3, [2]time.Duration{5 * time.Millisecond, 1000 * time.Second} // the manager's
	pool := &machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: poolName}}
	pool.Status.MachineCount, pool.Status.UpdatedMachineCount = 3, 3
	for _, o := range []client.Object{
		&configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: configv1.ClusterID(c.id)}},
		&configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&operatorv1.MachineConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ca"}, Data: map[string]string{"ca-bundle.crt": string(authority.PEM())}},
		pool,
	} {
		must(c.API.Create(quietly, o))
	}
	for i := range 1 + w.crowd {
		must(c.API.Create(quietly, &machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: machineName(i)}}))
	}
	c.putToken(w.ocm.OfflineToken(w.account.ID))
	c.putTarget(global, withForeign(w.ocm.PullSecret(w.account.ID), "registry.example.com"))
	c.putTarget(hub, w.ocm.PullSecret(w.account.ID))
	w.ocm.AddCluster(w.account.ID, simocm.ClusterSpec{ID: c.id, Name: c.Name, Token: func() string {
		if c.mute {
			return ""
		}
		return authsOf(c.document(global))[simocm.CloudOpenShift]
	}})
	first := defaults()
	if w.Odds(2) { // what happens before the first rotation comes first
		first.Mode, first.RotateAfter = pick(w, []v1alpha1.RotationMode{v1alpha1.ModeFollow, v1alpha1.ModeAudit}), nil
	}
	c.put(first)
	c.rollOut()
	c.Populate(2 + w.Roll(2))
	c.frail = w.Odds(6)
	return c
}

func (c *cluster) object() *v1alpha1.PullSecretRotation { return c.secretRotation(objectName) }

// spec is the spec as it is now.
func (c *cluster) spec() spec {
	o := c.object()
	if o == nil {
		return spec{}
	}
	return spec{exists: true, PullSecretRotationSpec: o.Spec}
}

type spec struct {
	exists bool
	v1alpha1.PullSecretRotationSpec
}

// put creates the object.
func (c *cluster) put(s v1alpha1.PullSecretRotationSpec) {
	must(c.API.Create(quietly, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: objectName}, Spec: s}, stage.Person))
	c.past.Note(c.spec())
}

// edit changes the object as a person does, who also does what the schema asks for.
func (c *cluster) edit(change func(*v1alpha1.PullSecretRotation)) {
	o := c.object()
	if o == nil {
		return
	}
	before := o.DeepCopy()
	change(o)
	comply(&before.Spec, &o.Spec)
	must(c.API.Patch(quietly, o, client.MergeFrom(before), stage.Person))
	c.past.Note(c.spec())
}

// delete deletes the object, and with it what it owns.
func (c *cluster) delete() {
	o := c.object()
	if o == nil {
		return
	}
	must(c.API.Delete(quietly, o))
	list := &corev1.SecretList{}
	must(c.API.List(quietly, list, client.InNamespace(operatorNamespace)))
	for i := range list.Items {
		for _, owner := range list.Items[i].OwnerReferences {
			if owner.UID == o.UID {
				must(c.API.Delete(quietly, &list.Items[i]))
			}
		}
	}
	c.past.Note(c.spec())
}

func (c *cluster) putToken(token string) {
	c.putSecret(ocmKey, corev1.SecretTypeOpaque, map[string][]byte{"token": []byte(token)})
}

func (c *cluster) putTarget(ref v1alpha1.SecretReference, document []byte) {
	c.putSecret(client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, corev1.SecretTypeDockerConfigJson, map[string][]byte{corev1.DockerConfigJsonKey: document})
	if ref == global {
		c.rollOut()
	}
}

// putSecret is a write by somebody else.
func (c *cluster) putSecret(key client.ObjectKey, kind corev1.SecretType, data map[string][]byte) {
	secret := &corev1.Secret{}
	err := c.API.Get(quietly, key, secret)
	if err == nil && secret.Type == kind {
		secret.Data = data
		must(c.API.Update(quietly, secret, stage.Person))
	} else {
		if err == nil {
			must(c.API.Delete(quietly, secret))
		}
		must(c.API.Create(quietly, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Type: kind, Data: data}, stage.Person))
	}
}

func (c *cluster) deleteSecret(key client.ObjectKey) {
	must(client.IgnoreNotFound(c.API.Delete(quietly, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})))
}

func (c *cluster) document(ref v1alpha1.SecretReference) []byte {
	secret := &corev1.Secret{}
	if c.API.Get(quietly, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret) != nil {
		return nil
	}
	return secret.Data[corev1.DockerConfigJsonKey]
}

// versions are those of some objects together.
func (c *cluster) versions(all ...client.Object) string {
	text := ""
	for _, o := range all {
		if stored := c.Stored(o); stored != nil {
			text += string(stored.GetUID()) + stored.GetResourceVersion()
		}
		text += ";"
	}
	return text
}

// Interfere is somebody who writes at the worst moment: an entry of their own, or a Secret of the same name that is another one.
func (c *cluster) Interfere(o client.Object) {
	w := c.w
	w.Say("%s: somebody is quicker", c.Name)
	for _, ref := range []v1alpha1.SecretReference{global, hub} {
		if o.GetNamespace() != ref.Namespace || o.GetName() != ref.Name {
			continue
		}
		if d := c.document(ref); d != nil {
			if w.Odds(3) {
				c.deleteSecret(client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name})
			}
			c.putTarget(ref, withForeign(d, fmt.Sprintf("registry-%d.example.com", w.Roll(4))))
		}
		return
	}
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, "touched", time.Now().String())
	})
}

func (c *cluster) secret(key client.ObjectKey) *corev1.Secret {
	s := &corev1.Secret{}
	if c.API.Get(quietly, key, s) != nil {
		return nil
	}
	return s
}
