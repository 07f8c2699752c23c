// Package pullsecret reads, compares and changes pull secrets: the JSON document of a Secret of type
// kubernetes.io/dockerconfigjson, as OCM issues it and as people and other controllers edit it.
//
// It does no I/O, and works on the bytes of the document: only the values that must change do change. White space, the order of the keys, unknown
// fields at every level, escapes and number formats stay as they are, because the machine-config-operator writes the document to every node and
// treats a reordered one as new.
//
// Registries are compared exactly as written. So quay.io/team, https://quay.io and the legacy Docker Hub key https://index.docker.io/v1/ are
// separate entries that an issued quay.io entry does not touch.
package pullsecret

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
)

// MaxSize is the maximum size of a document in bytes: a Secret cannot hold more (k8s.io/api/core/v1, MaxSecretSize).
const MaxSize = 1 << 20

// MaxEntries is how many members `auths`, or any other object of a document, may have. The largest clusters have dozens of registries; a document
// with a hundred thousand would block the operator for all other objects.
const MaxEntries = 1000

// Document is a pull secret that parses. It never changes.
type Document struct {
	raw     []byte
	auths   object
	entries []node
	index   map[string]int // index in entries by registry
	sum     func() []byte
}

// node is an entry of auths: its position and its content.
type node struct {
	key    member
	fields object
	entry  Entry
}

// Parse reads a document. `auths` must be a non-empty object and its entries objects; no key may appear twice. The content of an entry is not
// judged, because a customer's entry may be odd and is not our concern: Merge judges what it is about to write.
//
// Errors are of type *Error and never hold a part of the content.
func Parse(raw []byte) (*Document, error) {
	if len(raw) > MaxSize {
		return nil, problem(TooLarge, -1, fmt.Sprintf("the document has %d bytes; a Secret cannot hold more than %d", len(raw), MaxSize))
	}
	if err := checkSyntax(raw); err != nil {
		return nil, err
	}
	d := &Document{raw: append([]byte(nil), raw...)}
	d.sum = sync.OnceValue(func() []byte {
		sum := sha256.Sum256(d.raw)
		return sum[:]
	})
	top, err := scanObject(d.raw, skipSpace(d.raw, 0), len(d.raw), "the document")
	if err != nil {
		return nil, err
	}
	auths, ok := top.find("auths")
	if !ok {
		return nil, problem(NoAuths, -1, "the document has no key auths")
	}
	if d.auths, err = scanObject(d.raw, auths.start, auths.end, "auths"); err != nil {
		return nil, err
	}
	if len(d.auths.members) == 0 {
		return nil, problem(NoAuths, auths.start, "auths has no entry")
	}
	d.index = make(map[string]int, len(d.auths.members))
	for i, m := range d.auths.members {
		fields, err := scanObject(d.raw, m.start, m.end, fmt.Sprintf("entry %d of auths", i+1))
		if err != nil {
			return nil, err
		}
		d.index[m.name] = i
		d.entries = append(d.entries, d.read(m, fields))
	}
	return d, nil
}

// Raw is the document byte for byte. The caller must not change it.
func (d *Document) Raw() []byte { return d.raw }

// Sum is the SHA-256 of the document, to notice changes by. The caller must not change it.
func (d *Document) Sum() []byte { return d.sum() }

// Registries in the order of the document.
func (d *Document) Registries() []string {
	names := make([]string, 0, len(d.entries))
	for _, n := range d.entries {
		names = append(names, n.entry.Registry)
	}
	return names
}

// Entry of a registry, whose name must be spelled exactly as in the document.
func (d *Document) Entry(registry string) (Entry, bool) {
	i, ok := d.index[registry]
	if !ok {
		return Entry{}, false
	}
	return d.entries[i].entry, true
}

// Only returns a document with only the entries to keep, each byte for byte; nil if there is none.
func (d *Document) Only(keep func(Entry) bool) []byte {
	var kept [][]byte
	for _, n := range d.entries {
		if keep(n.entry) {
			kept = append(kept, d.raw[n.key.keyStart:n.key.end])
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return slices.Concat([]byte(`{"auths":{`), bytes.Join(kept, []byte(",")), []byte("}}"))
}

// text is the string value of a member; empty for a member that is missing or not a string.
func (d *Document) text(fields object, name string) string {
	if m, ok := fields.find(name); ok && d.raw[m.start] == '"' {
		return text(d.raw[m.start:m.end])
	}
	return ""
}

// Format keeps the content out of everything that prints, whatever the verb.
func (d *Document) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.redacted())) }

// MarshalJSON keeps it out of structured logs.
func (d *Document) MarshalJSON() ([]byte, error) { return json.Marshal(d.redacted()) }

// LogValue keeps it out of slog.
func (d *Document) LogValue() slog.Value { return slog.StringValue(d.redacted()) }

func (d *Document) redacted() string {
	if d == nil {
		return "pull secret <nil>"
	}
	return fmt.Sprintf("pull secret with %d entries [redacted]", len(d.entries))
}
