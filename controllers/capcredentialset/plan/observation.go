package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Books are the bookkeeping that lies on a Secret as annotations, as far as its seal vouches for them. What is not vouched for
// is zero, which counts as not known.
type Books struct {
	Role                   string
	RefreshedAt, ExpiresAt time.Time
	// Expiry is how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
	// Hash of the content that was written together with them; Broken when the seal fits something else than what is there.
	Hash string
}

// Broken is the hash of no content.
const Broken = "broken"

// Observation is what is known of a target's Secret, without its content.
type Observation struct {
	// Known is false until the Secret has been looked for.
	Known bool
	// Forbidden says that it may not be read; Problem is the API server's error then.
	Forbidden bool
	Problem   string
	Found     bool
	// NamespaceMissing is true when the Secret cannot be created yet.
	NamespaceMissing bool
	// Role is the Secret's own key "role".
	Role string
	// Usable is true when the Secret holds a complete credential where components look for it.
	Usable bool
	// Foreign is true when it holds what the operator has not written and nobody has handed to it.
	Foreign bool
	// NotOpaque is true when it is of another type than Opaque.
	NotOpaque bool
	// Hash of the content as it is; it differs from that of the books when somebody has edited a key or the books.
	Hash string
	// Books are what was noted when it was written.
	Books Books
	// Writer is the field manager that last wrote one of our keys or annotations, when that is not the operator.
	Writer string

	ResourceVersion string
	Uid             string
	// StaleToken is true when the Secret has a session token as a key of its own, see write.go.
	StaleToken bool
}

// Edited is true when what is there is not what was written.
func (o Observation) Edited() bool { return o.Found && o.Books.Hash != "" && o.Books.Hash != o.Hash }

// ReadBooks reads what annotations say. Whether it is to be believed, their seal says.
func ReadBooks(annotations map[string]string) Books {
	return Books{
		Role:        annotations[v1alpha1.RoleAnnotation],
		RefreshedAt: ParseTime(annotations[v1alpha1.RefreshedAtAnnotation]),
		ExpiresAt:   ParseTime(annotations[v1alpha1.ExpiresAtAnnotation]),
		Expiry:      v1alpha1.ExpiryKnowledge(annotations[v1alpha1.ExpiryAnnotation]),
	}
}

// ParseTime reads a time that was noted on a Secret; zero where it is none.
func ParseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Annotations writes books down, with their seal.
func (b Books) Annotations(set, seal string) map[string]string {
	return map[string]string{
		v1alpha1.CredentialSetAnnotation: set,
		v1alpha1.RoleAnnotation:          b.Role,
		v1alpha1.RefreshedAtAnnotation:   b.RefreshedAt.UTC().Format(time.RFC3339Nano),
		v1alpha1.ExpiresAtAnnotation:     b.ExpiresAt.UTC().Format(time.RFC3339),
		v1alpha1.ExpiryAnnotation:        string(b.Expiry),
		v1alpha1.SealAnnotation:          seal,
	}
}
