package stage

import (
	"testing/synctest"
	"time"
)

// Live lets time pass, and the leaders reconcile what is due, until d is over or so many reconciles are done.
func (w *World) Live(d time.Duration, most int) {
	for end := time.Now().Add(d); time.Now().Before(end) && most > 0 && !w.Fails(); {
		synctest.Wait()
		at, do := w.next()
		if wait := time.Until(at); wait > 0 {
			w.sleep(min(wait, time.Until(end)))
			continue
		}
		if do() {
			most--
		}
	}
}

// next is what is due first in any of the clusters. do is true if it was a reconcile.
func (w *World) next() (at time.Time, do func() bool) {
	for i, c := range w.Clusters {
		if t, f := c.next(); i == 0 || t.Before(at) {
			at, do = t, f
		}
	}
	return at, do
}

func (c *Cluster) next() (at time.Time, do func() bool) {
	p := c.Leader
	if p == nil || p.task != nil {
		return c.nextLeader()
	}
	name, at := p.life.next()
	switch {
	case !p.life.Cache.isSynced():
		return time.Now().Add(10 * time.Second), nil
	case name == "":
		return time.Now().Add(time.Minute), nil
	}
	return at, func() bool {
		p.reconcile(name)
		return true
	}
}

// nextLeader lets another process lead after some minutes.
func (c *Cluster) nextLeader() (at time.Time, do func() bool) {
	if c.vacant.IsZero() {
		c.vacant = time.Now().Add(time.Minute)
	}
	return c.vacant, func() bool {
		c.vacant = time.Time{}
		if c.World.Odds(3) {
			c.Depose()
		}
		return false
	}
}

// sleep lets time pass, or less of it when something becomes due.
func (w *World) sleep(d time.Duration) {
	select {
	case <-w.poke:
		time.Sleep(min(d, time.Millisecond))
	case <-time.After(min(d, time.Hour)):
	}
	w.Passed()
}

// Depose makes another process the leader, which begins with a reconcile of each object.
func (c *Cluster) Depose() {
	var free []*Process
	for _, p := range c.Processes {
		if p != c.Leader && p.task == nil {
			free = append(free, p)
		}
	}
	if len(free) == 0 {
		return
	}
	c.lead(Pick(c.World, free...))
}

// Lead lets somebody lead if nobody does.
func (c *Cluster) Lead() {
	if c.Leader == nil {
		c.lead(c.Processes[0])
	}
}

func (c *Cluster) lead(p *Process) {
	if p != c.Leader {
		c.unlead()
	}
	c.Leader, c.vacant = p, time.Time{}
	c.Shake()
	c.World.Say("%s leads", p)
	list := c.Kind.List()
	Must(c.API.List(Quietly, list))
	for _, name := range namesOf(list) {
		p.life.Wake(name)
	}
}

// unlead takes the lead from who has it. Its process ends, at once or when it goes on, as the real one does.
func (c *Cluster) unlead() {
	former := c.Leader
	c.Leader = nil
	if former != nil && former.task == nil && !c.World.Immortal {
		former.restart()
	}
}

// Relieve ends what stands still and what was to be disturbed: processes in the middle of a reconcile are killed.
func (c *Cluster) Relieve() {
	for _, p := range c.Processes {
		p.plan = plan{}
		switch {
		case p.task == nil:
		case c.World.Immortal:
			p.resume()
		default:
			p.restart()
		}
	}
	c.Skew, c.APIDown, c.Lag, c.Doubled, c.Forbidden = 0, false, 0, false, ""
}
