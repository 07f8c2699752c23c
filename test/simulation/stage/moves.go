package stage

import (
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// Move is something that happens and is not the operator's doing.
type Move[C any] struct {
	Name   string
	Weight int
	Do     func(C)
}

// Happen makes one of the moves.
func Happen[C any](w *World, moves []Move[C], c C) {
	total := 0
	for _, m := range moves {
		total += m.Weight
	}
	n := w.Roll(total)
	for _, m := range moves {
		if n -= m.Weight; n < 0 {
			w.Say("MOVE: %s", m.Name)
			w.Count.Count(history.Faults, m.Name)
			m.Do(c)
			synctest.Wait() // what others do about it comes before the next move
			return
		}
	}
}

// Moves are those of any kind, about its API server and its processes. Part of the name of an effect says at which a disturbance is aimed.
func Moves[C interface{ Base() *Cluster }](aims ...string) []Move[C] {
	on := func(f func(*Cluster)) func(C) { return func(c C) { f(c.Base()) } }
	return []Move[C]{
		{"API server away", 2, on(func(c *Cluster) { c.APIDown = true })},
		{"API server back", 5, on(func(c *Cluster) { c.APIDown = false })},
		{"watches late", 4, on(func(c *Cluster) { c.Lag = time.Duration(c.World.Roll(300)) * time.Second })},
		{"watches in time", 4, on(func(c *Cluster) {
			c.Lag = 0
			c.Shake()
		})},
		{"watches tell twice", 2, on(func(c *Cluster) { c.Doubled = c.World.Odds(2) })},
		{"watches end", 3, on((*Cluster).endWatches)},
		{"history compacted", 3, on(func(c *Cluster) {
			c.API.Compact()
			c.endWatches()
		})},
		{"effect disturbed", 24, on(func(c *Cluster) { c.disturb(append(aims, "")) })},
		{"leader stands still before it writes a Secret", 24, on((*Cluster).standStill)},
		{"another leads", 8, on((*Cluster).Depose)},
		{"nobody leads", 2, on((*Cluster).unlead)},
		{"stopped process goes on", 24, on((*Cluster).goOn)},
		{"process restarted", 5, on((*Cluster).restartOne)},
	}
}

func (c *Cluster) endWatches() {
	c.API.EndWatches()
	c.Shake()
}

// disturb makes something happen at one of the leader's next effects.
func (c *Cluster) disturb(aims []string) {
	if p, w := c.Leader, c.World; p != nil && p.task == nil {
		p.plan = plan{in: 1 + w.Roll(3), what: Pick(w, whats...), on: Pick(w, aims...), every: w.Odds(4)}
		if w.Immortal && (p.plan.what == crashBefore || p.plan.what == crashAfter) {
			p.plan.what = answerLost
		}
	}
}

func (c *Cluster) standStill() {
	if p := c.Leader; p != nil && p.task == nil {
		p.plan = plan{in: 1, what: stopBefore, on: "v1.Secret"}
	}
}

func (c *Cluster) goOn() {
	for _, p := range c.Processes {
		if p.task != nil {
			p.resume()
			return
		}
	}
}

func (c *Cluster) restartOne() {
	if !c.World.Immortal {
		Pick(c.World, c.Processes...).restart()
	}
}

// namesOf are the names in a list.
func namesOf(list client.ObjectList) (names []string) {
	Must(meta.EachListItem(list, func(o runtime.Object) error {
		names = append(names, o.(client.Object).GetName())
		return nil
	}))
	return names
}
