package faults

import (
	"context"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

var cycles = flag.Int("cycles", 0, "how many rotations and refreshes TestSoak lets the operator do, each with a fault; 48 are as many refreshes as a day has")

// usage is what one process of the operator holds.
type usage struct {
	goroutines, files, connections, heap, objects float64
}

// slack is what may be held for a moment: a request that is under way, a connection that has not been closed yet.
const slack = 8

// within is nil if u is no more than was held before, apart from slack.
func (u usage) within(before usage) error {
	switch {
	case u.goroutines > before.goroutines+slack:
		return fmt.Errorf("%.0f goroutines, and %.0f before", u.goroutines, before.goroutines)
	case u.files > before.files+slack:
		return fmt.Errorf("%.0f open files, and %.0f before", u.files, before.files)
	case u.connections > before.connections+slack:
		return fmt.Errorf("%.0f connections, and %.0f before", u.connections, before.connections)
	case u.objects > before.objects*1.25:
		return fmt.Errorf("%.0f objects on the heap, and %.0f before", u.objects, before.objects)
	case u.heap > before.heap*1.25:
		return fmt.Errorf("%.0f bytes on the heap, and %.0f before", u.heap, before.heap)
	}
	return nil
}

func (u usage) String() string {
	return fmt.Sprintf("%.0f | %.0f | %.0f | %.1f MiB | %.0f", u.goroutines, u.files, u.connections, u.heap/(1<<20), u.objects)
}

// The operator does as much as in a day, and each time something fails. What one and the same process holds does not grow after the first fourth.
func TestSoak(t *testing.T) {
	if *cycles == 0 {
		t.Skip("it takes long: make soak")
	}
	w := newWorld(t, 1)
	w.start(w.replicas[0])
	w.createObjects()
	w.eventually("both objects are right", w.right)
	process, before, table := w.replicas[0].process, usage{}, strings.Builder{}
	table.WriteString("| After | Goroutines | Open files | Connections | Live heap | Objects |\n|---|---|---|---|---|---|\n")
	for n := range *cycles {
		f := passing()[n%len(passing())]
		f.lasts = 2 * time.Second
		w.disturb(f)
		if w.replicas[0].process != process {
			t.Fatalf("the operator has ended during: %s\n%s", f.name, w.explain(t.Context()))
		}
		quarter := max(1, *cycles/4)
		if (n+1)%quarter != 0 {
			continue
		}
		now := w.settled(before)
		if before == (usage{}) {
			before = now
		}
		fmt.Fprintf(&table, "| %d rotations and refreshes | %s |\n", n+1, now)
		t.Logf("after %d: %s", n+1, now)
	}
	t.Log("\n" + table.String())
}

// passing are the faults that leave the process and the control plane alive.
func passing() []fault {
	list := slices.Concat(connectionFaults, serviceFaults, clusterFaults)
	return slices.DeleteFunc(list, func(f fault) bool { return f.name == "API server: watches are silent" })
}

// settled is what the process holds once that is no more than before; if before is empty, after two collections of garbage.
func (w *world) settled(before usage) usage {
	w.t.Helper()
	var now usage
	began := -1.0
	harness.Eventually(w.t, "the operator holds no more than before", func(ctx context.Context) error {
		text, err := w.replicas[0].process.Metrics(ctx)
		if err != nil {
			return err
		}
		collections := metric(text, "go_gc_cycles_total_gc_cycles_total")
		if began < 0 {
			began = collections
		}
		if collections < began+2 {
			return fmt.Errorf("%.0f collections of garbage", collections-began)
		}
		now = usage{
			goroutines: metric(text, "go_goroutines"), files: metric(text, "process_open_fds"), connections: float64(w.replicas[0].process.Sockets()),
			heap: metric(text, "go_gc_heap_live_bytes"), objects: metric(text, "go_gc_heap_objects_objects"),
		}
		if before == (usage{}) {
			return nil
		}
		return now.within(before)
	}, w.explain)
	return now
}

// metric is the value of a metric without labels; -1 if there is none.
func metric(text, name string) float64 {
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return -1
	}
	return v
}

func TestUsage_GrowthIsNoticed(t *testing.T) {
	before := usage{goroutines: 100, files: 20, connections: 10, heap: 1e7, objects: 1e5}
	grown := map[string]usage{
		"goroutines":  {goroutines: 109, files: 20, connections: 10, heap: 1e7, objects: 1e5},
		"files":       {goroutines: 100, files: 29, connections: 10, heap: 1e7, objects: 1e5},
		"connections": {goroutines: 100, files: 20, connections: 19, heap: 1e7, objects: 1e5},
		"heap":        {goroutines: 100, files: 20, connections: 10, heap: 2e7, objects: 1e5},
		"objects":     {goroutines: 100, files: 20, connections: 10, heap: 1e7, objects: 2e5},
	}
	for name, u := range grown {
		if u.within(before) == nil {
			t.Errorf("%s: the growth is not noticed", name)
		}
	}
	if err := (usage{goroutines: 108, files: 28, connections: 18, heap: 1.2e7, objects: 1.2e5}).within(before); err != nil {
		t.Errorf("a moment's use is taken for growth: %v", err)
	}
}
