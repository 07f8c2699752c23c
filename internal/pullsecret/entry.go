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

// Entry is one registry's credential. Username and Password are empty when the entry has none that can be read, such as
// one that only holds an identity token.
type Entry struct {
	Registry, Username, Password, Email string
	// Token is true for an entry with an identity or registry token. Readers prefer it to user name and password, so Merge
	// never replaces such an entry.
	Token bool
}

// read decodes an entry the way the kubelet does: `auth` counts when it is there, else username and password.
func (d *Document) read(key member, fields object) node {
	n := node{key: key, fields: fields, entry: Entry{Registry: key.name}}
	n.entry.Email, _ = d.text(fields, "email")
	for _, name := range []string{"identitytoken", "registrytoken"} {
		if token, _ := d.text(fields, name); token != "" {
			n.entry.Token = true
		}
	}
	if auth, _ := d.text(fields, "auth"); auth != "" {
		n.entry.Username, n.entry.Password = decodeAuth(auth)
		return n
	}
	n.entry.Username, _ = d.text(fields, "username")
	n.entry.Password, _ = d.text(fields, "password")
	return n
}

// decodeAuth reads base64(user:password), padded or not, as the kubelet does. Both are empty when it is something else.
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

// usable says whether the entry holds a credential that can be written: a colon in a user name cannot be told from the
// one that separates it from the password.
func (e Entry) usable() bool {
	return e.Username != "" && e.Password != "" && !strings.Contains(e.Username, ":")
}

// sameCredential compares what a registry sees. An empty credential equals nothing.
func (e Entry) sameCredential(other Entry) bool {
	return e.usable() && e.Username == other.Username && e.Password == other.Password
}

// fingerprintBytes: 64 bits tell the few credentials of one account apart with certainty for every practical purpose, and
// keep the status short.
const fingerprintBytes = 8

// NewSalt gives 128 random bits as text. Each rotation has its own, so that fingerprints in status and history cannot be
// compared across accounts or looked up.
func NewSalt() string { return rand.Text() }

// Fingerprint identifies the credential without holding it: a keyed SHA-256 of user name and password in hex, shortened.
// The registry is no part of it, because quay.io and cloud.openshift.com share one credential. It is empty for an entry
// without a credential and for an empty salt, and an empty fingerprint must never be taken to equal another.
func (e Entry) Fingerprint(salt string) string {
	if e.Username == "" && e.Password == "" || salt == "" {
		return ""
	}
	// Of the salt's own hash: FIPS 140-3 knows no key of less than 112 bits, and a damaged status must not end the process.
	key := sha256.Sum256([]byte(salt))
	mac := hmac.New(sha256.New, key[:])
	_, _ = fmt.Fprintf(mac, "%d:%s%s", len(e.Username), e.Username, e.Password) // a hash never fails to write
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

// issuedShapes are the user names that OCM gives out, as published pull secrets and code show them: a robot of the
// organisation openshift-release-dev at Quay (the same credential stands for cloud.openshift.com), and at Red Hat's
// registries a service account from a pool, or one of the account's own named after a KSUID (27 characters of base 62).
// A customer's own registry service account looks like "12345678|name" and must not match.
var issuedShapes = []*regexp.Regexp{
	// Before 2020 the robots had names of an adjective, a person or another word, and the account: "veryraven1rund93", "jdoe1abc".
	regexp.MustCompile(`^openshift-release-dev\+[0-9a-z_.-]+$`),
	regexp.MustCompile(`^([0-9]+\|)?uhc-pool-[0-9A-Za-z-]+$`),
	regexp.MustCompile(`^([0-9]+\|)?uhc-[0-9A-Za-z]{27}$`),
}

// IssuedByOCM says whether the entry's user name has a shape that OCM gives out. It cannot say to which account.
func IssuedByOCM(e Entry) bool {
	for _, shape := range issuedShapes {
		if shape.MatchString(e.Username) {
			return true
		}
	}
	return false
}

// Format keeps the credential out of everything that prints, whatever the verb (%v, %+v, %#v, %s, %q, %x ...).
func (e Entry) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(e.redacted())) }

// MarshalJSON keeps it out of structured logs.
func (e Entry) MarshalJSON() ([]byte, error) { return json.Marshal(e.redacted()) }

// LogValue keeps it out of slog.
func (e Entry) LogValue() slog.Value { return slog.StringValue(e.redacted()) }

func (e Entry) redacted() string { return "credential for " + e.Registry + " [redacted]" }
