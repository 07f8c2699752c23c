package awscreds

// Everybody who may edit a Secret can change the bookkeeping on it. The seal proves that the operator wrote it for this Secret and this content:
// without the key nobody can move a role, a time or a credential from one Secret to another.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// sealVersion is the prefix of each seal. Another version never verifies.
const sealVersion = "v2:"

// Statement is what a seal vouches for besides the data.
type Statement struct {
	// Namespace, Name and UID are the Secret's. The UID is empty for a Secret that is created together with the seal.
	Namespace, Name, UID string
	// Role whose credential the data is.
	Role string
	// RefreshedAt is when it was fetched, exactly: two refreshes may fall into one second. ExpiresAt is when it expires, to the second.
	RefreshedAt, ExpiresAt time.Time
	// ExpirySource says where ExpiresAt comes from.
	ExpirySource string
}

// Seal is a keyed hash (HMAC-SHA256) of a statement and of the data keys that the operator writes. A missing data key differs from an empty one.
// It begins with its version and the name of the hash key, see SealedWith.
func Seal(key []byte, s Statement, data map[string][]byte) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range []string{
		"seal " + sealVersion, s.Namespace, s.Name, s.UID, s.Role, s.RefreshedAt.UTC().Format(time.RFC3339Nano), s.ExpiresAt.UTC().Format(time.RFC3339), s.ExpirySource,
	} {
		writePart(mac, []byte(part))
	}
	writeData(mac, data)
	return sealVersion + keyName(key) + hex.EncodeToString(mac.Sum(nil))
}

// Verify is true if a seal was made with the key for this statement and this data.
func Verify(key []byte, seal string, s Statement, data map[string][]byte) bool {
	return hmac.Equal([]byte(seal), []byte(Seal(key, s, data)))
}

// SealedWith is true if a seal claims to be made with the key. A seal made with a lost key says nothing, not even that there was an edit.
func SealedWith(key []byte, seal string) bool {
	return strings.HasPrefix(seal, sealVersion+keyName(key))
}
