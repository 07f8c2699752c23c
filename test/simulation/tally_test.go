package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tally counts what histories have met.
type tally struct {
	histories, steps, reconciles, writes, posts, restored int
	faults, decisions, reasons, fields                    map[string]int
}

func newTally() *tally {
	return &tally{faults: map[string]int{}, decisions: map[string]int{}, reasons: map[string]int{}, fields: map[string]int{}}
}

func (t *tally) fault(name string)    { t.faults[name]++ }
func (t *tally) decided(step string)  { t.decisions[step]++ }
func (t *tally) reason(reason string) { t.reasons[reason]++ }
func (t *tally) field(path string)    { t.fields[path]++ }
func (t *tally) table(title string, m map[string]int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", title)
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "  %8d  %s\n", m[k], k)
	}
	return b.String()
}
