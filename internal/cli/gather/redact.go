package gather

import "regexp"

const redacted = "REDACTED"

// patterns match the forms of credentials. The operator never writes one; this is for other data, such as a proxy with a password in its URL, or
// a secret in an annotation.
var patterns = []struct {
	form *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s"'@]+@`), "${1}" + redacted + "@"},
	{regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z0-9 ]*PRIVATE KEY-----|$)`), redacted},
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]+){1,4}`), redacted},
	{regexp.MustCompile(`\b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`), redacted},
	{regexp.MustCompile(`(?i)\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{12,}`), "${1} " + redacted},
	{regexp.MustCompile(`(?i)((?:\\*["'])?\b(?:auth|password|passwd|client[-_]?secret|refresh[-_]?token|access[-_]?token|(?:aws[-_]?)?secret[-_]?access[-_]?key|(?:aws[-_]?)?session[-_]?token)(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?)[^\s"'\\,}]{4,}`), "${1}" + redacted},
}

// redact replaces whatever looks like a credential.
func redact(text string) string {
	for _, p := range patterns {
		text = p.form.ReplaceAllString(text, p.by)
	}
	return text
}
