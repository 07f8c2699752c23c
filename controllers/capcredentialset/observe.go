package capcredentialset

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// observe looks at a Secret. hashKey keys the seal and the hash of the content.
func observe(s *corev1.Secret, hashKey []byte) plan.Observation {
	_, err := awscreds.Parse(s.Data)
	_, token := s.Data[awscreds.KeySessionToken]
	o := plan.Observation{
		Known: true, Found: true,
		Role: string(s.Data[roleKey]), Usable: err == nil, Hash: awscreds.Hash(hashKey, s.Data),
		Foreign: foreign(s), NotOpaque: s.Type != "" && s.Type != corev1.SecretTypeOpaque,
		ResourceVersion: s.ResourceVersion, Uid: string(s.UID), StaleToken: token,
	}
	books, seal := plan.ReadBooks(s.Annotations), s.Annotations[v1alpha1.SealAnnotation]
	sealed := func(uid string) bool {
		return awscreds.Verify(hashKey, seal, statement(s.Namespace, s.Name, uid, books), s.Data)
	}
	switch {
	case sealed(string(s.UID)), sealed(""): // the one that creates a Secret cannot know its UID
		o.Books = books
		o.Books.Hash = o.Hash
		return o
	case awscreds.SealedWith(hashKey, seal):
		o.Books.Hash = plan.Broken // somebody has changed something, and nobody knows what else
	} // else it was never sealed, or with a key that was lost, which tells nothing
	o.Writer = lastWriter(s.ManagedFields)
	return o
}

// statement is what the seal of a Secret vouches for.
func statement(namespace, name, uid string, b plan.Books) awscreds.Statement {
	return awscreds.Statement{
		Namespace: namespace, Name: name, UID: uid, Role: b.Role, RefreshedAt: b.RefreshedAt, ExpiresAt: b.ExpiresAt, ExpirySource: string(b.Expiry),
	}
}

// roleKey is the data key by which a Secret may choose its role where the spec allows it.
const roleKey = "role"

// foreign says whether a Secret holds what the operator has not written and nobody has handed to it. Whoever may edit a Secret may
// hand it over, by the annotations that install-manifests writes too.
func foreign(s *corev1.Secret) bool {
	for _, annotation := range []string{v1alpha1.RoleAnnotation, v1alpha1.CredentialSetAnnotation} {
		if s.Annotations[annotation] != "" {
			return false
		}
	}
	if writtenByUs(s.ManagedFields) {
		return false
	}
	for key, value := range s.Data {
		if key != roleKey && len(value) > 0 {
			return true
		}
	}
	return false
}

// quoted shows a name that came from elsewhere without its control characters.
func quoted(s string) string { return strconv.Quote(s) }
