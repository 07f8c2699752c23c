package stage

import (
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// Day is not always 24 hours, but here it is.
const Day = 24 * time.Hour

// Start is when each history begins.
var Start = time.Date(2026, 3, 2, 6, 30, 0, 0, time.UTC)

// Quietly is the context of who does not give up.
var Quietly = context.Background()

// World is one history: its clusters, and what has happened.
type World struct {
	*history.Journal
	Count    *history.Tally
	Broken   *Mutation // nil: nothing is broken on purpose
	Quiet    bool      // no more faults
	Immortal bool      // no process ends
	Clusters []*Cluster
	// Passed is called when time has passed, for services that act at times of their own.
	Passed func()

	chance *rand.Rand
	poke   chan struct{} // something has become due
}

// NewWorld is empty.
func NewWorld(seed uint64, broken *Mutation, count *history.Tally) *World {
	return &World{
		Journal: history.NewJournal(seed), Count: count, Broken: broken, Passed: func() {},
		chance: rand.New(rand.NewPCG(seed, 34)), poke: make(chan struct{}, 1),
	}
}

// Chance is what chances are taken from: a World, or what has one.
type Chance interface{ Roll(n int) int }

// Roll is a number below n. It is for the history alone, and for what happens while that waits for one process.
func (w *World) Roll(n int) int { return w.chance.IntN(n) }

// Odds is true once in n times.
func (w *World) Odds(n int) bool { return w.Roll(n) == 0 }

// Pick is one of several.
func Pick[T any](w Chance, of ...T) T { return of[w.Roll(len(of))] }

// Delay is how long something takes, which depends on its name alone: no two things happen at the same time.
func (w *World) Delay(name string, most time.Duration) time.Duration {
	return time.Millisecond + time.Duration(w.Draw(name, int64(most)))
}

// Must is for what cannot fail.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Play is a history of one kind.
type Play interface {
	// Step is a while of life, or something that happens.
	Step()
	// Settle ends all faults, and waits until everything is right.
	Settle()
}

// Begin makes a world.
type Begin func(seed uint64, broken *Mutation, count *history.Tally) (*World, Play)

// Run is one history of what begin makes.
func Run(begin Begin, broken *Mutation) history.Run {
	return func(t *testing.T, seed uint64, steps int, count *history.Tally) history.Outcome {
		t.Helper()
		var out history.Outcome
		history.Bubble(t, seed, Start, func() {
			w, play := begin(seed, broken, count)
			taken := 0
			for ; taken < steps && !w.Fails(); taken++ {
				play.Step()
			}
			if !w.Fails() {
				play.Settle()
			}
			w.end()
			out = w.Outcome(taken)
		})
		count.Count(history.Totals, "histories")
		count.Add(history.Totals, "steps", out.Steps)
		return out
	}
}

// end ends what is still under way: a bubble must be left by all.
func (w *World) end() {
	for _, c := range w.Clusters {
		for _, p := range c.Processes {
			p.end()
		}
	}
	time.Sleep(time.Hour) // what sleeps wakes up and finds the process gone
	synctest.Wait()
}
