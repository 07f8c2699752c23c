package ocm

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// maxName is how much of a name of a person or a cluster is kept.
const maxName = 256

var (
	identifierPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	// codePattern is OCM's: ACCT-MGMT-11.
	codePattern = regexp.MustCompile(`^[A-Z]{2,16}(-[A-Z]{2,16}){0,2}-[0-9]{1,5}$`)
	// operationPattern fits KSUIDs and UUIDs.
	operationPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}$`)
	statusPattern    = regexp.MustCompile(`^[a-z][a-z_-]{0,31}$`)
)

// ssoCodes are those of RFC 6749, RFC 6750 and Keycloak.
var ssoCodes = []string{
	"access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_token", "not_allowed", "server_error",
	"temporarily_unavailable", "unauthorized_client", "unsupported_grant_type",
}

// phrases translate known texts of OCM into our own. The texts themselves are never repeated: a service, or a gateway in front of it, may quote
// what it was sent.
var phrases = []struct{ words, phrase string }{
	{"banned", "it says that the account is banned"},
	{"export control", "it says that the account is under export control"},
	{"terms", "it asks for its terms to be accepted"},
	{"already", "it says that there is one already"},
	{"in progress", "it says that one is in progress"},
	{"denied access", "it says that the account lacks the right"},
	{"not authorized", "it says that the account lacks the right"},
	{"not permitted", "it says that the account lacks the right"},
	{"expired", "it says that something has expired"},
}

// phrase is our own wording of a service's reason; empty if it is unknown.
func phrase(reason string) string {
	reason = strings.ToLower(reason)
	for _, p := range phrases {
		if strings.Contains(reason, p.words) {
			return p.phrase
		}
	}
	return ""
}

// identifier returns text if it looks like an id of the service, else an empty string.
func identifier(text string) string { return matching(identifierPattern, text) }

func matching(pattern *regexp.Regexp, text string) string {
	if !pattern.MatchString(text) {
		return ""
	}
	return text
}

// shortName keeps the printable characters of a name, and as much of it as a status should hold.
func shortName(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	runes := []rune(strings.TrimSpace(text))
	return string(runes[:min(len(runes), maxName)])
}

// statusOf is the service's status in lower case: the documentation has Accepted where the service sends accepted. A status that is not a word
// becomes "unrecognised".
func statusOf(text string) string {
	text = strings.ToLower(text)
	if text != "" && !statusPattern.MatchString(text) {
		return "unrecognised"
	}
	return text
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
