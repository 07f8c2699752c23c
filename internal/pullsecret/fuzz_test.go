package pullsecret

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seeds are documents that have all the constructs the fuzzers vary.
func seeds(f *testing.F) []string {
	fresh := issued(f)
	return []string{
		messy(auth(oldQuay, "old"), auth(oldRHIO, "old"), "old@example.com"),
		messy(auth(newQuay, "new-"+canary), auth(newRHIO, "new-"+canary), "me@example.com"),
		string(fresh.Raw()),
		`{"auths":{"quay.io":{"username":"u","password":"p","auth":""},"registry.redhat.io":{}}}`,
		"{\n\t\"auths\" : {\r\n\"quay.io\" : { \"auth\":\"" + auth("u", "p") + "\" , \"identitytoken\":\"t\" } } , \"x\":[{}] }",
		`{"auths":{"quay.io":{"Auth":1.0e5,"email":null}}}`,
		`{"auths":{"a":{},"a":{}}}`, `[]`, ``, `{"auths":{"r":`,
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := Parse(raw)
		var typed *Error
		if err != nil {
			if d != nil || !errors.As(err, &typed) || typed.Problem == UnfaithfulResult {
				t.Fatalf("%v %v", d, err)
			}
			return
		}
		if !bytes.Equal(d.Raw(), raw) || len(d.Registries()) == 0 {
			t.Fatal("the document is not what was read")
		}
		// The offsets must cut out what encoding/json reads.
		for _, n := range d.entries {
			var name string
			if err := json.Unmarshal(raw[n.key.keyStart:n.key.keyEnd], &name); err != nil || name != n.entry.Registry {
				t.Fatalf("the key's offsets cut out %q (%v)", raw[n.key.keyStart:n.key.keyEnd], err)
			}
			for _, m := range append(n.fields.members, n.key) {
				if value := raw[m.start:m.end]; !json.Valid(value) || !bytes.Equal(bytes.TrimSpace(value), value) {
					t.Fatalf("a value's offsets cut out %q", value)
				}
			}
		}
	})
}

func FuzzMerge(f *testing.F) {
	for _, s := range seeds(f) {
		for bits := range uint8(8) {
			f.Add([]byte(s), bits)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte, bits uint8) {
		current, err := Parse(raw)
		if err != nil {
			return
		}
		fresh := issued(t)
		own := func(e Entry) bool { return bits&1 != 0 || IssuedByOCM(e) }
		p := Policy{Own: own, ReplaceForeign: bits&2 != 0}
		if bits&4 != 0 {
			p.AddMissing = []string{"cloud.openshift.com", "quay.io"}
		}
		merged, changes, err := Merge(current, fresh, p)
		if err != nil {
			var typed *Error
			if !errors.As(err, &typed) || typed.Problem != TooLarge {
				t.Fatalf("the merge failed: %v", err)
			}
			return
		}
		after, err := Parse(merged)
		if err != nil {
			t.Fatalf("the result does not parse: %v\n%s", err, merged)
		}
		what := actions(changes)
		if diff := cmp.Diff(current.Registries(), after.Registries()[:len(current.entries)]); diff != "" {
			t.Fatalf("the order changed:\n%s", diff)
		}
		for i, n := range current.entries {
			checkEntry(t, current, after, fresh, n, after.entries[i], what[n.entry.Registry])
		}
		if diff := cmp.Diff(withoutAuths(t, raw), withoutAuths(t, merged)); diff != "" {
			t.Fatalf("something outside auths changed:\n%s", diff)
		}
		again, _, err := Merge(after, fresh, p)
		if err != nil || !bytes.Equal(again, merged) {
			t.Fatalf("merging twice differs from merging once: %v\n%s\n%s", err, merged, again)
		}
		checkRestore(t, current, after, what)
	})
}

// checkEntry compares an entry before and after with what the merge says of it.
func checkEntry(t *testing.T, current, after, fresh *Document, before, now node, action Action) {
	rawBefore, rawNow := current.raw[before.key.start:before.key.end], after.raw[now.key.start:now.key.end]
	want, wasIssued := fresh.Entry(before.entry.Registry)
	switch action {
	case Replaced:
		if !now.entry.sameCredential(want) || !wasIssued {
			t.Fatalf("a replaced entry does not hold the issued credential: %s", rawNow)
		}
		for _, m := range before.fields.members {
			kept, ok := now.fields.find(m.name)
			isCredential := false
			for _, name := range credentialFields {
				c, found := before.fields.find(name)
				isCredential = isCredential || found && c == m
			}
			if !isCredential && (!ok || !bytes.Equal(current.raw[m.start:m.end], after.raw[kept.start:kept.end])) &&
				uniqueIgnoringCase(before.fields, m.name) {
				t.Fatalf("field %q of a replaced entry changed:\n%s\n%s", m.name, rawBefore, rawNow)
			}
		}
	case Unchanged, KeptForeign:
		if !bytes.Equal(rawBefore, rawNow) {
			t.Fatalf("an entry that is %s changed:\n%s\n%s", action, rawBefore, rawNow)
		}
	default:
		t.Fatalf("an entry that is there is said to be %q", action)
	}
}

// uniqueIgnoringCase: find ignores case, so this test can only follow a field that has no twin.
func uniqueIgnoringCase(o object, name string) bool {
	count := 0
	for _, m := range o.members {
		if (object{members: []member{m}}).has(name) {
			count++
		}
	}
	return count == 1
}

func (o object) has(name string) bool { _, ok := o.find(name); return ok }

// checkRestore puts the replaced entries back and expects the document from before, unless a field was added or auth only
// became empty again.
func checkRestore(t *testing.T, before, after *Document, what map[string]Action) {
	var registries []string
	for registry, action := range what {
		if action == Replaced {
			registries = append(registries, registry)
		}
	}
	restored, _, err := Restore(after, before, registries)
	if err != nil {
		t.Fatalf("restoring failed: %v", err)
	}
	back, err := Parse(restored)
	if err != nil {
		t.Fatalf("the restored document does not parse: %v", err)
	}
	for _, n := range before.entries {
		if e, _ := back.Entry(n.entry.Registry); e != n.entry {
			t.Fatalf("an entry was not restored:\n%s\n%s", before.raw, restored)
		}
	}
}

// withoutAuths gives the bytes before and after the value of auths.
func withoutAuths(t *testing.T, raw []byte) [2]string {
	d, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{string(raw[:d.auths.start]), string(raw[d.auths.end:])}
}
