package history

import (
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// Each seed is run once, in whatever process, and the one that fails is reported.
func TestSpread_CountsEachSeedAndReportsTheOneThatFails(t *testing.T) {
	run := func(_ *testing.T, seed uint64, steps int, count *Tally) Outcome {
		count.Count(Totals, "histories")
		if seed == share+50 {
			return Outcome{Steps: steps, Violations: []string{"something is wrong"}}
		}
		return Outcome{Steps: steps}
	}
	if *tallyFlag != "" {
		Explore(t, "this", 0, run)
		return
	}
	count := NewTally()
	var failures []string
	spread(t, 2*share+7, count, func(output string) { failures = append(failures, output) })
	if n := count.Get(Totals, "histories"); n < 2*share+7 {
		t.Errorf("%d histories are counted", n)
	}
	if len(failures) != 1 || !strings.Contains(failures[0], "make simulate KIND=this SEED=150 STEPS=0") {
		t.Errorf("the failures are %q", failures)
	}
}
