package install

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

var (
	errMissing    = errors.New("not yet")
	errStillThere = errors.New("it still exists")
)

// eventuallyHeld waits until the Lease of the namespace has a holder.
func eventuallyHeld(t *testing.T, namespace string) {
	t.Helper()
	harness.Eventually(t, "a leader is elected in "+namespace, func(ctx context.Context) error {
		lease := &coordinationv1.Lease{}
		if err := cp.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "credential-rotation-operator"}, lease); err != nil {
			return err
		}
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
			return errors.New("the Lease has no holder")
		}
		return nil
	})
}

func TestFromOLMIntoAnyNamespace_ALeaderIsElectedAndPrometheusExpectsItsCertificate(t *testing.T) {
	must(t, cp.InstallMonitoringKinds())
	const namespace = "operators-of-others"
	installation, err := harness.InstallBundle(t.Context(), cp.Client, namespace)
	must(t, err)
	operator := start(t, installation)
	must(t, operator.WaitReady(t.Context()))
	eventuallyHeld(t, namespace)

	monitor := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor"}}
	harness.Eventually(t, "the ServiceMonitor names this namespace", func(ctx context.Context) error {
		if err := cp.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: "credential-rotation-operator"}, monitor); err != nil {
			return err
		}
		endpoints, _, _ := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
		if len(endpoints) != 1 {
			return harness.Permanent(fmt.Errorf("the ServiceMonitor has %d endpoints", len(endpoints)))
		}
		name, _, _ := unstructured.NestedString(endpoints[0].(map[string]any), "tlsConfig", "serverName")
		if want := "credential-rotation-operator-metrics." + namespace + ".svc"; name != want {
			return fmt.Errorf("it expects a certificate for %s, want %s", name, want)
		}
		return nil
	}, func(context.Context) string { return operator.LogTail(20) })
}

func TestByAnOverlayIntoAnyNamespace_ALeaderIsElected(t *testing.T) {
	root, err := harness.RepositoryRoot()
	must(t, err)
	build := exec.CommandContext(t.Context(), "go", "tool", "-modfile=hack/tools/go.mod", "kustomize", "build", "config/overlays/another-namespace")
	build.Dir = root
	manifest, err := build.Output()
	must(t, err)
	installation, err := harness.InstallManifests(t.Context(), cp.Client, manifest)
	must(t, err)
	if installation.Namespace == suggested {
		t.Fatal("the overlay installs into the suggested namespace, so the test proves nothing")
	}
	must(t, start(t, installation).WaitReady(t.Context()))
	eventuallyHeld(t, installation.Namespace)
}

func TestWithoutTheRightToItsLease_TheOperatorIsNotReadyUntilItIsGranted(t *testing.T) {
	const namespace = "lacks-a-right"
	installation, err := harness.InstallBundle(t.Context(), cp.Client, namespace)
	must(t, err)
	binding := &rbacv1.RoleBinding{}
	must(t, cp.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "credential-rotation-operator"}, binding))
	must(t, cp.Client.Delete(t.Context(), binding))

	operator := start(t, installation)
	eventuallyLogged(t, operator, "lacks a right to the Lease "+namespace+"/credential-rotation-operator")
	// Everything else is fine, so only this keeps it from being ready.
	harness.Eventually(t, "the caches are synced", func(ctx context.Context) error { return operator.ReadyCheck(ctx, "caches") })
	if err := operator.ReadyCheck(t.Context(), ""); err == nil {
		t.Error("the operator is ready although it can never lead")
	}
	if err := operator.ReadyCheck(t.Context(), "lease"); err == nil {
		t.Error("the check lease passes")
	}

	binding.ResourceVersion = ""
	must(t, cp.Client.Create(t.Context(), binding))
	must(t, operator.WaitReady(t.Context()))
}
