// Package install tests the operator in namespaces other than the suggested one, installed by the Operator Lifecycle Manager and by
// kustomize, and the remains after its removal.
package install

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

var (
	cp *harness.ControlPlane
	// crdScheme knows CustomResourceDefinitions, which the operator does not.
	crdScheme = runtime.NewScheme()
)

func TestMain(m *testing.M) {
	if err := apiextensionsv1.AddToScheme(crdScheme); err != nil {
		panic(err)
	}
	harness.Main(m, func(started *harness.ControlPlane) { cp = started })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start starts the operator as a pod of the installation would, with leader election.
func start(t *testing.T, i *harness.Installation) *harness.OperatorProcess {
	t.Helper()
	kubeconfig, err := i.Kubeconfig(t.Context(), cp.Client, "https://"+strings.TrimPrefix(cp.Admin.Host, "https://"), cp.Admin.CAData)
	must(t, err)
	operator, err := harness.StartOperator(t.Context(), harness.OperatorConfig{
		Kubeconfig: kubeconfig, Namespace: i.Namespace, Dir: t.TempDir(),
		// Shorter than in a cluster, but long enough for a busy machine.
		Args: []string{"--leader-elect", "--leader-elect-lease-duration=60s", "--leader-elect-renew-deadline=40s", "--leader-elect-retry-period=1s"},
	})
	must(t, err)
	t.Cleanup(operator.Kill)
	return operator
}

// eventuallyLogged waits until the log has a text.
func eventuallyLogged(t *testing.T, operator *harness.OperatorProcess, text string) {
	t.Helper()
	harness.Eventually(t, "the log contains "+text, func(context.Context) error {
		log, err := operator.Logs()
		if err == nil && !strings.Contains(string(log), text) {
			err = errMissing
		}
		return err
	}, func(context.Context) string { return operator.LogTail(20) })
}

// remove deletes what a test has created without waiting: envtest never deletes namespaces.
func remove(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, o := range objects {
		must(t, client.IgnoreNotFound(cp.Client.Delete(context.Background(), o)))
	}
}

// serviceAccountOf is the account of an installation's pods.
func serviceAccountOf(i *harness.Installation) *corev1.ServiceAccount {
	a := &corev1.ServiceAccount{}
	a.Namespace, a.Name = i.Namespace, i.ServiceAccount
	return a
}
