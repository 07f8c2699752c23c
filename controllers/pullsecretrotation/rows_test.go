package pullsecretrotation

import (
	"fmt"
	"testing"

	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

func TestEntryRows_AreFewAndThoseOfTheAccountComeFirst(t *testing.T) {
	var changes []pullsecret.Change
	for i := range pullsecret.MaxEntries - 2 {
		changes = append(changes, pullsecret.Change{Registry: fmt.Sprintf("mirror-%d", i), Action: pullsecret.KeptForeign})
	}
	changes = append(changes, pullsecret.Change{Registry: "quay.io", Action: pullsecret.Replaced}, pullsecret.Change{Registry: "cloud.openshift.com", Action: pullsecret.KeptAbsent})
	rows, rest := entryRows(changes)
	if len(rows) != maxEntryRows || int(rest) != len(changes)-maxEntryRows || rows[0].Registry != "quay.io" || rows[1].Registry != "cloud.openshift.com" || rows[2].Registry != "mirror-0" {
		t.Errorf("%d rows, %d not listed, beginning with %+v", len(rows), rest, rows[:3])
	}
	if rows, rest := entryRows(changes[:3]); len(rows) != 3 || rest != 0 || rows[0].Registry != "mirror-0" {
		t.Errorf("got %+v and %d", rows, rest)
	}
}
