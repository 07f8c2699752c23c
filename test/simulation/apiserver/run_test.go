package apiserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// run plays a script on one server, and notes the answers without what differs from run to run.
type run struct {
	t         *testing.T
	api       client.WithWatch
	namespace string
	compact   func() // on the real server the version 1 is always too old
	lines     []string
	versions  map[string][]string
	uids      map[string][]string
}

func (r *run) say(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

// answer notes an answer and the object in it.
func (r *run) answer(what string, o client.Object, err error) {
	if err != nil {
		r.say("%s: %s", what, r.refusal(err))
		return
	}
	r.say("%s: %s", what, r.shown(o))
}

// refusal is an error by what programs read of it.
func (r *run) refusal(err error) string {
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		return "no answer of an API server: " + err.Error()
	}
	s := status.Status()
	text := fmt.Sprintf("%d %s", s.Code, s.Reason)
	if s.Details != nil {
		text += fmt.Sprintf(" %s %s %s", s.Details.Group, s.Details.Kind, r.generated(s.Details.Name))
		for _, c := range s.Details.Causes {
			text += fmt.Sprintf(" [%s %s]", c.Type, c.Field)
		}
	}
	return text
}

// generated hides the random end of a generated name.
func (*run) generated(name string) string {
	if prefix, _, ok := strings.Cut(name, "generated-"); ok {
		return prefix + "generated-*"
	}
	return name
}

// shown is an object: versions and UIDs are numbered in the order in which they occur.
func (r *run) shown(o client.Object) string {
	key := fmt.Sprintf("%T %s", o, o.GetName())
	o = o.DeepCopyObject().(client.Object)
	var owners []string
	for _, e := range o.GetManagedFields() {
		owner := fmt.Sprintf("%s %s %s", e.Manager, e.Operation, e.Subresource)
		if !strings.HasPrefix(e.APIVersion, v1alpha1.GroupVersion.Group) {
			owner += " " + canonical(r.t, e.FieldsV1.GetRawBytes())
		}
		owners = append(owners, owner)
	}
	slices.Sort(owners)
	version, uid := numbered(r.versions, key, o.GetResourceVersion()), numbered(r.uids, key, string(o.GetUID()))
	text := fmt.Sprintf("%s version %d uid %d generation %d", r.generated(o.GetName()), version, uid, o.GetGeneration())
	if o.GetDeletionTimestamp() != nil {
		text += " deleted"
	}
	for _, forget := range []func(){
		func() { o.SetManagedFields(nil) }, func() { o.SetResourceVersion("") }, func() { o.SetUID("") }, func() { o.SetGeneration(0) },
		func() { o.SetCreationTimestamp(metav1.Time{}) }, func() { o.SetDeletionTimestamp(nil) }, func() { o.SetNamespace("") },
		func() { o.SetName(r.generated(o.GetName())) },
	} {
		forget()
	}
	raw, err := json.Marshal(o)
	if err != nil {
		r.t.Fatal(err)
	}
	return text + " " + canonical(r.t, raw) + " " + strings.Join(owners, "; ")
}

func numbered(seen map[string][]string, key, value string) int {
	if i := slices.Index(seen[key], value); i >= 0 {
		return i + 1
	}
	seen[key] = append(seen[key], value)
	return len(seen[key])
}

func canonical(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var anybody = client.FieldOwner("anybody")

func (r *run) secret(name string, data ...string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: name}}
	for i := 0; i+1 < len(data); i += 2 {
		if s.Data == nil {
			s.Data = map[string][]byte{}
		}
		s.Data[data[i]] = []byte(data[i+1])
	}
	return s
}

// rotation is a custom resource; its name is the script's own.
func (r *run) rotation(name string) *v1alpha1.PullSecretRotation {
	return &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: r.namespace + "-" + name}, Spec: v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeFollow, Targets: []v1alpha1.SecretReference{{Namespace: "openshift-config", Name: "pull-secret"}},
	}}
}

// set is another custom resource.
func (r *run) set(name string) *v1alpha1.CAPCredentialSet {
	return &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: r.namespace + "-" + name}, Spec: v1alpha1.CAPCredentialSetSpec{
		Endpoint: v1alpha1.CAPEndpoint{
			URL: "https://cap.example.com/api/v1/credentials", Agency: "A", Mission: "M", ClientCertificateSecretRef: v1alpha1.LocalReference{Name: "certificate"},
		},
		Secrets: []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: r.namespace, Name: "aws"}, Role: "role"}},
	}}
}

func create[T client.Object](r *run, o T, owner client.FieldOwner) T {
	err := r.api.Create(context.Background(), o, owner)
	r.answer("create "+r.generated(o.GetName()), o, err)
	return o
}

// update changes a copy of an object as it is known.
func update[T client.Object](r *run, known T, owner client.FieldOwner, change func(T)) T {
	o := known.DeepCopyObject().(T)
	change(o)
	err := r.api.Update(context.Background(), o, owner)
	r.answer("update "+o.GetName(), o, err)
	return o
}

func get[T client.Object](r *run, o T) T {
	err := r.api.Get(context.Background(), client.ObjectKeyFromObject(o), o)
	r.answer("get "+o.GetName(), o, err)
	return o
}

func (r *run) merge(o client.Object, body string, owner client.FieldOwner) {
	r.patch(types.MergePatchType, o, body, owner)
}

func (r *run) patch(kind types.PatchType, o client.Object, body string, owner client.FieldOwner) {
	o = o.DeepCopyObject().(client.Object)
	err := r.api.Patch(context.Background(), o, client.RawPatch(kind, []byte(body)), owner)
	r.answer("merge "+o.GetName()+r.hidden(body), o, err)
}

func (r *run) mergeStatus(o client.Object, body string, owner client.FieldOwner) {
	o = o.DeepCopyObject().(client.Object)
	err := r.api.Status().Patch(context.Background(), o, client.RawPatch(types.MergePatchType, []byte(body)), owner)
	r.answer("merge status of "+o.GetName()+r.hidden(body), o, err)
}

// apply applies a Secret with some metadata as JSON and data.
func (r *run) apply(name, metadata, data string, owner client.FieldOwner, opts ...client.PatchOption) {
	if metadata != "" {
		metadata = "," + metadata
	}
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"namespace":%q,"name":%q%s},"type":"Opaque","data":%s}`, r.namespace, name, metadata, data)
	o := r.secret(name)
	err := r.api.Patch(context.Background(), o, client.RawPatch(types.ApplyPatchType, []byte(body)), append(opts, owner)...)
	r.answer("apply "+name+" "+data, o, err)
}

// hidden is a patch without a version or UID, which differ from run to run.
func (*run) hidden(body string) string {
	for _, field := range []string{`"resourceVersion":"`, `"uid":"`} {
		if before, after, ok := strings.Cut(body, field); ok {
			_, rest, _ := strings.Cut(after, `"`)
			body = before + field + `*"` + rest
		}
	}
	return " " + body
}

func (r *run) remove(o client.Object, opts ...client.DeleteOption) {
	err := r.api.Delete(context.Background(), o.DeepCopyObject().(client.Object), opts...)
	text := "done"
	if err != nil {
		text = r.refusal(err)
	}
	r.say("delete %s: %s", o.GetName(), text)
}

func (r *run) list(list client.ObjectList, opts ...client.ListOption) {
	err := r.api.List(context.Background(), list, append(opts, client.InNamespace(r.namespace))...)
	if err != nil {
		r.say("list: %s", r.refusal(err))
		return
	}
	var names []string
	if secrets, ok := list.(*corev1.SecretList); ok {
		for i := range secrets.Items {
			names = append(names, r.generated(secrets.Items[i].Name))
		}
	}
	r.say("list: %s; the list has a version: %t", strings.Join(names, " "), list.GetResourceVersion() != "")
}

// watch opens a watch of the Secrets from a version.
func (r *run) watch(from string, opts ...client.ListOption) watch.Interface {
	return r.watchOf(&corev1.SecretList{}, from, opts...)
}

func (r *run) watchOf(list client.ObjectList, from string, opts ...client.ListOption) watch.Interface {
	w, err := r.api.Watch(context.Background(), list, append(opts, client.InNamespace(r.namespace),
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: from}})...)
	if err != nil {
		r.say("watch: %s", r.refusal(err))
		return nil
	}
	r.t.Cleanup(w.Stop)
	return w
}

// events notes the next events of a watch, and leaves out bookmarks.
func (r *run) events(w watch.Interface, n int) {
	if w == nil {
		return
	}
	for n > 0 {
		select {
		case e, open := <-w.ResultChan():
			if e.Type == watch.Bookmark {
				continue
			}
			n--
			switch o := e.Object.(type) {
			case client.Object:
				r.say("event %s %s", e.Type, r.shown(o))
			case *metav1.Status:
				r.say("watch: %s", r.refusal(apierrors.FromObject(o)))
			default:
				r.say("event %s %T, open: %t", e.Type, e.Object, open)
			}
		case <-time.After(30 * time.Second):
			r.t.Fatal("no event comes")
		}
	}
}

var forced = client.ForceOwnership

func uidOf(o client.Object) client.Preconditions {
	return client.Preconditions{UID: ptr.To(o.GetUID())}
}
