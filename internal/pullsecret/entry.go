package pullsecret

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// Entry is one registry's credential. Username and Password are empty if the entry has none that can be read, such as one that only holds an
// identity token.
type Entry struct {
	Registry, Username, Password, Email string
	// Token is true for an entry with an identity or registry token. Readers prefer it to user name and password, so Merge
	// never replaces such an entry.
	Token bool
}

// read decodes an entry as the kubelet does: `auth` if present, else username and password.
func (d *Document) read(key member, fields object) node {
	n := node{key: key, fields: fields, entry: Entry{Registry: key.name}}
	n.entry.Email = d.text(fields, "email")
	for _, name := range []string{"identitytoken", "registrytoken"} {
		n.entry.Token = n.entry.Token || d.text(fields, name) != ""
	}
	if auth := d.text(fields, "auth"); auth != "" {
		n.entry.Username, n.entry.Password = decodeAuth(auth)
		return n
	}
	n.entry.Username = d.text(fields, "username")
	n.entry.Password = d.text(fields, "password")
	return n
}

// decodeAuth reads base64(user:password), padded or not, as the kubelet does. Both are empty for anything else.
func decodeAuth(auth string) (username, password string) {
	auth = strings.TrimSpace(auth)
	decoded, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		if decoded, err = base64.RawStdEncoding.DecodeString(auth); err != nil {
			return "", ""
		}
	}
	username, password, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return "", ""
	}
	return username, password
}

// Auth is base64(user:password), as in the document's `auth`.
func (e Entry) Auth() string {
	return base64.StdEncoding.EncodeToString([]byte(e.Username + ":" + e.Password))
}

// usable is true if the entry holds a credential that can be written: a colon in a user name would look like the one before the password.
func (e Entry) usable() bool {
	return e.Username != "" && e.Password != "" && !strings.Contains(e.Username, ":")
}

// sameCredential compares user name and password. An empty credential equals none.
func (e Entry) sameCredential(other Entry) bool {
	return e.usable() && e.Username == other.Username && e.Password == other.Password
}

// fingerprintBytes: 64 bits are enough to tell apart the few credentials of one account, and keep the status short.
const fingerprintBytes = 8

// NewSalt returns 128 random bits as text. Each rotation has its own, so that fingerprints in status and history cannot be looked up or compared
// across accounts.
func NewSalt() string { return rand.Text() }

// Fingerprint identifies the credential without revealing it: a keyed SHA-256 of user name and password in hex, shortened. It does not include
// the registry, because quay.io and cloud.openshift.com share one credential. It is empty for an entry without a credential and for an empty
// salt; an empty fingerprint must never count as equal to another.
func (e Entry) Fingerprint(salt string) string {
	if e.Username == "" && e.Password == "" || salt == "" {
		return ""
	}
	// The key is a hash of the salt: FIPS 140-3 requires a key of at least 112 bits, and a damaged status must not end the process.
	key := sha256.Sum256([]byte(salt))
	mac := hmac.New(sha256.New, key[:])
	_, _ = fmt.Fprintf(mac, "%d:%s%s", len(e.Username), e.Username, e.Password) // writing to a hash never fails
	return hex.EncodeToString(mac.Sum(nil)[:fingerprintBytes])
}

// Fingerprints of all entries that hold a credential, by registry.
func (d *Document) Fingerprints(salt string) map[string]string {
	prints := make(map[string]string, len(d.entries))
	for _, n := range d.entries {
		if f := n.entry.Fingerprint(salt); f != "" {
			prints[n.entry.Registry] = f
		}
	}
	return prints
}

// issuedShapes match the user names that OCM issues, according to published pull secrets and code: a robot of the organisation
// openshift-release-dev at Quay (the same credential stands for cloud.openshift.com), and at Red Hat's registries a service account from a pool,
// or the account's own, named after a KSUID (27 characters of base 62). A customer's own registry service account looks like "12345678|name" and
// must not match.
var issuedShapes = []*regexp.Regexp{
	// Before 2020 the robots' names consisted of an adjective, a person or another word, and the account: "veryraven1rund93", "jdoe1abc".
	regexp.MustCompile(`^openshift-release-dev\+[0-9a-z_.-]+$`),
	regexp.MustCompile(`^([0-9]+\|)?uhc-pool-[0-9A-Za-z-]+$`),
	regexp.MustCompile(`^([0-9]+\|)?uhc-[0-9A-Za-z]{27}$`),
}

// IssuedByOCM is true if the entry's user name looks like one that OCM issues. It cannot say to which account.
func IssuedByOCM(e Entry) bool {
	for _, shape := range issuedShapes {
		if shape.MatchString(e.Username) {
			return true
		}
	}
	return false
}

// Format redacts the credential, whatever the verb (%v, %+v, %#v, %s, %q, %x ...).
func (e Entry) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.redacted())) }

// MarshalJSON keeps it out of structured logs.
func (e Entry) MarshalJSON() ([]byte, error) { return json.Marshal(e.redacted()) }

// LogValue keeps it out of slog.
func (e Entry) LogValue() slog.Value { return slog.StringValue(e.redacted()) }

func (e Entry) redacted() string { return "credential for " + e.Registry + " [redacted]" }
