package simulation

import (
	"context"
	"fmt"
	"strings"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
)

const (
	operatorNamespace = "operator"
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

// cluster has an API server, two or three replicas of the operator, and people.
type cluster struct {
	w        *world
	name, id string
	api      *apiserver.Server
	replicas []*replica
	leader   *replica // nil while nobody leads
	due      time.Time
	skew     time.Duration
	apiDown  bool
	mute     bool                // its telemetry is not sent
	traffic  []time.Time         // requests within the last hour
	looks    []time.Time         // reconciles within the last hour
	posts    map[string][]string // the rotations requested, by object and T
	shown    string              // the object when it was last searched for secrets
	stuck    bool                // its pool does not follow
}

func newCluster(w *world, number int) *cluster {
	c := &cluster{w: w, name: fmt.Sprintf("cluster-%d", number), id: fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", number), posts: map[string][]string{}}
	var err error
	c.api, err = apiserver.New(apiserver.Options{Scheme: scheme, WithStatus: []client.Object{&v1alpha1.PullSecretRotation{}}})
	must(err)
	pool := &machineconfigurationv1.MachineConfigPool{ObjectMeta: metav1.ObjectMeta{Name: poolName}}
	pool.Status.MachineCount, pool.Status.UpdatedMachineCount = 3, 3
	for _, o := range []client.Object{
		&configv1.ClusterVersion{ObjectMeta: metav1.ObjectMeta{Name: "version"}, Spec: configv1.ClusterVersionSpec{ClusterID: configv1.ClusterID(c.id)}},
		&configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ca"}, Data: map[string]string{"ca-bundle.crt": string(authority.PEM())}},
		pool, &machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: poolName + "-0"}},
	} {
		must(c.api.Create(quietly, o))
	}
	c.putToken(w.ocm.OfflineToken(w.account.ID))
	c.putTarget(global, withForeign(w.ocm.PullSecret(w.account.ID), "registry.example.com"))
	c.putTarget(hub, w.ocm.PullSecret(w.account.ID))
	w.ocm.AddCluster(w.account.ID, simocm.ClusterSpec{ID: c.id, Name: c.name, Token: func() string {
		if c.mute {
			return ""
		}
		return authsOf(c.document(global))[simocm.CloudOpenShift]
	}})
	c.put(defaults())
	for i := range 2 + w.chance.IntN(2) {
		r := &replica{cluster: c, name: fmt.Sprintf("%s/replica-%d", c.name, i)}
		r.born()
		c.replicas = append(c.replicas, r)
	}
	c.leader = c.replicas[0]
	c.rollOut()
	return c
}

// clientOf is the API server as one replica uses it: what it writes is judged, and may be disturbed.
func (c *cluster) clientOf(r *replica) client.WithWatch {
	return interceptor.NewClient(c.api, interceptor.Funcs{
		Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if c.apiDown {
				return errAPI
			}
			return api.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if c.apiDown {
				return errAPI
			}
			return api.List(ctx, list, opts...)
		},
		Create: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return c.write(r, "create", o, func() error { return api.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return c.write(r, "update", o, func() error { return api.Update(ctx, o, opts...) })
		},
		Delete: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return c.write(r, "delete", o, func() error { return api.Delete(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			p = c.w.broken.patch(o, p)
			return c.write(r, "patch", o, func() error { return api.Patch(ctx, o, p, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			if m := c.w.broken; m != nil && m.forgets {
				return nil
			}
			p = c.w.broken.patch(o, p)
			return c.write(r, "patch status of", o, func() error { return api.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
}

// write is an effect of a replica on the API server.
func (c *cluster) write(r *replica, verb string, o client.Object, do func() error) error {
	w := c.w
	name := fmt.Sprintf("%s %T %s/%s", verb, o, o.GetNamespace(), o.GetName())
	if c.apiDown {
		return errAPI
	}
	if err := r.before(name, true); err != nil {
		return err
	}
	if r.plan.now && r.plan.what == conflicts && verb != "create" {
		r.plan = plan{}
		return apierrors.NewConflict(schema.GroupResource{Resource: "objects"}, o.GetName(), fmt.Errorf("somebody was quicker"))
	}
	if _, secret := o.(*corev1.Secret); secret && o.GetNamespace() != operatorNamespace && !w.quiet && w.odds(3) {
		w.count.fault(string(quicker))
		c.interfere(name)
	}
	time.Sleep(time.Duration(1+w.chance.IntN(20)) * time.Millisecond)
	before := c.stored(o)
	err := do()
	w.say("%s: %s: %s", r, name, reasonOf(err))
	if err == nil {
		w.count.writes++
		c.judge(r, name, before, c.stored(o))
	}
	if lost := r.after(name); lost != nil {
		return lost
	}
	return err
}

func reasonOf(err error) string {
	if err == nil {
		return "done"
	}
	return string(apierrors.ReasonForError(err))
}

// stored is an object as the API server has it; nil if there is none.
func (c *cluster) stored(o client.Object) client.Object {
	stored := o.DeepCopyObject().(client.Object)
	if err := c.api.Get(quietly, client.ObjectKeyFromObject(o), stored); err != nil {
		return nil
	}
	return stored
}

func (c *cluster) object() *v1alpha1.PullSecretRotation {
	o := &v1alpha1.PullSecretRotation{}
	if c.api.Get(quietly, client.ObjectKey{Name: objectName}, o) != nil {
		return nil
	}
	return o
}

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
	must(c.api.Create(quietly, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: objectName}, Spec: s}, client.FieldOwner("person")))
	c.notify()
}

// edit changes the object as a person does.
func (c *cluster) edit(change func(*v1alpha1.PullSecretRotation)) {
	o := c.object()
	if o == nil {
		return
	}
	before := o.DeepCopy()
	change(o)
	must(c.api.Patch(quietly, o, client.MergeFrom(before), client.FieldOwner("person")))
	for _, r := range c.replicas {
		r.spec = append(r.spec, c.spec())
	}
	c.notify()
}

// delete deletes the object, and with it what it owns.
func (c *cluster) delete() {
	o := c.object()
	if o == nil {
		return
	}
	must(c.api.Delete(quietly, o))
	list := &corev1.SecretList{}
	must(c.api.List(quietly, list, client.InNamespace(operatorNamespace)))
	for i := range list.Items {
		for _, owner := range list.Items[i].OwnerReferences {
			if owner.UID == o.UID {
				must(c.api.Delete(quietly, &list.Items[i]))
			}
		}
	}
	for _, r := range c.replicas {
		r.spec = append(r.spec, spec{})
	}
	c.notify()
}

// notify is the watch: it tells at once, late, or only once something else does.
func (c *cluster) notify() {
	if c.w.chance == nil {
		return
	}
	late := time.Duration(0)
	if !c.w.quiet && c.w.odds(4) {
		late = time.Duration(c.w.chance.IntN(600)) * time.Second
	}
	if at := time.Now().Add(late); at.Before(c.due) || c.due.IsZero() {
		c.due = at
	}
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
	err := c.api.Get(quietly, key, secret)
	if err == nil && secret.Type == kind {
		secret.Data = data
		must(c.api.Update(quietly, secret, client.FieldOwner("person")))
	} else {
		if err == nil {
			must(c.api.Delete(quietly, secret))
		}
		must(c.api.Create(quietly, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Type: kind, Data: data}, client.FieldOwner("person")))
	}
	c.notify()
}

func (c *cluster) deleteSecret(key client.ObjectKey) {
	must(client.IgnoreNotFound(c.api.Delete(quietly, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}})))
	c.notify()
}

func (c *cluster) document(ref v1alpha1.SecretReference) []byte {
	secret := &corev1.Secret{}
	if c.api.Get(quietly, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret) != nil {
		return nil
	}
	return secret.Data[corev1.DockerConfigJsonKey]
}

// pool changes the cluster's pool of machines.
func (c *cluster) pool(change func(*machineconfigurationv1.MachineConfigPool)) {
	p := &machineconfigurationv1.MachineConfigPool{}
	must(c.api.Get(quietly, client.ObjectKey{Name: poolName}, p))
	before := p.DeepCopy()
	change(p)
	if !equality.Semantic.DeepEqual(before, p) {
		must(c.api.Update(quietly, p))
	}
	c.machine(p)
}

// machine lets the machine that has a MachineConfigNode say what its pool does.
func (c *cluster) machine(p *machineconfigurationv1.MachineConfigPool) {
	n := &machineconfigurationv1.MachineConfigNode{}
	must(c.api.Get(quietly, client.ObjectKey{Name: poolName + "-0"}, n))
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
		must(c.api.Update(quietly, n))
	}
}

// rollOut is what the machine-config-operator does after a while: the machines get the pull secret.
func (c *cluster) rollOut() {
	if c.stuck {
		return
	}
	name := "rendered-" + fingerprint(c.document(global))
	c.pool(func(p *machineconfigurationv1.MachineConfigPool) {
		if p.Spec.Paused {
			return
		}
		p.Spec.Configuration.Name, p.Status.Configuration.Name = name, name
		p.Status.MachineCount, p.Status.UpdatedMachineCount, p.Status.DegradedMachineCount = 3, 3, 0
	})
}

// interfere is somebody who writes at the worst moment: an entry of their own, or a Secret of the same name that is another one.
func (c *cluster) interfere(effect string) {
	w := c.w
	for _, ref := range []v1alpha1.SecretReference{global, hub} {
		if !strings.HasSuffix(effect, ref.Namespace+"/"+ref.Name) {
			continue
		}
		w.say("%s: somebody is quicker", c.name)
		if d := c.document(ref); d != nil {
			if w.odds(3) {
				c.deleteSecret(client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name})
			}
			c.putTarget(ref, withForeign(d, fmt.Sprintf("registry-%d.example.com", w.chance.IntN(4))))
		}
		return
	}
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		metav1.SetMetaDataAnnotation(&o.ObjectMeta, "touched", time.Now().String())
	})
}

func (c *cluster) secret(key client.ObjectKey) *corev1.Secret {
	s := &corev1.Secret{}
	if c.api.Get(quietly, key, s) != nil {
		return nil
	}
	return s
}
