package pullsecret

import "bytes"

// credentialFields are the fields of an entry that Merge writes, and that Restore puts back.
var credentialFields = []string{"auth", "username", "password", "email"}

// Restore puts the entries of these registries back to what the backup says, byte for byte, and leaves everything else as
// it is now: others may have edited the document since the backup was taken. Only registries whose current value is one
// that the operator wrote should be named.
//
// No entry is removed and none is added: one that has gone since stays absent (KeptAbsent), one that the backup does not
// have stays as it is (Unchanged). A field `auth` that the backup's entry lacks becomes empty, which readers take for
// absent. When nothing changes, merged is current.Raw() itself.
func Restore(current, backup *Document, registries []string) (merged []byte, changes []Change, err error) {
	var edits []edit
	want := map[string]Entry{}
	seen := map[string]bool{}
	for _, registry := range registries {
		if seen[registry] {
			continue
		}
		seen[registry] = true
		now, present := current.index[registry]
		if !present {
			changes = append(changes, Change{Registry: registry, Action: KeptAbsent})
			continue
		}
		action := Unchanged
		if then, known := backup.index[registry]; known {
			back := putBack(current, current.entries[now], backup, backup.entries[then])
			if len(back) > 0 {
				edits = append(edits, back...)
				want[registry] = backup.entries[then].entry
				action = Replaced
			}
		}
		changes = append(changes, Change{Registry: registry, Action: action})
	}
	if len(edits) == 0 {
		return current.raw, changes, nil
	}
	merged = splice(current.raw, edits)
	if err := current.checkResult(merged, want); err != nil {
		return nil, nil, err
	}
	return merged, changes, nil
}

// putBack gives the edits that set the fields of an entry to the backup's bytes.
func putBack(current *Document, now node, backup *Document, then node) []edit {
	var edits []edit
	var lost []field
	for _, name := range credentialFields {
		m, present := now.fields.find(name)
		old, known := then.fields.find(name)
		bytesThen := []byte(`""`)
		if known {
			bytesThen = backup.raw[old.start:old.end]
		}
		switch {
		case present && (known || name == "auth") && !bytes.Equal(current.raw[m.start:m.end], bytesThen):
			edits = append(edits, edit{m.start, m.end, bytesThen})
		case known && !present && name != "email":
			lost = append(lost, field{name, string(bytesThen)})
		}
	}
	if len(lost) > 0 {
		edits = append(edits, current.appendFields(now.fields, lost))
	}
	return edits
}
