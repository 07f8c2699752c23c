package pullsecretrotation

// This file has the steps with an effect outside the object: on the target, OCM and the registries.

// apply mirrors scope.apply: the status is flushed first, then the target is written.
func (m *model) apply(w *world, i int, heal bool) {
	r := &w.replicas[i]
	s, f := &r.status, &r.facts
	changes := f.target >= 0 && f.target != f.given
	if s.before < 0 && f.pools && changes {
		s.before, s.sick = f.pool.wanted, f.pool.degraded
	}
	if *s != r.read && !m.faults.earlyWrite {
		m.flush(w, i) // and decide again: the next effect is a separate move
		return
	}
	if changes {
		if r.staleTarget && !m.faults.blindWrite {
			m.end(w, i)
			return
		}
		w.checkWrite(r)
		w.write(f.given, i)
		f.target = f.given
		s.wrote, s.undone, s.wroteA = true, false, 0
		if heal && !s.probe.ended {
			s.probe = noProbe
		}
		if heal {
			s.healed = min(s.healed+1, 4)
		}
	} else if !heal {
		s.wrote, s.undone = s.before >= 0, false // by this operator, right before a crash
	}
	if s.applied < 0 {
		s.applied, s.health = 0, none
	}
}

func (m *model) rollBack(w *world, i int) {
	r := &w.replicas[i]
	if !r.status.rolledBack {
		w.checkEvidence(r)
		r.status.rolledBack = true
		m.flush(w, i) // and decide again: the next effect is a separate move
		return
	}
	if r.facts.target == r.status.issued && r.facts.target != r.status.backup && r.status.backup >= 0 {
		if r.staleTarget && !m.faults.blindWrite {
			m.end(w, i)
			return
		}
		w.checkRollBack(r)
		w.write(r.status.backup, i)
		r.facts.target = r.status.backup
		r.status.wroteA = 0
	}
	r.status.wrote, r.status.undone = false, true
}

// write changes the target for all who have read it.
func (w *world) write(g generation, by int) {
	w.target = g
	for j := range w.replicas {
		if j != by && w.replicas[j].running {
			w.replicas[j].staleTarget = true
		}
	}
}

// ask is the registries' result for a generation.
func (w *world) ask(g generation) verdict {
	switch {
	case w.registry == unreachable:
		return unanswered
	case !w.isAlive(g), w.registry == spreading && g == w.newest:
		return refused
	}
	return accepted
}

// transferred is the newest secret in a transfer to this cluster.
func (w *world) transferred() generation {
	for i := maxRotations - 1; i >= 0; i-- {
		if r := w.ocm[i]; r.exists && r.mine == acceptedTransfer {
			return r.issued
		}
	}
	return none
}

// request mirrors scope.request.
func (m *model) request(w *world, i int, o requestEnd) {
	r := &w.replicas[i]
	w.checkRequest(m, r)
	r.facts.intentIsOurs, r.facts.rotations, r.facts.fresh = false, false, false
	switch o {
	case answered, lostAfterEffect:
		id := w.create(m.scenario, true)
		if o == answered {
			r.status.id, r.polled = id, true
			return
		}
	case lostInFlight:
		w.flying++
	case refusedRequest:
		r.status.intended, r.status.listed = none, none
	}
	m.end(w, i)
}
