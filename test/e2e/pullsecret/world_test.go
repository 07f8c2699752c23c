package pullsecret

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// name of the PullSecretRotation in each test.
const name = "account"

// world is one cluster of an account: its API server with the operator's rights, OCM and the registries behind the
// cluster's proxy, the machine-config-operator.
type world struct {
	t         *testing.T
	ocm       *ocm.Sim
	registry  *registry.Sim
	proxy     *proxy.Proxy
	account   ocm.Account
	api       *harness.Tap
	config    harness.OperatorConfig
	mco       *harness.MachineConfigOperator
	before    []byte // the pull secret at installation
	namespace string
	metrics   string // the operator's metrics before each end
}

// settings of a world.
type settings struct {
	ocm ocm.Options
	// siblings is how many other clusters the account has, and how they behave.
	siblings    int
	siblingMode ocm.Mode
	// document makes the cluster's pull secret from OCM's document.
	document func(issued []byte) []byte
}

// siblingID is that of another cluster of the account: by turns it comes before this cluster's and after it.
func siblingID(i int) string {
	return fmt.Sprintf("%c0000000-0000-4000-8000-%012d", "0f"[i%2], i)
}

func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t}
	w.must(harness.Reset(ctx, cp.Client))

	w.ocm = ocm.StartForTest(t, s.ocm)
	w.account = w.ocm.AddAccount(ocm.AccountSpec{})
	w.before = w.ocm.PullSecret(w.account.ID)
	if s.document != nil {
		w.before = s.document(w.before)
	}
	w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{ID: harness.DefaultClusterID, Name: "this-cluster", Token: w.clusterToken})
	for i := range s.siblings {
		w.ocm.AddCluster(w.account.ID, ocm.ClusterSpec{ID: siblingID(i), Name: fmt.Sprintf("sibling-%d", i+1), Mode: s.siblingMode})
	}
	release := w.startRegistries()
	w.proxy = proxy.New(w.registry.Routes(), map[string]string{
		ocm.APIHost + ":443": w.ocm.API().Address(), ocm.SSOHost + ":443": w.ocm.SSO().Address(),
	})
	w.must(w.proxy.Start())
	t.Cleanup(w.proxy.Close)

	w.must(harness.SeedCluster(ctx, cp.Client, harness.Cluster{PullSecret: w.before, ReleaseImage: release}))
	installation, err := harness.InstallOperator(ctx, cp.Client)
	w.must(err)
	w.namespace = installation.Namespace
	w.must(harness.CreateNamespace(ctx, cp.Client, w.namespace))
	w.mco, err = harness.StartMachineConfigOperator(ctx, cp.Client, 300*time.Millisecond, 100*time.Millisecond)
	w.must(err)
	t.Cleanup(func() { w.must(w.mco.Stop()) })
	w.api, err = harness.StartAPIProxy(cp)
	w.must(err)
	t.Cleanup(func() { _ = w.api.Close() })
	kubeconfig, err := installation.Kubeconfig(ctx, cp.Client, w.api.URL, w.api.CAPEM)
	w.must(err)
	w.config = harness.OperatorConfig{
		Kubeconfig: kubeconfig, Namespace: w.namespace, Dir: t.TempDir(),
		// The services are fast here, so the operator polls often; everything else is as in production.
		Args: []string{"--pull-secret-poll-min=1s", "--pull-secret-poll-max=2s", "--pull-secret-revoke-poll-min=1s", "--pull-secret-revoke-poll-max=2s", "--pull-secret-pool-poll=1s", "--ocm-timeout=2s",
			"--pull-secret-request-spread=1s", "--pull-secret-look-pace=100ms", "--pull-secret-verify-retry=1s", "--pull-secret-verify-deadline=3s",
			"--pull-secret-proof-retry=1s", "--pull-secret-proof-deadline=3s", "--pull-secret-proof-interval=1s"},
		Env: []string{"HTTPS_PROXY=" + w.proxy.URL()},
	}
	w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ca"}, Data: map[string]string{"ca-bundle.crt": string(w.ocm.CA().PEM())}})
	w.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ocm"}, StringData: map[string]string{"token": w.ocm.OfflineToken(w.account.ID)}})
	w.api.Forget()
	t.Cleanup(w.noSecretGotOut)
	return w
}

// startRegistries starts registries with the images for verification, and returns the release image by digest.
func (w *world) startRegistries() string {
	w.t.Helper()
	var err error
	w.registry, err = registry.New(registry.Options{CA: w.ocm.CA(), Directory: w.ocm})
	w.must(err)
	w.must(w.registry.Start())
	w.t.Cleanup(w.registry.Close)
	digest, err := w.registry.AddImage(registry.Quay, "openshift-release-dev/ocp-release", "4.20.1-x86_64", registry.Subscribers)
	w.must(err)
	_, err = w.registry.AddImage(registry.RedHatRegistry, "ubi8/ubi", "latest", registry.Subscribers)
	w.must(err)
	return registry.Quay + "/openshift-release-dev/ocp-release@" + digest
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	w.must(cp.Client.Create(w.t.Context(), o))
}

// start runs the operator until the test ends.
func (w *world) start() *harness.OperatorProcess {
	w.t.Helper()
	p, err := harness.StartOperator(w.t.Context(), w.config)
	w.must(err)
	w.t.Cleanup(func() {
		// A killed process has no metrics.
		if text, err := p.Metrics(context.Background()); err == nil {
			w.metrics += text
		}
		p.Kill()
	})
	return p
}

// rotation is the sample with T now.
func rotation(change ...func(*v1alpha1.PullSecretRotationSpec)) *v1alpha1.PullSecretRotation {
	r := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: name}}
	after := metav1.NewTime(time.Now().Add(-time.Minute))
	r.Spec = v1alpha1.PullSecretRotationSpec{
		Mode: v1alpha1.ModeRotate, RotateAfter: &after, SiblingClusters: v1alpha1.SiblingsAllow,
		OCM: v1alpha1.OCMSpec{CredentialsSecretRef: &v1alpha1.LocalReference{Name: "ocm"}, CABundleConfigMapRef: &v1alpha1.LocalReference{Name: "ca"}},
	}
	for _, c := range change {
		c(&r.Spec)
	}
	return r
}

func (w *world) get() *v1alpha1.PullSecretRotation {
	w.t.Helper()
	r := &v1alpha1.PullSecretRotation{}
	w.must(cp.Client.Get(w.t.Context(), client.ObjectKey{Name: name}, r))
	return r
}

// document is the cluster's pull secret as it is now.
func (w *world) document() []byte {
	s := &corev1.Secret{}
	w.must(cp.Client.Get(context.Background(), client.ObjectKey{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}, s))
	return s.Data[corev1.DockerConfigJsonKey]
}

// clusterToken is the token in the current pull secret, which the cluster's telemetry uses.
func (w *world) clusterToken() string {
	s := &corev1.Secret{}
	if err := cp.Client.Get(context.Background(), client.ObjectKey{Namespace: harness.PullSecretNamespace, Name: harness.PullSecretName}, s); err != nil {
		return ""
	}
	return auth(s.Data[corev1.DockerConfigJsonKey], "cloud.openshift.com")
}

func auth(document []byte, registry string) string { return issuedEntry(document, registry).Auth }

// entry is OCM's rendering of an entry.
type entry struct{ Auth, Email string }

func issuedEntry(document []byte, registry string) entry {
	var d struct{ Auths map[string]entry }
	if json.Unmarshal(document, &d) != nil {
		return entry{}
	}
	return d.Auths[registry]
}

// waitFor waits for a state of the object.
func (w *world) waitFor(what string, is func(*v1alpha1.PullSecretRotation) bool) *v1alpha1.PullSecretRotation {
	w.t.Helper()
	var got *v1alpha1.PullSecretRotation
	harness.Eventually(w.t, what, func(ctx context.Context) error {
		r := &v1alpha1.PullSecretRotation{}
		if err := cp.Client.Get(ctx, client.ObjectKey{Name: name}, r); err != nil {
			return err
		}
		if !is(r) {
			return fmt.Errorf("phase %q, %s", r.Status.Phase, conditionsOf(r))
		}
		got = r
		return nil
	}, w.explain)
	return got
}

func (w *world) explain(ctx context.Context) string {
	log := ""
	if w.config.Dir != "" {
		log = tail(w.config.Dir+"/operator.log", 25)
	}
	return fmt.Sprintf("requests to OCM: %v\n%s\n%s", w.ocm.Counts(), log, harness.Dump(ctx, cp.Client))
}

func tail(file string, lines int) string {
	text, _ := os.ReadFile(file)
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func conditionsOf(r *v1alpha1.PullSecretRotation) string {
	var list []string
	for _, c := range r.Status.Conditions {
		list = append(list, fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	return strings.Join(list, "; ")
}

func reason(r *v1alpha1.PullSecretRotation) string {
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return c.Reason
	}
	return ""
}

// has waits for a reason of Ready.
func (w *world) waitForReason(want string) *v1alpha1.PullSecretRotation {
	w.t.Helper()
	return w.waitFor("Ready has the reason "+want, func(r *v1alpha1.PullSecretRotation) bool { return reason(r) == want })
}

// waitUntilSuspended waits for the condition Suspended: Ready keeps its last message.
func (w *world) waitUntilSuspended() *v1alpha1.PullSecretRotation {
	w.t.Helper()
	return w.waitFor("it says that it is suspended", func(r *v1alpha1.PullSecretRotation) bool {
		return meta.IsStatusConditionTrue(r.Status.Conditions, v1alpha1.ConditionSuspended)
	})
}

// posts counts the rotations that were requested of the simulated OCM.
func (w *world) posts() int {
	return w.ocm.Count(ocm.OpPostRotation)
}

// days lets OCM's time pass: batches run, clusters report.
func (w *world) days(n float64) { w.ocm.Advance(time.Duration(n * float64(24*time.Hour))) }

// ended is true if the rotation has completed.
func ended(r *v1alpha1.PullSecretRotation) bool {
	return r.Status.Rotation != nil && r.Status.Rotation.RevokedAt != nil && reason(r) == v1alpha1.ReasonNotDue
}

func remove(t *testing.T, o client.Object) {
	t.Helper()
	if err := cp.Client.Delete(context.Background(), o); err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
}
