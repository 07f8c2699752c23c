package stage

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// held is what all processes hold together with the world.
type held struct{ goroutines, heap, objects int64 }

func (w *World) held() held {
	synctest.Wait()
	runtime.GC()
	runtime.GC() // what the first one has only cleared of pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return held{int64(runtime.NumGoroutine()), int64(m.HeapAlloc), int64(m.Mallocs - m.Frees)}
}

// What a process that has lived for long may hold more than one that has just begun: what it has looked up once and keeps.
const (
	moreGoroutines = 4
	moreHeap       = 128 << 10
)

// CheckGrowth fails if processes that have lived for days and weeks hold more than ones that have just begun, or if it would not notice that they do.
func CheckGrowth(t *testing.T, begin Begin) {
	goroutines, heap := grown(t, begin, nil)
	if goroutines > moreGoroutines || heap > moreHeap {
		t.Errorf("old processes hold %d goroutines and %d KiB more than new ones", goroutines, heap>>10)
	}
	if _, heap := grown(t, begin, &Mutation{Hoards: 4 << 10}); heap <= moreHeap {
		t.Errorf("that each reconcile keeps 4 KiB is not noticed: %d KiB", heap>>10)
	}
}

// grown is what the processes of a history hold more than ones that have just begun. In each period things fail, and then everything is right again.
func grown(t *testing.T, begin Begin, broken *Mutation) (goroutines, heap int64) {
	t.Helper()
	history.Bubble(t, 1, Start, func() {
		w, play := begin(1, broken, history.NewTally())
		w.Immortal = true
		for range 8 {
			w.Quiet = false
			for range history.Steps() {
				play.Step()
			}
			play.Settle()
			h := w.held()
			t.Logf("after %s: %d goroutines, %d KiB, %d objects", time.Since(Start).Round(time.Hour), h.goroutines, h.heap>>10, h.objects)
		}
		for _, v := range w.Outcome(0).Violations {
			t.Error(v)
		}
		old := w.held()
		for _, c := range w.Clusters {
			for _, p := range c.Processes {
				p.restart()
				c.lead(p) // as each has done before
				w.Live(time.Hour, 20)
			}
		}
		fresh := w.held()
		goroutines, heap = old.goroutines-fresh.goroutines, old.heap-fresh.heap
		t.Logf("after a restart: %d goroutines, %d KiB, %d objects", fresh.goroutines, fresh.heap>>10, fresh.objects)
		w.end()
	})
	return goroutines, heap
}
