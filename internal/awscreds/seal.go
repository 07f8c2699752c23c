package awscreds

// What is noted on a Secret lies where every editor of the Secret can change it. The seal says that the operator has noted it,
// about this Secret and this content: without the key nobody can move a role, a time or a credential from one to another.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// sealVersion begins each seal. Another version does not verify, whatever it says.
const sealVersion = "v2:"

// Statement is what a seal vouches for besides the data.
type Statement struct {
	// Namespace, Name and UID are the Secret's. The UID is empty for one that is created with the seal.
	Namespace, Name, UID string
	// Role whose credential the data is.
	Role string
	// RefreshedAt is when it was fetched, exactly: two refreshes may fall into one second. ExpiresAt is when it dies, to the second.
	RefreshedAt, ExpiresAt time.Time
	// ExpirySource says where ExpiresAt comes from.
	ExpirySource string
}

// Seal is a keyed hash (HMAC-SHA256) of a statement and of the keys of data that the operator writes. Presence counts: a
// missing key differs from an empty one. It begins with its version and a name of the key, see SealedWith.
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

// Verify says whether a seal was made with the key for this statement and this data.
func Verify(key []byte, seal string, s Statement, data map[string][]byte) bool {
	return hmac.Equal([]byte(seal), []byte(Seal(key, s, data)))
}

// SealedWith says whether a seal claims to be of the key. One of a key that was lost tells nothing, not even of an edit.
func SealedWith(key []byte, seal string) bool {
	return strings.HasPrefix(seal, sealVersion+keyName(key))
}
