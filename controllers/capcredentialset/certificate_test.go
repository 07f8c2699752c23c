package capcredentialset

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

func TestParsedCertificate_IsReadOncePerContentAndJudgedByTheTimeOfEachLook(t *testing.T) {
	ca, err := simtls.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	secretOf := func() *corev1.Secret {
		certificate, key, err := ca.Client("npe", simtls.Valid(now.Add(-time.Hour), now.Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		return &corev1.Secret{Data: map[string][]byte{"tls.crt": certificate, "tls.key": key}}
	}
	first, second := secretOf(), secretOf()
	broken := &corev1.Secret{Data: map[string][]byte{"tls.crt": first.Data["tls.crt"], "tls.key": second.Data["tls.key"]}}
	var parsed parsedCertificate
	look := func(s *corev1.Secret, at time.Time) (*cap.ClientCertificate, cap.CertificateReason) {
		c, bad := parsed.of(s, certificateBasis(s), at)
		if bad != nil {
			return c, bad.Reason
		}
		return c, ""
	}

	one, why := look(first, now)
	if one == nil || why != "" {
		t.Fatalf("a good certificate is refused: %s", why)
	}
	if again, why := look(first.DeepCopy(), now); again != one || why != "" {
		t.Errorf("the same content is read again (%s)", why)
	}
	if again, why := look(first, now.Add(2*time.Hour)); again != one || why != cap.CertificateExpired {
		t.Errorf("two hours later it is judged %q, want %s", why, cap.CertificateExpired)
	}
	if c, why := look(broken, now); c != nil || why != cap.CertificateKeyMismatch {
		t.Errorf("a key of another certificate is judged %q, want %s", why, cap.CertificateKeyMismatch)
	}
	if c, why := look(second, now); c == nil || c == one || why != "" || c.Fingerprint == one.Fingerprint {
		t.Errorf("a new content is not read (%s)", why)
	}
}
