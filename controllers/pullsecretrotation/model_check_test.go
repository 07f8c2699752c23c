package pullsecretrotation

import "fmt"

// This file has the invariants. Each is checked where it could be broken; a violation is recorded in the state.

func (w *world) fail(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
	}
}

// create is a request that takes effect in OCM; it fails if the model has no room for another rotation.
func (w *world) create(c *scenario, byThisCluster bool) int8 {
	id := w.rotations()
	if id == maxRotations {
		w.fail("the model has no room for another rotation")
		return none
	}
	r := rotation{exists: true, since: w.spec.epoch, issued: none, mine: pendingTransfer}
	if w.now < 0 {
		r.since--
	} else if c.ocmBehind && w.now == 0 {
		r.since, r.behind = r.since-1, true
	}
	if c.siblings > 0 {
		r.sibling = pendingTransfer
	}
	w.ocm[id] = r
	if byThisCluster {
		// Invariant 1, first half.
		if w.posts++; w.posts > 1 {
			w.fail("invariant 1: this cluster has requested %d rotations for one T", w.posts)
		}
	}
	return id
}

// checkRequest is invariant 1, second half: a request follows a read of OCM's list without a rotation that satisfies T.
func (w *world) checkRequest(m *model, r *replica) {
	switch {
	case m.follow:
		w.fail("mode Follow requests a rotation")
	case r.spec.suspended:
		w.fail("a suspended object requests a rotation")
	case m.approval && !r.spec.approved:
		w.fail("a rotation is requested without approval")
	case w.now < 0 && r.spec.epoch == w.spec.epoch:
		w.fail("a rotation is requested before T")
	case !r.facts.fresh:
		w.fail("invariant 1: a rotation is requested, but the list was not read right before")
	case r.status.intended < 0 || w.status.intended < 0:
		w.fail("a rotation is requested, but the intent is not on record")
	}
	for _, o := range r.facts.list {
		if o.exists && !o.deleted && (!o.completed || o.since >= r.spec.epoch) {
			w.fail("invariant 1: a rotation is requested although OCM lists one that satisfies T or is under way")
		}
	}
}

// checkWrite is invariants 2, 4 and 5 for the operator's writes of a target.
func (w *world) checkWrite(r *replica) {
	given := r.facts.given
	switch {
	case given < 0 || given > w.newest:
		w.fail("invariant 2: something is written that OCM has not issued")
	case w.judged&bit(given) == 0 && w.isAlive(w.target):
		w.fail("invariants 2, 4: generation %d is written, but was never verified", given)
	case w.target == given:
		w.fail("invariant 5: a target is written although its content stays the same")
	case w.target != r.facts.target:
		w.fail("a target is written that another writer has changed since it was read")
	case !w.isAlive(given) && w.isAlive(w.target):
		w.fail("invariant 4: a valid credential is replaced by a dead one")
	case w.status.issued != given:
		w.fail("a target is written before its new content is on record")
	case r.spec.suspended:
		w.fail("a suspended object writes")
	}
}

// checkRollBack is invariant 4 for the other direction.
func (w *world) checkRolledOut(f *findings) {
	switch {
	case f.pool.paused:
	case f.pool.wanted != f.pool.current || f.pool.degraded:
		w.fail("the machines are said to have the new file, and their pool says that they do not")
	case f.pool.said >= 0 && f.pool.said != f.pool.current:
		w.fail("the machines are said to have the new file, and one of them is in the middle of the update")
	}
}

func (w *world) checkRollBack(r *replica) {
	id := r.status.id
	switch {
	case id < 0 || !r.facts.rotations || r.facts.list[id].completed || r.facts.list[id].deleted:
		w.fail("invariant 4: the old credentials are restored without evidence that OCM keeps them")
	case !w.isAlive(r.status.backup) && w.isAlive(w.target) && !w.ocm[id].completed:
		w.fail("invariant 4: a valid credential is replaced by a dead one from the backup")
	}
}

// check checks a whole state.
func (w *world) check() {
	s := &w.status
	if s.under && s.revoked && s.id >= 0 && s.seenCompleted && !w.ocm[s.id].completed {
		w.fail("status reports the old credentials as deleted, but OCM has not deleted them")
	}
	for i := range w.replicas {
		if r := &w.replicas[i]; r.running && r.status.under && r.status.rolledBack && r.status.applied < 0 {
			w.fail("a rotation is rolled back that was never applied")
		}
	}
}
