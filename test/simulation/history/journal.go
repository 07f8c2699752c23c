package history

import (
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Journal is what happens in one history. Several goroutines may write to it.
type Journal struct {
	mu         sync.Mutex
	seed       uint64
	lines      []line
	violations []string
	drawn      map[string]uint64
	said       []output
	secrets    *finder
	known      []int // how many of each list secrets has
}

// output is what the operator has said and nobody has looked at yet.
type output struct{ where, text string }

// line is a line of a journal. Its time is put into words only when somebody reads it.
type line struct {
	at   time.Time
	text string
}

// NewJournal begins a history.
func NewJournal(seed uint64) *Journal {
	return &Journal{seed: seed, drawn: map[string]uint64{}, secrets: newFinder()}
}

// Say adds a line.
func (j *Journal) Say(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line{time.Now(), fmt.Sprintf(format, args...)})
}

// Violate notes that an invariant does not hold.
func (j *Journal) Violate(format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	j.Say("VIOLATION: %s", sentence)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.violations = append(j.violations, sentence)
}

// Fails is true once an invariant has not held.
func (j *Journal) Fails() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.violations) > 0
}

// Draw is a number below n that depends on the seed, a name, and how often there was one for that name: goroutines that run side by side do not
// change what the others draw.
func (j *Journal) Draw(name string, n int64) int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.drawn[name]++
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s/%d", j.seed, name, j.drawn[name])
	x := h.Sum64()
	x ^= x >> 31 // fnv mixes its last bytes badly
	x *= 0x9e3779b97f4a7c15
	x ^= x >> 29
	return int64(x % uint64(n))
}

// Scan notes what the operator says, for Leaks.
func (j *Journal) Scan(where, text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.said = append(j.said, output{where, text})
}

// Leaks looks for secrets in what the operator has said since the last time. The lists are the same each time, and only become longer.
func (j *Journal) Leaks(secrets ...[]string) {
	j.mu.Lock()
	said := j.said
	j.said = nil
	j.mu.Unlock()
	for i, list := range secrets {
		if i == len(j.known) {
			j.known = append(j.known, 0)
		}
		j.secrets.add(list[j.known[i]:]...)
		j.known[i] = len(list)
	}
	for _, o := range said {
		if j.secrets.in(o.text) {
			j.Violate("a secret is in %s", o.where)
		}
	}
}

// Outcome is what a history has come to.
type Outcome struct {
	Steps      int
	Journal    []string
	Violations []string
}

// Outcome ends the history.
func (j *Journal) Outcome(steps int) Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := Outcome{Steps: steps, Violations: j.violations}
	for _, l := range j.lines {
		out.Journal = append(out.Journal, l.at.UTC().Format("01-02 15:04:05.000 ")+l.text)
	}
	return out
}

// Text is the journal.
func (o Outcome) Text() string { return strings.Join(o.Journal, "\n") + "\n" }

// Run runs one seed for a number of steps, and then until everything is right again.
type Run func(t *testing.T, seed uint64, steps int, count *Tally) Outcome

// Shortest looks for the fewest steps after which a seed fails: a failure after the faults needs them all ended early enough.
func Shortest(t *testing.T, run Run, seed uint64, found Outcome) (steps int, violation string) {
	t.Helper()
	steps, violation = found.Steps, found.Violations[0]
	for low := 0; low < steps; {
		middle := (low + steps) / 2
		if out := run(t, seed, middle, NewTally()); len(out.Violations) > 0 {
			steps, violation = out.Steps, out.Violations[0]
		} else {
			low = middle + 1
		}
	}
	return steps, violation
}
