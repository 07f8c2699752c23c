package capcredentialset

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// observe looks at a Secret. hashKey keys the content hash.
func observe(s *corev1.Secret, hashKey []byte) plan.Observation {
	_, err := awscreds.Parse(s.Data)
	_, token := s.Data[awscreds.KeySessionToken]
	o := plan.Observation{
		Known: true, Found: true,
		Role: string(s.Data["role"]), Usable: err == nil, Hash: awscreds.Hash(hashKey, s.Data), Books: plan.ReadBooks(s.Annotations),
		ResourceVersion: s.ResourceVersion, Uid: string(s.UID), StaleToken: token,
	}
	if !awscreds.SameKey(o.Books.Hash, o.Hash) {
		o.Books.Hash = "" // of a key that was lost: it tells nothing
	}
	if o.Edited() || o.Books.Hash == "" {
		o.Writer = lastWriter(s.ManagedFields)
	}
	return o
}

// quoted shows a name that came from elsewhere without its control characters.
func quoted(s string) string { return strconv.Quote(s) }
