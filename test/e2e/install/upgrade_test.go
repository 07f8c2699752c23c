package install

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// release is a version of the operator as the Operator Lifecycle Manager installs it.
type release struct{ *harness.RenderedBundle }

// newRelease renders the shipped bundle as another version. A later one has a field in the spec that this one does not have.
func newRelease(t *testing.T, namespace, version string, later bool) release {
	t.Helper()
	bundle, err := harness.RenderBundle(namespace)
	must(t, err)
	name := "credential-rotation-operator." + version
	for _, o := range bundle.Objects {
		if o.GroupVersionKind().Group == rbacv1.GroupName && o.GetName() == bundle.Version {
			o.SetName(name)
			if o.GetKind() == "ClusterRoleBinding" {
				must(t, unstructured.SetNestedField(o.Object, name, "roleRef", "name"))
			}
		}
		if o.GetKind() == "CustomResourceDefinition" && later {
			versions, _, err := unstructured.NestedSlice(o.Object, "spec", "versions")
			must(t, err)
			must(t, unstructured.SetNestedField(versions[0].(map[string]any), map[string]any{"type": "string"},
				"schema", "openAPIV3Schema", "properties", "spec", "properties", "later"))
			must(t, unstructured.SetNestedSlice(o.Object, versions, "spec", "versions"))
		}
	}
	bundle.Version = name
	return release{bundle}
}

// install applies everything except the Deployment, whose pod is a process here.
func (r release) install(t *testing.T) {
	t.Helper()
	for _, o := range r.Objects {
		must(t, harness.Apply(t.Context(), cp.Client, o))
	}
}

// replacedBy upgrades to the next version: its pods replace the old ones, whose rights are then removed.
func (r release) replacedBy(t *testing.T, old, next *harness.OperatorProcess) {
	t.Helper()
	must(t, next.WaitReady(t.Context()))
	if code, err := old.Stop(t.Context()); err != nil || code != 0 {
		t.Fatalf("the operator of %s ended with %d: %v", r.Version, code, err)
	}
	named := metav1.ObjectMeta{Name: r.Version}
	remove(t, &rbacv1.ClusterRoleBinding{ObjectMeta: named}, &rbacv1.ClusterRole{ObjectMeta: named})
}

// secrets are the resource versions of all Secrets.
func secrets(t *testing.T) map[string]string {
	t.Helper()
	list := &corev1.SecretList{}
	must(t, cp.Client.List(t.Context(), list))
	versions := map[string]string{}
	for _, s := range list.Items {
		versions[client.ObjectKeyFromObject(&s).String()] = s.ResourceVersion
	}
	return versions
}

// eventuallyObserved waits until an operator has reconciled the object's current generation, and returns the object.
func eventuallyObserved(t *testing.T, name string) *v1alpha1.PullSecretRotation {
	t.Helper()
	rotation := &v1alpha1.PullSecretRotation{}
	harness.Eventually(t, "the object is reconciled", func(ctx context.Context) error {
		if err := cp.Client.Get(ctx, client.ObjectKey{Name: name}, rotation); err != nil {
			return err
		}
		if rotation.Status.ObservedGeneration != rotation.Generation || rotation.Status.Salt == "" {
			return fmt.Errorf("generation %d, observed %d", rotation.Generation, rotation.Status.ObservedGeneration)
		}
		return nil
	})
	return rotation
}

// edit changes the spec, so that the leader has something to do.
func edit(t *testing.T, name, patch string) {
	t.Helper()
	rotation := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: name}}
	must(t, cp.Client.Patch(t.Context(), rotation, client.RawPatch("application/merge-patch+json", []byte(patch))))
}

// later is the stored value of the next version's field.
func later(t *testing.T, name string) string {
	t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": v1alpha1.GroupVersion.String(), "kind": "PullSecretRotation"}}
	must(t, cp.Client.Get(t.Context(), client.ObjectKey{Name: name}, o))
	value, _, _ := unstructured.NestedString(o.Object, "spec", "later")
	return value
}

func TestUpgradeAndRollback_KeepObjectsSecretsAndTheRecord(t *testing.T) {
	must(t, cp.InstallMonitoringKinds())
	must(t, cp.InstallConsoleKinds())
	t.Cleanup(func() { bringBackOurKinds(t) })
	const namespace, name = "upgraded", "kept"
	must(t, harness.CreateNamespace(t.Context(), cp.Client, namespace))
	installation := &harness.Installation{Namespace: namespace, ServiceAccount: "credential-rotation-operator"}
	must(t, cp.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "pull-secret-backup-of-somebody"}, StringData: map[string]string{"a": "b"}}))
	// The salt of the fingerprints, which identifies the record, is created once there is a pull secret.
	must(t, harness.CreateNamespace(t.Context(), cp.Client, "openshift-config"))
	pullSecret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config", Name: "pull-secret"}, Type: corev1.SecretTypeDockerConfigJson}
	pullSecret.Data = map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":{"registry.example.com":{"auth":"dTpw"}}}`)}
	must(t, cp.Client.Create(t.Context(), pullSecret))
	t.Cleanup(func() { remove(t, pullSecret) })
	old, next := newRelease(t, namespace, "v0.1.0", false), newRelease(t, namespace, "v0.2.0", true)

	old.install(t)
	first := start(t, installation)
	must(t, first.WaitReady(t.Context()))
	rotation := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: name}}
	rotation.Spec.Mode, rotation.Spec.RotateAfter = v1alpha1.ModeAudit, &metav1.Time{Time: time.Unix(1767225600, 0)}
	rotation.Spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
	must(t, cp.Client.Create(t.Context(), rotation))
	t.Cleanup(func() { remove(t, rotation) })
	salt := eventuallyObserved(t, name).Status.Salt
	before := secrets(t)

	next.install(t)
	second := start(t, installation)
	old.replacedBy(t, first, second)
	edit(t, name, `{"spec":{"later":"what only the next version knows","healthCheckInterval":"7h"}}`)
	if got := eventuallyObserved(t, name); got.Status.Salt != salt {
		t.Error("the upgrade has lost the record in the status")
	}
	if later(t, name) == "" {
		t.Fatal("the next version's field was not stored, so the test proves nothing")
	}

	old.install(t)
	third := start(t, installation)
	next.replacedBy(t, second, third)
	edit(t, name, `{"spec":{"healthCheckInterval":"8h"}}`)
	got := eventuallyObserved(t, name)
	if got.Status.Salt != salt || got.UID != rotation.UID {
		t.Error("the rollback has lost the record in the status")
	}
	if later(t, name) != "" {
		t.Error("an unknown field has survived a write")
	}
	if after := secrets(t); !maps.Equal(before, after) {
		t.Errorf("Secrets were written:\nbefore %v\nafter  %v", before, after)
	}
	eventuallyHeld(t, namespace)
}
