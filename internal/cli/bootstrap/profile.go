package bootstrap

// A profile of ~/.aws/credentials. The file belongs to a person and is edited line by line: everything but the three keys of the one profile
// stays byte for byte, with comments, order, blanks and line ends.

import (
	"errors"
	"regexp"
	"strings"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

var (
	// profileName matches names that are safe between brackets.
	profileName = regexp.MustCompile(`^[^\s\[\]#;"'\\][^\[\]#;"'\\\r\n]*$`)
	// sectionHeader is "[name]", possibly with blanks and a comment.
	sectionHeader = regexp.MustCompile(`^[ \t]*\[[ \t]*([^\]#;]*?)[ \t]*\][ \t]*([#;].*)?$`)
	// keyLine is "key = value": blanks before the key, the key, all up to the value.
	keyLine = regexp.MustCompile(`^([ \t]*)([A-Za-z0-9_.-]+)([ \t]*[=:][ \t]*)`)
)

// setProfile returns the file with the credential in the profile. The three keys are replaced in place or added, and the session token is removed
// if the credential has none: an older token would make it invalid. A missing profile is added at the end.
func setProfile(file []byte, profile string, c awscreds.Credential) ([]byte, error) {
	if !profileName.MatchString(profile) {
		return nil, errors.New("the name of the profile has characters that a credentials file does not allow")
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	e := profileEdit{
		profile: profile,
		eol:     lineEnd(file),
		values: map[string]string{
			awscreds.KeyAccessKeyID: c.AccessKeyID, awscreds.KeySecretAccessKey: c.SecretAccessKey, awscreds.KeySessionToken: c.SessionToken,
		},
		done: map[string]bool{},
	}
	for line := range strings.Lines(string(file)) {
		e.line(line)
	}
	e.finish()
	return []byte(strings.Join(e.out, "")), nil
}

// profileKeys in the order in which missing ones are added.
var profileKeys = []string{awscreds.KeyAccessKeyID, awscreds.KeySecretAccessKey, awscreds.KeySessionToken}

// profileEdit edits a file line by line.
type profileEdit struct {
	profile, eol string
	values       map[string]string
	done         map[string]bool // keys that have been set

	out      []string
	in       bool // inside the profile
	insertAt int  // index in out after which missing keys are added; 0 if the profile has not been seen
	skipping bool // inside the continuation lines of a replaced value
}

func (e *profileEdit) line(line string) {
	text := strings.TrimRight(line, "\r\n")
	if m := sectionHeader.FindStringSubmatch(text); m != nil {
		e.in, e.skipping = m[1] == e.profile, false
		e.keep(line)
		return
	}
	if !e.in {
		e.out = append(e.out, line)
		return
	}
	m := keyLine.FindStringSubmatch(text)
	if m == nil {
		e.otherLine(line, text)
		return
	}
	if e.skipping && m[1] != "" && m[3] == "=" && strings.Trim(text[len(m[0]):], "=") == "" {
		return // "  abc==" is the end of a token that was broken into lines, not a key
	}
	key := strings.ToLower(m[2])
	value, ours := e.values[key]
	if e.skipping = ours; !ours {
		e.keep(line)
		return
	}
	if value != "" && !e.done[key] {
		e.done[key] = true
		e.keep(m[1] + m[2] + m[3] + value + strings.TrimPrefix(line, text))
	}
}

// otherLine is a line of the profile that has no key: a comment, an empty one, or the rest of a value.
func (e *profileEdit) otherLine(line, text string) {
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		e.out = append(e.out, line) // indented or not; one at the end may belong to the next section, so keys go before it
	case e.skipping && (text[0] == ' ' || text[0] == '\t'):
		// The end of a replaced value: the SDKs take it for that also after other lines without a key.
	default:
		e.keep(line)
	}
}

// keep copies a line of the profile, after which keys may be added.
func (e *profileEdit) keep(line string) {
	e.out = append(e.out, line)
	if e.in {
		e.insertAt = len(e.out)
	}
}

// finish adds the missing keys.
func (e *profileEdit) finish() {
	var missing []string
	for _, key := range profileKeys {
		if e.values[key] != "" && !e.done[key] {
			missing = append(missing, key+" = "+e.values[key]+e.eol)
		}
	}
	if len(missing) == 0 {
		return
	}
	if last := len(e.out) - 1; last >= 0 && !strings.HasSuffix(e.out[last], "\n") {
		e.out[last] += e.eol
	}
	if e.insertAt == 0 {
		if len(e.out) > 0 && strings.TrimSpace(e.out[len(e.out)-1]) != "" {
			e.out = append(e.out, e.eol)
		}
		e.out = append(e.out, "["+e.profile+"]"+e.eol)
		e.insertAt = len(e.out)
	}
	e.out = append(e.out[:e.insertAt], append(missing, e.out[e.insertAt:]...)...)
}

// lineEnd is that of the file's first line.
func lineEnd(file []byte) string {
	if first, _, found := strings.Cut(string(file), "\n"); found && strings.HasSuffix(first, "\r") {
		return "\r\n"
	}
	return "\n"
}
