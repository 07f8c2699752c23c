package capcredentialset_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
	"github.com/openshift/credential-rotation-operator/test/harness"
	capsim "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// cp is the control plane of all tests of this package that need one. The first of them starts it.
var (
	cp        *harness.ControlPlane
	startOnce sync.Once
	errStart  error
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(zap.New(zap.WriteTo(&logs)))
	code := m.Run()
	if cp != nil {
		if err := cp.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

const (
	roleA = "OpenShiftGovCloudEmu-CrossAccount-A"
	roleB = "OpenShiftGovCloudEmu-CrossAccount-B"
)

// world is a cluster with a portal, whose time the test drives, and the controller with the shipped rights and no others.
type world struct {
	t            *testing.T
	clock        *simctl.Clock
	portal       *capsim.Sim
	api          *harness.Tap
	installation *harness.Installation
	kubeconfig   []byte
	stop         func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	startOnce.Do(func() { cp, errStart = harness.StartControlPlane(context.Background()) })
	if errStart != nil {
		t.Fatal(errStart)
	}
	w := &world{t: t, clock: simctl.NewClock(nil), stop: func() {}}
	w.must(harness.Reset(t.Context(), cp.Client))
	w.must(harness.SeedCluster(t.Context(), cp.Client, harness.Cluster{}))
	var err error
	w.installation, err = harness.InstallOperator(t.Context(), cp.Client)
	w.must(err)
	w.api, err = harness.StartAPIProxy(cp)
	w.must(err)
	t.Cleanup(func() { _ = w.api.Close() })
	w.kubeconfig, err = w.installation.Kubeconfig(t.Context(), cp.Client, w.api.URL, w.api.CAPEM)
	w.must(err)

	w.portal, err = capsim.New(capsim.Options{
		Clock: w.clock, Agency: "SHIFT", Mission: "OpenShift GovCloud/Emu", Canary: "CANARY",
		Roles: map[string]string{roleA: "111111111111", roleB: "222222222222"},
	})
	w.must(err)
	w.must(w.portal.Start())
	t.Cleanup(w.portal.Close)
	w.certificate("npe")
	w.api.Forget()
	t.Cleanup(func() { w.stop() })
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// certificate puts a new client certificate into its Secret.
func (w *world) certificate(commonName string) {
	w.t.Helper()
	cert, key, err := w.portal.ClientCertificate(commonName)
	w.must(err)
	w.must(harness.Ensure(w.t.Context(), cp.Client, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.installation.Namespace, Name: "cap-certs"},
		Data:       map[string][]byte{"cap.pem": cert, "cap.key": key, "ca-chain.cert.pem": w.portal.CAPEM()},
	}))
}

// start runs the controller until the test ends or stop is called. Called again, it is a restart.
func (w *world) start() {
	w.t.Helper()
	w.stop()
	restConfig, err := clientcmd.RESTConfigFromKubeConfig(w.kubeconfig)
	w.must(err)
	mgr, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme: cp.Scheme, Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	w.must(err)
	// A short interval, because these tests wait for granted rights.
	watch, err := secretwatch.New(restConfig, objectwatch.Options{Slow: [2]time.Duration{200 * time.Millisecond, time.Second}})
	w.must(err)
	w.must(mgr.Add(watch))
	w.must(capcredentialset.Setup(mgr, capcredentialset.Options{
		Namespace: w.installation.Namespace, Clock: w.clock, Secrets: watch, MaxSleep: 100 * time.Millisecond,
	}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error("the manager ended with", err)
		}
		w.stop = func() {}
	}
}

// set makes a CAPCredentialSet with one role for everything, as changed.
func (w *world) set(name string, change func(*v1alpha1.CAPCredentialSet)) *v1alpha1.CAPCredentialSet {
	w.t.Helper()
	set := &v1alpha1.CAPCredentialSet{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.CAPCredentialSetSpec{
			Endpoint: v1alpha1.CAPEndpoint{
				URL: w.portal.Endpoint(capsim.C2S), Agency: "SHIFT", Mission: "OpenShift GovCloud/Emu",
				ClientCertificateSecretRef: v1alpha1.LocalReference{Name: "cap-certs"},
			},
			CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{DefaultRole: roleA},
		},
	}
	if change != nil {
		change(set)
	}
	w.must(cp.Client.Create(w.t.Context(), set))
	return set
}

func (w *world) get(name string) *v1alpha1.CAPCredentialSet {
	w.t.Helper()
	set := &v1alpha1.CAPCredentialSet{}
	w.must(cp.Client.Get(w.t.Context(), client.ObjectKey{Name: name}, set))
	return set
}

// edit changes a set's spec or annotations.
func (w *world) edit(name string, change func(*v1alpha1.CAPCredentialSet)) {
	w.t.Helper()
	set := w.get(name)
	before := set.DeepCopy()
	change(set)
	w.must(cp.Client.Patch(w.t.Context(), set, client.MergeFrom(before)))
}

func (w *world) secret(namespace, name string) *corev1.Secret {
	w.t.Helper()
	s := &corev1.Secret{}
	err := cp.Client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, s)
	if apierrors.IsNotFound(err) {
		return nil
	}
	w.must(err)
	return s
}

// eventually waits for what f says is there.
func (w *world) eventually(what string, f func() error) {
	w.t.Helper()
	harness.Eventually(w.t, what, func(context.Context) error { return f() }, func(ctx context.Context) string {
		return harness.Dump(ctx, cp.Client) + "\nlog:\n" + logs.tail(40)
	})
}

// ready waits until a set says so, with a reason.
func (w *world) ready(name, reason, credentials string) *v1alpha1.CAPCredentialSet {
	w.t.Helper()
	var set *v1alpha1.CAPCredentialSet
	w.eventually(fmt.Sprintf("set %s: %s %s", name, reason, credentials), func() error {
		set = w.get(name)
		if set.Status.Credentials != credentials {
			return fmt.Errorf("credentials: %s", set.Status.Credentials)
		}
		if got := reasonOf(set, v1alpha1.ConditionReady); got != reason {
			return fmt.Errorf("Ready: %s", got)
		}
		return nil
	})
	return set
}

func reasonOf(set *v1alpha1.CAPCredentialSet, condition string) string {
	for _, c := range set.Status.Conditions {
		if c.Type == condition {
			return c.Reason
		}
	}
	return ""
}

// row is the status of one Secret.
func row(set *v1alpha1.CAPCredentialSet, namespace, name string) v1alpha1.CredentialTargetStatus {
	for _, t := range set.Status.Targets {
		if t.Namespace == namespace && t.Name == name {
			return t
		}
	}
	return v1alpha1.CredentialTargetStatus{}
}

// result waits until the row of a Secret has a result.
func (w *world) result(name, namespace, secret, result string) v1alpha1.CredentialTargetStatus {
	w.t.Helper()
	var r v1alpha1.CredentialTargetStatus
	w.eventually(fmt.Sprintf("%s/%s: %s", namespace, secret, result), func() error {
		if r = row(w.get(name), namespace, secret); r.Result != result {
			return fmt.Errorf("it is %q: %s", r.Result, r.Message)
		}
		return nil
	})
	return r
}

// secretWrites are the writes of Secrets outside the operator's namespace, by namespace/name.
func (w *world) secretWrites() map[string]int {
	count := map[string]int{}
	for _, r := range w.api.Writes() {
		if r.Resource == "secrets" && r.Namespace != w.installation.Namespace {
			count[r.Namespace+"/"+r.Name]++
		}
	}
	return count
}

// statusWrites counts the patches of sets' status.
func (w *world) statusWrites() int {
	n := 0
	for _, r := range w.api.Writes() {
		if r.Resource == "capcredentialsets" {
			n++
		}
	}
	return n
}

func total(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// passes lets the controller look at what is due a few times. It looks ten times a second in these tests; that it does
// nothing then shows in counts, not in time.
func (w *world) passes() {
	before := logs.rounds()
	w.eventually("some more rounds", func() error {
		if n := logs.rounds() - before; n < 3 {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	})
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s does not contain %q:\n%s", what, p, text)
		}
	}
}
