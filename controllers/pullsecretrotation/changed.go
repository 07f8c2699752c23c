package pullsecretrotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// A check is valid for certain targets, a spec, an OCM credential and trusted CAs. If one of them has changed, or the process has just started,
// OCM and the registries are asked at once, before Ready becomes True.

// changed is true if the state differs from the one that was checked.
func (s *scope) changed(proven string) bool { return s.targets != nil && proven != s.state() }

// noteChange records since when the spec and the surroundings are as they are. The targets do not count: they change on one cluster alone.
func (s *scope) noteChange() {
	if now := fmt.Sprintf("%d %s", s.obj.Generation, s.surroundings); now != s.memory.changed {
		s.memory.changed, s.memory.changedSince = now, s.now()
	}
}

// state is a hash of what a check depends on. It stays in memory.
func (s *scope) state() string {
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%d %s", s.obj.Generation, s.surroundings)
	for _, t := range s.targets {
		_, _ = fmt.Fprintf(sum, "%s %s", t.ref, t.problem.reason)
		if t.doc != nil {
			_, _ = sum.Write(t.doc.Sum())
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// lookAround reads the OCM credential and the trusted CAs to notice changes. Whoever needs them reports what is wrong with them.
func (s *scope) lookAround(ctx context.Context) {
	sum := sha256.New()
	if ref := s.obj.Spec.OCM.CredentialsSecretRef; ref != nil {
		if secret, err := s.credentialSecret.get(ctx, s, ref.Name, &corev1.Secret{}); err == nil {
			for _, k := range slices.Sorted(maps.Keys(secret.Data)) {
				_, _ = fmt.Fprintf(sum, "%q %q", k, secret.Data[k])
			}
		}
	}
	if ref := s.obj.Spec.OCM.CABundleConfigMapRef; ref != nil {
		if bundle, err := s.caBundle.get(ctx, s, ref.Name, &corev1.ConfigMap{}); err == nil {
			_, _ = fmt.Fprintf(sum, "%q %q", "ca-bundle.crt", bundle.Data["ca-bundle.crt"])
		}
	}
	s.surroundings = hex.EncodeToString(sum.Sum(nil))
}

// fingerprint of an entry, with the object's salt.
func (s *scope) fingerprint(e pullsecret.Entry) string {
	if s.obj.Status.Salt == "" {
		s.obj.Status.Salt = pullsecret.NewSalt()
	}
	return s.prints().Of(e)
}

// prints computes fingerprints with the salt that the status has now.
func (s *scope) prints() *pullsecret.Fingerprinter {
	if !s.printer.Uses(s.obj.Status.Salt) {
		s.printer = pullsecret.NewFingerprinter(s.obj.Status.Salt)
	}
	return s.printer
}
