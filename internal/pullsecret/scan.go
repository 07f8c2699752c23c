package pullsecret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	var anything json.RawMessage
	err := json.Unmarshal(raw, &anything)
	if err == nil {
		return nil
	}
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
	broken := problem(NotJSON, start, what+" cannot be read")
	dec := json.NewDecoder(bytes.NewReader(raw[start:end]))
	if _, err := dec.Token(); err != nil {
		return object{}, broken
	}
	for dec.More() {
		before := start + int(dec.InputOffset())
		token, err := dec.Token()
		if err != nil {
			return object{}, broken
		}
		name, isString := token.(string)
		if !isString {
			return object{}, broken
		}
		m := member{name: name, keyEnd: start + int(dec.InputOffset())}
		m.keyStart = before + bytes.IndexByte(raw[before:end], '"')
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return object{}, broken
		}
		m.end = start + int(dec.InputOffset())
		m.start = m.end - len(value)
		same := sameKey(name)
		if earlier, twice := seen[same]; twice {
			return object{}, problem(DuplicateKey, max(m.keyStart, earlier),
				what+" has the same key twice, and readers disagree about which one counts: remove one of them")
		}
		if len(found.members) == MaxEntries {
			return object{}, problem(TooManyEntries, m.keyStart, fmt.Sprintf("%s has more than %d entries", what, MaxEntries))
		}
		seen[same] = m.keyStart
		found.members = append(found.members, m)
	}
	return found, nil
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
