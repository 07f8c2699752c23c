package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// operatorName is the name of the namespace's objects: Deployment and ServiceAccount.
const (
	operatorNamespace = "openshift-credential-rotation-operator"
	operatorName      = "credential-rotation-operator"
)

// cluster is an empty API server for the test.
type cluster struct {
	*harness.ControlPlane
	t        testing.TB
	operator *harness.OperatorProcess
	// requests are the CredentialsRequests to serve.
	requests []harness.Request
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	cp, err := harness.StartEmptyControlPlane()
	must(t, err)
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	if cp.Kubectl == "" {
		t.Fatal("KUBEBUILDER_ASSETS has no kubectl: run `make test`, which provides it")
	}
	return &cluster{ControlPlane: cp, t: t, requests: payload()}
}

// shell is a shell with the cluster's kubeconfig.
func (c *cluster) shell() *shell {
	s := newShell(c.t, kubectlVariable+"="+c.Kubectl)
	s.write(".kubeconfig", c.AdminKubeconfig)
	s.env = append(s.env, "KUBECONFIG="+s.path(".kubeconfig"))
	return s
}

// runDeployment stands for the Deployment's controller: it starts the operator with its arguments, environment and service account.
func (c *cluster) runDeployment(portal *portal) {
	c.t.Helper()
	ctx := c.t.Context()
	deployment := &appsv1.Deployment{}
	must(c.t, c.Client.Get(ctx, client.ObjectKey{Namespace: operatorNamespace, Name: operatorName}, deployment))
	pod := deployment.Spec.Template.Spec
	wantControlPlanePod(c.t, pod)
	container := pod.Containers[0]
	if len(container.Args) == 0 || container.Args[0] != "manager" {
		c.t.Fatalf("the Deployment's arguments are %q", container.Args)
	}
	var env []string
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			env = append(env, variable.Name+"="+variable.Value)
		}
	}
	installation := &harness.Installation{Namespace: deployment.Namespace, ServiceAccount: pod.ServiceAccountName}
	kubeconfig, err := installation.Kubeconfig(ctx, c.Client, "https://"+strings.TrimPrefix(c.Admin.Host, "https://"), c.Admin.CAData)
	must(c.t, err)
	c.operator, err = harness.StartOperator(ctx, harness.OperatorConfig{
		Kubeconfig: kubeconfig, Namespace: deployment.Namespace, Dir: c.t.TempDir(), Args: container.Args[1:], Env: env,
	})
	must(c.t, err)
	c.t.Cleanup(func() { c.end(portal) })
	must(c.t, c.operator.WaitReady(ctx))
}

// wantControlPlanePod fails the test unless the pod can run, and has priority, while there are only control-plane nodes.
func wantControlPlanePod(t testing.TB, pod corev1.PodSpec) {
	t.Helper()
	if pod.PriorityClassName != "system-cluster-critical" {
		t.Errorf("the pod has the priority class %q", pod.PriorityClassName)
	}
	for _, role := range []string{"node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"} {
		tolerates := func(have corev1.Toleration) bool {
			return have.Key == role && have.Effect == corev1.TaintEffectNoSchedule
		}
		if !slices.ContainsFunc(pod.Tolerations, tolerates) {
			t.Errorf("the pod does not tolerate the taint %s", role)
		}
	}
}

// end ends the operator and searches for leaked secrets.
func (c *cluster) end(portal *portal) {
	ctx := context.Background() // the test's context has ended already
	metrics, err := c.operator.Metrics(ctx)
	if err != nil {
		c.t.Error(err)
	}
	c.operator.Kill()
	log, err := c.operator.Logs()
	if err != nil {
		c.t.Error(err)
	}
	found, err := portal.canaries().Scan(ctx, c.Client, map[string]string{"the log": string(log), "the metrics": metrics})
	if err != nil {
		c.t.Error(err)
	}
	for _, f := range found {
		c.t.Error("a secret leaked: " + f)
	}
	if c.t.Failed() {
		c.t.Log(c.dump(ctx))
	}
}

func (c *cluster) dump(ctx context.Context) string {
	out := harness.Dump(ctx, c.Client)
	if c.operator != nil {
		out += "--- the operator's log ends with\n" + c.operator.LogTail(40)
	}
	return out
}

// eventually waits until f returns nil.
func (c *cluster) eventually(what string, f func(ctx context.Context) error) {
	c.t.Helper()
	harness.Eventually(c.t, what, f, c.dump)
}

// set reads the set of the pages.
func (c *cluster) set(ctx context.Context) (*v1alpha1.CAPCredentialSet, error) {
	set := &v1alpha1.CAPCredentialSet{}
	return set, c.Client.Get(ctx, client.ObjectKey{Name: "cap"}, set)
}

// eventuallyReason waits until a condition of the set has a reason, and returns its message.
func (c *cluster) eventuallyReason(condition, reason string) (message string) {
	c.t.Helper()
	c.eventually("the set's condition "+condition+" says "+reason, func(ctx context.Context) error {
		set, err := c.set(ctx)
		if err != nil {
			return err
		}
		for _, have := range set.Status.Conditions {
			if have.Type == condition {
				if message = have.Message; have.Reason == reason {
					return nil
				}
				return errors.New("it says " + have.Reason + ": " + have.Message)
			}
		}
		return errors.New("there is no such condition")
	})
	return message
}

// secret reads the Secret of a CredentialsRequest.
func (c *cluster) secret(r harness.Request) *corev1.Secret {
	c.t.Helper()
	s := &corev1.Secret{}
	must(c.t, c.Client.Get(c.t.Context(), client.ObjectKey{Namespace: r.SecretNamespace, Name: r.SecretName}, s))
	return s
}

// wantRefreshed fails the test unless the operator has given each Secret a live credential of its role, and says how long it lives.
func (c *cluster) wantRefreshed(portal *portal) {
	c.t.Helper()
	for _, r := range c.requests {
		s := c.secret(r)
		credential, err := awscreds.Parse(s.Data)
		if err != nil {
			c.t.Errorf("%s: %v", r.Name, err)
			continue
		}
		switch role, err := portal.live(credential); {
		case err != nil:
			c.t.Errorf("%s: %v", r.Name, err)
		case role != roleOf[r.Name]:
			c.t.Errorf("%s has a credential of role %s, want %s", r.Name, role, roleOf[r.Name])
		case credential.SessionToken == "":
			c.t.Errorf("%s has no session token", r.Name)
		}
		for _, annotation := range []string{v1alpha1.ExpiresAtAnnotation, v1alpha1.RefreshedAtAnnotation, v1alpha1.SealAnnotation} {
			if s.Annotations[annotation] == "" {
				c.t.Errorf("%s lacks the annotation %s: the operator has not refreshed it", r.Name, annotation)
			}
		}
	}
	set, err := c.set(c.t.Context())
	must(c.t, err)
	if want := fmt.Sprintf("%d/%d", len(c.requests), len(c.requests)); set.Status.Credentials != want {
		c.t.Errorf("status.credentials is %q, want %q", set.Status.Credentials, want)
	}
}
