package history

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Tally counts what histories have met, by table and name. Several goroutines may count.
type Tally struct {
	mu     sync.Mutex
	tables map[string]map[string]int
}

// The tables.
const (
	Totals    = "totals"
	Faults    = "faults and moves"
	Fields    = "fields edited"
	Decisions = "decisions"
	Reasons   = "reasons"
)

// NewTally is empty.
func NewTally() *Tally { return &Tally{tables: map[string]map[string]int{}} }

// Add counts n.
func (t *Tally) Add(table, name string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tables[table] == nil {
		t.tables[table] = map[string]int{}
	}
	t.tables[table][name] += n
}

// Count counts one.
func (t *Tally) Count(table, name string) { t.Add(table, name, 1) }

// Get is how often something was counted.
func (t *Tally) Get(table, name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tables[table][name]
}

// Table is one table for people.
func (t *Tally) Table(title string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", title)
	for _, k := range slices.Sorted(maps.Keys(t.tables[title])) {
		fmt.Fprintf(&b, "  %8d  %s\n", t.tables[title][k], k)
	}
	return b.String()
}

// Sum is of a whole table.
func (t *Tally) Sum(title string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := 0
	for _, n := range t.tables[title] {
		sum += n
	}
	return sum
}

// store writes what was counted to a file.
func (t *Tally) store(path string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	raw, err := json.Marshal(t.tables)
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// load adds what was counted in a file.
func (t *Tally) load(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var tables map[string]map[string]int
	if err := json.Unmarshal(raw, &tables); err != nil {
		return err
	}
	for title, table := range tables {
		for name, n := range table {
			t.Add(title, name, n)
		}
	}
	return nil
}

// Missing are the names that a source file declares and that a table has not met: the first group of the pattern, in the part of the file that
// begins and ends with these texts.
func (t *Tally) Missing(tb testing.TB, title, path, from, to, pattern string) []string {
	tb.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	text := string(source)
	if from != "" {
		_, text, _ = strings.Cut(text, from)
	}
	if to != "" {
		text, _, _ = strings.Cut(text, to)
	}
	var names []string
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		if name := found[1]; t.Get(title, name) == 0 && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
