package docs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// TestEveryCommandOnThePagesOfTheKindsWorks runs the blocks of these pages against an API server with the shipped samples. The pages of
// C2S are tested in test/e2e/bootstrap.
func TestEveryCommandOnThePagesOfTheKindsWorks(t *testing.T) {
	cp := controlPlane(t)
	if cp.Kubectl == "" {
		t.Fatal("there is no kubectl beside the API server")
	}
	if err := harness.CreateNamespace(t.Context(), cp.Client, "openshift-credential-rotation-operator"); err != nil {
		t.Fatal(err)
	}
	// The statuses are as after the operator's work, so that no command waits long; the rotation is held for an approval.
	rotation, set := &v1alpha1.PullSecretRotation{}, &v1alpha1.CAPCredentialSet{}
	is := func(condition string) metav1.Condition {
		return metav1.Condition{Type: condition, Status: metav1.ConditionTrue, Reason: "R", LastTransitionTime: metav1.Now()}
	}
	createSample(t, cp, "rotation_v1alpha1_pullsecretrotation.yaml", rotation, func() { rotation.Spec.Approval = v1alpha1.ApprovalBeforeRequest })
	rotation.Status.Conditions = []metav1.Condition{is(v1alpha1.ConditionReady), is(v1alpha1.ConditionOldCredentialsRevoked)}
	createSample(t, cp, "rotation_v1alpha1_capcredentialset.yaml", set, func() {})
	set.Status.Conditions = []metav1.Condition{is(v1alpha1.ConditionReady)}
	for _, o := range []client.Object{rotation, set} {
		if err := cp.Client.Status().Update(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}

	playOperator(t, cp)
	shell := newShell(t, cp)
	began := time.Now().Truncate(time.Second)
	for _, path := range []string{"docs/pullsecretrotation.md", "docs/capcredentialset.md", "docs/reasons.md"} {
		blocks := 0
		for _, b := range readPage(t, filepath.Join(root, path)).blocks() {
			if b.Language == "sh" {
				blocks++
				shell(path, b)
			}
		}
		if blocks == 0 {
			t.Errorf("%s has no commands: the extraction is broken", path)
		}
	}

	// The effects that the pages describe.
	for _, o := range []client.Object{rotation, set} {
		if err := cp.Client.Get(t.Context(), types.NamespacedName{Name: o.GetName()}, o); err != nil {
			t.Fatal(err)
		}
	}
	if after := rotation.Spec.RotateAfter; !rotation.Spec.Suspend || after == nil || after.Time.Before(began) {
		t.Errorf("the rotation is suspended: %t, and rotates after %v; want true and the time of the command", rotation.Spec.Suspend, after)
	} else if got := rotation.Annotations[v1alpha1.ApprovedAnnotation]; got != after.UTC().Format(time.RFC3339) {
		t.Errorf("the approved rotation is after %q, the due one after %s", got, after.UTC().Format(time.RFC3339))
	}
	requested, err := time.Parse(time.RFC3339, set.Annotations[v1alpha1.RefreshRequestedAnnotation])
	if !set.Spec.Suspend || err != nil || requested.Before(began) {
		t.Errorf("the set is suspended: %t; a refresh was requested at %s (%v)", set.Spec.Suspend, requested, err)
	}
}

// playOperator sets each object's observed generation, and marks each requested refresh as done.
func playOperator(t *testing.T, cp *harness.ControlPlane) {
	t.Helper()
	c, err := client.NewWithWatch(cp.Admin, client.Options{Scheme: cp.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	t.Cleanup(done.Wait)
	for _, kind := range []client.ObjectList{&v1alpha1.PullSecretRotationList{}, &v1alpha1.CAPCredentialSetList{}} {
		changes, err := c.Watch(t.Context(), kind)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(changes.Stop)
		done.Go(func() {
			for change := range changes.ResultChan() {
				seen, ok := change.Object.(client.Object)
				if !ok {
					continue // the end of the watch
				}
				before := seen.DeepCopyObject().(client.Object)
				markSeen(seen)
				if err := c.Status().Patch(t.Context(), seen, client.MergeFrom(before)); err != nil && t.Context().Err() == nil {
					t.Errorf("writing the status of %s: %v", seen.GetName(), err)
				}
			}
		})
	}
}

func markSeen(o client.Object) {
	switch o := o.(type) {
	case *v1alpha1.PullSecretRotation:
		o.Status.ObservedGeneration = o.Generation
	case *v1alpha1.CAPCredentialSet:
		o.Status.ObservedGeneration, o.Status.LastHandledRefresh = o.Generation, o.Annotations[v1alpha1.RefreshRequestedAnnotation]
	}
}

// createSample makes the object of a sample.
func createSample(t *testing.T, cp *harness.ControlPlane, name string, object client.Object, change func()) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "config", "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(raw, object); err != nil {
		t.Fatal(err)
	}
	change()
	if err := cp.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

// newShell runs blocks in a directory with the files that the pages name. oc is kubectl, which has these commands too.
func newShell(t *testing.T, cp *harness.ControlPlane) func(path string, b harness.Block) {
	t.Helper()
	operator, err := harness.BuildOperator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := harness.RemoveOperatorBinary(); err != nil {
			t.Error(err)
		}
	})
	dir, bin := t.TempDir(), t.TempDir()
	for name, target := range map[string]string{"oc": cp.Kubectl, "credential-rotation-operator": operator} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string][]byte{"kubeconfig": cp.AdminKubeconfig, "token": nil, "tls.crt": nil, "tls.key": nil, "ca.crt": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	examples := strings.NewReplacer("/path/to/token", filepath.Join(dir, "token"), "<name>", "quarterly")
	return func(path string, b harness.Block) {
		// A command that waits forever must fail here, not at the test binary's timeout.
		ctx, cancel := context.WithTimeout(t.Context(), 2*harness.Patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", examples.Replace(b.Text))
		cmd.Dir, cmd.WaitDelay = dir, time.Second // for what bash has started
		cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "KUBECONFIG=" + filepath.Join(dir, "kubeconfig")}
		out, err := cmd.CombinedOutput()
		// For an unknown field kubectl only prints a warning.
		if err != nil || strings.Contains(string(out), "Warning:") {
			t.Errorf("%s:%d: %v\n%s%s", path, b.Line, err, b.Text, out)
		}
	}
}
