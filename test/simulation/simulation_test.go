package simulation

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Int64("seed", -1, "run this seed alone, and print its journal")
	stepsFlag = flag.Int("steps", 60, "steps of each history")
	seedsFlag = flag.Int("seeds", 0, "how many seeds; 0: as many as fit into -for")
	fromFlag  = flag.Uint64("from", 1, "the first seed")
	forFlag   = flag.Duration("for", 10*time.Second, "how long, when -seeds is not given")
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = os.Unsetenv("SSL_CERT_FILE")
	os.Exit(m.Run())
}

func TestSimulate(t *testing.T) {
	count := newTally()
	if *seedFlag >= 0 {
		out := history(t, uint64(*seedFlag), *stepsFlag, nil, count)
		t.Log("\n" + out.text())
		for _, v := range out.violations {
			t.Error(v)
		}
		return
	}
	began := time.Now()
	for n := 0; *seedsFlag > 0 && n < *seedsFlag || *seedsFlag == 0 && time.Since(began) < *forFlag; n++ {
		seed := *fromFlag + uint64(n)
		out := history(t, seed, *stepsFlag, nil, count)
		if len(out.violations) > 0 {
			steps, violation := shortest(t, seed, out)
			t.Errorf("seed %d: %s\nreplay it with: make simulate KIND=pullsecret SEED=%d STEPS=%d", seed, violation, seed, steps)
		}
	}
	t.Logf("%d histories, %d steps, %d reconciles, %d writes, %d rotations requested, %d pull secrets put in order by a person; %s", count.histories,
		count.steps, count.reconciles, count.writes, count.posts, count.restored, time.Since(began).Round(time.Second))
	t.Log(count.table("faults and moves", count.faults), count.table("fields edited", count.fields), count.table("decisions", count.decisions),
		count.table("reasons", count.reasons))
	t.Log("decisions not met:", missing(t, "../../controllers/pullsecretrotation/decide/decide.go", `\bStep += "([A-Za-z]+)"`, count.decisions),
		"\nreasons not met, CAPCredentialSet's own left out:", missing(t, "../../api/v1alpha1/conditions.go", `Reason[A-Za-z]+ += "([A-Za-z]+)"`, count.reasons))
}

// shortest looks for the fewest steps after which a seed fails: a failure after the faults needs them all ended early enough.
func shortest(t *testing.T, seed uint64, found outcome) (steps int, violation string) {
	steps, violation = found.steps, found.violations[0]
	for low := 0; low < steps; {
		middle := (low + steps) / 2
		if out := history(t, seed, middle, nil, newTally()); len(out.violations) > 0 {
			steps, violation = out.steps, out.violations[0]
		} else {
			low = middle + 1
		}
	}
	return steps, violation
}

// missing are the names that a source file declares and that were not met. Those of the other kind stand below its heading.
func missing(t *testing.T, path, pattern string, met map[string]int) []string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(source), "// Reasons of CAPCredentialSet")
	var names []string
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		name := found[len(found)-1]
		if met[name] == 0 && name != "Wait" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
