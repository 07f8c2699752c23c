package pullsecret

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	imagename "github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

const probeImage = registry.Quay + "/openshift-release-dev/probe:v1"

// probing is a world whose machines pull what their kubelets are told to. Kubelet forgets a file after a second.
func probing(t *testing.T) (*world, *harness.Kubelet) {
	t.Helper()
	w := newWorld(t, still())
	_, err := w.registry.AddImage(registry.Quay, "openshift-release-dev/probe", "v1", registry.Subscribers)
	w.must(err)
	proxy, err := url.Parse(w.proxy.URL())
	w.must(err)
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: w.ocm.CA().Pool(), MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	k := &harness.Kubelet{
		Client: cp.Client, Now: time.Now, Cache: time.Second, File: w.mco.File, Dead: map[string]bool{},
		Pull: func(ctx context.Context, image, user, password string) error {
			ref, err := imagename.ParseReference(image)
			if err != nil {
				return err
			}
			auth := remote.WithAuth(&authn.Basic{Username: user, Password: password})
			if _, err := remote.Get(ref, remote.WithContext(ctx), remote.WithTransport(transport), auth); err != nil {
				return fmt.Errorf("initializing source docker://%s: %w", image, err)
			}
			return nil
		},
	}
	w.must(k.Use(t.Context(), "master-0", "worker-0"))
	w.config.Args = append(w.config.Args, "--pull-secret-probe-delay=2s", "--pull-secret-probe-attempt=5s")
	t.Cleanup(func() {
		if ran := k.Ran(); len(ran) > 0 {
			t.Errorf("the image was run by %v", ran)
		}
	})
	return w, k
}

// work lets the machines pull from now on.
func (w *world) work(k *harness.Kubelet) {
	stop := k.Start(w.t.Context())
	w.t.Cleanup(func() { w.must(stop()) })
}

func probed(s *v1alpha1.PullSecretRotationSpec) {
	s.Rollout.Probe = &v1alpha1.RolloutProbe{Image: probeImage}
}

func (w *world) pods() []corev1.Pod {
	w.t.Helper()
	list := &corev1.PodList{}
	w.must(cp.Client.List(w.t.Context(), list, client.InNamespace(w.namespace)))
	return list.Items
}

// noPods waits until no Pod is left.
func (w *world) noPods() {
	w.t.Helper()
	harness.Eventually(w.t, "no Pod is left", func(context.Context) error {
		if pods := w.pods(); len(pods) > 0 {
			return fmt.Errorf("the Pod %s is left", pods[0].Name)
		}
		return nil
	}, w.explain)
}

// machinesCanPull waits for the condition.
func (w *world) machinesCanPull(status metav1.ConditionStatus, reason string) *v1alpha1.PullSecretRotation {
	w.t.Helper()
	return w.waitFor("MachinesCanPull says "+reason, func(r *v1alpha1.PullSecretRotation) bool {
		c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionMachinesCanPull)
		return c != nil && c.Status == status && c.Reason == reason
	})
}

// The namespace enforces the restricted Pod Security Standard, and the operator has the shipped rights.
func TestAMachineOfEachPoolPullsWithTheNewFile(t *testing.T) {
	w, k := probing(t)
	free := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "free"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: probeImage}}}}
	if err := cp.Client.Create(t.Context(), free); !apierrors.IsForbidden(err) {
		t.Fatalf("the namespace takes a Pod that is not restricted: %v", err)
	}
	w.work(k)
	w.create(rotation(probed))
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	r := w.machinesCanPull(metav1.ConditionTrue, v1alpha1.ReasonProbesPulled)
	w.noPods()
	if len(r.Status.Rotation.Probes) != 2 {
		t.Fatalf("the probes are %+v", r.Status.Rotation.Probes)
	}
	for _, p := range r.Status.Rotation.Probes {
		if p.Result != v1alpha1.ProbePulled || p.Machine != p.Pool+"-0" || p.EndedAt.Sub(p.FileSince.Time) < time.Second {
			t.Errorf("the probe is %+v", p)
		}
	}
	for _, p := range k.Pulls() {
		if sent := base64.StdEncoding.EncodeToString([]byte(p.Username + ":" + p.Password)); p.Err != nil || sent != auth(w.ocm.PullSecret(w.account.ID), registry.Quay) {
			t.Errorf("%s pulled with another credential, or in vain: %v", p.Machine, p.Err)
		}
	}
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
}

// The operator is killed while its Pods are there; the next process removes them, asks again, and restores the old entries, which its own
// question shows to work.
func TestAMachineThatIsRefusedHasTheOldEntriesRestoredAndNoPodOutlivesAProcess(t *testing.T) {
	w, k := probing(t)
	w.create(rotation(probed))
	operator := w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitFor("the machines are asked", func(r *v1alpha1.PullSecretRotation) bool {
		return r.Status.Rotation != nil && len(r.Status.Rotation.Probes) == 2 && len(w.pods()) == 2
	})
	operator.Kill()
	w.registry.Refuse(registry.Quay, w.user(registry.Quay), true)
	w.work(k)
	w.start()
	w.machinesCanPull(metav1.ConditionFalse, v1alpha1.ReasonProbeRefused)
	r := w.waitForReason(v1alpha1.ReasonRolledBack)
	w.noPods()
	if string(w.document()) != string(w.before) || r.Status.Rotation.RolledBackAt == nil {
		t.Error("the old entries were not restored byte for byte")
	}
}

// Nothing collects garbage here: the operator itself removes its Pods when nobody waits for their answer.
func TestThePodsGoWithTheWishForTheirAnswer(t *testing.T) {
	w, _ := probing(t)
	w.create(rotation(probed))
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	asked := func() {
		w.waitFor("the machines are asked", func(*v1alpha1.PullSecretRotation) bool { return len(w.pods()) == 2 })
	}
	suspend := func(is bool) {
		r := w.get()
		patch := client.MergeFrom(r.DeepCopy())
		r.Spec.Suspend = is
		w.must(cp.Client.Patch(t.Context(), r, patch))
	}
	asked()
	suspend(true)
	w.waitUntilSuspended()
	w.noPods()
	suspend(false)
	asked()
	remove(t, w.get())
	w.noPods()
}
