package stage

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// CheckMutations fails for a mutation that no seed notices.
func CheckMutations(t *testing.T, mutations []*Mutation, run func(*Mutation) history.Run) {
	for _, m := range mutations {
		t.Run(m.Name, func(t *testing.T) {
			for seed := range m.Within {
				if out := run(m)(t, uint64(seed+1), history.Steps(), history.NewTally()); len(out.Violations) > 0 {
					t.Logf("seed %d notices after %d steps: %s", seed+1, out.Steps, out.Violations[0])
					return
				}
			}
			t.Errorf("none of %d seeds notices", m.Within)
		})
	}
}

// CheckReplay runs seeds twice, and compares their journals byte for byte.
func CheckReplay(t *testing.T, run history.Run, seeds ...uint64) {
	for _, seed := range seeds {
		first, second := run(t, seed, history.Steps(), history.NewTally()), run(t, seed, history.Steps(), history.NewTally())
		if len(first.Journal) < 100 {
			t.Fatalf("seed %d: the journal has %d lines", seed, len(first.Journal))
		}
		for i := range first.Journal {
			if i >= len(second.Journal) || first.Journal[i] != second.Journal[i] {
				t.Fatalf("seed %d: line %d differs: %s\n%s", seed, i, first.Journal[i], second.Journal[min(i, len(second.Journal)-1)])
			}
		}
		if first.Text() != second.Text() {
			t.Fatalf("seed %d: the second journal is longer", seed)
		}
	}
}

// CheckReport holds the report of a seed that fails to the shortest history that does. The planted defect is one that most steps have nothing to do
// with.
func CheckReport(t *testing.T, kind string, planted history.Run, seeds uint64) {
	for seed := uint64(1); seed <= seeds; seed++ {
		found := planted(t, seed, history.Steps(), history.NewTally())
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
		report, want := history.Report(t, kind, planted, seed, found), fmt.Sprintf("SEED=%d STEPS=%d", seed, steps)
		if !strings.Contains(report, violation) || !strings.HasSuffix(report, want) {
			t.Errorf("the report is %q, want the violation and %q", report, want)
		}
		return
	}
	t.Fatal("no seed notices the planted defect")
}

// CheckPrefix holds a history of fewer steps to be the beginning of the one of more.
func CheckPrefix(t *testing.T, run history.Run, seed uint64) {
	long, short := run(t, seed, 40, history.NewTally()), run(t, seed, 15, history.NewTally())
	for i, line := range short.Journal {
		if strings.HasSuffix(line, TheFaultsEnd) {
			return
		}
		if line != long.Journal[i] {
			t.Fatalf("line %d differs: %s and %s", i, line, long.Journal[i])
		}
	}
	t.Fatal("the faults never end")
}

// TheFaultsEnd is the line of a journal after which nothing is disturbed.
const TheFaultsEnd = "THE FAULTS END"

// CheckEdits fails for a field of a spec without an edit, and for an edit without a field.
func CheckEdits[E any](t *testing.T, spec reflect.Type, edits map[string]E) {
	want := fields(spec, spec.PkgPath(), "")
	for _, path := range want {
		if _, ok := edits[path]; !ok {
			t.Errorf("nothing edits spec.%s: add it to the edits, so that histories do", path)
		}
	}
	for path := range edits {
		if !slices.Contains(want, path) {
			t.Errorf("there is no field spec.%s", path)
		}
	}
}

// fields are the paths of all fields of a type.
func fields(t reflect.Type, pkg, prefix string) []string {
	switch {
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
		return fields(t.Elem(), pkg, prefix)
	case t.Kind() != reflect.Struct || t.PkgPath() != pkg:
		return nil
	}
	var paths []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			paths = append(paths, fields(f.Type, pkg, prefix)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		inner := fields(f.Type, pkg, prefix+name+".")
		if len(inner) == 0 || f.Type.Kind() != reflect.Struct { // a struct that is always there has no value but its fields'
			paths = append(paths, prefix+name)
		}
		paths = append(paths, inner...)
	}
	return paths
}
