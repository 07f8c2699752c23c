package faults

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// clusterFaults are what people, policies and controllers of the cluster do.
var clusterFaults = []fault{
	{name: "a policy refuses writes of the target Secrets", lasts: 15 * time.Second, begin: refusedWrites},
	{name: "the quota for Secrets is used up", lasts: 15 * time.Second, begin: fullQuota},
	{name: "the rights to Secrets are revoked", lasts: 15 * time.Second, begin: revoked(toSecrets)},
	{name: "the rights in the operator's namespace are revoked", lasts: 15 * time.Second, begin: revoked(inOwnNamespace)},
	{name: "all rights are revoked", lasts: 15 * time.Second, begin: revoked(everywhere)},
	{name: "all rights are revoked between the request and the new credentials", asks: true, lasts: 15 * time.Second, begin: revokedUnderway},
	{name: "the operator's Secrets are deleted", lasts: 15 * time.Second, begin: deletedSecrets},
	{name: "the operator's Secrets are deleted between the request and the new credentials", asks: true, lasts: 15 * time.Second, begin: deletedSecretsUnderway},
	{name: "the namespace of a target is terminating", lasts: 15 * time.Second, begin: terminating("openshift-machine-api")},
	{name: "the operator's namespace is terminating", lasts: 15 * time.Second, begin: ownNamespaceTerminating},
}

// operator is a client with the rights of the operator.
func (w *world) operator() client.Client {
	w.t.Helper()
	config := rest.CopyConfig(cp.Admin)
	config.Impersonate.UserName = "system:serviceaccount:" + w.installation.Namespace + ":" + w.installation.ServiceAccount
	config.Impersonate.Groups = []string{"system:serviceaccounts", "system:serviceaccounts:" + w.installation.Namespace, "system:authenticated"}
	c, err := client.New(config, client.Options{Scheme: cp.Scheme})
	w.must(err)
	return c
}

// untilRefused waits until the operator may no longer write the pull secret.
func (w *world) untilRefused() {
	w.t.Helper()
	c := w.operator()
	harness.Eventually(w.t, "the operator's writes are refused", func(ctx context.Context) error {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}}
		err := c.Patch(ctx, s, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"refused":"yet"}}}`)), client.DryRunAll)
		if err == nil {
			return errors.New("they are not")
		}
		if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
			return err
		}
		return nil
	})
}

// refusedWrites creates a policy that refuses what the operator writes outside of its own namespace.
func refusedWrites(w *world) func() {
	ctx := w.t.Context()
	objects := refusal(w.installation)
	for _, o := range objects {
		w.must(harness.Apply(ctx, cp.Client, o))
	}
	w.untilRefused()
	return func() {
		for _, o := range objects {
			w.must(cp.Client.Delete(ctx, o))
		}
	}
}

func refusal(i *harness.Installation) []*unstructured.Unstructured {
	const api, name = "admissionregistration.k8s.io/v1", "refuses-the-operator"
	return []*unstructured.Unstructured{
		{Object: map[string]any{"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": map[string]any{"name": name}, "spec": map[string]any{
			"failurePolicy": "Fail",
			"matchConstraints": map[string]any{"resourceRules": []any{map[string]any{
				"apiGroups": []any{""}, "apiVersions": []any{"v1"}, "operations": []any{"CREATE", "UPDATE"}, "resources": []any{"secrets"},
			}}},
			"matchConditions": []any{map[string]any{"name": "operator", "expression": fmt.Sprintf(
				"request.userInfo.username == 'system:serviceaccount:%s:%s' && request.namespace != %q", i.Namespace, i.ServiceAccount, i.Namespace)}},
			"validations": []any{map[string]any{"expression": "false", "message": "not today", "reason": "Forbidden"}},
		}}},
		{Object: map[string]any{"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": map[string]any{"name": name}, "spec": map[string]any{
			"policyName": name, "validationActions": []any{"Deny"},
		}}},
	}
}

// fullQuota deletes the Secret of a target and forbids new Secrets in its namespace and in the operator's.
func fullQuota(w *world) func() {
	ctx := w.t.Context()
	target := harness.PayloadRequests()[4]
	var quotas []*corev1.ResourceQuota
	for _, namespace := range []string{target.SecretNamespace, w.installation.Namespace} {
		q := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "full"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourceSecrets: resource.MustParse("0")}},
		}
		w.must(cp.Client.Create(ctx, q))
		// The controller that would do this is not part of the control plane.
		q.Status = corev1.ResourceQuotaStatus{Hard: q.Spec.Hard, Used: corev1.ResourceList{corev1.ResourceSecrets: resource.MustParse("1")}}
		w.must(cp.Client.Status().Update(ctx, q))
		quotas = append(quotas, q)
		w.untilNoNewSecret(namespace)
	}
	w.must(cp.Client.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: target.SecretNamespace, Name: target.SecretName}}))
	return func() {
		for _, q := range quotas {
			w.must(cp.Client.Delete(ctx, q))
		}
	}
}

// untilNoNewSecret waits until nobody can create a Secret in a namespace.
func (w *world) untilNoNewSecret(namespace string) {
	w.t.Helper()
	harness.Eventually(w.t, "no Secret can be created in "+namespace, func(ctx context.Context) error {
		err := cp.Client.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "one-more"}}, client.DryRunAll)
		if apierrors.IsForbidden(err) {
			return nil
		}
		return fmt.Errorf("it can: %w", err)
	})
}

// Bindings of the operator.
var (
	everywhere     = func(client.Object) bool { return true }
	toSecrets      = func(b client.Object) bool { return b.GetName() == "credential-rotation-operator-secrets" }
	inOwnNamespace = func(b client.Object) bool { return b.GetNamespace() != "" }
)

// revoked deletes some of the operator's bindings, and creates them again.
func revoked(which func(client.Object) bool) func(*world) func() {
	return func(w *world) func() { return w.revoke(which) }
}

func (w *world) revoke(which func(client.Object) bool) func() {
	w.t.Helper()
	ctx := w.t.Context()
	bindings, cluster := &rbacv1.RoleBindingList{}, &rbacv1.ClusterRoleBindingList{}
	w.must(cp.Client.List(ctx, bindings))
	w.must(cp.Client.List(ctx, cluster))
	for _, b := range bindings.Items {
		if w.concerns(b.Subjects) && which(&b) {
			w.must(cp.Client.Delete(ctx, &b))
		}
	}
	for _, b := range cluster.Items {
		if w.concerns(b.Subjects) && which(&b) {
			w.must(cp.Client.Delete(ctx, &b))
		}
	}
	w.untilNone(which)
	return func() {
		_, err := harness.InstallOperator(ctx, cp.Client)
		w.must(err)
	}
}

// untilNone waits until the API server knows that the rights are gone.
func (w *world) untilNone(which func(client.Object) bool) {
	w.t.Helper()
	if which(&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "credential-rotation-operator-secrets"}}) {
		w.untilRefused()
		return
	}
	c := w.operator()
	harness.Eventually(w.t, "the operator may not read its own Secrets", func(ctx context.Context) error {
		err := c.Get(ctx, client.ObjectKey{Namespace: w.installation.Namespace, Name: "ocm"}, &corev1.Secret{})
		if apierrors.IsForbidden(err) {
			return nil
		}
		return fmt.Errorf("it may: %w", err)
	})
}

func (w *world) concerns(subjects []rbacv1.Subject) bool {
	return len(subjects) > 0 && subjects[0].Namespace == w.installation.Namespace && subjects[0].Name == w.installation.ServiceAccount
}

// untilTheWrite asks for a rotation and a refresh, and returns when the pull secret is about to be written; release lets that happen.
func (w *world) untilTheWrite() (release func()) {
	w.t.Helper()
	h := w.replicas[0].api.Hold(harness.Before, func(r harness.APIRequest) bool {
		return r.IsWrite() && r.Resource == "secrets" && r.Namespace == harness.PullSecretNamespace
	})
	w.must(w.ask(w.t.Context()))
	<-h.Reached()
	return h.Release
}

func revokedUnderway(w *world) func() {
	release := w.untilTheWrite()
	defer release()
	return w.revoke(everywhere)
}

// deletedSecrets deletes everything that the operator has stored in its namespace, and what people have put there. People put theirs back.
func deletedSecrets(w *world) func() {
	w.deleteSecrets()
	return w.createInputs
}

func deletedSecretsUnderway(w *world) func() {
	release := w.untilTheWrite()
	defer release()
	return deletedSecrets(w)
}

func (w *world) deleteSecrets() {
	w.t.Helper()
	w.must(cp.Client.DeleteAllOf(w.t.Context(), &corev1.Secret{}, client.InNamespace(w.installation.Namespace)))
}

// terminating deletes a namespace with the Secrets in it; it stays, as while a finalizer of another object in it hangs. Then it is created again.
func terminating(namespace string) func(*world) func() {
	return func(w *world) func() {
		ctx := w.t.Context()
		w.must(cp.Client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}))
		w.must(cp.Client.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(namespace)))
		w.untilNoNewSecret(namespace)
		return func() {
			n := &corev1.Namespace{}
			w.must(cp.Client.Get(ctx, client.ObjectKey{Name: namespace}, n))
			n.Spec.Finalizers = nil
			w.must(cp.Client.SubResource("finalize").Update(ctx, n))
			w.must(harness.CreateNamespace(ctx, cp.Client, namespace))
		}
	}
}

func ownNamespaceTerminating(w *world) func() {
	end := terminating(w.installation.Namespace)(w)
	return func() {
		end()
		w.createInputs()
	}
}
