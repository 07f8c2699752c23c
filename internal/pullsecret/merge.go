package pullsecret

import (
	"bytes"
	"slices"
)

// Policy says which entries a merge may touch.
type Policy struct {
	// Own says whether the current entry was issued to the account, by fingerprint or by IssuedByOCM. Only such entries are replaced; none if it
	// is nil.
	Own func(current Entry) bool
	// Source names the issued registry whose credential a current entry gets if the issued document lacks the entry's own key. If it is nil or
	// returns false, such an entry stays as it is.
	Source func(current Entry) (issued string, ok bool)
	// Hold says whether the issued credential of a registry must not be written yet. If it is nil, all may be written.
	Hold func(issued Entry) bool
	// AddMissing names registries whose issued entry is added, at the end, when the document has none. They are added in this order.
	AddMissing []string
	// ReplaceForeign replaces the entries of issued registries whoever issued them. Entries with an identity or registry token are kept even so:
	// readers prefer such a token, so another password would change nothing.
	ReplaceForeign bool
}

// Action is what a merge did with an entry.
type Action string

const (
	// Replaced: the entry has the new credential.
	Replaced Action = "Replaced"
	// Added: the entry was absent, and Policy.AddMissing names it.
	Added Action = "Added"
	// Unchanged: the entry already has the intended content.
	Unchanged Action = "Unchanged"
	// Awaited: the entry will be replaced or added, but Policy.Hold still holds the new credential back.
	Awaited Action = "Awaited"
	// KeptForeign: the entry was not issued to the account, so it stays.
	KeptForeign Action = "KeptForeign"
	// KeptAbsent: the entry is absent and stays so. A missing cloud.openshift.com means that the customer opted out of telemetry.
	KeptAbsent Action = "KeptAbsent"
)

// Change is what a merge did with one entry.
type Change struct {
	Registry string
	Action   Action
	// Source is the issued registry whose credential the entry got or awaits; empty for an entry that stays.
	Source string
}

// Merge merges the issued credentials into the current document and lists what it did with each entry: first those of the current document in its
// order, then those that it lacks.
//
// Only the values of `auth` and `email` (and of `username` and `password` where the entry has them) of replaced entries change, every other byte
// stays. An email is written where a replaced entry has that field and the issued entry has an email; the field is never added to an entry that
// lacks it. Entries that equal the issued ones in user name and password are not touched, whatever their email. If no entry changes, merged is
// current.Raw() itself.
//
// An issued entry without user name or password is refused (UnusableCredential), and the result is read back before it is returned
// (UnfaithfulResult): it must parse, and each entry must have the intended content. Errors never hold content.
func Merge(current, issued *Document, p Policy) (merged []byte, changes []Change, err error) {
	var edits []edit
	want := map[string]Entry{}
	for _, n := range current.entries {
		at, ok := issued.source(n.entry, p)
		if !ok {
			changes = append(changes, Change{Registry: n.entry.Registry, Action: KeptForeign})
			continue
		}
		fresh := issued.entries[at].entry
		if !fresh.usable() {
			return nil, nil, unusable(issued.entries[at])
		}
		action := judge(n, fresh, p)
		change := Change{Registry: n.entry.Registry, Action: action}
		if action == Replaced {
			if change.Source = fresh.Registry; p.Hold != nil && p.Hold(fresh) {
				change.Action = Awaited
			} else {
				edits = append(edits, current.replace(n, fresh)...)
				want[n.entry.Registry] = fresh
			}
		}
		changes = append(changes, change)
	}
	missing, absent, err := current.missing(issued, p)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range missing {
		want[e.Registry] = e
	}
	if len(missing) > 0 {
		edits = append(edits, current.appendEntries(missing))
	}
	changes = append(changes, absent...)
	if len(edits) == 0 {
		return current.raw, changes, nil
	}
	merged = splice(current.raw, edits)
	if err := current.checkResult(merged, want); err != nil {
		return nil, nil, err
	}
	return merged, changes, nil
}

// judge decides about an entry that both documents have.
func judge(n node, fresh Entry, p Policy) Action {
	switch {
	case n.entry.sameCredential(fresh):
		return Unchanged // whatever its email: that is informational, and no reason to write
	case n.entry.Token:
		return KeptForeign
	case p.ReplaceForeign, p.Own != nil && p.Own(n.entry):
		return Replaced
	}
	return KeptForeign
}

// replace returns the edits that put the new credential into an entry. A field with the right value keeps its bytes.
func (d *Document) replace(n node, fresh Entry) []edit {
	var edits []edit
	set := func(name, value string) bool {
		m, ok := n.fields.find(name)
		if ok && d.text(n.fields, name) != value {
			edits = append(edits, edit{m.start, m.end, []byte(quote(value))})
		}
		return ok
	}
	if fresh.Email != "" {
		set("email", fresh.Email)
	}
	user, password := set("username", fresh.Username), set("password", fresh.Password)
	if !set("auth", fresh.Auth()) && !(user && password) {
		edits = append(edits, d.appendFields(n.fields, []field{{"auth", quote(fresh.Auth())}}))
	}
	return edits
}

// source is the index of the issued entry whose credential a current entry gets.
func (d *Document) source(current Entry, p Policy) (int, bool) {
	if at, ok := d.index[current.Registry]; ok {
		return at, true
	}
	if p.Source == nil {
		return 0, false
	}
	name, ok := p.Source(current)
	if !ok {
		return 0, false
	}
	at, ok := d.index[name]
	return at, ok
}

// missing returns the entries to add, and a Change for each issued entry that the document lacks: first those that are added, in the order of
// names, then the others.
func (d *Document) missing(issued *Document, p Policy) (add []Entry, absent []Change, err error) {
	seen := map[string]bool{}
	for _, name := range p.AddMissing {
		if _, present := d.index[name]; present || seen[name] {
			continue
		}
		seen[name] = true
		at, ok := issued.index[name]
		if !ok {
			absent = append(absent, Change{Registry: name, Action: KeptAbsent})
			continue
		}
		if !issued.entries[at].entry.usable() {
			return nil, nil, unusable(issued.entries[at])
		}
		if e := issued.entries[at].entry; p.Hold != nil && p.Hold(e) {
			absent = append(absent, Change{Registry: name, Action: Awaited, Source: name})
		} else {
			add = append(add, e)
			absent = append(absent, Change{Registry: name, Action: Added, Source: name})
		}
	}
	for _, name := range issued.Registries() {
		if _, present := d.index[name]; !present && !seen[name] {
			absent = append(absent, Change{Registry: name, Action: KeptAbsent})
		}
	}
	return add, absent, nil
}

func unusable(n node) error {
	return problem(UnusableCredential, n.key.start, "an issued entry holds no user name and password that could be written")
}

// checkResult reads a changed document back: the entries of want have the intended content, all others their old bytes.
func (d *Document) checkResult(merged []byte, want map[string]Entry) error {
	after, err := Parse(merged)
	if err != nil {
		return err
	}
	unfaithful := problem(UnfaithfulResult, -1, "the merged document would not have the intended content; nothing was changed")
	for registry, e := range want {
		if got, ok := after.Entry(registry); !ok || got.Username != e.Username || got.Password != e.Password {
			return unfaithful
		}
	}
	if len(after.entries) < len(d.entries) || !slices.Equal(d.Registries(), after.Registries()[:len(d.entries)]) {
		return unfaithful
	}
	for i, n := range d.entries {
		if _, changed := want[n.entry.Registry]; changed {
			continue
		}
		if m := after.entries[i].key; !bytes.Equal(d.raw[n.key.start:n.key.end], after.raw[m.start:m.end]) {
			return unfaithful
		}
	}
	return nil
}
