package pullsecret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// This file finds the byte offsets of values in a JSON document. A merge that decodes and re-encodes loses what it does not know and reorders the
// rest; one that knows the offsets of the few values to change leaves every other byte alone.

// member is a key and its value in an object; the offsets count bytes from the start of the document.
type member struct {
	name             string // decoded
	keyStart, keyEnd int    // the quoted key, quotes included
	start, end       int    // the value
}

// object is a JSON object in the document: raw[start] is its opening brace, raw[end-1] its closing one.
type object struct {
	start, end int
	members    []member
}

// find returns the member with one of knownNames, in any case.
func (o object) find(name string) (member, bool) {
	for _, m := range o.members {
		if strings.EqualFold(m.name, name) {
			return m, true
		}
	}
	return member{}, false
}

// checkSyntax checks that the document is one JSON value. The error of encoding/json quotes the offending character, which may be one of a
// password, so only its position is kept.
func checkSyntax(raw []byte) error {
	if json.Valid(raw) {
		return nil
	}
	var anything json.RawMessage
	err := json.Unmarshal(raw, &anything)
	offset := -1
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = int(syntax.Offset)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return problem(NotJSON, -1, "the document is empty")
	}
	return problem(NotJSON, offset, "the document is not valid JSON")
}

// scanObject reads the members of the object raw[start:end], which checkSyntax has accepted. what names the object in errors and must be a
// constant.
func scanObject(raw []byte, start, end int, what string) (object, error) {
	if raw[start] != '{' {
		return object{}, problem(NotAnObject, start, what+" is not a JSON object")
	}
	found := object{start: start, end: end}
	seen := map[string]int{} // the offset by sameKey
	for at := skipSpace(raw, start+1); at < end && raw[at] == '"'; {
		m := member{keyStart: at, keyEnd: stringEnd(raw, at)}
		m.name = text(raw[m.keyStart:m.keyEnd])
		m.start = skipSpace(raw, skipSpace(raw, m.keyEnd)+1) // past the colon
		m.end = valueEnd(raw, m.start)
		if m.end > end {
			return object{}, problem(NotJSON, start, what+" cannot be read")
		}
		same := sameKey(m.name)
		if earlier, twice := seen[same]; twice {
			return object{}, problem(DuplicateKey, max(m.keyStart, earlier),
				what+" has the same key twice, and readers disagree about which one counts: remove one of them")
		}
		if len(found.members) == MaxEntries {
			return object{}, problem(TooManyEntries, m.keyStart, fmt.Sprintf("%s has more than %d entries", what, MaxEntries))
		}
		seen[same] = m.keyStart
		found.members = append(found.members, m)
		if at = skipSpace(raw, m.end); at < end && raw[at] == ',' {
			at = skipSpace(raw, at+1)
		}
	}
	return found, nil
}

// The functions below walk over bytes that checkSyntax has accepted. encoding/json would read each value again at each level of nesting.

// skipSpace is the offset of the first byte from at on that is not white space.
func skipSpace(raw []byte, at int) int {
	for at < len(raw) && (raw[at] == ' ' || raw[at] == '\t' || raw[at] == '\n' || raw[at] == '\r') {
		at++
	}
	return at
}

// stringEnd is the offset after the string that begins at a quotation mark.
func stringEnd(raw []byte, at int) int {
	for at++; at < len(raw) && raw[at] != '"'; at++ {
		if raw[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// valueEnd is the offset after the value that begins at an offset.
func valueEnd(raw []byte, at int) int {
	for depth := 0; at < len(raw); {
		switch raw[at] {
		case '"':
			at = stringEnd(raw, at)
		case '{', '[':
			depth++
			at++
		case '}', ']':
			depth--
			at++
		default:
			at++
			if depth == 0 && (at == len(raw) || bytes.IndexByte([]byte(",]} \t\n\r"), raw[at]) < 0) {
				continue // a number or a word continues
			}
		}
		if depth == 0 {
			return at
		}
	}
	return at
}

// text decodes a JSON string.
func text(quoted []byte) string {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	var s string
	_ = json.Unmarshal(quoted, &s) // checkSyntax has accepted it
	return s
}

// knownNames are the keys that this package and the readers of a pull secret look for. The kubelet and other readers written in Go find them in
// any case ("Auth" is "auth" to them), so two keys that differ only in case are the same key.
var knownNames = []string{"auths", "auth", "username", "password", "email", "identitytoken", "registrytoken"}

// sameKey is equal for two keys that a reader may treat as the same.
func sameKey(name string) string {
	for _, known := range knownNames {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}
