package capcredentialset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	operatorv1 "github.com/openshift/api/operator/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	capsim "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

func TestTheModeAndTheCronJob_AreWatched(t *testing.T) {
	w := newWorld(t)
	mode := func(m operatorv1.CloudCredentialsMode) {
		o := &operatorv1.CloudCredential{}
		w.must(cp.Client.Get(t.Context(), client.ObjectKey{Name: "cluster"}, o))
		o.Spec.CredentialsMode = m
		w.must(cp.Client.Update(t.Context(), o))
	}
	mode(operatorv1.CloudCredentialsModeMint)
	w.set("cap", nil)
	w.start()
	w.ready("cap", v1alpha1.ReasonCredentialsModeNotManual, "0/7")
	if n := len(w.secretWrites()); n != 0 || w.portal.Counts().Requests != 0 {
		t.Errorf("%d Secrets written, %d calls", n, w.portal.Counts().Requests)
	}
	mode(operatorv1.CloudCredentialsModeManual)
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")

	w.must(harness.CreateNamespace(t.Context(), cp.Client, "cap-token-refresh"))
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyOnFailure, Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	job := &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "cap-token-refresh", Name: "cap-token-refresh"},
		Spec:       batchv1.CronJobSpec{Schedule: "*/30 * * * *", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: pod}}},
	}
	w.must(cp.Client.Create(t.Context(), job))
	second := func(reason string) {
		t.Helper()
		w.eventually("SecondWriter: "+reason, func() error {
			if got := reasonOf(w.get("cap"), v1alpha1.ConditionSecondWriter); got != reason {
				return fmt.Errorf("it is %s", got)
			}
			return nil
		})
	}
	second(v1alpha1.ReasonLegacyCronJob)
	yes := true
	job.Spec.Suspend = &yes
	w.must(cp.Client.Update(t.Context(), job))
	second(v1alpha1.ReasonNoSecondWriter)
}

func TestAWorkload_IsRestartedOncePerRefreshAndNotByARestartOfTheOperator(t *testing.T) {
	w := newWorld(t)
	const namespace, name = "openshift-cluster-api", "capa-controller-manager"
	labels := map[string]string{"app": name}
	capa := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}},
		}},
	}
	w.must(cp.Client.Create(t.Context(), capa))
	t.Cleanup(func() { _ = cp.Client.Delete(t.Context(), capa) })
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.RestartTargets = []v1alpha1.RestartTarget{{Kind: "Deployment", Namespace: namespace, Name: name}}
	})
	w.start()
	set := w.ready("cap", v1alpha1.ReasonRestartFailed, "7/7")
	for _, c := range set.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			contains(t, "the message", c.Message, "oc -n "+namespace+" create role", "--resource=deployments.apps", "--resource-name="+name)
		}
	}
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "restart"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"apps"}, Resources: []string{"deployments"}, ResourceNames: []string{name}, Verbs: []string{"get", "patch"}}},
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.installation.Namespace, Name: w.installation.ServiceAccount}},
	}
	w.must(cp.Client.Create(t.Context(), role))
	w.must(cp.Client.Create(t.Context(), binding))
	t.Cleanup(func() {
		_ = cp.Client.Delete(t.Context(), role)
		_ = cp.Client.Delete(t.Context(), binding)
	})
	w.clock.Advance(2 * time.Minute)
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	generation := func() int64 {
		d := &appsv1.Deployment{}
		w.must(cp.Client.Get(t.Context(), client.ObjectKeyFromObject(capa), d))
		return d.Generation
	}
	if g := generation(); g != 2 {
		t.Errorf("after the first refresh its generation is %d, want 2", g)
	}
	w.passes()
	w.start()
	w.passes()
	if g := generation(); g != 2 {
		t.Errorf("a restart of the operator restarted the workload: generation %d", g)
	}
	w.clock.Advance(31 * time.Minute)
	w.eventually("the restart of the second refresh", func() error {
		if g := generation(); g != 3 {
			return fmt.Errorf("generation %d", g)
		}
		return nil
	})
}

func TestTheRefreshAnnotation_ForcesARefreshOnce(t *testing.T) {
	w := newWorld(t)
	w.set("cap", twoRoles)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	w.clock.Advance(time.Minute)
	w.edit("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Annotations = map[string]string{v1alpha1.RefreshRequestedAnnotation: w.clock.Now().UTC().Format(time.RFC3339)}
	})
	w.eventually("fourteen writes", func() error {
		if n := total(w.secretWrites()); n != 14 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	w.passes()
	if n := w.portal.Counts().Requests; n != 4 || total(w.secretWrites()) != 14 {
		t.Errorf("%d calls and %d writes, want 4 and 14", n, total(w.secretWrites()))
	}
}

func TestTheMetrics_TellExpiryAgeCallsAndWrites(t *testing.T) {
	w := newWorld(t)
	w.set("metrics", twoRoles)
	w.start()
	w.ready("metrics", v1alpha1.ReasonFresh, "7/7")
	labels := map[string]string{"set": "metrics", "namespace": "openshift-machine-api", "name": "aws-cloud-credentials"}
	got := row(w.get("metrics"), labels["namespace"], labels["name"])
	for name, want := range map[string]float64{
		"credential_rotation_secret_expiry_timestamp_seconds":    float64(got.ExpiresAt.Unix()),
		"credential_rotation_secret_refreshed_timestamp_seconds": float64(got.RefreshedAt.Unix()),
	} {
		if n := metric(name, labels); n != want {
			t.Errorf("%s is %v, want %v", name, n, want)
		}
	}
	ours := map[string]string{"set": "metrics"}
	for name, want := range map[string]float64{
		"credential_rotation_cap_requests_total":  2,
		"credential_rotation_secret_writes_total": 7,
		"credential_rotation_secrets":             7,
	} {
		if n := metric(name, ours); n != want {
			t.Errorf("%s is %v, want %v", name, n, want)
		}
	}
	if n := metric("credential_rotation_client_certificate_expiry_timestamp_seconds", ours); n <= float64(w.clock.Now().Unix()) {
		t.Errorf("the certificate's expiry is shown as %v", n)
	}
	w.must(cp.Client.Delete(t.Context(), w.get("metrics")))
	w.eventually("the series are dropped", func() error {
		if n := metric("credential_rotation_secrets", ours); n != 0 {
			return fmt.Errorf("%v", n)
		}
		return nil
	})
}

// The defects of cap-token-refresh, the CronJob whose work this controller takes over, are each the subject of a test: an
// error wipes credentials, and failures are invisible (TestBadAnswers, TestABadAnswer); no session token
// (TestSevenRequests); a missing Secret and a new request are not served (TestARequestThatAppears); the right to read and
// write every Secret (TestNoRight); every run rewrites every Secret (TestSevenRequests, TestTheSameCredential); one call per
// Secret (TestSevenRequests); expiry is not known (below).

func TestTheExpiryThatThePortalTells_CountsAndNotAFixedPeriod(t *testing.T) {
	w := newWorld(t)
	w.portal.Configure(func(s *capsim.Settings) { s.Lifetime = simctl.Duration(10 * time.Minute) })
	w.set("cap", nil)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	w.clock.Advance(6 * time.Minute) // a period of 30 minutes would be too late
	w.eventually("the second refresh", func() error {
		if n := w.portal.Counts().Requests; n != 2 {
			return fmt.Errorf("%d calls", n)
		}
		return nil
	})
}

func TestNoRight_ToReadOrWriteOtherSecretsIsUsed(t *testing.T) {
	w := newWorld(t)
	w.must(cp.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "foreign"}, Data: map[string][]byte{"k": []byte("FOREIGN")},
	}))
	w.set("cap", nil)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	for _, r := range w.api.Requests(func(r harness.Recorded) bool { return r.Resource == "secrets" }) {
		if r.Status == 403 || r.Namespace == "" || r.Namespace == "default" {
			t.Errorf("%s was requested, with status %d", r, r.Status)
		}
	}
	if strings.Contains(logs.String(), "FOREIGN") {
		t.Error("a foreign Secret was read")
	}
}
