package capcredentialset_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	capsim "github.com/openshift/credential-rotation-operator/test/sim/cap"
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

func TestARoleThatHangs_HoldsUpNeitherOtherRolesNorANewSecret(t *testing.T) {
	w := newWorld(t)
	w.must(w.portal.Break(capsim.Fault{Kind: capsim.FaultHang, Role: roleB}))
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
		twoRoles(s)
		s.Spec.Endpoint.Timeout = &metav1.Duration{Duration: time.Second}
	})
	w.start()
	w.ready("cap", v1alpha1.ReasonRefreshFailing, "5/7")
	got := w.result("cap", "openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonCAPUnavailable)
	contains(t, "the message", got.Message, "did not answer within 1s")
	w.must(cp.Client.Create(t.Context(), harness.CredentialsRequest("efs", efsNamespace, efsSecret, awsSpec(nil))))
	w.ready("cap", v1alpha1.ReasonRefreshFailing, "6/8")
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
			w.clock.Advance(5 * time.Second) // a new certificate causes a request to CAP, but not two in two seconds
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
				t.Error("no request to STS")
			}
		})
	}
}
