package capset

// The client certificate: each fault has its own reason and no request is sent, because CAP's response to all of them is the
// same page.

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

const day = 24 * time.Hour

// The certificate is renewed while the operator runs, and the Secret changes from one set of key names to the other.
func TestCertificate_IsReadAgainInEitherNamingWithoutARestart(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	first, firstKey, err := w.cap.ClientCertificate("first")
	must(t, err)
	w.ownSecret(clientCertificate, map[string][]byte{"cap.pem": first, "cap.key": firstKey, "ca-chain.cert.pem": w.cap.CAPEM()})
	w.start()
	w.create()
	w.eventuallyFresh()

	must(t, w.cap.Revoke(first))
	w.requestRefresh()
	row := w.eventuallyRow("openshift-machine-api", "aws-cloud-credentials", v1alpha1.ReasonAuthenticationRefused)
	if err := missing(row.Message, "client certificate", "registered with CAP"); err != nil {
		t.Error(err)
	}
	calls := w.cap.Counts().ByRole[machineRole]
	w.certificate("second") // tls.crt and tls.key
	w.eventuallyFresh()     // at once: a new certificate does not wait for the retry after the old one's failure
	if n := w.cap.Counts().ByRole[machineRole] - calls; n != 1 {
		t.Errorf("%d requests for the role until the new certificate was accepted, want 1", n)
	}
	for _, r := range w.cap.Requests()[2*calls:] {
		if r.Client != "second" {
			t.Errorf("the client is %q after the change", r.Client)
		}
	}
	w.certificate("third")
	w.eventually("the status shows the third certificate", w.subjectIs("CN=third"))
	if n := w.cap.Counts().ByRole[machineRole] - calls; n != 1 {
		t.Error("a renewed certificate caused the fetch of credentials that are not due")
	}
}

func TestCertificate_EachFaultHasItsReasonAndNoRequestIsSent(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	now := time.Now()
	valid := func(from, to time.Duration) (certificate, key []byte) {
		certificate, key, err := w.cap.ClientCertificate("operator", simtls.Valid(now.Add(from), now.Add(to)))
		must(t, err)
		return certificate, key
	}
	good, goodKey := valid(-day, 365*day)
	_, otherKey := valid(-day, 365*day)
	early, earlyKey := valid(day, 365*day)
	late, lateKey := valid(-300*day, -day)
	old := map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00112233445566778899AABBCCDDEEFF"}
	before := w.contents("")
	for name, tc := range map[string]struct {
		data   map[string][]byte
		reason string
		// says are required parts of the message.
		says []string
	}{
		"no Secret keys":                     {map[string][]byte{"cert": good}, v1alpha1.ReasonCertificateMissing, []string{"tls.crt and tls.key", "cap.pem and cap.key"}},
		"half a pair":                        {map[string][]byte{"tls.crt": good}, v1alpha1.ReasonCertificateMissing, []string{"tls.key is missing"}},
		"no PEM":                             {map[string][]byte{"tls.crt": derOf(good), "tls.key": goodKey}, v1alpha1.ReasonCertificateInvalid, []string{"openssl pkcs12"}},
		"an encrypted PKCS 8 key":            {map[string][]byte{"cap.pem": good, "cap.key": pemBlock("ENCRYPTED PRIVATE KEY", nil, derOf(goodKey))}, v1alpha1.ReasonCertificateKeyEncrypted, []string{"cap.key", "openssl pkey"}},
		"an encrypted key of the older form": {map[string][]byte{"tls.crt": good, "tls.key": pemBlock("EC PRIVATE KEY", old, derOf(goodKey))}, v1alpha1.ReasonCertificateKeyEncrypted, []string{"tls.key", "passphrase"}},
		"another's key":                      {map[string][]byte{"tls.crt": good, "tls.key": otherKey}, v1alpha1.ReasonCertificateKeyMismatch, []string{"does not belong"}},
		"not valid yet":                      {map[string][]byte{"tls.crt": early, "tls.key": earlyKey}, v1alpha1.ReasonCertificateNotYetValid, []string{now.Add(day).UTC().Format("2006-01-02")}},
		"expired":                            {map[string][]byte{"tls.crt": late, "tls.key": lateKey}, v1alpha1.ReasonCertificateExpired, []string{now.Add(-day).UTC().Format("2006-01-02")}},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.sub(t)
			calls := w.cap.Counts().Requests
			w.ownSecret(clientCertificate, tc.data)
			c := w.eventuallyCondition(v1alpha1.ConditionClientCertificateValid, tc.reason, append(tc.says, clientCertificate)...)
			if c.Status != metav1.ConditionFalse {
				t.Errorf("the condition is %s", c.Status)
			}
			ready := w.eventuallyReady(tc.reason, "7/7") // the set is stalled, but its credentials are still fresh
			if !stalled(ready) {
				t.Error("the set is not stalled")
			}
			w.eventuallyCondition(v1alpha1.ConditionReady, tc.reason, "expires at "+ready.Status.EarliestExpiry.UTC().Format(time.RFC3339))
			if n := w.cap.Counts().Requests - calls; n != 0 {
				t.Errorf("%d requests to CAP", n)
			}
			w.eventuallyEvent(tc.reason, clientCertificate)
		})
	}
	w.ownSecret(clientCertificate, map[string][]byte{"tls.crt": late, "tls.key": lateKey, "ca.crt": w.cap.CAPEM()})
	w.eventuallyMetric(notAfter(t, late), "credential_rotation_client_certificate_expiry_timestamp_seconds", `set="aws"`)
	w.key = goodKey
	w.ownSecret(clientCertificate, map[string][]byte{"tls.crt": good, "tls.key": goodKey, "ca.crt": w.cap.CAPEM()})
	w.eventuallyFresh()
	w.eventuallyMetric(notAfter(t, good), "credential_rotation_client_certificate_expiry_timestamp_seconds", `set="aws"`)
	if len(w.secretWrites()) != 7 || !sameContents(before, w.contents("")) {
		t.Error("Secrets were written because of the certificate")
	}
}

// A certificate that expires in a week still works, but must be reported.
func TestCertificate_ThatIsAboutToExpireIsReportedWhileItWorks(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	end := time.Now().Add(7 * day)
	soon, key, err := w.cap.ClientCertificate("operator", simtls.Valid(end.Add(-300*day), end))
	must(t, err)
	w.key = key
	w.ownSecret(clientCertificate, map[string][]byte{"tls.crt": soon, "tls.key": key, "ca.crt": w.cap.CAPEM()})
	w.start()
	w.create()
	w.eventuallyFresh()
	w.eventuallyCondition(v1alpha1.ConditionClientCertificateValid, v1alpha1.ReasonCertificateExpiring,
		end.UTC().Format("2006-01-02"), "Renew it", clientCertificate)
	w.eventuallyMetric(notAfter(t, soon), "credential_rotation_client_certificate_expiry_timestamp_seconds", `set="aws"`)
	w.eventuallyEvent(v1alpha1.ReasonCertificateExpiring, clientCertificate)
}
