package history

import (
	"crypto/fips140"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"
)

var (
	seedFlag  = flag.Int64("seed", -1, "run this seed alone, and print its journal")
	stepsFlag = flag.Int("steps", 60, "steps of each history")
	seedsFlag = flag.Int("seeds", 0, "how many seeds; 0: those that are always run")
	fromFlag  = flag.Uint64("from", 1, "the first seed")
	tallyFlag = flag.String("tally", "", "write the counts to this file: this process has a share of the seeds")
)

// Steps are the steps of each history.
func Steps() int { return *stepsFlag }

// heap is what the tests of a simulation may take before garbage is collected.
const heap = 200 << 20

// Main runs the tests of a simulation.
func Main(m *testing.M) {
	flag.Parse()
	for _, proxy := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} { // no history depends on the machine
		_ = os.Unsetenv(proxy)
	}
	// Nobody shakes hands, and each client would copy the system's authorities.
	_, _ = os.Setenv("SSL_CERT_FILE", os.DevNull), os.Setenv("SSL_CERT_DIR", ".")
	// A history leaves little behind, and collecting that takes a fifth of the time.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(heap)
	// One goroutine of a history goes on at a time: others would only wait for it.
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

// mustSeed skips a test whose random numbers cannot be seeded.
func mustSeed(t *testing.T) {
	t.Helper()
	if v := fips140.Version(); v != "latest" {
		t.Skipf("random numbers cannot be seeded in the Go Cryptographic Module %s: `make test` runs this with GOFIPS140=off", v)
	}
}

// Bubble runs f on virtual time, from start on, with random numbers of the seed.
func Bubble(t *testing.T, seed uint64, start time.Time, f func()) {
	t.Helper()
	mustSeed(t)
	synctest.Test(t, func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		time.Sleep(time.Until(start))
		f()
	})
}

// Explore runs the seeds of the command line, or else the first few, whatever the machine. A seed that fails is reported with the fewest steps.
func Explore(t *testing.T, kind string, few int, run Run) *Tally {
	t.Helper()
	count := NewTally()
	if *seedFlag >= 0 {
		out := run(t, uint64(*seedFlag), *stepsFlag, count)
		t.Log("\n" + out.Text())
		for _, v := range out.Violations {
			t.Error(v)
		}
		return count
	}
	began := time.Now()
	if *seedsFlag > 0 {
		few = *seedsFlag
	}
	if few > share && *tallyFlag == "" {
		mustSeed(t) // none of the processes could
		spread(t, few, count, func(output string) {
			fmt.Println(output) // a night is too long to wait for it
			t.Error("a seed fails: what it says stands above")
		})
	} else {
		explore(t, kind, few, run, count)
	}
	t.Log(count.Table(Totals), count.Table(Faults), count.Sum(Faults), "faults and moves in all\n", count.Table(Fields), count.Table(Decisions), count.Table(Reasons),
		time.Since(began).Round(time.Second))
	return count
}

// explore runs some seeds in this process.
func explore(t *testing.T, kind string, few int, run Run, count *Tally) {
	t.Helper()
	for n := range few {
		seed := *fromFlag + uint64(n)
		if out := run(t, seed, *stepsFlag, count); len(out.Violations) > 0 {
			t.Error(Report(t, kind, run, seed, out))
		}
	}
	if *tallyFlag != "" {
		if err := count.store(*tallyFlag); err != nil {
			t.Error(err)
		}
	}
}

// Report says how a seed fails, with the fewest steps, and how to see it.
func Report(t *testing.T, kind string, run Run, seed uint64, found Outcome) string {
	t.Helper()
	steps, violation := Shortest(t, run, seed, found)
	return "seed " + strconv.FormatUint(seed, 10) + " fails after " + strconv.Itoa(steps) + " steps: " + violation +
		"\nreplay it with: make simulate KIND=" + kind + " SEED=" + strconv.FormatUint(seed, 10) + " STEPS=" + strconv.Itoa(steps)
}
