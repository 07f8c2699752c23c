package pullsecret

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRestore_UndoesAMergeByteForByte(t *testing.T) {
	before := messy(auth(oldQuay, "old")+`\u003d`, strings.TrimRight(auth(oldRHIO, "ol"), "="), "old@\\u0065xample.com")
	backup := mustParse(t, before)
	merged, changes, err := Merge(backup, issued(t), Policy{Own: IssuedByOCM, ReplaceForeign: true})
	if err != nil || string(merged) == before {
		t.Fatal("nothing was merged", err)
	}
	var registries []string
	for _, c := range changes {
		if c.Action == Replaced {
			registries = append(registries, c.Registry)
		}
	}
	restored, _, err := Restore(mustParse(t, string(merged)), backup, registries)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, string(restored)); diff != "" {
		t.Error(diff)
	}
}

func TestRestore_KeepsWhatOthersEditedMeanwhile(t *testing.T) {
	backup := mustParse(t, `{"auths":{"a":{"auth":"`+auth("a", "old")+`"},"r":{"auth":"`+auth("r", "old")+`"},"gone":{"auth":"`+auth("g", "old")+`"}}}`)
	edited := `{"new":1,"auths":{"added":{"auth":"x"},"r":{"note":"n","auth":"R"},"a":{"auth":"` + auth("a", "edited") + `"}}}`
	current := mustParse(t, strings.Replace(edited, `"R"`, `"`+auth("r", "new")+`"`, 1))
	restored, changes, err := Restore(current, backup, []string{"r", "gone", "added", "r"})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(edited, `"R"`, `"`+auth("r", "old")+`"`, 1); string(restored) != want {
		t.Errorf("got  %s\nwant %s", restored, want)
	}
	if diff := cmp.Diff([]Change{{Registry: "r", Action: Replaced}, {Registry: "gone", Action: KeptAbsent}, {Registry: "added", Action: Unchanged}}, changes); diff != "" {
		t.Error(diff)
	}
}

func TestRestore_OfOneEntry(t *testing.T) {
	for name, c := range map[string]struct{ backup, current, want string }{
		"nothing to do": {`{"auth":"` + auth("u", "p") + `"}`, `{"auth":"` + auth("u", "p") + `","x":1}`, `{"auth":"` + auth("u", "p") + `","x":1}`},
		"an entry that had no auth gets it empty": {`{}`, `{"auth":"` + auth("u", "p") + `"}`, `{"auth":""}`},
		"empty stays empty":                       {`{}`, `{"auth":""}`, `{"auth":""}`},
		"auth that was removed comes back":        {`{"auth":"` + auth("u", "p") + `"}`, `{"username":"v","password":"q"}`, `{"username":"v","password":"q","auth":"` + auth("u", "p") + `"}`},
		"an email that was removed stays away":    {`{"auth":"` + auth("u", "p") + `","email":"e"}`, `{"auth":"` + auth("v", "q") + `"}`, `{"auth":"` + auth("u", "p") + `"}`},
		"fields come back to an emptied entry":    {`{"username":"u","password":"p"}`, `{}`, `{"username":"u","password":"p"}`},
		"another form of the same fields":         {`{"username":"u","password":"p"}`, `{"auth":"` + auth("v", "q") + `"}`, `{"auth":"","username":"u","password":"p"}`},
	} {
		t.Run(name, func(t *testing.T) {
			current := mustParse(t, `{"auths":{"r":`+c.current+`}}`)
			restored, _, err := Restore(current, mustParse(t, `{"auths":{"r":`+c.backup+`}}`), []string{"r"})
			if want := `{"auths":{"r":` + c.want + `}}`; err != nil || string(restored) != want {
				t.Errorf("got  %s %v\nwant %s", restored, err, want)
			}
			again, changes, err := Restore(mustParse(t, string(restored)), mustParse(t, `{"auths":{"r":`+c.backup+`}}`), []string{"r"})
			if err != nil || string(again) != string(restored) || changes[0].Action != Unchanged {
				t.Errorf("a second time it gives %s %v %v", again, changes, err)
			}
		})
	}
}
