package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

const (
	setName = "cap"
	// certificateName is the Secret of the client certificate.
	certificateName = "cap-client-certificate"
)

// world is a cluster with the operator and CAP.
type world struct {
	t            testing.TB
	cp           *harness.ControlPlane
	installation *harness.Installation
	api          *harness.Tap
	cap          *cap.Sim
	operator     *harness.OperatorProcess
	set          *v1alpha1.CAPCredentialSet
}

// newWorld creates one whose CAP has the given roles. The CAPCredentialSet is not created yet.
func newWorld(t testing.TB, cp *harness.ControlPlane, roles ...string) *world {
	t.Helper()
	w := &world{t: t, cp: cp}
	must(t, harness.SeedCluster(t.Context(), cp.Client, harness.Cluster{}))
	var err error
	w.installation, err = harness.InstallOperator(t.Context(), cp.Client)
	must(t, err)
	w.api, err = harness.StartAPIProxy(cp)
	must(t, err)
	t.Cleanup(func() { _ = w.api.Close() })

	accounts := map[string]string{}
	for _, role := range roles {
		accounts[role] = "111111111111"
	}
	w.cap, err = cap.New(cap.Options{Roles: accounts})
	must(t, err)
	must(t, w.cap.Start())
	t.Cleanup(w.cap.Close)
	certPEM, keyPEM, err := w.cap.ClientCertificate("operator")
	must(t, err)
	must(t, harness.Ensure(t.Context(), cp.Client, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.installation.Namespace, Name: certificateName},
		Data:       map[string][]byte{"tls.crt": certPEM, "tls.key": keyPEM, "ca.crt": w.cap.CAPEM()},
	}))
	query := w.cap.Query(cap.C2S, roles[0])
	w.set = &v1alpha1.CAPCredentialSet{
		ObjectMeta: metav1.ObjectMeta{Name: setName},
		Spec: v1alpha1.CAPCredentialSetSpec{
			Endpoint: v1alpha1.CAPEndpoint{
				URL: w.cap.Endpoint(cap.C2S), Agency: query.Get("agency"), Mission: query.Get("mission"),
				ClientCertificateSecretRef: v1alpha1.LocalReference{Name: certificateName},
			},
			CredentialsRequests: &v1alpha1.CredentialsRequestsSpec{DefaultRole: roles[0]},
		},
	}
	return w
}

// start starts the operator with a log as in a cluster, because a verbose one costs memory and time.
func (w *world) start(args ...string) {
	w.t.Helper()
	ctx := w.t.Context()
	kubeconfig, err := w.installation.Kubeconfig(ctx, w.cp.Client, w.api.URL, w.api.CAPEM)
	must(w.t, err)
	w.operator, err = harness.StartOperator(ctx, harness.OperatorConfig{
		Kubeconfig: kubeconfig, Namespace: w.installation.Namespace, Dir: w.t.TempDir(), Args: append([]string{"--zap-log-level=info"}, args...),
	})
	must(w.t, err)
	operator := w.operator
	w.t.Cleanup(operator.Kill)
	must(w.t, w.operator.WaitReady(ctx))
}

// eventually waits until f returns nil.
func (w *world) eventually(what string, f func(ctx context.Context) error) {
	w.t.Helper()
	harness.Eventually(w.t, what, f, func(context.Context) string {
		if w.operator == nil {
			return ""
		}
		return "the operator's log ends with\n" + w.operator.LogTail(30)
	})
}

// read reads the set.
func (w *world) read(ctx context.Context) (*v1alpha1.CAPCredentialSet, error) {
	set := &v1alpha1.CAPCredentialSet{}
	return set, w.cp.Client.Get(ctx, client.ObjectKey{Name: setName}, set)
}

// eventuallyFresh waits until the status counts n of n credentials as fresh.
func (w *world) eventuallyFresh(total int) {
	w.t.Helper()
	want := fmt.Sprintf("%d/%d", total, total)
	w.eventually("all credentials are fresh", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err == nil && set.Status.Credentials != want {
			err = fmt.Errorf("status.credentials is %q", set.Status.Credentials)
		}
		return err
	})
}

// metric sums up the samples of a metric whose labels contain a text.
func (w *world) metric(ctx context.Context, name, labels string) (float64, error) {
	text, err := w.operator.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	sample := regexp.MustCompile(`^` + name + `(\{[^}]*\})? (\S+)$`)
	sum, found := 0.0, false
	for line := range strings.Lines(text) {
		m := sample.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || !strings.Contains(m[1], labels) {
			continue
		}
		value, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			return 0, err
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, errors.New("there is no metric " + name + " yet")
	}
	return sum, nil
}

// rounds is how often the set has been reconciled.
func (w *world) rounds(ctx context.Context) (float64, error) {
	return w.metric(ctx, "controller_runtime_reconcile_total", `controller="capcredentialset"`)
}

// forget checks the reads of Secrets so far and returns their number, and starts all counts again.
func (w *world) forget() int {
	w.t.Helper()
	reads := w.api.Requests(func(r harness.Recorded) bool {
		return r.Resource == "secrets" && (r.Verb == "list" || r.Verb == "watch")
	})
	for _, r := range reads {
		if r.Name == "" || r.Namespace == "" && !slices.Contains(namesPerNamespace, r.Name) {
			w.t.Errorf("%s: other Secrets were read", r)
		}
	}
	w.api.Forget()
	return len(reads)
}

// inParallel calls f for 0 to n-1 as fast as the API server allows.
func inParallel(t testing.TB, n int, f func(i int) error) {
	t.Helper()
	const workers = 32
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for worker := range workers {
		wait.Go(func() {
			for i := worker; i < n; i += workers {
				if err := f(i); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
			}
		})
	}
	wait.Wait()
	must(t, failed)
}

const (
	// foreignSize is that of a large Secret, such as a Helm release.
	foreignSize = 32 << 10
	// foreignNamespaces share the foreign Secrets with the namespaces of the payload.
	foreignNamespaces = 20
)

// foreignNamespace is the namespace of the i-th foreign Secret: half of them are beside the operator's targets.
func foreignNamespace(i int) string {
	if payload := harness.PayloadRequests(); i%2 == 0 {
		return payload[i/2%len(payload)].SecretNamespace
	}
	return fmt.Sprintf("foreign-%02d", i/2%foreignNamespaces)
}

// createForeign creates n foreign Secrets.
func (w *world) createForeign(n int) {
	w.t.Helper()
	for i := range foreignNamespaces {
		must(w.t, harness.CreateNamespace(w.t.Context(), w.cp.Client, foreignNamespace(2*i+1)))
	}
	content := incompressible()
	inParallel(w.t, n, func(i int) error {
		return w.cp.Client.Create(w.t.Context(), foreign(i, content))
	})
}

// touchForeign changes the first n of them.
func (w *world) touchForeign(n int) {
	w.t.Helper()
	content := incompressible()
	inParallel(w.t, n, func(i int) error {
		return w.cp.Client.Update(w.t.Context(), foreign(i, content))
	})
}

func incompressible() []byte {
	content := make([]byte, foreignSize)
	_, _ = rand.Read(content) // never fails, by its documentation
	return content
}

func foreign(i int, content []byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: foreignNamespace(i), Name: fmt.Sprintf("foreign-%05d", i)},
		Data:       map[string][]byte{"content": content},
	}
}
