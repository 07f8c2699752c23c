package awscreds

// How a credential lies in a Secret. All of OpenShift's components read the key "credentials" when it is not empty, as an
// AWS shared configuration file, and otherwise build one from the two plain keys. None reads a session token as a key of
// its own, so the token works only inside the file; as a key it serves people and scripts.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
)

// The data keys of a Secret that the operator writes. All others belong to somebody else.
const (
	KeyAccessKeyID     = "aws_access_key_id"
	KeySecretAccessKey = "aws_secret_access_key"
	KeySessionToken    = "aws_session_token"
	KeyCredentials     = "credentials"
)

// Keys are the data keys that the operator writes, in a fixed order. A key of these that Render leaves out does not
// belong into the Secret and is to be removed: the token of an older credential next to a newer key would be misleading.
func Keys() []string {
	return []string{KeyAccessKeyID, KeySecretAccessKey, KeySessionToken, KeyCredentials}
}

// Render is the data of a Secret that holds the credential: the two keys, the session token when there is one, and the
// file with all of them. It is nil for a credential that Validate refuses, so that an unchecked one cannot add a line.
func Render(c Credential) map[string][]byte {
	if c.Validate() != nil {
		return nil
	}
	data := map[string][]byte{
		KeyAccessKeyID:     []byte(c.AccessKeyID),
		KeySecretAccessKey: []byte(c.SecretAccessKey),
		KeyCredentials:     []byte(renderFile(c)),
	}
	if c.SessionToken != "" {
		data[KeySessionToken] = []byte(c.SessionToken)
	}
	return data
}

// renderFile writes what cloud-credential-operator writes, with the session token.
func renderFile(c Credential) string {
	var b strings.Builder
	b.WriteString("[default]\n")
	b.WriteString(KeyAccessKeyID + " = " + c.AccessKeyID + "\n")
	b.WriteString(KeySecretAccessKey + " = " + c.SecretAccessKey + "\n")
	if c.SessionToken != "" {
		b.WriteString(KeySessionToken + " = " + c.SessionToken + "\n")
	}
	return b.String()
}

// Hash is a keyed hash (HMAC-SHA256, hexadecimal) of the keys of data that the operator writes: the name of a content, for as
// long as a process lives. Somebody who reads it and lacks the key cannot test guesses against it. Presence counts: a missing key differs from an empty one.
// It begins with a name of the key, see SameKey.
func Hash(key []byte, data map[string][]byte) string {
	mac := hmac.New(sha256.New, key)
	writeData(mac, data)
	return keyName(key) + hex.EncodeToString(mac.Sum(nil))
}

// writeData adds the keys that the operator writes, as far as they are there.
func writeData(mac hash.Hash, data map[string][]byte) {
	for _, name := range Keys() {
		if value, present := data[name]; present {
			writePart(mac, []byte(name))
			writePart(mac, value)
		}
	}
}

// writePart adds one part with its length, so that no two sequences of parts look alike.
func writePart(mac hash.Hash, part []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	mac.Write(length[:])
	mac.Write(part)
}

// keyNameLength tells the few keys apart that one cluster ever has.
const keyNameLength = 8

// keyName names a key without telling anything of it.
func keyName(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("name"))
	return hex.EncodeToString(mac.Sum(nil))[:keyNameLength]
}

// SameKey says whether two hashes are of one key. Those of two keys differ whatever the data.
func SameKey(a, b string) bool {
	return len(a) >= keyNameLength && len(b) >= keyNameLength && a[:keyNameLength] == b[:keyNameLength]
}
