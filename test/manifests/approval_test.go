package manifests

import (
	"context"
	"errors"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

const approvedAnnotation = "rotation.openshift.io/approved-rotation-after"

// as is a client with the rights of a user who is bound to a ClusterRole.
func as(t *testing.T, user, role string) client.Client {
	t.Helper()
	binding := &rbacv1.ClusterRoleBinding{RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}, Subjects: []rbacv1.Subject{{Kind: "User", Name: user}}}
	binding.Name = user
	if err := server.admin.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.admin.Delete(context.Background(), binding) })
	own := rest.CopyConfig(server.config)
	own.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	c, err := client.New(own, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rotationObject is a PullSecretRotation that waits for approval, modified by change.
func rotationObject(name string, change func(spec map[string]any)) *unstructured.Unstructured {
	spec := map[string]any{"mode": "Rotate", "rotateAfter": "2026-11-20T00:00:00Z", "approval": "BeforeRequest", "ocm": map[string]any{"credentialsSecretRef": map[string]any{"name": "ocm"}}}
	if change != nil {
		change(spec)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rotation.openshift.io/v1alpha1", "kind": "PullSecretRotation", "metadata": map[string]any{"name": name}, "spec": spec,
	}}
}

func TestApproval_NeedsTheVerbApprove(t *testing.T) {
	objects, err := decode(kustomize(t, "config/approval"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range objects {
		if err := apply(t.Context(), server.admin, o); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.admin.Delete(context.Background(), o) })
	}
	edit := &rbacv1.ClusterRole{Rules: []rbacv1.PolicyRule{{APIGroups: []string{"rotation.openshift.io"}, Resources: []string{"pullsecretrotations"}, Verbs: []string{"get", "create", "update", "patch", "delete"}}}}
	edit.Name = "rotation-editor"
	if err := server.admin.Create(t.Context(), edit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.admin.Delete(context.Background(), edit) })
	editor, approver := as(t, "editor", edit.Name), as(t, "approver", "credential-rotation-approver")

	waiting := rotationObject("waiting", nil)
	if err := editor.Create(t.Context(), waiting); err != nil {
		t.Fatalf("an editor cannot create an object that waits for approval: %v", err)
	}
	t.Cleanup(func() { _ = server.admin.Delete(context.Background(), waiting) })
	patch := func(c client.Client, text string, opts ...client.PatchOption) error {
		return c.Patch(t.Context(), waiting.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(text)), opts...)
	}
	const approve = `{"metadata":{"annotations":{"` + approvedAnnotation + `":"2026-11-20T00:00:00Z"}}}`
	// A policy takes effect shortly after its creation.
	err = harness.WaitFor(t.Context(), func(context.Context) error {
		if err := patch(editor, approve, client.DryRunAll); !apierrors.IsForbidden(err) {
			return errors.New("an editor can approve")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	none := func(spec map[string]any) { spec["approval"] = "None" }
	refused := map[string]error{
		"approve":                         patch(editor, approve),
		"switch the approval off":         patch(editor, `{"spec":{"approval":"None"}}`),
		"remove the approval":             patch(editor, `{"spec":{"approval":null}}`),
		"create one without approval":     editor.Create(t.Context(), rotationObject("another", none), client.DryRunAll),
		"create one that is approved":     editor.Create(t.Context(), annotated(rotationObject("another", nil)), client.DryRunAll),
		"approve another object's":        patch(editor, `{"metadata":{"annotations":{"`+approvedAnnotation+`":"2030-01-01T00:00:00Z"}}}`),
		"change an Audit to another mode": editor.Create(t.Context(), rotationObject("another", func(s map[string]any) { s["approval"] = nil }), client.DryRunAll),
		"create as a viewer":              approver.Create(t.Context(), rotationObject("another", nil), client.DryRunAll),
	}
	for what, err := range refused {
		if !apierrors.IsForbidden(err) {
			t.Errorf("a user without the verb can %s: %v", what, err)
		}
	}
	allowed := []struct {
		what string
		err  error
	}{
		{"edit the rest", patch(editor, `{"spec":{"siblingClusters":"Allow"}}`)},
		{"create one that audits", editor.Create(t.Context(), rotationObject("another", func(s map[string]any) { s["mode"] = "Audit"; none(s) }), client.DryRunAll)},
		{"approve", patch(approver, approve)},
		{"update an approved one without a change", patch(editor, `{"metadata":{"labels":{"a":"b"}}}`)},
	}
	for _, a := range allowed {
		if a.err != nil {
			t.Errorf("a user with the verb cannot %s: %v", a.what, a.err)
		}
	}
	if err := patch(editor, `{"spec":{"targets":[{"namespace":"tenant","name":"pull-secret"}]}}`); !apierrors.IsForbidden(err) {
		t.Errorf("an approved spec can be changed: %v", err)
	}
	if err := patch(editor, `{"metadata":{"annotations":{"`+approvedAnnotation+`":null}},"spec":{"siblingClusters":"Refuse"}}`); err != nil {
		t.Errorf("an editor cannot take the approval back: %v", err)
	}
	if err := patch(approver, `{"spec":{"approval":"None"}}`); err != nil {
		t.Errorf("an approver cannot switch the approval off: %v", err)
	}
	if err := patch(editor, `{"spec":{"rotateAfter":"2026-11-21T00:00:00Z"}}`); err != nil {
		t.Errorf("an object that needs no approval cannot be edited: %v", err)
	}
	status := waiting.DeepCopy()
	if err := asOperator(t).Status().Patch(t.Context(), status, client.RawPatch("application/merge-patch+json", []byte(`{"status":{"phase":"x"}}`))); err != nil {
		t.Errorf("the operator cannot write the status: %v", err)
	}
}

func annotated(o *unstructured.Unstructured) *unstructured.Unstructured {
	o.SetAnnotations(map[string]string{approvedAnnotation: "2026-11-20T00:00:00Z"})
	return o
}
