package pullsecret

import (
	"bytes"
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Secrets of Hive and HyperShift on a hub, beside the hub's own.
var (
	hive       = v1alpha1.SecretReference{Namespace: "hive-clusters", Name: "pull"}
	hypershift = v1alpha1.SecretReference{Namespace: "clusters", Name: "hosted-pull-secret"}
	own        = v1alpha1.SecretReference{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}
)

func (w *world) dockerSecret(ref v1alpha1.SecretReference, document []byte) {
	w.t.Helper()
	w.must(harness.CreateNamespace(w.t.Context(), cp.Client, ref.Namespace))
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: ref.Name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: document}}
	w.create(s)
	w.t.Cleanup(func() { remove(w.t, s) })
}

// grant runs the command in the message of Forbidden.
func (w *world) grant(ref v1alpha1.SecretReference) {
	w.t.Helper()
	name := "credential-rotation-operator-" + ref.Name
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: name},
		Rules: []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{ref.Name},
			Verbs: []string{"get", "list", "watch", "update", "patch"}}}}
	binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: ref.Namespace, Name: name},
		RoleRef:  rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: w.namespace, Name: "credential-rotation-operator"}}}
	w.create(role)
	w.create(binding)
	w.t.Cleanup(func() { remove(w.t, role); remove(w.t, binding) })
}

func (w *world) documentOf(ref v1alpha1.SecretReference) []byte {
	s := &corev1.Secret{}
	w.must(cp.Client.Get(context.Background(), client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, s))
	return s.Data[corev1.DockerConfigJsonKey]
}

func result(r *v1alpha1.PullSecretRotation, ref v1alpha1.SecretReference) string {
	for _, t := range r.Status.Targets {
		if t.Namespace == ref.Namespace && t.Name == ref.Name {
			return t.Result
		}
	}
	return ""
}

func TestEachTargetHasItsOwnResultAndAFailingOneDoesNotBlockOthers(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	w.dockerSecret(hive, w.before)
	w.dockerSecret(hypershift, w.before)
	w.grant(hive)
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Targets = []v1alpha1.SecretReference{own, hypershift, hive}
	}))
	w.start()

	// A rotation that would break a target is not requested.
	w.waitForReason(v1alpha1.ReasonForbidden)
	w.expectAsked(0)
	w.grant(hypershift)
	w.lookAgain()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)

	// A target that becomes unusable after the request is skipped.
	w.forgetGrant(hypershift)
	w.ocm.RunBatch()
	w.waitFor("the others have the new credentials", func(r *v1alpha1.PullSecretRotation) bool {
		return r.Status.Rotation.AppliedAt != nil && r.Status.Rotation.RolledOutAt != nil
	})
	w.days(2)
	r := w.waitFor("the rotation has ended without one target", func(r *v1alpha1.PullSecretRotation) bool {
		return r.Status.Rotation != nil && r.Status.Rotation.RevokedAt != nil && reason(r) == v1alpha1.ReasonForbidden
	})
	for ref, want := range map[v1alpha1.SecretReference]string{
		own: v1alpha1.ReasonPullSecretUpdated, hive: v1alpha1.ReasonPullSecretUpdated, hypershift: v1alpha1.ReasonForbidden,
	} {
		if got := result(r, ref); got != want {
			t.Errorf("the result of %s is %s, want %s", ref, got, want)
		}
	}
	if auth(w.documentOf(hive), "quay.io") != auth(w.ocm.PullSecret(w.account.ID), "quay.io") {
		t.Error("the second target does not have the new credentials")
	}
	if !bytes.Equal(w.documentOf(hypershift), w.before) {
		t.Error("the target without a grant was changed")
	}

	// The message's own command fixes it, and the target catches up by itself.
	w.grant(hypershift)
	r = w.waitFor("the target that was granted later has caught up", ended)
	if got := result(r, hypershift); got != v1alpha1.ReasonPullSecretUpdated {
		t.Errorf("the result of %s is %s, want %s", hypershift, got, v1alpha1.ReasonPullSecretUpdated)
	}
	if auth(w.documentOf(hypershift), "quay.io") != auth(w.ocm.PullSecret(w.account.ID), "quay.io") {
		t.Error("the target that was granted later does not have the new credentials")
	}
	for _, s := range r.Status.Targets {
		if s.Healed != 0 {
			t.Errorf("%s/%s was counted as healed %d times although nothing was restored", s.Namespace, s.Name, s.Healed)
		}
	}
}

func TestTheFirstTargetIsTheCanary(t *testing.T) {
	w := newWorld(t, living())
	w.dockerSecret(hive, w.before)
	w.grant(hive)
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Targets = []v1alpha1.SecretReference{{Namespace: "hive-clusters", Name: "not-there"}, hive}
	}))
	w.start()
	w.waitFor("the missing canary is reported", func(r *v1alpha1.PullSecretRotation) bool {
		return reason(r) == v1alpha1.ReasonTargetMissing || reason(r) == v1alpha1.ReasonForbidden
	})
	if !bytes.Equal(w.documentOf(hive), w.before) || w.posts() != 0 {
		t.Errorf("a rotation was requested (%d POSTs) although its canary cannot be used", w.posts())
	}
}
