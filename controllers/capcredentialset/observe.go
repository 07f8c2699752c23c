package capcredentialset

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// observe makes the observation of a Secret. hashKey is the key of the seal and of the content hash.
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
	case sealed(string(s.UID)), sealed(""): // whoever creates a Secret cannot know its UID
		o.Books = books
		o.Books.Hash = o.Hash
		return o
	case awscreds.SealedWith(hashKey, seal):
		o.Books.Hash = plan.Broken // somebody has changed something, so nothing can be trusted
	} // otherwise it was never sealed, or with a lost key, which says nothing
	o.Writer = lastWriter(s.ManagedFields)
	return o
}

// statement is what the seal of a Secret covers.
func statement(namespace, name, uid string, b plan.Books) awscreds.Statement {
	return awscreds.Statement{
		Namespace: namespace, Name: name, UID: uid, Role: b.Role, RefreshedAt: b.RefreshedAt, ExpiresAt: b.ExpiresAt, ExpirySource: string(b.Expiry),
	}
}

// roleKey is the data key with which a Secret may choose its role if the spec allows it.
const roleKey = "role"

// foreign is true if a Secret has content that the operator did not write and that nobody has handed over to it. Anyone who may edit a Secret can
// hand it over, with the annotations that install-manifests also writes.
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

// quoted quotes a foreign name without its control characters.
func quoted(s string) string { return strconv.Quote(s) }
