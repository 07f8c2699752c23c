package pullsecret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strconv"
)

// fingerprintBytes: 64 bits are enough to tell apart the few credentials of one account, and keep the status short.
const fingerprintBytes = 8

// NewSalt returns 128 random bits as text. Each rotation has its own, so that fingerprints in status and history cannot be looked up or compared
// across accounts.
func NewSalt() string { return rand.Text() }

// Fingerprinter computes fingerprints with one salt. It remembers them by credential, because one reconcile asks for each many times: keep it no
// longer than the documents.
type Fingerprinter struct {
	salt  string
	keyed hash.Hash
	known map[credential]string
}

type credential struct{ username, password string }

// NewFingerprinter prepares a salt.
func NewFingerprinter(salt string) *Fingerprinter {
	// The key is a hash of the salt: FIPS 140-3 requires a key of at least 112 bits, and a damaged status must not end the process.
	key := sha256.Sum256([]byte(salt))
	return &Fingerprinter{salt: salt, keyed: hmac.New(sha256.New, key[:]), known: map[credential]string{}}
}

// String keeps the credentials out of logs.
func (*Fingerprinter) String() string { return "fingerprinter" }

// GoString keeps the credentials out of logs.
func (f *Fingerprinter) GoString() string { return f.String() }

// Uses is true for the salt that the fingerprints have.
func (f *Fingerprinter) Uses(salt string) bool { return f != nil && f.salt == salt }

// Of identifies an entry's credential without revealing it: a keyed SHA-256 of user name and password in hex, shortened. It does not include
// the registry, because quay.io and cloud.openshift.com share one credential. It is empty for an entry without a credential and for an empty
// salt; an empty fingerprint must never count as equal to another.
func (f *Fingerprinter) Of(e Entry) string {
	c := credential{e.Username, e.Password}
	if c == (credential{}) || f.salt == "" {
		return ""
	}
	known, ok := f.known[c]
	if !ok {
		known = f.compute(c)
		f.known[c] = known
	}
	return known
}

func (f *Fingerprinter) compute(c credential) string {
	f.keyed.Reset()
	// Writing to a hash never fails. The length keeps apart what would be the same text.
	_, _ = io.WriteString(f.keyed, strconv.Itoa(len(c.username))+":"+c.username+c.password)
	return hex.EncodeToString(f.keyed.Sum(nil)[:fingerprintBytes])
}

// All are the fingerprints of a document's entries that hold a credential, by registry.
func (f *Fingerprinter) All(d *Document) map[string]string {
	prints := make(map[string]string, len(d.entries))
	for _, n := range d.entries {
		if p := f.Of(n.entry); p != "" {
			prints[n.entry.Registry] = p
		}
	}
	return prints
}
