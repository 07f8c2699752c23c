package plan

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

var workload = v1alpha1.RestartTarget{Kind: v1alpha1.RestartDeployment, Namespace: machines.Namespace, Name: "w"}

// full is a memory that knows something of a Secret, a role, a content, a namespace and a workload.
func full(ref types.NamespacedName, role, hash string, w v1alpha1.RestartTarget) *Memory {
	m := NewMemory()
	m.Roles[role], m.Writes[ref], m.Held[role], m.Fetched[role], m.Confirmed[ref] = Failure{Count: 1}, Failure{Count: 1}, Held{}, noon, Confirmation{}
	m.Asked[hash], m.Refused[hash], m.Suspect[hash], m.heals[ref], m.writers[ref], m.chosen[ref], m.Kept[ref] = noon, true, true, []time.Time{noon}, "w", role, true
	m.Written[ref.Namespace], m.Restarts[w] = noon, RestartState{Done: noon, Failure: Failure{Count: 1}}
	return m
}

// entries are what a memory knows, by the name of the map.
func entries(m *Memory) map[string]int {
	return map[string]int{
		"Roles": len(m.Roles), "Writes": len(m.Writes), "Held": len(m.Held), "Fetched": len(m.Fetched), "Confirmed": len(m.Confirmed), "Asked": len(m.Asked), "Refused": len(m.Refused),
		"Suspect": len(m.Suspect), "heals": len(m.heals), "writers": len(m.writers), "chosen": len(m.chosen), "Kept": len(m.Kept), "Written": len(m.Written), "Restarts": len(m.Restarts),
	}
}

func TestForget_WhatIsNoLongerServedAndNothingElse(t *testing.T) {
	row := Row{Target: Target{Ref: machines}, Role: "r", Observation: Observation{Hash: "h"}}
	m := full(machines, "r", "h", workload)
	m.Forget([]Row{row}, []v1alpha1.RestartTarget{workload})
	for name, n := range entries(m) {
		if n != 1 {
			t.Errorf("of what is served %s is forgotten", name)
		}
	}
	m.Forget([]Row{{Target: Target{Ref: ref("n", "s")}, Role: "other", Observation: Observation{Hash: "x"}}}, nil)
	for name, n := range entries(m) {
		if n != 0 {
			t.Errorf("of what is no longer served %s is kept", name)
		}
	}
	m = full(machines, "r", "h", workload)
	row.Role, row.AllowedRoles = "s", []string{"r", "s"}
	if m.Forget([]Row{row}, nil); len(m.Roles) != 1 {
		t.Error("a role that the Secret may choose again has lost its failures")
	}
	m = full(machines, "r", "h", workload)
	m.Trials["r"] = Trial{}
	if m.Forget(nil, nil); len(m.Roles) != 1 {
		t.Error("a role that the next release needs has lost its failures")
	}
}

// A change of what CAP is asked with begins anew; the first basis of a process is none.
func TestRebase_ClearsTheFailuresOfAnotherBasis(t *testing.T) {
	m := full(machines, "r", "h", workload)
	m.Learned, m.Prover, m.Portal, m.Trials["t"] = time.Minute, "r", Breaker{Open: true}, Trial{Reason: "R"}
	if m.Rebase("first") || m.Basis != "first" || len(m.Trials) != 1 {
		t.Errorf("the first basis is taken for an edit, or is not kept: %q, trials %v", m.Basis, m.Trials)
	}
	if len(m.Roles)+len(m.Writes) > 0 || m.Portal.Open || m.Learned != 0 || m.Prover != "" || m.Restarts[workload].Failure.Count != 0 || m.Restarts[workload].Done.IsZero() {
		t.Errorf("what failed before is kept: %+v", m)
	}
	if len(m.Held) != 1 || len(m.Kept) != 1 {
		t.Error("what is known of the Secrets is lost")
	}
	m.Roles["r"] = Failure{Count: 1}
	if m.Rebase("first") || len(m.Roles) != 1 {
		t.Error("the same basis is taken for an edit")
	}
	if !m.Rebase("second") || len(m.Roles) != 0 || len(m.Trials) != 0 {
		t.Errorf("another basis is none: roles %v, trials %v", m.Roles, m.Trials)
	}
}

func TestNotice_CountsAChoiceOfAnotherRoleAsAnEdit(t *testing.T) {
	m := NewMemory()
	row := func(role string, own bool) []Row {
		return []Row{{Target: Target{Ref: machines}, Role: role, ownRole: own, Observation: Observation{Writer: "argocd"}}}
	}
	for _, step := range []struct {
		role  string
		own   bool
		heals int
	}{{"a", true, 0}, {"a", true, 0}, {"b", true, 1}, {"c", false, 1}, {"b", true, 1}, {"a", true, 2}} {
		m.Notice(row(step.role, step.own), noon)
		if n := len(m.heals[machines]); n != step.heals {
			t.Fatalf("after the choice of %s (its own: %v) there were %d edits, want %d", step.role, step.own, n, step.heals)
		}
	}
	if m.writers[machines] != "argocd" {
		t.Errorf("the writer is %q", m.writers[machines])
	}
}

// A scheduled job does not fight, but spoils the Secret each time: three times within a day are noticed.
func TestRegular_ThreeTimesWithinADay(t *testing.T) {
	for name, row := range map[string]struct {
		ago  []time.Duration
		want int
	}{
		"twice":                     {[]time.Duration{2 * time.Hour, time.Hour}, 0},
		"three times":               {[]time.Duration{9 * time.Hour, 5 * time.Hour, 0}, 3},
		"one of them a day ago":     {[]time.Duration{24 * time.Hour, 2 * time.Hour, time.Hour}, 0},
		"one of them almost":        {[]time.Duration{24*time.Hour - time.Second, 2 * time.Hour, time.Hour}, 3},
		"one of them in the future": {[]time.Duration{2 * time.Hour, time.Hour, -time.Hour}, 0},
		"more often than is kept":   {[]time.Duration{9 * time.Hour, 8 * time.Hour, 7 * time.Hour, 6 * time.Hour, 5 * time.Hour, 4 * time.Hour, 3 * time.Hour}, 6},
		"never":                     {nil, 0},
	} {
		m := NewMemory()
		for i, ago := range row.ago {
			m.Healed(machines, fmt.Sprint("writer ", i), noon.Add(-ago))
		}
		heals, writer := m.Regular(machines, noon)
		want := ""
		if row.want > 0 {
			want = fmt.Sprint("writer ", len(row.ago)-1)
		}
		if heals != row.want || writer != want {
			t.Errorf("%s: %d by %q, want %d by %q", name, heals, writer, row.want, want)
		}
	}
}

// The waits of a fight, of up to fifteen minutes, do not make it look as if it were over; ten minutes of peace after one do.
func TestFight_IsOverAfterTheLongestWaitAndTenMinutes(t *testing.T) {
	for name, row := range map[string]struct {
		first time.Duration
		want  bool
	}{
		"within":        {25*time.Minute - time.Second, true},
		"at its end":    {25 * time.Minute, true},
		"after it":      {25*time.Minute + time.Second, false},
		"in the future": {-time.Second, false},
	} {
		m := NewMemory()
		m.Healed(machines, "w", noon.Add(-row.first))
		m.Healed(machines, "w", noon.Add(-2*time.Second))
		m.Healed(machines, "w", noon.Add(-time.Second))
		if got, _ := m.fight(machines, noon); got != row.want {
			t.Errorf("the first of three %s: it is a fight: %v", name, got)
		}
	}
	m := NewMemory()
	for range 9 {
		m.Healed(machines, "w", noon)
	}
	if _, until := m.fight(machines, noon); until.Sub(noon) != 8*time.Minute || len(m.heals[machines]) != 6 {
		t.Errorf("it waits %s, and %d edits are remembered", until.Sub(noon), len(m.heals[machines]))
	}
}

func TestBreaker_HasOpenedBetweenTwoTimes(t *testing.T) {
	minutes := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	for name, row := range map[string]struct {
		open     bool
		at, last int
		want     bool
	}{
		"since":          {true, -2, -1, true},
		"before":         {true, -1, -2, false},
		"in that moment": {true, -1, -1, false},
		"now":            {true, -1, 0, true},
		"in the future":  {true, -1, 1, false},
		"it is closed":   {false, -2, -1, false},
	} {
		b := Breaker{Open: row.open, Failure: Failure{Last: minutes(row.last)}}
		if got := b.OpenedSince(minutes(row.at), noon); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
