package capset

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	configv1 "github.com/openshift/api/config/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

const (
	operatorNamespace = stage.OperatorNamespace
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

// cluster is one with CAPCredentialSets.
type cluster struct {
	*stage.Cluster
	w     *world
	basis int // changes with everything after which CAP may be asked at once

	requests, patches stage.Rate
	written           map[types.NamespacedName][]*corev1.Secret // by the operator, the newest last
	past              stage.Past[snapshot]
	known             *facts
	doubtful          map[string]bool   // keys of which the operator may know wrong times
	lies              bool              // the portal does not tell the truth
	restorer          int               // how often somebody still puts back what the operator replaces
	shown             map[string]string // the version of each set that was searched
}

func newCluster(w *world) *cluster {
	c := &cluster{w: w, written: map[types.NamespacedName][]*corev1.Secret{}, shown: map[string]string{}, doubtful: map[string]bool{}}
	c.Cluster = w.AddCluster("cluster", c, scheme)
	c.Meddlers, c.Backoff = 3, [2]time.Duration{50 * time.Millisecond, w.maxSleep}
	for _, name := range append([]string{operatorNamespace, payload, "apps", "team-x"}, namespaces...) {
		c.putNamespace(name)
	}
	must(c.API.Create(quietly, &configv1.Infrastructure{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}}))
	must(c.API.Create(quietly, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "ca"}, Data: map[string]string{"ca.crt": string(authority.PEM())}}))
	for _, namespace := range []string{"apps", machines.Namespace} {
		must(c.API.Create(quietly, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}}))
	}
	c.setMode("Manual")
	c.putCertificate()
	for _, r := range payloadRequests {
		c.putRequest(r)
	}
	c.createEmpty()
	c.put("payload", w.defaults())
	if w.crowd > 0 || w.Odds(2) {
		c.put("own", w.ownDefaults())
	}
	c.Populate(2)
	return c
}

func (c *cluster) set(name string) *v1alpha1.CAPCredentialSet {
	o := &v1alpha1.CAPCredentialSet{}
	if c.API.Get(quietly, client.ObjectKey{Name: name}, o) != nil {
		return nil
	}
	return o
}

func (c *cluster) sets() []v1alpha1.CAPCredentialSet {
	list := &v1alpha1.CAPCredentialSetList{}
	must(c.API.List(quietly, list))
	return list.Items
}

// changed notes that somebody has changed something after which CAP may be asked at once.
func (c *cluster) changed() {
	c.basis++
	c.remember()
}

func (c *cluster) put(name string, s v1alpha1.CAPCredentialSetSpec) {
	must(c.API.Create(quietly, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: s}, stage.Person))
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
	must(c.API.Patch(quietly, o, client.MergeFrom(before), stage.Person))
	c.changed()
}

func (c *cluster) deleteSet(name string) {
	must(client.IgnoreNotFound(c.API.Delete(quietly, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: name}})))
	c.changed()
}

func (c *cluster) secret(ref types.NamespacedName) *corev1.Secret {
	s := &corev1.Secret{}
	if c.API.Get(quietly, ref, s) != nil {
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
			must(c.API.Update(quietly, s, client.FieldOwner("somebody")))
			return
		}
		must(c.API.Delete(quietly, before))
	}
	s = &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}}
	change(s)
	_ = c.API.Create(quietly, s, client.FieldOwner("somebody")) // there may be no namespace
}

// createEmpty is a person who creates what the operator may not.
func (c *cluster) createEmpty() {
	if c.w.creates {
		return
	}
	empty := func(ref types.NamespacedName) {
		if c.secret(ref) == nil {
			c.putSecret(ref, func(*corev1.Secret) {})
		}
	}
	for _, ref := range targets {
		empty(ref)
	}
	for _, s := range c.w.ownDefaults().Secrets {
		empty(types.NamespacedName{Namespace: s.Namespace, Name: s.Name})
	}
}

func (c *cluster) deleteSecret(ref types.NamespacedName) {
	_ = c.API.Delete(quietly, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}})
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
	if c.API.Create(quietly, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}) == nil {
		c.remember()
	}
}

// deleteNamespace deletes one with its Secrets, as the namespace controller does.
func (c *cluster) deleteNamespace(name string) {
	list := &corev1.SecretList{}
	must(c.API.List(quietly, list, client.InNamespace(name)))
	for i := range list.Items {
		must(c.API.Delete(quietly, &list.Items[i]))
	}
	must(client.IgnoreNotFound(c.API.Delete(quietly, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})))
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
	_ = c.API.Delete(quietly, u.DeepCopy())
	must(c.API.Create(quietly, u))
}

func (c *cluster) setMode(mode string) {
	u := object("operator.openshift.io", "v1", "CloudCredential", "", "cluster", nil)
	if c.API.Get(quietly, client.ObjectKeyFromObject(u), u) != nil {
		must(c.API.Create(quietly, u))
	}
	u.Object["spec"] = map[string]any{"credentialsMode": mode}
	must(c.API.Update(quietly, u))
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
	_ = c.API.Delete(quietly, object("cloudcredential.openshift.io", "v1", "CredentialsRequest", payload, name, nil))
	c.noteRequest(name, nil)
}
