package ocm

import (
	"mime"
	"regexp"
	"strings"
	"time"
	"unicode"
)

const (
	// maxReason is how much of a service's reason is repeated: enough for the sentences that AMS publishes.
	maxReason = 240
	// maxWord is the length from which a word of a reason is taken for a token. Ids are KSUIDs (27) and UUIDs (36).
	maxWord = 40
	// maxName is how much of a name of a person, a cluster or a status is kept.
	maxName = 256
)

var (
	identifierPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	pathPattern       = regexp.MustCompile(`^/api/[a-z_]+/v1(/[A-Za-z0-9_-]{1,40})*$`)
)

// identifier is text if it looks like an id or a code of the service, else nothing.
func identifier(text string) string {
	if !identifierPattern.MatchString(text) {
		return ""
	}
	return text
}

// reason makes a service's own words fit to be shown: one line, of limited length, without anything that could be a
// token or that repeats the credential.
func (c *Client) reason(text string) string {
	if c.contains(text) {
		return ""
	}
	words := strings.Fields(name(text))
	for i, word := range words {
		bare := strings.Trim(word, `"'.,;:()`)
		if len(bare) > maxWord && !pathPattern.MatchString(bare) {
			words[i] = redacted
		}
	}
	text = strings.Join(words, " ")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// name keeps the printable characters of what people and services call things.
func name(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > 8*maxName {
		text = string(runes[:8*maxName])
	}
	return strings.TrimSpace(text)
}

// shortName is name, limited to what a status should hold.
func shortName(text string) string {
	runes := []rune(name(text))
	if len(runes) > maxName {
		runes = runes[:maxName]
	}
	return string(runes)
}

// status is the service's status in the spelling of its answers: the document has Accepted where the service sends
// accepted.
func statusOf(text string) string { return strings.ToLower(shortName(text)) }

func isHTML(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "text/html" || kind == "application/xhtml+xml"
}

func isJSON(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
