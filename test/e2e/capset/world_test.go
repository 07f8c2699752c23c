package capset

import (
	"context"
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// world is a fresh cluster for one test, with the operator installed but not started.
type world struct {
	t testing.TB
	// client has all rights, for users and other operators.
	client       client.Client
	installation *harness.Installation
	// api is the tap between the operator and the API server.
	api *harness.Tap

	operator *harness.OperatorProcess
	config   harness.OperatorConfig
	// replicas run beside operator, for elections.
	replicas []*harness.OperatorProcess
	// canaries are the secret values of this test, which its end searches everywhere.
	canaries func() harness.Canaries
	// metrics are the operator's metrics before its end.
	metrics string
}

// newWorld creates one. Every test ends with a search for the canaries.
func newWorld(t testing.TB, cluster harness.Cluster) *world {
	t.Helper()
	w := &world{t: t, client: controlPlane.Client, canaries: func() harness.Canaries { return nil }}
	ctx := t.Context()
	must(t, harness.Reset(ctx, w.client))
	must(t, harness.SeedCluster(ctx, w.client, cluster))
	var err error
	w.installation, err = harness.InstallOperator(ctx, w.client)
	must(t, err)
	w.api, err = harness.StartAPIProxy(controlPlane)
	must(t, err)
	t.Cleanup(func() { _ = w.api.Close() })
	kubeconfig, err := w.installation.Kubeconfig(ctx, w.client, w.api.URL, w.api.CAPEM)
	must(t, err)
	w.config = harness.OperatorConfig{Kubeconfig: kubeconfig, Namespace: w.installation.Namespace, Dir: t.TempDir()}
	t.Cleanup(w.end)
	return w
}

// start starts the operator and waits until it is ready.
func (w *world) start() {
	w.t.Helper()
	p, err := harness.StartOperator(w.t.Context(), w.config)
	must(w.t, err)
	w.operator = p
	must(w.t, p.WaitReady(w.t.Context()))
}

// stop ends the operator as the kubelet does.
func (w *world) stop() {
	w.t.Helper()
	w.scrape(w.t.Context())
	code, err := w.operator.Stop(w.t.Context())
	must(w.t, err)
	if code != 0 {
		w.t.Errorf("the operator ended with %d; its log ends with\n%s", code, w.operator.LogTail(20))
	}
}

// kill ends the operator with SIGKILL.
func (w *world) kill() { w.operator.Kill() }

// end ends the operator and looks for canaries.
func (w *world) end() {
	ctx := context.Background() // The test's context has ended already.
	if w.operator == nil {
		return
	}
	w.scrape(ctx)
	texts := map[string]string{"the metrics": w.metrics}
	for _, p := range append(w.replicas, w.operator) {
		p.Kill()
		log, err := p.Logs()
		if err != nil {
			w.t.Error(err)
		}
		texts[p.LogFile] = string(log)
	}
	found, err := w.canaries().Scan(ctx, w.client, texts)
	if err != nil {
		w.t.Error(err)
	}
	for _, f := range found {
		w.t.Error("a secret leaked: " + f)
	}
	if w.t.Failed() {
		w.t.Log("the world at the end of the test\n" + w.dump(ctx))
	}
}

// scrape stores the metrics while the process runs.
func (w *world) scrape(ctx context.Context) {
	if text, err := w.operator.Metrics(ctx); err == nil {
		w.metrics += text
	}
}

// dump shows the cluster and the operator's last log lines, without those of the libraries, which are many at the most verbose level.
func (w *world) dump(ctx context.Context) string {
	out := harness.Dump(ctx, w.client)
	if w.operator == nil {
		return out
	}
	const shownLines, shownOfLine = 40, 600
	var lines []string
	for _, line := range strings.Split(w.operator.LogTail(5000), "\n") {
		if !containsAny(line, []string{`"level":"Level(`, `"logger":"leaderelection"`, "workqueue_items"}) {
			lines = append(lines, line[:min(len(line), shownOfLine)])
		}
	}
	return out + "--- the operator's log ends with\n" + strings.Join(lines[max(0, len(lines)-shownLines):], "\n") + "\n"
}

// eventually waits until f returns nil.
func (w *world) eventually(what string, f func(ctx context.Context) error) {
	w.t.Helper()
	harness.Eventually(w.t, what, f) // the end of a failed test shows the world
}

// secret reads a Secret as an administrator.
func (w *world) secret(namespace, name string) *corev1.Secret {
	w.t.Helper()
	s := &corev1.Secret{}
	must(w.t, w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, s))
	return s
}

// ownSecret creates a Secret in the operator's namespace.
func (w *world) ownSecret(name string, data map[string][]byte) {
	w.t.Helper()
	s := &corev1.Secret{Data: maps.Clone(data)}
	s.Namespace, s.Name = w.installation.Namespace, name
	must(w.t, harness.Ensure(w.t.Context(), w.client, s))
}

// writes are the operator's effects on the API server as text, without those that contain one of the words.
func (w *world) writes(without ...string) []string {
	var out []string
	for _, r := range w.api.Writes() {
		text := r.String()
		if !containsAny(text, without) {
			out = append(out, text)
		}
	}
	return out
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
