package harness

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// cp is the control plane of all tests of this package.
var cp *ControlPlane

func TestMain(m *testing.M) { Main(m, func(started *ControlPlane) { cp = started }) }

func TestStartControlPlane_SaysHowToGetTheServers(t *testing.T) {
	for name, assets := range map[string]string{"not named": "", "not there": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(assetsVariable, assets)
			if _, err := StartControlPlane(t.Context()); err == nil || !contains(err.Error(), "make test", assetsVariable) {
				t.Errorf("got %v, want an error that names %s and `make test`", err, assetsVariable)
			}
		})
	}
}

func TestSeedCluster_CreatesTheObjectsOfAClusterAndCanBeRepeated(t *testing.T) {
	for range 2 {
		if err := SeedCluster(t.Context(), cp.Client, Cluster{PullSecret: []byte(`{"auths":{}}`)}); err != nil {
			t.Fatal(err)
		}
	}
	pool := &machineconfigurationv1.MachineConfigPool{}
	if err := cp.Client.Get(t.Context(), client.ObjectKey{Name: "worker"}, pool); err != nil {
		t.Fatal(err)
	}
	if pool.Status.UpdatedMachineCount != 3 || pool.Status.Configuration.Name != pool.Spec.Configuration.Name {
		t.Errorf("the pool is not settled: %+v", pool.Status)
	}
}

func TestInstallOperator_GivesTheTokenTheShippedRightsAndNoMore(t *testing.T) {
	w := newWorld(t)
	own := &corev1.SecretList{}
	if err := w.operator.List(t.Context(), own, client.InNamespace(w.installation.Namespace)); err != nil {
		t.Errorf("the operator cannot list the Secrets of its own namespace: %v", err)
	}
	if err := w.operator.List(t.Context(), own); !apierrors.IsForbidden(err) {
		t.Errorf("listing all Secrets of the cluster returned %v, want forbidden", err)
	}
}

func TestTap_RecordsWritesExceptBookkeeping(t *testing.T) {
	w := newWorld(t)
	if err := w.operator.Create(t.Context(), secret(w.installation.Namespace, "recorded")); err != nil {
		t.Fatal(err)
	}
	writes := w.api.Writes()
	if len(writes) != 1 || writes[0].Resource != "secrets" || writes[0].Status != 201 || writes[0].BytesIn <= 0 {
		t.Errorf("recorded %+v, want the one creation", writes)
	}
	w.api.Forget()
	if left := w.api.Requests(nil); len(left) != 0 {
		t.Errorf("after Forget there are still %v", left)
	}
}

func TestTap_DropsAHeldRequestWhoseClientDies(t *testing.T) {
	for _, tc := range []struct {
		moment Moment
		// happened is whether the request still has an effect.
		happened bool
	}{{Before, false}, {After, true}} {
		t.Run(string(tc.moment), func(t *testing.T) {
			w := newWorld(t)
			hold := w.api.Hold(tc.moment, func(r APIRequest) bool { return r.Verb == "create" && r.Resource == "secrets" })
			ctx, die := context.WithCancel(t.Context())
			answered := make(chan error, 1)
			go func() {
				answered <- w.operator.Create(ctx, secret(w.installation.Namespace, "held-"+string(tc.moment)))
			}()
			<-hold.Reached()
			if got := hold.Held().String(); got != "create secrets in "+w.installation.Namespace {
				t.Errorf("held %q", got)
			}
			die()
			if err := <-answered; err == nil {
				t.Error("the client got a response although the request was held")
			}
			err := cp.Client.Get(t.Context(), client.ObjectKey{Namespace: w.installation.Namespace, Name: "held-" + string(tc.moment)}, &corev1.Secret{})
			if happened := err == nil; happened != tc.happened {
				t.Errorf("the Secret is there: %t (%v), want %t", happened, err, tc.happened)
			}
		})
	}
}

func TestTap_AReleasedRequestContinues(t *testing.T) {
	for _, moment := range []Moment{Before, After} {
		t.Run(string(moment), func(t *testing.T) {
			w := newWorld(t)
			hold := w.api.Hold(moment, func(r APIRequest) bool { return r.Resource == "secrets" })
			answered := make(chan error, 1)
			go func() {
				answered <- w.operator.Create(t.Context(), secret(w.installation.Namespace, "released-"+string(moment)))
			}()
			<-hold.Reached()
			hold.Release()
			if err := <-answered; err != nil {
				t.Errorf("the released request failed: %v", err)
			}
		})
	}
}

func TestMachineConfigOperator_RollsOutAChangeAfterAMomentAndHonoursPaused(t *testing.T) {
	w := newWorld(t)
	paused := &machineconfigurationv1.MachineConfigPool{}
	if err := cp.Client.Get(t.Context(), client.ObjectKey{Name: "master"}, paused); err != nil {
		t.Fatal(err)
	}
	paused.Spec.Paused = true
	if err := cp.Client.Update(t.Context(), paused); err != nil {
		t.Fatal(err)
	}
	mco, err := StartMachineConfigOperator(t.Context(), cp.Client, 200*time.Millisecond, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	mco.Degrade("worker")
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"stringData":{".dockerconfigjson":"{\"auths\":{\"quay.io\":{}}}"}}`))
	if err := cp.Client.Patch(t.Context(), secret(PullSecretNamespace, PullSecretName), patch); err != nil {
		t.Fatal(err)
	}
	pool := func(name string) (*machineconfigurationv1.MachineConfigPool, error) {
		p := &machineconfigurationv1.MachineConfigPool{}
		return p, cp.Client.Get(t.Context(), client.ObjectKey{Name: name}, p)
	}
	Eventually(t, "the worker pool degrades", func(context.Context) error {
		p, err := pool("worker")
		if err == nil && p.Status.DegradedMachineCount == 0 {
			err = fmt.Errorf("%+v", p.Status)
		}
		return err
	}, w.dump)
	mco.Recover("worker")
	Eventually(t, "the worker pool has the new configuration on every machine", func(context.Context) error {
		p, err := pool("worker")
		if err == nil && (p.Status.Configuration.Name == renderedName("worker", "seeded") || p.Status.UpdatedMachineCount != 3) {
			err = fmt.Errorf("%+v", p.Status)
		}
		return err
	}, w.dump)
	if p, err := pool("master"); err != nil || p.Status.Configuration.Name != renderedName("master", "seeded") || p.Spec.Configuration.Name == p.Status.Configuration.Name {
		t.Errorf("the paused pool has %q and should have %q (%v)", p.Status.Configuration.Name, p.Spec.Configuration.Name, err)
	}
	if err := mco.Stop(); err != nil {
		t.Error(err)
	}
	if mco.Renders() != 1 {
		t.Errorf("rendered %d times, want once", mco.Renders())
	}
}

func TestOperatorProcess_RunsWithTheShippedRightsAndExitsWithZeroOnSIGTERM(t *testing.T) {
	w := newWorld(t)
	p, err := StartOperator(t.Context(), w.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := p.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if metrics, err := p.Metrics(t.Context()); err != nil || !contains(metrics, "go_goroutines") {
		t.Errorf("metrics: %v", err)
	}
	if code, err := p.Stop(t.Context()); err != nil || code != 0 {
		t.Errorf("SIGTERM ended it with %d (%v); its log ends with\n%s", code, err, p.LogTail(20))
	}
}

func TestOperatorProcess_ExitsWithAnErrorWhenItLosesLeadership(t *testing.T) {
	w := newWorld(t)
	w.config.Args = []string{"--leader-elect", "--leader-elect-lease-duration=3s", "--leader-elect-renew-deadline=2s", "--leader-elect-retry-period=500ms"}
	p, err := StartOperator(t.Context(), w.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	Eventually(t, "the process is the leader", func(context.Context) error {
		if log := p.LogTail(1000); !contains(log, "Successfully acquired lease") {
			return errors.New(p.LogTail(5))
		}
		return nil
	})
	if err := w.api.Close(); err != nil {
		t.Fatal(err)
	}
	if code := p.ExitCode(); code != 1 {
		t.Errorf("it ended with %d, want 1; its log ends with\n%s", code, p.LogTail(20))
	}
}

// world is a fresh cluster with the operator's rights installed and a proxy in front of the API server.
type world struct {
	installation *Installation
	api          *Tap
	config       OperatorConfig
	// operator is a client with the operator's token, through the proxy.
	operator client.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	var w world
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(Reset(t.Context(), cp.Client))
	must(SeedCluster(t.Context(), cp.Client, Cluster{PullSecret: []byte(`{"auths":{}}`)}))
	var err error
	w.installation, err = InstallOperator(t.Context(), cp.Client)
	must(err)
	w.api, err = StartAPIProxy(cp)
	must(err)
	t.Cleanup(func() { _ = w.api.Close() })
	kubeconfig, err := w.installation.Kubeconfig(t.Context(), cp.Client, w.api.URL, w.api.CAPEM)
	must(err)
	w.config = OperatorConfig{Kubeconfig: kubeconfig, Namespace: w.installation.Namespace, Dir: t.TempDir()}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	must(err)
	w.operator, err = client.New(config, client.Options{Scheme: cp.Scheme})
	must(err)
	w.api.Forget()
	return &w
}

func (w *world) dump(ctx context.Context) string { return Dump(ctx, cp.Client) }

func secret(namespace, name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

func contains(text string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}
