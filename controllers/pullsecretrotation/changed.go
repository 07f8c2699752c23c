package pullsecretrotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
			_, _ = sum.Write(t.doc.Raw())
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// lookAround reads the OCM credential and the trusted CAs only to notice changes.
func (s *scope) lookAround(ctx context.Context) {
	sum := sha256.New()
	add := func(name string, o client.Object, data func() map[string][]byte) {
		if err := s.r.Reader.Get(ctx, client.ObjectKey{Namespace: s.r.Options.Namespace, Name: name}, o); err != nil {
			return // whoever needs it reports what is wrong with it
		}
		keys := data()
		names := make([]string, 0, len(keys))
		for k := range keys {
			names = append(names, k)
		}
		slices.Sort(names)
		for _, k := range names {
			_, _ = fmt.Fprintf(sum, "%q %q", k, keys[k])
		}
	}
	if ref := s.obj.Spec.OCM.CredentialsSecretRef; ref != nil {
		secret := &corev1.Secret{}
		add(ref.Name, secret, func() map[string][]byte { return secret.Data })
	}
	if ref := s.obj.Spec.OCM.CABundleConfigMapRef; ref != nil {
		bundle := &corev1.ConfigMap{}
		add(ref.Name, bundle, func() map[string][]byte {
			return map[string][]byte{"ca-bundle.crt": []byte(bundle.Data["ca-bundle.crt"])}
		})
	}
	s.surroundings = hex.EncodeToString(sum.Sum(nil))
}

// fingerprint of an entry, with the object's salt.
func (s *scope) fingerprint(e pullsecret.Entry) string {
	if s.obj.Status.Salt == "" {
		s.obj.Status.Salt = pullsecret.NewSalt()
	}
	return e.Fingerprint(s.obj.Status.Salt)
}
