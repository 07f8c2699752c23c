package pullsecret

import (
	"encoding/base64"
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
