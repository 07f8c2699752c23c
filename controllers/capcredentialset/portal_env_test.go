package capcredentialset_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	operatorv1 "github.com/openshift/api/operator/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	capsim "github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
	stssim "github.com/openshift/credential-rotation-operator/test/sim/sts"
)

func TestTheOtherDialect_IsSpokenWithBlanksAndSlashesInItsParameters(t *testing.T) {
	w := newWorld(t)
	const odd = "Rôle with blanks/and&signs=?"
	w.portal.AddRole(odd, "333333333333")
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.Endpoint.URL, s.Spec.Endpoint.Dialect = w.portal.Endpoint(capsim.SC2S), v1alpha1.DialectSC2S
		s.Spec.CredentialsRequests.DefaultRole = odd
		s.Spec.Endpoint.ExtraParameters = map[string]string{"ticket": "a b&c"}
	})
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	if n := w.portal.Counts().ByRole[odd]; n != 1 {
		t.Errorf("calls: %v", w.portal.Counts().ByRole)
	}
}

func TestBadAnswers_ChangeNoSecretAndShowTheirClass(t *testing.T) {
	for kind, class := range map[capsim.FaultKind]string{
		capsim.FaultHTML:        v1alpha1.ReasonAuthenticationRefused,
		capsim.FaultBadRequest:  v1alpha1.ReasonRequestRejected,
		capsim.FaultForbidden:   v1alpha1.ReasonRoleRefused,
		capsim.FaultDisabled:    v1alpha1.ReasonAPIDisabled,
		capsim.FaultEmpty:       v1alpha1.ReasonMalformedCredential,
		capsim.FaultHuge:        v1alpha1.ReasonMalformedCredential,
		capsim.FaultTruncated:   v1alpha1.ReasonMalformedCredential,
		capsim.FaultNullKeys:    v1alpha1.ReasonMalformedCredential,
		capsim.FaultExpired:     v1alpha1.ReasonCredentialExpired,
		capsim.FaultNewline:     v1alpha1.ReasonUnsafeCredential,
		capsim.FaultBadGateway:  v1alpha1.ReasonCAPUnavailable,
		capsim.FaultRateLimited: v1alpha1.ReasonCAPUnavailable,
	} {
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(t)
			w.set("cap", twoRoles)
			w.start()
			w.ready("cap", v1alpha1.ReasonFresh, "7/7")
			const namespace, name = "openshift-machine-api", "aws-cloud-credentials"
			before := w.secret(namespace, name)

			w.must(w.portal.Break(capsim.Fault{Kind: kind, Role: roleB}))
			w.clock.Advance(31 * time.Minute)
			w.result("cap", namespace, name, class)
			w.ready("cap", v1alpha1.ReasonRefreshFailing, "5/7")
			if after := w.secret(namespace, name); after.ResourceVersion != before.ResourceVersion {
				t.Error("the Secret of the failing role was written")
			}
			if n := metric("credential_rotation_refresh_failures_total", map[string]string{"set": "cap", "role": roleB, "reason": class}); n < 1 {
				t.Errorf("the metric counts %v failures", n)
			}
			w.portal.Heal()
			w.clock.Advance(15 * time.Minute)
			w.ready("cap", v1alpha1.ReasonFresh, "7/7")
		})
	}
}

func TestTheClientCertificate_IsReadAgainWhenItChanges(t *testing.T) {
	w := newWorld(t)
	w.set("cap", nil)
	w.portal.Deactivate("npe", true)
	w.start()
	w.ready("cap", v1alpha1.ReasonRefreshFailing, "0/7")
	w.result("cap", "openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonAuthenticationRefused)
	// Time stands still: it is the new certificate and not the wait after the failure that lets it try again.
	w.certificate("another")
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
}

func TestTheClientCertificate_EachTroubleHasItsReason(t *testing.T) {
	w := newWorld(t)
	w.set("cap", nil)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	now := w.clock.Now()
	valid := func(from, to time.Duration) (cert, key []byte) {
		cert, key, err := w.portal.ClientCertificate("npe", simtls.Valid(now.Add(from), now.Add(to)))
		w.must(err)
		return cert, key
	}
	const day = 24 * time.Hour
	good, goodKey := valid(-day, 365*day)
	_, otherKey := valid(-day, 365*day)
	early, earlyKey := valid(day, 365*day)
	late, lateKey := valid(-2*day, -day)
	soon, soonKey := valid(-300*day, 10*day)
	encrypted := []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	for reason, data := range map[string]map[string][]byte{
		v1alpha1.ReasonCertificateValid:        {"tls.crt": good, "tls.key": goodKey, "ca.crt": w.portal.CAPEM()},
		v1alpha1.ReasonCertificateMissing:      {"something": []byte("else")},
		v1alpha1.ReasonCertificateInvalid:      {"tls.crt": []byte("no PEM"), "tls.key": goodKey},
		v1alpha1.ReasonCertificateKeyMismatch:  {"tls.crt": good, "tls.key": otherKey},
		v1alpha1.ReasonCertificateKeyEncrypted: {"cap.pem": good, "cap.key": encrypted},
		v1alpha1.ReasonCertificateNotYetValid:  {"cap.pem": early, "cap.key": earlyKey},
		v1alpha1.ReasonCertificateExpired:      {"cap.pem": late, "cap.key": lateKey},
		v1alpha1.ReasonCertificateExpiring:     {"cap.pem": soon, "cap.key": soonKey, "ca-chain.cert.pem": w.portal.CAPEM()},
	} {
		t.Run(reason, func(t *testing.T) {
			w.t = t
			w.must(harness.Ensure(t.Context(), cp.Client, &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: w.installation.Namespace, Name: "cap-certs"}, Data: data,
			}))
			w.eventually("the condition", func() error {
				if got := reasonOf(w.get("cap"), v1alpha1.ConditionClientCertificateValid); got != reason {
					return fmt.Errorf("it is %s", got)
				}
				return nil
			})
			want := reason
			if reason == v1alpha1.ReasonCertificateValid || reason == v1alpha1.ReasonCertificateExpiring {
				want = v1alpha1.ReasonFresh // it still works
			}
			if got := reasonOf(w.get("cap"), v1alpha1.ConditionReady); got != want {
				t.Errorf("Ready is %s, want %s", got, want)
			}
		})
	}
	w.t = t
}

func TestWithoutACA_TheClusterTrustBundleCounts(t *testing.T) {
	w := newWorld(t)
	cert, key, err := w.portal.ClientCertificate("npe")
	w.must(err)
	w.must(harness.Ensure(t.Context(), cp.Client, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.installation.Namespace, Name: "cap-certs"},
		Data:       map[string][]byte{"tls.crt": cert, "tls.key": key},
	}))
	w.set("cap", nil)
	w.start()
	w.result("cap", "openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonCAPUntrusted)
	w.must(harness.Ensure(t.Context(), cp.Client, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "trusted-ca-bundle"},
		Data:       map[string]string{"ca-bundle.crt": string(w.portal.CAPEM())},
	}))
	w.clock.Advance(10 * time.Minute)
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
}

func TestSTS_IsAskedBeforeACredentialIsWritten(t *testing.T) {
	for _, policy := range []v1alpha1.STSPolicy{v1alpha1.STSBestEffort, v1alpha1.STSRequired} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t)
			aws, err := stssim.New(stssim.Options{CA: w.portal.CA(), Clock: w.clock, Keys: w.portal, Region: "us-iso-east-1"})
			w.must(err)
			w.must(aws.Start())
			t.Cleanup(aws.Close)
			// The AWS API's CA, where the machine-api finds it.
			w.must(harness.Ensure(t.Context(), cp.Client, &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Namespace: "openshift-config-managed", Name: "kube-cloud-config"},
				Data:       map[string]string{"ca-bundle.pem": string(w.portal.CAPEM())},
			}))
			w.must(w.portal.Break(capsim.Fault{Kind: capsim.FaultDeadKeys}))
			w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
				s.Spec.Verification = v1alpha1.CAPVerification{STS: policy, Endpoint: aws.URL()} // the region is the cluster's
			})
			w.start()
			w.result("cap", "openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonCredentialRefused)
			if n := len(w.secretWrites()); n != 0 {
				t.Errorf("%d Secrets were written with a credential that STS refuses", n)
			}
			w.portal.Heal()
			aws.Stop()
			w.clock.Advance(10 * time.Minute)
			if policy == v1alpha1.STSBestEffort {
				w.ready("cap", v1alpha1.ReasonFresh, "7/7") // unreachable is unknown, not refused
				return
			}
			w.result("cap", "openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonSTSUnavailable)
			w.must(aws.Start())
			w.clock.Advance(10 * time.Minute)
			w.ready("cap", v1alpha1.ReasonFresh, "7/7")
			if n := aws.Counts().Requests; n == 0 {
				t.Error("STS was never asked")
			}
		})
	}
}

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
			t.Errorf("%s was asked for, with status %d", r, r.Status)
		}
	}
	if strings.Contains(logs.String(), "FOREIGN") {
		t.Error("a foreign Secret was read")
	}
}
