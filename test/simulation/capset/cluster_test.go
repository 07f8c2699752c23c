package capset

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

const (
	operatorNamespace = "operator"
	payload           = v1alpha1.DefaultRequestsNamespace
	certificateName   = "cap-certs"
	hashKeyName       = "credential-rotation-operator-hash-key"
)

var scheme = newScheme()

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for group, kinds := range map[schema.GroupVersion][]runtime.Object{
		corev1.SchemeGroupVersion:   {&corev1.Secret{}, &corev1.SecretList{}, &corev1.ConfigMap{}, &corev1.ConfigMapList{}, &corev1.Namespace{}, &corev1.NamespaceList{}},
		appsv1.SchemeGroupVersion:   {&appsv1.Deployment{}, &appsv1.DaemonSet{}, &appsv1.StatefulSet{}},
		v1alpha1.GroupVersion:       {&v1alpha1.CAPCredentialSet{}, &v1alpha1.CAPCredentialSetList{}},
		configv1.SchemeGroupVersion: {&configv1.Infrastructure{}},
	} {
		s.AddKnownTypes(group, kinds...)
		metav1.AddToGroupVersion(s, group)
	}
	return s
}

// kinds are those that the operator watches without Go types.
var kinds = map[schema.GroupVersionResource]string{
	{Group: "cloudcredential.openshift.io", Version: "v1", Resource: "credentialsrequests"}: "CredentialsRequest",
	{Group: "operator.openshift.io", Version: "v1", Resource: "cloudcredentials"}:           "CloudCredential",
	{Version: "v1", Resource: "configmaps"}:                                                 "ConfigMap",
	{Group: "batch", Version: "v1", Resource: "cronjobs"}:                                   "CronJob",
	{Version: "v1", Resource: "namespaces"}:                                                 "Namespace",
}

// cluster has an API server, two replicas of the operator, and people.
type cluster struct {
	w         *world
	api       *apiserver.Server
	processes []*process
	leader    *process // nil while nobody leads
	skew      time.Duration
	apiDown   bool
	lag       time.Duration // of the watches
	doubled   bool          // each event of a watch comes twice
	basis     string        // changes with everything after which CAP may be asked at once

	requests, rounds, patches []time.Time // within the last hour
	edits                     int
	written                   map[types.NamespacedName][]*corev1.Secret // by the operator, the newest last
	past                      []snapshot
	known                     *facts
	liedAt, shakenAt          time.Time
	jumped                    bool              // the clock has been wrong, and so are times on Secrets
	shown                     map[string]string // the version of each set that was searched
}

func newCluster(w *world) *cluster {
	c := &cluster{w: w, written: map[types.NamespacedName][]*corev1.Secret{}, shown: map[string]string{}}
	var err error
	c.api, err = apiserver.New(apiserver.Options{Scheme: scheme, WithStatus: []client.Object{&v1alpha1.CAPCredentialSet{}}})
	must(err)
	for _, name := range append([]string{operatorNamespace, payload, "apps", "team-x"}, namespaces...) {
		c.putNamespace(name)
	}
	must(c.api.Create(quietly, &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}))
	must(c.api.Create(quietly, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ca"}, Data: map[string]string{"ca.crt": string(authority.PEM())}}))
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "web"}}
	must(c.api.Create(quietly, deployment))
	c.setMode("Manual")
	c.putCertificate()
	for _, r := range payloadRequests {
		c.putRequest(r)
	}
	c.createEmpty()
	c.put("payload", w.defaults())
	if w.odds(2) {
		c.put("own", w.ownDefaults())
	}
	for i := range 2 {
		p := &process{cluster: c, name: fmt.Sprintf("replica-%d", i)}
		c.processes = append(c.processes, p)
		p.born()
	}
	c.leader = c.processes[0]
	return c
}

// clientOf is the API server as one process uses it: what it writes is judged, and may be disturbed; what it watches comes late.
func (c *cluster) clientOf(p *process) client.WithWatch {
	return interceptor.NewClient(c.api, interceptor.Funcs{
		Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := p.unreachable(); err != nil {
				return err
			}
			return api.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			time.Sleep(c.w.delay(p.id+"list "+wanted(list, opts), 20*time.Millisecond))
			if err := p.unreachable(); err != nil {
				return err
			}
			return api.List(ctx, list, opts...)
		},
		Watch: func(ctx context.Context, api client.WithWatch, list client.ObjectList, opts ...client.ListOption) (watch.Interface, error) {
			if err := p.unreachable(); err != nil {
				return nil, err
			}
			w, err := api.Watch(ctx, list, opts...)
			if err != nil {
				return nil, err
			}
			return newLate(ctx, c, p.id+"watch "+wanted(list, opts), w), nil
		},
		Create: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			return c.write(p, "create", o, func() error { return api.Create(ctx, o, opts...) })
		},
		Update: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			return c.write(p, "update", o, func() error { return api.Update(ctx, o, opts...) })
		},
		Patch: func(ctx context.Context, api client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			verb := "patch"
			if creates(o, patch) {
				verb = applyNew
			}
			patch = c.w.broken.patch(o, patch)
			return c.write(p, verb, o, func() error { return api.Patch(ctx, o, patch, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return c.write(p, "patch status of", o, func() error { return api.SubResource(sub).Patch(ctx, o, patch, opts...) })
		},
	})
}

// wanted names a list or a watch: no two at a time have one name.
func wanted(list client.ObjectList, opts []client.ListOption) string {
	o := (&client.ListOptions{}).ApplyOptions(opts)
	return fmt.Sprintf("%T %s in %s %v", list, list.GetObjectKind().GroupVersionKind().Kind, o.Namespace, o.FieldSelector)
}

// applyNew is the verb of an apply for what does not exist as far as the operator knows. It cannot be told to create only: what somebody else creates
// in the same moment is merged with it, unless they write the same fields.
const applyNew = "apply the new"

func creates(o client.Object, patch client.Patch) bool {
	if patch.Type() != types.ApplyPatchType {
		return false
	}
	body, err := patch.Data(o)
	must(err)
	return !strings.Contains(string(body), `"resourceVersion"`)
}

// unreachable is why a process gets no answer.
func (p *process) unreachable() error {
	if p.isDead() {
		return errDead
	}
	if p.cluster.apiDown {
		return errAPI
	}
	return nil
}

// write is an effect of a process on the API server.
func (c *cluster) write(p *process, verb string, o client.Object, do func() error) error {
	w := c.w
	name := fmt.Sprintf("%s %T %s/%s", verb, o, o.GetNamespace(), o.GetName())
	time.Sleep(w.delay(p.id+name, 20*time.Millisecond))
	if err := p.unreachable(); err != nil {
		return err
	}
	if err := p.before(name); err != nil {
		return err
	}
	if err := p.unreachable(); err != nil {
		return err
	}
	if p.plan.now && p.plan.what == conflicts && verb != "create" {
		p.plan = plan{}
		return apierrors.NewConflict(schema.GroupResource{Resource: "objects"}, o.GetName(), fmt.Errorf("somebody was quicker"))
	}
	if _, secret := o.(*corev1.Secret); secret && o.GetNamespace() != operatorNamespace && !w.quiet && w.odds(6) {
		w.count.Count(history.Faults, string(quicker))
		c.interfere(o)
	}
	before := c.stored(o)
	err := do()
	w.Say("%s: %s: %s", p, name, reasonOf(err))
	if err == nil {
		w.count.Count(history.Totals, "writes")
		c.judge(p, name, before, c.stored(o))
	}
	if lost := p.after(name); lost != nil {
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

func (c *cluster) set(name string) *v1alpha1.CAPCredentialSet {
	o := &v1alpha1.CAPCredentialSet{}
	if c.api.Get(quietly, client.ObjectKey{Name: name}, o) != nil {
		return nil
	}
	return o
}

func (c *cluster) sets() []v1alpha1.CAPCredentialSet {
	list := &v1alpha1.CAPCredentialSetList{}
	must(c.api.List(quietly, list))
	return list.Items
}

// changed notes that somebody has changed something after which CAP may be asked at once.
func (c *cluster) changed() {
	c.edits++
	c.basis = fmt.Sprint(c.edits)
	c.remember()
}

const person = client.FieldOwner("person")

func (c *cluster) put(name string, s v1alpha1.CAPCredentialSetSpec) {
	must(c.api.Create(quietly, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: s}, person))
	c.changed()
}

// edit changes a set as a person does.
func (c *cluster) edit(name string, change func(*v1alpha1.CAPCredentialSet)) {
	o := c.set(name)
	if o == nil {
		return
	}
	before := o.DeepCopy()
	change(o)
	must(c.api.Patch(quietly, o, client.MergeFrom(before), person))
	c.changed()
}

func (c *cluster) deleteSet(name string) {
	must(client.IgnoreNotFound(c.api.Delete(quietly, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: name}})))
	c.changed()
}

func (c *cluster) secret(ref types.NamespacedName) *corev1.Secret {
	s := &corev1.Secret{}
	if c.api.Get(quietly, ref, s) != nil {
		return nil
	}
	return s
}

// putSecret writes a Secret as somebody else does, whatever there was.
func (c *cluster) putSecret(ref types.NamespacedName, change func(*corev1.Secret)) {
	s := c.secret(ref)
	if s != nil {
		before := s.DeepCopy()
		change(s)
		if s.Type == before.Type && (before.Immutable == nil || !*before.Immutable) {
			must(c.api.Update(quietly, s, client.FieldOwner("somebody")))
			return
		}
		must(c.api.Delete(quietly, before))
	}
	s = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}}
	change(s)
	_ = c.api.Create(quietly, s, client.FieldOwner("somebody")) // there may be no namespace
}

// createEmpty is a person who creates what the operator may not.
func (c *cluster) createEmpty() {
	if c.w.creates {
		return
	}
	for _, ref := range targets {
		if c.secret(ref) == nil {
			c.putSecret(ref, func(*corev1.Secret) {})
		}
	}
}

func (c *cluster) deleteSecret(ref types.NamespacedName) {
	_ = c.api.Delete(quietly, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}})
}

var certificateRef = types.NamespacedName{Namespace: operatorNamespace, Name: certificateName}

// putCertificate gives the operator a client certificate.
func (c *cluster) putCertificate(opts ...simtls.ClientOption) {
	pem, key, err := c.w.portal.ClientCertificate("npe", opts...)
	must(err)
	c.putSecret(certificateRef, func(s *corev1.Secret) {
		s.Data = map[string][]byte{"cap.pem": pem, "cap.key": key, "ca-chain.cert.pem": authority.PEM()}
	})
	c.changed()
}

func (c *cluster) putNamespace(name string) {
	if c.api.Create(quietly, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}) == nil {
		c.remember()
	}
}

// deleteNamespace deletes one with its Secrets, as the namespace controller does.
func (c *cluster) deleteNamespace(name string) {
	list := &corev1.SecretList{}
	must(c.api.List(quietly, list, client.InNamespace(name)))
	for i := range list.Items {
		must(c.api.Delete(quietly, &list.Items[i]))
	}
	must(client.IgnoreNotFound(c.api.Delete(quietly, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})))
	c.remember()
}

// object is one without a Go type.
func object(group, version, kind, namespace, name string, spec map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	u.SetGroupVersionKind(schema.GroupVersionKind{Group: group, Version: version, Kind: kind})
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}

// replace puts an object without a Go type in the place of the one there is.
func (c *cluster) replace(u *unstructured.Unstructured) {
	_ = c.api.Delete(quietly, u.DeepCopy())
	must(c.api.Create(quietly, u))
}

func (c *cluster) setMode(mode string) {
	c.replace(object("operator.openshift.io", "v1", "CloudCredential", "", "cluster", map[string]any{"credentialsMode": mode}))
	c.mode(mode)
}

// request is a CredentialsRequest.
type request struct {
	name   string
	team   string // a label
	secret types.NamespacedName
	timed  bool
}

func (c *cluster) putRequest(r request) {
	provider := map[string]any{"kind": "AWSProviderSpec"}
	if r.timed {
		provider["stsIAMRoleARN"] = "arn:aws:iam::1:role/x"
	}
	u := object("cloudcredential.openshift.io", "v1", "CredentialsRequest", payload, r.name, map[string]any{
		"secretRef": map[string]any{"namespace": r.secret.Namespace, "name": r.secret.Name}, "providerSpec": provider,
	})
	u.SetLabels(map[string]string{"team": r.team})
	c.replace(u)
	c.noteRequest(r.name, &r)
}

func (c *cluster) deleteRequest(name string) {
	_ = c.api.Delete(quietly, object("cloudcredential.openshift.io", "v1", "CredentialsRequest", payload, name, nil))
	c.noteRequest(name, nil)
}
