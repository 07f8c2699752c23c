package capset

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

func TestSimulate(t *testing.T) {
	count := history.Explore(t, "capset", run(nil))
	t.Log("reasons not met:", count.Missing(t, history.Reasons, "../../../api/v1alpha1/conditions.go", "// Reasons of CAPCredentialSet", "", `Reason[A-Za-z]+ += "([A-Za-z]+)"`))
}

// A seed that fails is worth as much as its shortest history. The planted defect is one that most steps have nothing to do with.
func TestAPlantedDefectIsReportedWithItsShortestPrefix(t *testing.T) {
	planted := run(&mutation{blind: true})
	for seed := uint64(1); seed <= 20; seed++ {
		found := planted(t, seed, 60, history.NewTally())
		if len(found.Violations) == 0 {
			continue
		}
		steps, violation := history.Shortest(t, planted, seed, found)
		if at := planted(t, seed, steps, history.NewTally()); len(at.Violations) == 0 || at.Violations[0] != violation {
			t.Errorf("seed %d does not fail after %d steps with %q", seed, steps, violation)
		}
		if before := planted(t, seed, steps-1, history.NewTally()); len(before.Violations) > 0 {
			t.Errorf("seed %d fails after %d steps already", seed, steps-1)
		}
		report, want := history.Report(t, "capset", planted, seed, found), fmt.Sprintf("SEED=%d STEPS=%d", seed, steps)
		if !strings.Contains(report, violation) || !strings.HasSuffix(report, want) {
			t.Errorf("the report is %q, want the violation and %q", report, want)
		}
		return
	}
	t.Fatal("no seed notices the planted defect")
}

func TestASeedGivesTheSameJournalEachTime(t *testing.T) {
	for seed := range uint64(2) {
		first, second := run(nil)(t, seed+1, 60, history.NewTally()), run(nil)(t, seed+1, 60, history.NewTally())
		if len(first.Journal) < 100 {
			t.Fatalf("seed %d: the journal has %d lines", seed+1, len(first.Journal))
		}
		for i := range first.Journal {
			if i >= len(second.Journal) || first.Journal[i] != second.Journal[i] {
				t.Fatalf("seed %d: line %d differs: %s\n%s", seed+1, i, first.Journal[i], second.Journal[min(i, len(second.Journal)-1)])
			}
		}
		if first.Text() != second.Text() {
			t.Fatalf("seed %d: the second journal is longer", seed+1)
		}
	}
}
