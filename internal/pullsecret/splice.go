package pullsecret

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// This file changes bytes: it replaces values in place and adds members in the document's own style.

// edit replaces raw[start:end] with text; start == end inserts.
type edit struct {
	start, end int
	text       []byte
}

// splice applies edits, which must not overlap.
func splice(raw []byte, edits []edit) []byte {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.start - b.start })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(raw[at:e.start])
		out.Write(e.text)
		at = e.end
	}
	out.Write(raw[at:])
	return out.Bytes()
}

// quote writes a JSON string without needless escapes (encoding/json escapes <, > and & by default).
func quote(s string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // encoding a string into a buffer cannot fail
	return strings.TrimSuffix(out.String(), "\n")
}

// style is how an object of the document is formatted.
type style struct {
	first  string // white space between the opening brace and the first key
	next   string // white space between a comma and the next key
	colon  string // between a key and its value, colon included
	ending string // white space between the last value and the closing brace
}

// styleOf derives the style of an object from its members. If there is only one member, a comma is followed by what follows the opening brace or,
// on one line, by a space if one follows the colon.
func (d *Document) styleOf(o object) style {
	if len(o.members) == 0 {
		return style{colon: ":"}
	}
	first, last := o.members[0], o.members[len(o.members)-1]
	s := style{
		first:  string(d.raw[o.start+1 : first.keyStart]),
		colon:  string(d.raw[last.keyEnd:last.start]),
		ending: string(d.raw[last.end : o.end-1]),
	}
	switch {
	case len(o.members) > 1:
		between := string(d.raw[o.members[len(o.members)-2].end:last.keyStart])
		_, s.next, _ = strings.Cut(between, ",")
	case s.first != "":
		s.next = s.first
	case s.colon != ":":
		s.next = " "
	}
	return s
}

// appendMember adds a member to a non-empty object, directly after its last value, so that the white space before the closing brace stays.
func (d *Document) appendMember(o object, name, value string) edit {
	s := d.styleOf(o)
	at := o.members[len(o.members)-1].end
	return edit{start: at, end: at, text: []byte("," + s.next + quote(name) + s.colon + value)}
}

// field is a member to add: its name and its value as JSON.
type field struct{ name, value string }

// appendFields adds fields to an entry, which may be empty.
func (d *Document) appendFields(fields object, add []field) edit {
	var all []byte
	at, empty := fields.start+1, len(fields.members) == 0
	for i, f := range add {
		if empty {
			comma := ","
			if i == 0 {
				comma = ""
			}
			all = append(all, comma+quote(f.name)+d.styleOf(d.auths).colon+f.value...)
			continue
		}
		added := d.appendMember(fields, f.name, f.value)
		at, all = added.start, append(all, added.text...)
	}
	return edit{start: at, end: at, text: all}
}

// appendEntries adds entries at the end of auths, each formatted like the document's last entry that has fields.
func (d *Document) appendEntries(entries []Entry) edit {
	inner := style{colon: d.styleOf(d.auths).colon}
	for _, n := range slices.Backward(d.entries) {
		if len(n.fields.members) > 0 {
			inner = d.styleOf(n.fields)
			break
		}
	}
	var all []byte
	at := 0
	for _, e := range entries {
		value := "{" + inner.first + quote("auth") + inner.colon + quote(e.Auth())
		if e.Email != "" {
			value += "," + inner.next + quote("email") + inner.colon + quote(e.Email)
		}
		added := d.appendMember(d.auths, e.Registry, value+inner.ending+"}")
		at, all = added.start, append(all, added.text...)
	}
	return edit{start: at, end: at, text: all}
}
