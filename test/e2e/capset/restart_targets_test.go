package capset

// Workloads that read their credentials only at their start.

import (
	"context"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

const capiNamespace = "openshift-cluster-api"

// workloads are one of each kind in the namespace of cluster-api's Secret, and one elsewhere.
func (w *capWorld) workloads() []v1alpha1.RestartTarget {
	w.t.Helper()
	labels := map[string]string{"app": "a"}
	selector := &metav1.LabelSelector{MatchLabels: labels}
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"theirs": "stays"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
	}
	in := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name}
	}
	for _, o := range []client.Object{
		&appsv1.Deployment{ObjectMeta: in(capiNamespace, "capa-controller-manager"), Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}},
		&appsv1.DaemonSet{ObjectMeta: in(capiNamespace, "node-agent"), Spec: appsv1.DaemonSetSpec{Selector: selector, Template: template}},
		&appsv1.StatefulSet{ObjectMeta: in(capiNamespace, "store"), Spec: appsv1.StatefulSetSpec{Selector: selector, Template: template}},
		&appsv1.Deployment{ObjectMeta: in("openshift-image-registry", "image-registry"), Spec: appsv1.DeploymentSpec{Selector: selector, Template: template}},
	} {
		must(w.t, w.client.Create(w.t.Context(), o))
	}
	return []v1alpha1.RestartTarget{
		{Kind: v1alpha1.RestartDeployment, Namespace: capiNamespace, Name: "capa-controller-manager"},
		{Kind: v1alpha1.RestartDaemonSet, Namespace: capiNamespace, Name: "node-agent"},
		{Kind: v1alpha1.RestartStatefulSet, Namespace: capiNamespace, Name: "store"},
		{Kind: v1alpha1.RestartDeployment, Namespace: "openshift-image-registry", Name: "image-registry"},
	}
}

// restarts is how often each workload's pod template has changed, by its generation.
func (w *capWorld) restarts(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for name, o := range map[string]client.Object{"capa-controller-manager": &appsv1.Deployment{}, "node-agent": &appsv1.DaemonSet{}, "store": &appsv1.StatefulSet{}} {
		if err := w.client.Get(ctx, client.ObjectKey{Namespace: capiNamespace, Name: name}, o); err != nil {
			return nil, err
		}
		out[name] = o.GetGeneration() - 1
	}
	d := &appsv1.Deployment{}
	err := w.client.Get(ctx, client.ObjectKey{Namespace: "openshift-image-registry", Name: "image-registry"}, d)
	out["image-registry"] = d.Generation - 1
	return out, err
}

// eventuallyRestarted waits for the numbers of restarts: those beside cluster-api's Secret, and the one beside the registry's.
func (w *capWorld) eventuallyRestarted(capi, registry int64) {
	w.t.Helper()
	w.eventually("the workloads are restarted", func(ctx context.Context) error {
		got, err := w.restarts(ctx)
		if err != nil {
			return err
		}
		for name, n := range got {
			want := capi
			if name == "image-registry" {
				want = registry
			}
			if n != want {
				return fmt.Errorf("%s was restarted %d times, want %d", name, n, want)
			}
		}
		return nil
	})
}

// Each is restarted once per refresh that changed a Secret of its namespace, once the right is granted by the message's command; and
// never because the operator starts.
func TestRestartTargets_AreRestartedOncePerRefreshThatChangedWhatTheyUse(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.config.Args = append(w.config.Args, "--cap-restart-retry=1s")
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) { s.Spec.RestartTargets = w.workloads() })
	for range 4 { // one after the other, as a reader of the message does
		set := w.eventuallyReady(v1alpha1.ReasonRestartFailed, "7/7")
		var message string
		for _, c := range set.Status.Conditions {
			if c.Type == v1alpha1.ConditionReady {
				message = c.Message
			}
		}
		if err := missing(message, "may still use old credentials", "oc -n "); err != nil {
			t.Fatal(err)
		}
		line := w.command(message)
		w.execute(line)
		w.eventually("the message is about the next one, or all are restarted", func(ctx context.Context) error {
			set, err := w.read(ctx)
			if err != nil {
				return err
			}
			for _, c := range set.Status.Conditions {
				if c.Type == v1alpha1.ConditionReady && missing(c.Message, line) == nil {
					return fmt.Errorf("the message is still: %s", c.Message)
				}
			}
			return nil
		})
	}
	w.eventuallyFresh()
	w.eventuallyRestarted(1, 1)
	w.eventuallyEvent(v1alpha1.ReasonWorkloadRestarted, "DaemonSet "+capiNamespace+"/node-agent")

	w.stop()
	w.start()
	w.looked(w.operator)
	w.eventuallyRestarted(1, 1)

	w.eventuallyRefreshed(w.requestRefresh())
	w.eventuallyRestarted(2, 2)
	d := &appsv1.Deployment{}
	must(t, w.client.Get(t.Context(), client.ObjectKey{Namespace: capiNamespace, Name: "capa-controller-manager"}, d))
	if d.Spec.Template.Annotations["theirs"] != "stays" || d.Spec.Template.Annotations[v1alpha1.RestartedAtAnnotation] == "" {
		t.Errorf("the annotations of the pod template are %v", d.Spec.Template.Annotations)
	}
	w.stop()
	w.start()
	w.looked(w.operator)
	w.stop()
	if got, err := w.restarts(t.Context()); err != nil || got["capa-controller-manager"] != 2 || got["image-registry"] != 2 {
		t.Errorf("a restart of the operator restarted workloads: %v (%v)", got, err)
	}
}

// A refresh without a change restarts nothing, and neither does one in another namespace.
func TestRestartTargets_AreNotRestartedWithoutAChangeInTheirNamespace(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	targets := w.workloads()
	for _, target := range targets {
		kind := map[v1alpha1.RestartKind]string{v1alpha1.RestartDeployment: "deployments", v1alpha1.RestartDaemonSet: "daemonsets", v1alpha1.RestartStatefulSet: "statefulsets"}[target.Kind]
		w.execute(fmt.Sprintf("oc -n %[1]s create role r-%[2]s --verb=get,patch --resource=%[3]s.apps --resource-name=%[2]s && oc -n %[1]s create rolebinding r-%[2]s --role=r-%[2]s --serviceaccount=%[4]s:%[5]s",
			target.Namespace, target.Name, kind, w.installation.Namespace, w.installation.ServiceAccount))
	}
	w.start()
	w.create(w.aRoleEach, func(s *v1alpha1.CAPCredentialSet) { s.Spec.RestartTargets = targets })
	w.eventuallyFresh()
	w.eventuallyRestarted(1, 1)
	// Another namespace's Secret is restored, and only the registry's is refreshed.
	must(t, w.client.Delete(t.Context(), w.secret(machineNamespace, machineSecret)))
	w.cap.AddRole("another", "333333333333")
	w.edit(func(s *v1alpha1.CAPCredentialSet) {
		for i := range s.Spec.CredentialsRequests.Roles {
			if r := &s.Spec.CredentialsRequests.Roles[i]; r.Name == "openshift-image-registry" {
				r.Role = "another"
			}
		}
	})
	w.eventuallyRestarted(1, 2)
	w.eventuallyFresh()

	// CAP returns the same credential as before.
	w.cap.Configure(func(s *cap.Settings) { s.ReuseUntilPercent = 90 })
	w.cap.ResetCounts()
	w.eventuallyRefreshed(w.requestRefresh())
	if n := w.cap.Counts().Requests; n != 7 {
		t.Errorf("CAP was asked %d times", n)
	}
	w.eventuallyRestarted(1, 2)
}
