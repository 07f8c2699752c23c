package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Bookkeeping is the set of annotations of a Secret that its seal covers. Unverified fields are zero, which means unknown.
type Bookkeeping struct {
	Role                   string
	RefreshedAt, ExpiresAt time.Time
	// Expiry is how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
	// Hash of the content that was written with them; Broken if the seal does not match the content.
	Hash string
}

// Broken is a hash that no content has.
const Broken = "broken"

// Observation is what is known about a target's Secret, without its content.
type Observation struct {
	// Known is false until the Secret has been looked up.
	Known bool
	// Forbidden is true if it may not be read; Problem is then the API server's error.
	Forbidden bool
	Problem   string
	Found     bool
	// NamespaceMissing is true if the Secret cannot be created yet.
	NamespaceMissing bool
	// Role is the Secret's own key "role".
	Role string
	// Usable is true if the Secret holds a complete credential where components look for it.
	Usable bool
	// Foreign is true if it has content that the operator did not write and nobody has handed over.
	Foreign bool
	// NotOpaque is true if its type is not Opaque.
	NotOpaque bool
	// Hash of the current content; it differs from the one in the bookkeeping if somebody has edited a key or an annotation.
	Hash string
	// Bookkeeping of the last write.
	Bookkeeping Bookkeeping
	// Writer is the field manager that last wrote one of our keys or annotations, if not the operator.
	Writer string

	ResourceVersion string
	Uid             string
	// StaleToken is true if the Secret has a separate key with a session token, see write.go.
	StaleToken bool
}

// Edited is true if the content is not what was written.
func (o Observation) Edited() bool {
	return o.Found && o.Bookkeeping.Hash != "" && o.Bookkeeping.Hash != o.Hash
}

// AsWritten is true if the content is what the operator wrote, according to the seal.
func (o Observation) AsWritten() bool {
	return o.Bookkeeping.Hash != "" && o.Bookkeeping.Hash == o.Hash
}

// ReadBookkeeping reads the annotations, whose seal must be verified.
func ReadBookkeeping(annotations map[string]string) Bookkeeping {
	return Bookkeeping{
		Role:        annotations[v1alpha1.RoleAnnotation],
		RefreshedAt: ParseTime(annotations[v1alpha1.RefreshedAtAnnotation]),
		ExpiresAt:   ParseTime(annotations[v1alpha1.ExpiresAtAnnotation]),
		Expiry:      v1alpha1.ExpiryKnowledge(annotations[v1alpha1.ExpiryAnnotation]),
	}
}

// ParseTime reads a time from an annotation; zero if it is invalid.
func ParseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Annotations converts the bookkeeping and its seal to annotations.
func (b Bookkeeping) Annotations(set, seal string) map[string]string {
	return map[string]string{
		v1alpha1.CredentialSetAnnotation: set,
		v1alpha1.RoleAnnotation:          b.Role,
		v1alpha1.RefreshedAtAnnotation:   b.RefreshedAt.UTC().Format(time.RFC3339Nano),
		v1alpha1.ExpiresAtAnnotation:     b.ExpiresAt.UTC().Format(time.RFC3339),
		v1alpha1.ExpiryAnnotation:        string(b.Expiry),
		v1alpha1.SealAnnotation:          seal,
	}
}
