package pullsecretrotation

import (
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

import "fmt"

// first is the initial state of a scenario.
func (c *scenario) first() world {
	w := world{status: newRecord(), hasToken: c.token, left: c.budget, alive: bit(0), judged: bit(0)}
	w.pool.paused = c.pausedToo
	w.pool.said = none
	if c.machines {
		w.pool.said = w.pool.current
	}
	if c.waiting {
		w.now = -1
	}
	if c.follow {
		w.now = ageCap // there is no T
	}
	if c.late {
		w.create(c, false)
		w.batch()
		w.ocm[0].mine, w.ocm[0].sibling, w.ocm[0].age = expiredTransfer, completedTransfer, transferLife
		w.batch()
	}
	return w
}

// moves calls yield with every possible next state and the name of the move.
func (m *model) moves(w world, yield func(string, world)) {
	try := func(name string, do func(*world)) {
		next := w
		do(&next)
		next.check()
		next.canonical()
		yield(name, next)
	}
	for i := range m.replicas {
		m.operatorMoves(w, i, try)
	}
	w.ocmMoves(m.scenario, try)
	w.clusterMoves(m.scenario, try)
	w.peopleMoves(m.scenario, try)
}

func (m *model) operatorMoves(w world, i int, try func(string, func(*world))) {
	name := func(what string) string { return fmt.Sprintf("replica %d %s", i, what) }
	if !w.replicas[i].running {
		try(name("starts a reconcile"), func(w *world) { m.start(w, i) })
		return
	}
	d := m.ask(&w, i)
	try(name(string(d.Step)), func(w *world) { m.step(w, i, answered) })
	if d.Step == decide.Request && w.left.lost > 0 {
		for o, words := range map[requestEnd]string{lostAfterEffect: "Request, effect, no answer", lostInFlight: "Request under way, no answer", refusedRequest: "Request refused"} {
			try(name(words), func(w *world) { w.left.lost--; m.step(w, i, o) })
		}
	}
	if w.left.crashes > 0 {
		try(name("crashes"), func(w *world) { w.left.crashes--; w.replicas[i] = replica{} })
		if d.Step == decide.Request {
			try(name("crashes with a request under way"), func(w *world) {
				w.left.crashes--
				w.checkRequest(m, &w.replicas[i])
				w.flying++
				w.replicas[i] = replica{}
			})
		}
	}
}

// ocmMoves are moves of OCM and its other clients.
func (w world) ocmMoves(c *scenario, try func(string, func(*world))) {
	if w.flying > 0 {
		try("a request that was under way takes effect", func(w *world) { w.flying--; w.create(c, true) })
		try("a request that was under way is lost", func(w *world) { w.flying-- })
	}
	if w.pendingRotations() {
		try("OCM runs its batch", (*world).batch)
	}
	if reported := w; reported.telemetry() {
		try("telemetry reports with the new token", func(w *world) { w.telemetry() })
	}
	if w.left.foreignRotations > 0 && w.rotations() < maxRotations {
		try("another client requests a rotation", func(w *world) { w.left.foreignRotations--; w.create(c, false) })
	}
	for i := range w.ocm {
		r := w.ocm[i]
		if !r.exists || r.deleted {
			continue
		}
		if r.sibling == acceptedTransfer {
			try("the sibling switches", func(w *world) { w.ocm[i].sibling = completedTransfer })
		}
		if w.left.deletions > 0 && !r.completed {
			try("the record of the rotation is deleted", func(w *world) {
				w.left.deletions--
				w.ocm[i].deleted = true
				if int(w.status.id) != i {
					w.posts = 0 // no trace of it is left
				}
			})
		}
	}
	rendered := !c.probe || w.target < 0 || w.pool.wanted == w.target // the machine-config-operator renders sooner than a kubelet forgets
	if w.flying == 0 && rendered && (w.idle() || w.left.pauses > 0) {
		try("time passes", func(w *world) {
			if !w.idle() {
				w.left.pauses--
			}
			w.forgets(c)
			w.tick()
		})
	}
}

// clusterMoves are the machine-config-operator's, insights-operator's, the registries', and those of other writers of the target.
func (w world) clusterMoves(c *scenario, try func(string, func(*world))) {
	if w.target >= 0 && w.pool.wanted != w.target {
		try("the pool renders", func(w *world) { w.pool.wanted = w.target })
	}
	if w.pool.wanted != w.pool.current && !w.pool.paused && !w.pool.degraded {
		try("the pool updates", func(w *world) { w.pool.current = w.pool.wanted })
	}
	if w.pool.said >= 0 && w.pool.said != w.pool.current {
		try("the machine says so", func(w *world) { w.pool.said = w.pool.current })
	}
	w.probeMoves(try)
	if w.pool.degraded {
		try("the pool recovers", func(w *world) { w.pool.degraded = false })
	} else if w.left.badPool > 0 {
		try("the pool degrades", func(w *world) { w.left.badPool--; w.pool.degraded = true })
	}
	if w.registry != truthful {
		try("the registries work again", func(w *world) { w.registry = truthful })
	} else if w.left.badRegistries > 0 {
		try("the registries do not accept the newest yet", func(w *world) { w.left.badRegistries--; w.registry = spreading })
		try("the registries are unreachable", func(w *world) { w.left.badRegistries--; w.registry = unreachable })
	}
	if g := w.transferred(); g >= 0 && w.target >= 0 && g != w.target && w.left.foreignWrites > 0 {
		try("insights-operator applies the transfer", func(w *world) { w.left.foreignWrites--; w.write(g, none) })
	}
	if w.left.foreignWrites > 0 {
		for g := generation(0); g <= w.newest; g++ {
			if g != w.target && g != w.transferred() {
				try(fmt.Sprintf("a person writes generation %d", g), func(w *world) { w.left.foreignWrites--; w.write(g, none) })
			}
		}
	}
	if w.left.broken > 0 && w.target >= 0 {
		try("a person breaks the target", func(w *world) { w.left.broken--; w.write(none, none) })
	}
}

// peopleMoves are a user's changes of the object.
func (w world) peopleMoves(c *scenario, try func(string, func(*world))) {
	if c.windows {
		try("the window opens or closes", func(w *world) { w.window = !w.window })
	}
	if c.approval && !w.spec.approved && w.now >= 0 {
		try("a person approves", func(w *world) { w.edit(func(s *specification) { s.approved = true }) })
	}
	if w.spec.suspended {
		try("a person resumes", func(w *world) { w.edit(func(s *specification) { s.suspended = false }) })
	}
	if w.left.people == 0 {
		return
	}
	if !w.spec.suspended {
		try("a person suspends", func(w *world) { w.left.people--; w.edit(func(s *specification) { s.suspended = true }) })
	}
	if !c.follow && w.now >= 0 && w.flying == 0 && w.idle() {
		try("a person requests another rotation", func(w *world) { w.left.people--; w.nextT() })
	}
	if w.idle() && w.flying == 0 && !c.ocmBehind {
		try("a person recreates the object", func(w *world) { w.left.people--; w.status, w.pod = newRecord(), pod{} })
	}
}

// edit changes the object, so that a concurrent status write has a conflict.
func (w *world) edit(change func(*specification)) {
	change(&w.spec)
	for i := range w.replicas {
		w.replicas[i].staleStatus = w.replicas[i].running
	}
}

// nextT is a new T, now. The approval was for the old one.
func (w *world) nextT() {
	w.edit(func(s *specification) { s.epoch++; s.approved = false })
	w.now, w.posts = 0, 0
}

func (w *world) idle() bool { return !w.replicas[0].running && !w.replicas[1].running }

func (w *world) pendingRotations() bool {
	for _, r := range w.ocm {
		if r.exists && !r.completed && !r.deleted {
			return true
		}
	}
	return false
}

// batch is one run of OCM's reconciler, as test/sim/ocm does it.
func (w *world) batch() {
	for i := range w.ocm {
		r := &w.ocm[i]
		switch {
		case !r.exists || r.completed || r.deleted:
		case r.issued < 0:
			w.newest++
			r.issued, r.old = w.newest, w.alive
			w.alive |= bit(w.newest)
			accept(&r.mine)
			accept(&r.sibling)
		case over(r.mine) && over(r.sibling):
			r.completed, r.age = true, transferLife
			w.alive &^= r.old
		}
	}
}

// telemetry completes this cluster's transfers if it reports with their credentials or newer ones.
func (w *world) telemetry() bool {
	reported := false
	for i := range w.ocm {
		if r := &w.ocm[i]; r.exists && r.mine == acceptedTransfer && w.target >= r.issued {
			r.mine, reported = completedTransfer, true
		}
	}
	return reported
}

func accept(t *transfer) {
	if *t == pendingTransfer {
		*t = acceptedTransfer
	}
}

func over(t transfer) bool { return t == noTransfer || t == completedTransfer || t == expiredTransfer }

// tick advances time.
func (w *world) tick() {
	w.now = min(w.now+1, ageCap)
	w.status.tick()
	for i := range w.replicas {
		r := &w.replicas[i]
		r.polled = false
		if r.running {
			r.status.tick()
			r.read.tick()
		}
	}
	for i := range w.ocm {
		r := &w.ocm[i]
		if !r.exists || r.completed {
			continue
		}
		if r.age = min(r.age+1, transferLife); r.age == transferLife {
			for _, t := range []*transfer{&r.mine, &r.sibling} {
				if *t == pendingTransfer || *t == acceptedTransfer {
					*t = expiredTransfer
				}
			}
		}
	}
}
