package capcredentialset

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cap"
)

// recorded returns the events since the last call.
func recorded(b *bench) func() []string {
	recorder := events.NewFakeRecorder(1000)
	b.r.recorder = recorder
	return func() []string {
		var all []string
		for len(recorder.Events) > 0 {
			all = append(all, <-recorder.Events)
		}
		return all
	}
}

func TestARound_MakesOneEventForEachOutcomeAndReason(t *testing.T) {
	const roles = 100
	b := manyRoles(t, roles)
	told := recorded(b)
	b.round("cap")
	if all := told(); len(all) != 1 || !strings.Contains(all[0], fmt.Sprintf("%d credentials in %d Secrets", roles, roles)) || !strings.Contains(all[0], "; and 97 more roles") {
		t.Errorf("a refresh of %d roles makes the events %q", roles, all)
	}
	b.pass(40 * time.Minute)
	b.answers(roles, refuse(cap.RoleRefused))
	b.round("cap")
	if all := told(); len(all) != 1 || !strings.Contains(all[0], "Warning "+v1alpha1.ReasonRoleRefused) {
		t.Errorf("%d roles that are refused make the events %q", roles, all)
	}
}

func TestEventWords_HaveTheCountsAndTheFirstNames(t *testing.T) {
	refs := []types.NamespacedName{ref("n", "a"), ref("n", "b"), ref("n", "c"), ref("n", "d")}
	all := make([]refreshed, 0, 5)
	for i := range 5 {
		all = append(all, refreshed{role: fmt.Sprint("r", i), refs: refs, expires: noon.Add(time.Duration(5-i) * time.Hour)})
	}
	all[1].from = "Secret n/z"
	for got, want := range map[string]string{
		refreshedWords(all[:1]): `Credential of role "r0" from CAP written to n/a, n/b, n/c and 1 more; it expires at 2026-11-20T17:00:00Z`,
		refreshedWords(all): `5 credentials in 20 Secrets, of which the first expires at 2026-11-20T13:00:00Z: role "r0" from CAP written to n/a, n/b, n/c and 1 more; ` +
			`role "r1" from Secret n/z written to n/a, n/b, n/c and 1 more; role "r2" from CAP written to n/a, n/b, n/c and 1 more; and 2 more roles`,
		healedWords([]healed{{refs[0], ""}}):                 "Secret n/a had been changed by somebody and was corrected",
		healedWords([]healed{{refs[0], "x"}, {refs[1], ""}}): `2 Secrets were corrected: n/a had been changed by field manager "x", n/b had been changed by somebody`,
		restartedWords([]v1alpha1.RestartTarget{{Kind: "Deployment", Namespace: "n", Name: "a"}, {Kind: "DaemonSet", Namespace: "n", Name: "b"}}): "2 workloads restarted, so that they use the new credentials: Deployment n/a, DaemonSet n/b",
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestMemory_IsReturnedAfterARoundThatHasWrittenManySecretsAndNoOther(t *testing.T) {
	b := manyRoles(t, manySecrets)
	b.round("cap")
	if b.tidied != 1 {
		t.Errorf("memory was returned %d times after %d Secrets", b.tidied, len(b.secrets.writes))
	}
	b.drive(10 * time.Minute)
	if b.tidied != 1 {
		t.Errorf("memory was returned %d times, want once for the refresh", b.tidied)
	}
	few := oneBench(t, nil)
	if few.round("cap"); few.tidied != 0 {
		t.Error("memory was returned after four Secrets")
	}
}
