package capset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

const (
	upgradeable = "cloudcredential.openshift.io/upgradeable-to"
	fsxRole     = "fsx"
	fsxRequest  = "aws-fsx-csi-driver-operator"
)

// nextRelease writes the CredentialsRequests of a release that has one more than the cluster, as `oc adm release extract` does.
func nextRelease(t *testing.T) (dir string, files map[string]string) {
	t.Helper()
	requests := []*unstructured.Unstructured{harness.CredentialsRequest(fsxRequest, "openshift-fsx-csi-driver", "fsx-cloud-credentials", awsSpec())}
	for _, r := range harness.PayloadRequests() {
		requests = append(requests, harness.CredentialsRequest(r.Name, r.SecretNamespace, r.SecretName, awsSpec()))
	}
	dir, files = t.TempDir(), map[string]string{}
	for _, r := range requests {
		raw, err := yaml.Marshal(r.Object)
		must(t, err)
		files[r.GetName()+".yaml"] = string(raw)
		must(t, os.WriteFile(filepath.Join(dir, r.GetName()+".yaml"), raw, 0o600))
	}
	return dir, files
}

// upgradeReady waits until the condition has a status for the present spec, and returns its message.
func (w *capWorld) upgradeReady(want metav1.ConditionStatus) string {
	w.t.Helper()
	var message string
	w.eventually("UpgradeReady is "+string(want), func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(set.Status.Conditions, v1alpha1.ConditionUpgradeReady)
		if c == nil || c.ObservedGeneration != set.Generation {
			return errors.New("it has not been set for this spec")
		}
		if message = c.Message; c.Status != want {
			return fmt.Errorf("it is %s: %s", c.Status, c.Message)
		}
		return nil
	})
	return message
}

// acknowledged is the version to which the cluster is told that it may upgrade.
func (w *capWorld) acknowledged() string {
	w.t.Helper()
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "operator.openshift.io/v1", "kind": "CloudCredential"}}
	must(w.t, w.client.Get(w.t.Context(), client.ObjectKey{Name: "cluster"}, o))
	return o.GetAnnotations()[upgradeable]
}

func TestUpgrade_RolesOfTheNextReleaseAreTriedOnceAndAPersonAcknowledgesIt(t *testing.T) {
	w := newCAPWorld(t, time.Hour, func(o *cap.Options) { o.Roles[fsxRole] = "333333333333" })
	dir, files := nextRelease(t)
	must(t, w.client.Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.installation.Namespace, Name: "next-release"}, Data: files,
	}))
	w.start()
	w.create(func(set *v1alpha1.CAPCredentialSet) {
		requests := set.Spec.CredentialsRequests
		requests.DefaultRole = ""
		requests.Roles = nil
		for _, r := range harness.PayloadRequests() {
			requests.Roles = append(requests.Roles, v1alpha1.RequestRole{Name: r.Name, Role: platformRole})
		}
		set.Spec.Upgrade = &v1alpha1.UpgradeSpec{Prepare: &v1alpha1.LocalReference{Name: "next-release"}}
	})
	w.eventuallyFresh()
	if message := w.upgradeReady(metav1.ConditionFalse); !strings.Contains(message, fsxRequest) {
		t.Errorf("the message does not name the request without a role: %s", message)
	}
	if out := w.execute("credential-rotation-operator upgrade-check " + dir + " --acknowledge 4.21.3 || echo exit $?"); !strings.Contains(out, "NewWithoutRole") || !strings.Contains(out, "exit 3") {
		t.Errorf("upgrade-check says\n%s", out)
	}
	if to := w.acknowledged(); to != "" {
		t.Fatalf("an upgrade to %s was acknowledged although a role is missing", to)
	}

	w.api.Forget()
	w.edit(func(set *v1alpha1.CAPCredentialSet) {
		set.Spec.CredentialsRequests.Roles = append(set.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Name: fsxRequest, Role: fsxRole})
	})
	w.upgradeReady(metav1.ConditionTrue)
	if n := w.cap.Counts().ByRole[fsxRole]; n != 1 {
		t.Errorf("CAP was asked %d times for the role that only the next release needs, want once", n)
	}
	for _, write := range w.api.Requests(func(r harness.Recorded) bool {
		return r.IsWrite() && (r.Resource == "secrets" || r.Resource == "cloudcredentials")
	}) {
		t.Errorf("the trial has led to %s", write)
	}
	if out := w.execute("credential-rotation-operator upgrade-check " + dir + " --acknowledge 4.21.3"); !strings.Contains(out, "NewCovered") {
		t.Errorf("upgrade-check says\n%s", out)
	}
	if to := w.acknowledged(); to != "4.21.3" {
		t.Errorf("the cluster may upgrade to %q, want 4.21.3", to)
	}
}
