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
	s.certificateBasis = certificateBasis(secret)
	s.certificate, s.certificateErr, s.certificateUnread = nil, nil, !synced && readErr == nil
	switch {
	case found:
		s.certificate, s.certificateErr = s.parsed.of(secret, s.certificateBasis, now)
	case synced:
		s.parsed = parsedCertificate{}
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it does not exist"}
	case apierrors.IsForbidden(readErr) || apierrors.IsUnauthorized(readErr):
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "the operator may not read it. Restore its Role " +
			"credential-rotation-operator in that namespace"}
	case readErr != nil:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it cannot be read"}
	default:
		s.certificateErr = &cap.CertificateError{Reason: cap.CertificateMissing, Message: "it has not been read yet"}
	}
	// A hold because of the certificate is re-evaluated; the others apply to the whole round.
	if s.hold != nil && !s.holdByCertificate {
		return
	}
	s.hold, s.holdByCertificate = nil, false
	if s.certificateErr != nil {
		s.hold, s.holdByCertificate = &plan.Hold{Reason: string(s.certificateErr.Reason), Message: certificateMessage(ref, s.certificateErr, synced), Fetching: true}, true
	}
}

// parsedCertificate is a client certificate, or why there is none, and the content that it was read from: every round looks twice.
type parsedCertificate struct {
	basis       string
	certificate *cap.ClientCertificate
	err         *cap.CertificateError
}

// of is the certificate in a Secret at a time.
func (p *parsedCertificate) of(secret *corev1.Secret, basis string, now time.Time) (*cap.ClientCertificate, *cap.CertificateError) {
	if p.basis != basis {
		p.basis = basis
		p.certificate, p.err = cap.ParseClientCertificate(secret.Data)
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.certificate, p.certificate.Judge(now)
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
	for _, k := range cap.CertificateKeys() {
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
