package capcredentialset

import (
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// books are the bookkeeping that lies on a Secret as annotations. What is missing or does not parse is zero, which counts
// as not known.
type books struct {
	Role                   string
	RefreshedAt, ExpiresAt time.Time
	// Hash of the content that was written together with them.
	Hash string
}

// observation is what is known of a target's Secret, without its content.
type observation struct {
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
	// Hash of the content as it is; it differs from that of the books when somebody has edited a key of ours.
	Hash string
	// Books are what was noted when it was written.
	Books books
	// Writer is the field manager that last wrote one of our keys, when that is not the operator.
	Writer string

	resourceVersion string
	uid             string
	// staleToken is true when the Secret has a session token as a key of its own, see write.go.
	staleToken bool
}

// Edited is true when what is there is not what was written.
func (o observation) Edited() bool { return o.Found && o.Books.Hash != "" && o.Books.Hash != o.Hash }

// observe looks at a Secret. hashKey keys the content hash.
func observe(s *corev1.Secret, hashKey []byte) observation {
	_, err := awscreds.Parse(s.Data)
	_, token := s.Data[awscreds.KeySessionToken]
	o := observation{
		Known: true, Found: true,
		Role: string(s.Data["role"]), Usable: err == nil, Hash: awscreds.Hash(hashKey, s.Data), Books: readBooks(s.Annotations),
		resourceVersion: s.ResourceVersion, uid: string(s.UID), staleToken: token,
	}
	if !awscreds.SameKey(o.Books.Hash, o.Hash) {
		o.Books.Hash = "" // of a key that was lost: it tells nothing
	}
	if o.Edited() || o.Books.Hash == "" {
		o.Writer = lastWriter(s.ManagedFields)
	}
	return o
}

func readBooks(annotations map[string]string) books {
	return books{
		Role:        annotations[v1alpha1.RoleAnnotation],
		RefreshedAt: parseTime(annotations[v1alpha1.RefreshedAtAnnotation]),
		ExpiresAt:   parseTime(annotations[v1alpha1.ExpiresAtAnnotation]),
		Hash:        annotations[v1alpha1.ContentHashAnnotation],
	}
}

func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}

// annotations writes books down.
func (b books) annotations(set string) map[string]string {
	return map[string]string{
		v1alpha1.CredentialSetAnnotation: set,
		v1alpha1.RoleAnnotation:          b.Role,
		v1alpha1.RefreshedAtAnnotation:   b.RefreshedAt.UTC().Format(time.RFC3339),
		v1alpha1.ExpiresAtAnnotation:     b.ExpiresAt.UTC().Format(time.RFC3339),
		v1alpha1.ContentHashAnnotation:   b.Hash,
	}
}

// quoted shows a name that came from elsewhere without its control characters.
func quoted(s string) string { return strconv.Quote(s) }
