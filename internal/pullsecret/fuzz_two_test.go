package pullsecret

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
)

// twoDocuments adds each pair of documents that have all the constructs the fuzzers vary.
func twoDocuments(f *testing.F) {
	all := seeds(f)
	for i, a := range all {
		f.Add([]byte(a), []byte(all[(i+1)%len(all)]), uint8(i))
	}
}

// FuzzMergeIssued: whatever OCM issues, the merge keeps all that is not the operator's, takes from OCM nothing but what it names, and is
// idempotent.
func FuzzMergeIssued(f *testing.F) {
	twoDocuments(f)
	f.Fuzz(func(t *testing.T, raw, issued []byte, bits uint8) {
		current, err := Parse(raw)
		if err != nil {
			return
		}
		fresh, err := Parse(issued)
		if err != nil {
			return
		}
		p := Policy{Own: func(e Entry) bool { return bits&1 != 0 || IssuedByOCM(e) }, ReplaceForeign: bits&2 != 0}
		if bits&4 != 0 {
			p.AddMissing = fresh.Registries()
		}
		merged, changes, err := Merge(current, fresh, p)
		if err != nil {
			return // refused whole: nothing is written
		}
		after, err := Parse(merged)
		if err != nil {
			t.Fatalf("the result does not parse: %v\n%s", err, merged)
		}
		if names := after.Registries(); !slices.Equal(names[:len(current.entries)], current.Registries()) {
			t.Fatalf("the order changed: %v", names)
		}
		checkChanges(t, current, fresh, after, changes)
		again, _, err := Merge(after, fresh, p)
		if err != nil || !bytes.Equal(again, merged) {
			t.Fatalf("merging twice differs from merging once: %v\n%s\n%s", err, merged, again)
		}
	})
}

// checkChanges: each registry of the result holds what the list of changes says of it.
func checkChanges(t *testing.T, current, fresh, after *Document, changes []Change) {
	t.Helper()
	what := actions(changes)
	for _, registry := range after.Registries() {
		was, existed := current.Entry(registry)
		is, _ := after.Entry(registry)
		issued, known := fresh.Entry(registry)
		switch action := what[registry]; {
		case action == Replaced && (!known || !is.sameCredential(issued)):
			t.Fatalf("%s is said to be replaced, and holds another credential", registry)
		case !existed && (!known || !is.sameCredential(issued)):
			t.Fatalf("%s was added, and OCM did not issue it", registry)
		case existed && action != Replaced && is != was:
			t.Fatalf("%s is said to be %q, and changed", registry, action)
		}
	}
}

// FuzzRestore: whatever the two documents are, restoring adds and removes no entry, changes only the registries it was asked for, and sets those
// to the backup's values.
func FuzzRestore(f *testing.F) {
	twoDocuments(f)
	f.Fuzz(func(t *testing.T, raw, old []byte, bits uint8) {
		current, err := Parse(raw)
		if err != nil {
			return
		}
		backup, err := Parse(old)
		if err != nil {
			return
		}
		var chosen []string
		for i, registry := range append(backup.Registries(), "absent.example.com") {
			if bits>>(i%8)&1 == 0 {
				chosen = append(chosen, registry, registry)
			}
		}
		restored, changes, err := Restore(current, backup, chosen)
		if err != nil {
			return // refused whole: nothing is written
		}
		after, err := Parse(restored)
		if err != nil {
			t.Fatalf("the result does not parse: %v\n%s", err, restored)
		}
		if !slices.Equal(after.Registries(), current.Registries()) {
			t.Fatalf("the registries %v became %v", current.Registries(), after.Registries())
		}
		what := actions(changes)
		for _, registry := range after.Registries() {
			is, _ := after.Entry(registry)
			was, _ := current.Entry(registry)
			then, _ := backup.Entry(registry)
			if what[registry] == Replaced && then.usable() && !is.sameCredential(then) || what[registry] != Replaced && is != was {
				t.Fatalf("%s is said to be %q: %s\n%s", registry, what[registry], raw, restored)
			}
		}
		again, _, err := Restore(after, backup, chosen)
		if err != nil || !bytes.Equal(again, restored) {
			t.Fatalf("restoring twice differs from restoring once: %v\n%s\n%s", err, restored, again)
		}
	})
}

// FuzzSplice: edits that do not overlap leave all other bytes as they are, in whatever order they are given, and what is quoted is JSON.
func FuzzSplice(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":2}`), uint8(5), uint8(6), uint8(11), uint8(12), "x\"\u2028<&>")
	f.Add([]byte(``), uint8(0), uint8(0), uint8(0), uint8(0), "\xff\x00")
	f.Fuzz(func(t *testing.T, raw []byte, a, b, c, d uint8, with string) {
		at := []int{int(a), int(b), int(c), int(d)}
		for i := range at {
			at[i] = min(at[i], len(raw))
		}
		slices.Sort(at)
		text := quote(with)
		var back string
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatalf("%q is quoted as %s: %v", with, text, err)
		}
		want := string(raw[:at[0]]) + text + string(raw[at[1]:at[2]]) + "2" + string(raw[at[3]:])
		first, second := edit{at[0], at[1], []byte(text)}, edit{at[2], at[3], []byte("2")}
		if at[0] == at[2] { // at one place the given order decides
			return
		}
		for _, edits := range [][]edit{{first, second}, {second, first}} {
			if got := splice(bytes.Clone(raw), edits); string(got) != want {
				t.Fatalf("%q becomes %q, want %q", raw, got, want)
			}
		}
	})
}
