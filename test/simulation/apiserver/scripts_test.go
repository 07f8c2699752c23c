package apiserver_test

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// scripts are played on both servers.
var scripts = []struct {
	name string
	play func(*run)
}{
	{"creating", func(r *run) {
		a := create(r, r.secret("a", "k", "v"), anybody)
		create(r, r.secret("a", "k", "other"), anybody)
		get(r, r.secret("a"))
		get(r, r.secret("missing"))
		create(r, a.DeepCopy(), anybody) // with its version
		generated := r.secret("", "k", "v")
		generated.GenerateName = "generated-"
		create(r, generated, anybody)
		again := r.secret("", "k", "v")
		again.GenerateName = "generated-"
		create(r, again, anybody)
		elsewhere := r.secret("a", "k", "v")
		elsewhere.Namespace = "nowhere"
		create(r, elsewhere, anybody)
		forged := r.secret("forged")
		forged.UID, forged.CreationTimestamp, forged.DeletionTimestamp = "mine", metav1.Now(), ptr.To(metav1.Now())
		forged.StringData = map[string]string{"s": "text"}
		create(r, forged, anybody)
		r.list(&corev1.SecretList{})
	}},
	{"updating", func(r *run) {
		a := create(r, r.secret("a", "k", "v"), anybody)
		newer := update(r, a, anybody, func(s *corev1.Secret) { s.Data["k"] = []byte("new") })
		update(r, a, anybody, func(s *corev1.Secret) { s.Data["k"] = []byte("stale") })
		update(r, newer, anybody, func(*corev1.Secret) {}) // nothing changes, nothing is written
		update(r, a, "another", func(s *corev1.Secret) { s.ResourceVersion, s.Data["l"] = "", []byte("blind") })
		update(r, get(r, r.secret("a")), anybody, func(s *corev1.Secret) { s.UID = "another-one" })
		update(r, r.secret("missing"), anybody, func(*corev1.Secret) {})
		update(r, get(r, r.secret("a")), anybody, func(s *corev1.Secret) { s.Type = "example.com/other" })
		update(r, get(r, r.secret("a")), anybody, func(s *corev1.Secret) { s.CreationTimestamp, s.Generation = metav1.Time{}, 7 })
	}},
	{"merge patches", patching(types.MergePatchType)},
	{"strategic merge patches", patching(types.StrategicMergePatchType)},
	{"applying", func(r *run) {
		r.apply("a", "", `{"k":"djE="}`, "one")
		r.apply("a", "", `{"k":"djE="}`, "one") // nothing changes
		r.apply("a", "", `{"k":"djI="}`, "two")
		r.apply("a", "", `{"l":"djI="}`, "two")
		r.apply("a", "", `{"k":"djM=","l":"djM="}`, "two", forced)
		r.apply("a", "", `{"m":"djQ="}`, "one") // gives k up, which the other owns
		r.apply("a", "", `{"l":"djU="}`, "two") // gives k up, and nobody has it
		r.merge(r.secret("a"), `{"data":{"l":"djY="}}`, "two")
		r.merge(r.secret("a"), `{"data":{"m":"djY="},"metadata":{"labels":{"x":"y"}}}`, "three")
		r.apply("a", `"labels":{"x":"z"}`, `{"m":"djc="}`, "one")
		r.apply("a", `"labels":{"x":"z"}`, `{"m":"djc="}`, "one", forced)
		old := get(r, r.secret("a"))
		update(r, old, "three", func(s *corev1.Secret) { delete(s.Data, "m") })
		r.apply("a", fmt.Sprintf(`"resourceVersion":%q`, old.ResourceVersion), `{"m":"djg="}`, "one", forced)
		now := get(r, r.secret("a"))
		r.apply("a", fmt.Sprintf(`"resourceVersion":%q,"uid":%q`, now.ResourceVersion, now.UID), `{"m":"djg="}`, "one", forced)
		r.apply("a", `"uid":"another-one"`, `{"m":"djk="}`, "one", forced)
		r.apply("missing", `"uid":"another-one"`, `{"m":"djk="}`, "one")
		r.apply("missing", `"resourceVersion":"3"`, `{"m":"djk="}`, "one")
	}},
	{"deleting", func(r *run) {
		a := create(r, r.secret("a", "k", "v"), anybody)
		r.remove(a, client.Preconditions{UID: ptr.To(types.UID("another-one"))})
		r.remove(a, client.Preconditions{ResourceVersion: ptr.To("1")})
		r.remove(a, uidOf(a))
		r.remove(a)
		b := create(r, r.secret("a", "k", "w"), anybody)
		r.remove(b, uidOf(a))
		r.merge(b, fmt.Sprintf(`{"metadata":{"uid":%q,"resourceVersion":%q},"data":{"k":"bm8="}}`, a.UID, a.ResourceVersion), "patcher")
		r.remove(b, client.Preconditions{ResourceVersion: ptr.To(b.ResourceVersion)})
		get(r, r.secret("a"))
	}},
	{"finalizers", func(r *run) {
		a := r.secret("a", "k", "v")
		a.Finalizers = []string{"example.com/wait", "example.com/also"}
		a = create(r, a, anybody)
		r.remove(a)
		r.remove(a)
		gone := get(r, r.secret("a"))
		create(r, r.secret("a"), anybody)
		update(r, gone, anybody, func(s *corev1.Secret) { s.Finalizers = append(s.Finalizers, "example.com/new") })
		r.merge(gone, `{"metadata":{"finalizers":["example.com/also"]},"data":{"k":"bmV3"}}`, anybody)
		r.merge(gone, `{"metadata":{"finalizers":null}}`, anybody)
		get(r, r.secret("a"))
	}},
	{"validation of Secrets", func(r *run) {
		pull := r.secret("pull", corev1.DockerConfigJsonKey, "{}")
		pull.Type = corev1.SecretTypeDockerConfigJson
		pull = create(r, pull, anybody)
		r.merge(pull, `{"data":{".dockerconfigjson":"bm90IEpTT04="}}`, anybody)
		r.merge(pull, `{"data":{".dockerconfigjson":null}}`, anybody)
		fixed := r.secret("fixed", "k", "v")
		fixed.Immutable = ptr.To(true)
		fixed = create(r, fixed, anybody)
		r.merge(fixed, `{"data":{"k":"bmV3"}}`, anybody)
		r.merge(fixed, `{"immutable":null}`, anybody)
		r.merge(fixed, `{"metadata":{"labels":{"x":"y"}}}`, anybody)
	}},
	{"status and generation", func(r *run) {
		o := r.rotation("a")
		o.Status.Phase = "Idle"
		o = create(r, o, anybody)
		r.mergeStatus(o, `{"status":{"phase":"Requesting"},"spec":{"mode":"Rotate"},"metadata":{"labels":{"x":"y"}}}`, "operator")
		r.mergeStatus(o, `{"status":{"phase":"Requesting"}}`, "operator")
		r.merge(o, `{"spec":{"suspend":true},"status":{"phase":"Idle"}}`, anybody)
		r.merge(o, `{"metadata":{"annotations":{"x":"y"}}}`, anybody)
		r.mergeStatus(o, fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"status":{"phase":"Idle"}}`, o.ResourceVersion), "operator")
		now := get(r, r.rotation("a"))
		r.mergeStatus(o, fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"status":{"phase":"Idle"}}`, now.ResourceVersion), "operator")
		r.mergeStatus(o, `{"metadata":{"uid":"another-one"},"status":{"phase":"Requesting"}}`, "operator")
		now = get(r, r.rotation("a"))
		update(r, now, anybody, func(o *v1alpha1.PullSecretRotation) { o.ResourceVersion, o.Spec.Suspend = "", false })
		update(r, now, anybody, func(o *v1alpha1.PullSecretRotation) { o.Spec.Suspend, o.Status.Phase = false, "" })
		r.mergeStatus(r.rotation("missing"), `{"status":{"phase":"Idle"}}`, "operator")
		now = get(r, r.rotation("a"))
		update(r, now, anybody, func(o *v1alpha1.PullSecretRotation) { o.Finalizers = []string{"example.com/wait"} })
		r.remove(now, uidOf(now))
		r.mergeStatus(o, `{"status":{"phase":"Requesting"}}`, "operator") // of one that is being deleted
		r.merge(o, `{"metadata":{"finalizers":null}}`, anybody)
		again := create(r, r.rotation("a"), anybody)
		r.mergeStatus(again, fmt.Sprintf(`{"metadata":{"uid":%q},"status":{"phase":"Requesting"}}`, o.UID), "operator") // of its predecessor
		r.remove(again)
	}},
	{"defaults", func(r *run) {
		a := create(r, r.rotation("a"), anybody)
		r.merge(a, `{"spec":{"healthCheckInterval":null,"rollout":{"timeout":"1h"}}}`, anybody)
		r.merge(a, `{"spec":{"verification":[{"registry":"quay.io"}]}}`, anybody)
		update(r, get(r, r.rotation("a")), anybody, func(o *v1alpha1.PullSecretRotation) { o.Spec.Approval, o.Spec.Verification = "", nil })
		b := create(r, r.set("b"), anybody)
		r.merge(b, `{"spec":{"refresh":{"atLifetimePercent":70},"credentialsRequests":{}}}`, anybody)
		r.merge(b, `{"spec":{"refresh":{"atLifetimePercent":70},"credentialsRequests":{}}}`, anybody) // nothing changes
		for _, o := range []client.Object{a, b} {
			r.remove(o)
		}
	}},
	{"what a schema refuses", func(r *run) {
		bad := r.rotation("bad")
		bad.Spec.Mode = "Sometimes"
		create(r, bad, anybody)
		a := create(r, r.rotation("a"), anybody)
		for _, spec := range []string{
			`{"mode":"Sometimes"}`, `{"mode":null}`, `{"targets":[{"namespace":"hive","name":"UPPER"}]}`,
			`{"targets":[{"namespace":"hive","name":"hub"},{"namespace":"hive","name":"hub"}]}`,
		} {
			r.merge(a, `{"spec":`+spec+`}`, anybody)
		}
		condition := func(kind, status, reason, message string) string {
			return fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"message":%q,"lastTransitionTime":"2026-01-01T00:00:00Z"}`, kind, status, reason, message)
		}
		for _, conditions := range []string{
			condition("Ready", "Perhaps", "Why", ""), condition("Ready", "True", "", ""), condition("Ready", "True", strings.Repeat("x", 1025), ""),
			condition("Ready", "True", "Fine", "") + "," + condition("Ready", "True", "Fine", ""), condition("Ready", "True", "Fine", ""),
		} {
			r.mergeStatus(a, `{"status":{"conditions":[`+conditions+`]}}`, "operator")
		}
		get(r, r.rotation("a"))
		r.remove(a)
	}},
	{"what a rule refuses", func(r *run) {
		a := create(r, r.set("a"), anybody)
		for _, spec := range []string{
			`{"endpoint":{"tls":{"minVersion":"VersionTLS13","maxVersion":"VersionTLS12"}}}`, `{"endpoint":{"timeout":"1h0m0s"}}`,
			`{"endpoint":{"tls":{"caConfigMapRef":{"name":"a"},"caSecretRef":{"name":"b"}}}}`, `{"endpoint":{"url":"http://cap.example.com"}}`,
			`{"endpoint":{"extraParameters":{"role":"another"}}}`, `{"credentialsRequests":{"allowedRoles":["role"]}}`,
			`{"credentialsRequests":{"allowedRoles":["role"],"secretRoleKey":"AllowListed"}}`,
		} {
			r.merge(a, `{"spec":`+spec+`}`, anybody)
		}
		update(r, get(r, r.set("a")), anybody, func(o *v1alpha1.CAPCredentialSet) { o.Spec.Endpoint.Proxy = "not a proxy" })
		idle := r.rotation("idle")
		idle.Spec.Mode = v1alpha1.ModeRotate
		create(r, idle, anybody)
		b := create(r, r.rotation("b"), anybody)
		r.merge(b, `{"spec":{"mode":"Rotate","rotateAfter":"2026-01-01T00:00:00Z"}}`, anybody)
		r.merge(b, `{"spec":{"mode":"Rotate","rotateAfter":"2026-01-01T00:00:00Z","ocm":{"credentialsSecretRef":{"name":"ocm"}}}}`, anybody)
		r.merge(b, `{"spec":{"mode":"Follow"}}`, anybody)
		r.merge(b, `{"spec":{"schedule":{"cron":"* * * * *","timeZone":"UTC"}}}`, anybody)
		get(r, r.rotation("b"))
		for _, o := range []client.Object{a, b} {
			r.remove(o)
		}
	}},
	{"lists and selectors", func(r *run) {
		b := r.secret("b", "k", "v")
		b.Labels = map[string]string{"color": "red"}
		create(r, b, anybody)
		create(r, r.secret("c", "k", "v"), anybody)
		create(r, r.secret("a", "k", "v"), anybody)
		r.list(&corev1.SecretList{})
		r.list(&corev1.SecretList{}, client.MatchingLabels{"color": "red"})
		r.list(&corev1.SecretList{}, client.MatchingFields{"metadata.name": "c"})
		r.list(&corev1.SecretList{}, client.MatchingFields{"metadata.name": "missing"})
	}},
	{"watching", func(r *run) {
		a := create(r, r.secret("a", "k", "v"), anybody)
		w := r.watch(a.ResourceVersion)
		all := r.watch("")
		one := r.watch(a.ResourceVersion, client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", "b")})
		red := r.watch(a.ResourceVersion, client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(labels.Set{"color": "red"})})
		r.merge(a, `{"data":{"k":"bmV3"}}`, anybody)
		r.merge(a, `{"data":{"k":"bmV3"}}`, anybody) // nothing changes, nobody is told
		create(r, r.secret("b", "k", "v"), anybody)
		r.merge(a, `{"metadata":{"labels":{"color":"red"}}}`, anybody)
		r.merge(a, `{"metadata":{"labels":{"color":"blue"}}}`, anybody)
		r.remove(a)
		r.events(w, 5)
		r.events(all, 1)
		r.events(one, 1)
		r.events(red, 2)
		late := r.watch(a.ResourceVersion)
		r.events(late, 5)
	}},
	{"versions of a past that is gone", func(r *run) {
		a := create(r, r.secret("a", "k", "v"), anybody)
		r.compact()
		r.events(r.watchOf(&v1alpha1.PullSecretRotationList{}, "1"), 1)
		r.watch("not a version")
		list := &corev1.SecretList{}
		if err := r.api.List(context.Background(), list, client.InNamespace(r.namespace)); err != nil {
			r.t.Fatal(err)
		}
		w := r.watch(list.ResourceVersion)
		r.remove(a)
		r.events(w, 1)
	}},
	{"a namespace that is going away", func(r *run) {
		namespace := &corev1.Namespace{}
		if err := r.api.Get(context.Background(), client.ObjectKey{Name: r.namespace}, namespace); err != nil {
			r.t.Fatal(err)
		}
		a := create(r, r.secret("a", "k", "v"), anybody)
		terminate(r, namespace)
		create(r, r.secret("b", "k", "v"), anybody)
		r.apply("b", "", `{"k":"djE="}`, "one")
		r.merge(a, `{"data":{"k":"bmV3"}}`, anybody)
		r.remove(a)
	}},
}

// terminate deletes a namespace that nothing empties.
func terminate(r *run, namespace *corev1.Namespace) {
	namespace.Finalizers = []string{"example.com/wait"} // in memory; the real one has a finalizer in its spec
	if err := r.api.Update(context.Background(), namespace); err != nil {
		r.t.Fatal(err)
	}
	if err := r.api.Delete(context.Background(), namespace); err != nil {
		r.t.Fatal(err)
	}
}

// patching are patches of a Secret that have the same outcome as a merge patch and as a strategic one.
func patching(kind types.PatchType) func(r *run) {
	return func(r *run) {
		a := create(r, r.secret("a", "k", "v", "l", "w"), anybody)
		r.patch(kind, a, `{"data":{"k":"bmV3"}}`, "patcher")
		r.patch(kind, a, `{"data":{"k":"bmV3"}}`, "patcher") // nothing changes
		r.patch(kind, a, `{"data":{"l":null},"metadata":{"annotations":{"x":"y"}}}`, "patcher")
		r.patch(kind, a, fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"data":{"k":"c3RhbGU="}}`, a.ResourceVersion), "patcher")
		now := get(r, r.secret("a"))
		r.patch(kind, a, fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"data":{"k":"ZnJlc2g="}}`, now.ResourceVersion), "patcher")
		r.patch(kind, a, fmt.Sprintf(`{"metadata":{"uid":%q},"data":{"k":"dWlk"}}`, now.UID), "patcher")
		r.patch(kind, a, `{"metadata":{"uid":"another-one"},"data":{"k":"bm8="}}`, "patcher")
		now = get(r, r.secret("a"))
		r.patch(kind, a, fmt.Sprintf(`{"metadata":{"uid":"another-one","resourceVersion":%q},"data":{"k":"bm8="}}`, now.ResourceVersion), "patcher")
		r.patch(kind, r.secret("missing"), `{"data":{"k":"bmV3"}}`, "patcher")
		r.patch(kind, a, `{"data":null}`, "patcher")
		r.patch(kind, a, `{"type":"example.com/other"}`, "patcher")
	}
}
