package awscreds

// How a credential is stored in a Secret. All of OpenShift's components read the key "credentials" when it is not empty, as an AWS shared
// configuration file, and otherwise build one from the two plain keys. None reads a separate key with the session token, so the token works only
// inside the file; the separate key is for people and scripts.

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
)

// The data keys of a Secret that the operator writes. It leaves all others alone.
const (
	KeyAccessKeyID     = "aws_access_key_id"
	KeySecretAccessKey = "aws_secret_access_key"
	KeySessionToken    = "aws_session_token"
	KeyCredentials     = "credentials"
)

// Keys are the data keys that the operator writes, in a fixed order. Those that Render leaves out must be removed from the Secret: the token of
// an old credential next to a new key would be misleading.
func Keys() []string {
	return []string{KeyAccessKeyID, KeySecretAccessKey, KeySessionToken, KeyCredentials}
}

// Render is the data of a Secret that holds the credential: the two keys, the session token when there is one, and the file with all of them. It
// is nil for a credential that Validate refuses, so that an unchecked one cannot inject a line.
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

// Hash is a keyed hash (HMAC-SHA256, hexadecimal) of the data keys that the operator writes. Without the hash key nobody can test guesses against
// it. A missing data key differs from an empty one. It begins with the name of the hash key.
func Hash(key []byte, data map[string][]byte) string {
	mac := hmac.New(sha256.New, key)
	writeData(mac, data)
	return keyName(key) + hex.EncodeToString(mac.Sum(nil))
}

// writeData adds the keys that the operator writes, if present.
func writeData(mac hash.Hash, data map[string][]byte) {
	for _, name := range Keys() {
		if value, present := data[name]; present {
			writePart(mac, []byte(name))
			writePart(mac, value)
		}
	}
}

// writePart adds one part with its length, so that different sequences of parts never hash alike.
func writePart(mac hash.Hash, part []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	mac.Write(length[:])
	mac.Write(part)
}

// keyNameLength is enough to tell apart the few keys that a cluster ever has.
const keyNameLength = 8

// keyName names a key without revealing anything about it.
func keyName(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("name"))
	return hex.EncodeToString(mac.Sum(nil))[:keyNameLength]
}
