package pullsecret

import "bytes"

// credentialFields are the fields of an entry that Merge writes, and that Restore puts back.
var credentialFields = []string{"auth", "username", "password", "email"}

// Restore sets the entries of these registries back to the backup's, byte for byte, and leaves everything else as it is now: others may have
// edited the document since the backup was taken. Callers should name only registries whose current value was written by the operator.
//
// No entry is removed or added: one that was removed since stays absent (KeptAbsent), one that the backup lacks stays as it is (Unchanged). A
// field `auth` that the backup's entry lacks becomes empty, which readers treat as absent. If nothing changes, merged is current.Raw() itself.
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

// putBack returns the edits that set the fields of an entry to the backup's bytes.
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
