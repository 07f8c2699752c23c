package capcredentialset

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

func (r *reconciler) certificateRef(set *v1alpha1.CAPCredentialSet) types.NamespacedName {
	return types.NamespacedName{Namespace: r.Namespace, Name: set.Spec.Endpoint.ClientCertificateSecretRef.Name}
}

// lookAtCertificate reads the current client certificate, and holds the set if it is unusable.
func (r *reconciler) lookAtCertificate(s *scope, now time.Time) {
	ref := r.certificateRef(s.set)
	secret, found, synced := r.store.Get(ref.Namespace, ref.Name)
	readErr := r.store.Err(ref.Namespace, ref.Name)
	s.certificate, s.certificateErr, s.certificateUnread = nil, nil, !synced && readErr == nil
	switch {
	case found:
		s.certificate, s.certificateErr = cap.LoadClientCertificate(secret.Data, now)
	case synced:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it does not exist"}
	case apierrors.IsForbidden(readErr) || apierrors.IsUnauthorized(readErr):
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "the operator may not read it. Restore its Role " +
			"credential-rotation-operator in that namespace"}
	case readErr != nil:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it cannot be read"}
	default:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it has not been read yet"}
	}
	s.certificateBasis = certificateBasis(secret)
	// A hold because of the certificate is re-evaluated; the others apply to the whole round.
	if s.hold != nil && !s.holdByCertificate {
		return
	}
	s.hold, s.holdByCertificate = nil, false
	if s.certificateErr != nil {
		s.hold, s.holdByCertificate = &plan.Hold{Reason: string(s.certificateErr.Reason), Message: certificateMessage(ref, s.certificateErr, synced), Fetching: true}, true
	}
}

// basis changes with everything that CAP is asked with.
func (s *scope) basis() string {
	return strconv.FormatInt(s.set.Generation, 10) + "/" + s.certificateBasis + "/" + s.authorities
}

// certificateBasis changes with the content of the certificate's Secret. It stays in memory.
func certificateBasis(secret *corev1.Secret) string {
	if secret == nil {
		return ""
	}
	sum := sha256.New()
	for _, k := range []string{"tls.crt", "tls.key", "ca.crt", "cap.pem", "cap.key", "ca-chain.cert.pem"} {
		part := sha256.Sum256(secret.Data[k])
		sum.Write(part[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func certificateMessage(ref types.NamespacedName, err *cap.CertificateError, read bool) string {
	until := "it can be read"
	if read {
		until = "it is replaced"
	}
	return fmt.Sprintf("The client certificate in Secret %s cannot be used: %s. No credential is fetched until %s.", ref, err.Message, until)
}
