package capcredentialset

import (
	"strconv"
	"unique"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// seen is what is kept of a target's Secret: what decisions need, and the credential that it holds, which is in memory once for all
// Secrets that hold it.
type seen struct {
	observation plan.Observation
	credential  unique.Handle[awscreds.Credential]
}

// see observes a Secret, once for each of its versions.
func (r *reconciler) see(ref types.NamespacedName, key []byte) (_ *seen, synced bool) {
	secret, found, synced := r.store.Get(ref.Namespace, ref.Name)
	for found && secret == nil {
		if noted, ok := r.store.Noted(ref.Namespace, ref.Name).(*seen); ok {
			return noted, true
		}
		secret, found, synced = r.store.Get(ref.Namespace, ref.Name) // it has changed between the two
	}
	if !found {
		return nil, synced
	}
	s := &seen{observation: observe(secret, key)}
	if credential, err := awscreds.Parse(secret.Data); err == nil {
		s.credential = unique.Make(credential)
	}
	if ref.Namespace != r.Namespace { // there the contents themselves are needed, of client certificates
		r.store.Note(secret, s)
	}
	return s, true
}

// credentialIn is what a Secret holds, if it still is what it was when a row was made of it.
func (r *reconciler) credentialIn(row *plan.Row, key []byte) (awscreds.Credential, bool) {
	s, _ := r.see(row.Ref, key)
	if s == nil || !s.observation.Usable || s.observation.Hash != row.Hash {
		return awscreds.Credential{}, false
	}
	return s.credential.Value(), true
}

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
	kept, seal := plan.ReadBookkeeping(s.Annotations), s.Annotations[v1alpha1.SealAnnotation]
	sealed := func(uid string) bool {
		return awscreds.Verify(hashKey, seal, statement(s.Namespace, s.Name, uid, kept), s.Data)
	}
	switch {
	case sealed(string(s.UID)), sealed(""): // whoever creates a Secret cannot know its UID
		o.Bookkeeping = kept
		o.Bookkeeping.Hash = o.Hash
		return o
	case awscreds.SealedWith(hashKey, seal):
		o.Bookkeeping.Hash = plan.Broken // somebody has changed something, so nothing can be trusted
	} // otherwise it was never sealed, or with a lost key, which says nothing
	o.Writer = lastWriter(s.ManagedFields)
	return o
}

// statement is what the seal of a Secret covers.
func statement(namespace, name, uid string, b plan.Bookkeeping) awscreds.Statement {
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
