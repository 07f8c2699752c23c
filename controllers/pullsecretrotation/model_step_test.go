package pullsecretrotation

import (
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

import "github.com/openshift/credential-rotation-operator/api/v1alpha1"

// faults are defects of the executor that the walk must find.
type faults struct {
	noLock          bool // status is written without the optimistic lock
	forgottenIntent bool // the intent is not flushed before the request
	blindWrite      bool // the target is written without a check for changes
	earlyWrite      bool // the target is written before its new content is recorded
	unrecordedPod   bool // a Pod is created before it is recorded
}

// model is a scenario, the decision under test, and the executor's faults.
type model struct {
	*scenario
	decide func(decide.Input) decide.Decision
	faults faults
	said   decide.Decision // the last Wait

	asked struct { // last
		of      world
		replica int // from 1
	}
	answered decide.Decision
}

// ask repeats the last decision while nothing has changed: a state is asked about where it is reached, for its name, and where it is left.
func (m *model) ask(w *world, i int) decide.Decision {
	if m.asked.replica != i+1 || m.asked.of != *w {
		m.answered = m.decide(m.input(w, &w.replicas[i]))
		m.asked.of, m.asked.replica = *w, i+1
	}
	return m.answered
}

// local steps have no visible effect, or read what never changes, so they are not separate moves. Reads are separate only in fine
// scenarios; elsewhere those before an effect are one move, and the world changes between them and the effect.
func (m *model) local(d decide.Decision, r *replica) bool {
	switch d.Step {
	case decide.LookAtTargets, decide.LookAtAccount, decide.LookAtOwner, decide.LookAtRotations, decide.LookAtIssued, decide.LookAtPools, decide.LookAtMachines, decide.CheckIssued, decide.CheckInUse, decide.CheckBackup, decide.LookAtOffer, decide.LookAtBackup, decide.CheckOld, decide.LookAtProbes, decide.CheckProbe:
		return !m.fine
	case decide.LookAtCluster, decide.LookAtRights, decide.LookAtSiblings, decide.Begin, decide.Abandon, decide.RecordID, decide.MarkIssued, decide.MarkVerified, decide.MarkRolledOut, decide.Finish, decide.RecordSatisfied, decide.RecordHealth, decide.RecordRevocation, decide.DropBackup, decide.RecordProbes:
		return true
	case decide.Wait:
		return r.status == r.read
	}
	return false
}

// start begins a reconcile.
func (m *model) start(w *world, i int) {
	r := &w.replicas[i]
	*r = replica{running: true, spec: w.spec, status: w.status, read: w.status, polled: r.polled}
	r.facts.given, r.facts.target = none, none
	m.localSteps(w, i)
}

// localSteps continues to the next visible step.
func (m *model) localSteps(w *world, i int) {
	r := &w.replicas[i]
	for range maxSteps {
		if !r.running || w.broken != "" {
			return
		}
		d := m.ask(w, i)
		if !m.local(d, r) {
			return
		}
		m.perform(w, i, d)
	}
	w.broken = "the reconcile does not reach a wait"
}

// requestEnd of a request to OCM.
type requestEnd int8

const (
	answered requestEnd = iota
	lostAfterEffect
	lostInFlight // the effect is delayed or lost
	refusedRequest
)

// step performs the replica's next visible step.
func (m *model) step(w *world, i int, o requestEnd) {
	d := m.ask(w, i)
	if d.Step == decide.Request {
		m.request(w, i, o)
	} else {
		m.perform(w, i, d)
	}
	m.localSteps(w, i)
}

// end is the one way out of a reconcile.
func (m *model) end(w *world, i int) {
	m.flush(w, i)
	w.replicas[i] = replica{polled: w.replicas[i].polled}
}

// refused is the end of a reconcile in which OCM refused a request.
func (m *model) refused(w *world, i int) {
	m.said = decide.Waiting(decide.Stalled, v1alpha1.ReasonClusterTokenDead, "", "", 0)
	w.replicas[i].polled = false
	m.end(w, i)
}

// flush writes the status; false after a conflict.
func (m *model) flush(w *world, i int) bool {
	r := &w.replicas[i]
	if r.status == r.read {
		return true
	}
	if r.staleStatus && !m.faults.noLock {
		*r = replica{polled: r.polled}
		return false
	}
	w.status, r.read, r.facts.fresh = r.status, r.status, false
	if other := &w.replicas[1-i]; other.running {
		other.staleStatus = true
	}
	return true
}

// perform mirrors Reconciler.perform and the functions it calls.
func (m *model) perform(w *world, i int, d decide.Decision) {
	r := &w.replicas[i]
	s, f := &r.status, &r.facts
	f.fresh = false
	if m.probeStep(w, i, d) {
		return
	}
	ownToken := m.follow && !w.hasToken
	tokenDead := ownToken && (f.target < 0 || !w.isAlive(f.target))
	switch d.Step {
	case decide.Wait:
		if w.pod.exists && (r.spec.suspended || !s.probe.pod) {
			w.fail("a Pod is left that nobody waits for")
		}
		m.said = d
		m.end(w, i)
	case decide.LookAtCluster:
		f.cluster = true
	case decide.LookAtRights:
		f.rights = true
	case decide.LookAtTargets:
		f.targets, f.target = true, w.target
		r.staleTarget = false
	case decide.LookAtSiblings:
		f.siblings = true
	case decide.LookAtPools:
		f.pools, f.pool = true, w.pool
	case decide.LookAtMachines:
		f.machines, f.pool.said = true, w.pool.said
		m.recordProbe(w, i, func(s decide.Record, in decide.Input) { s.Reached(in, in.Now) })
	case decide.LookAtAccount:
		if tokenDead {
			m.refused(w, i)
			return
		}
		f.account, s.account = true, true
	case decide.LookAtOwner:
		f.owner = deadOwner
		if w.isAlive(f.target) {
			f.owner = aliveOwner
		}
	case decide.LookAtRotations:
		if tokenDead {
			m.refused(w, i)
			return
		}
		f.rotations, f.list, f.fresh, r.polled = true, w.ocm, true, true
		if s.under && !s.revoked && s.id >= 0 && !w.ocm[s.id].deleted {
			s.seenCompleted = w.ocm[s.id].completed
		}
	case decide.LookAtIssued:
		if tokenDead {
			m.refused(w, i)
			return
		}
		f.issued, f.given = true, m.given(w, i)
	case decide.CheckIssued:
		f.issuedChecks = w.ask(f.given)
		s.answered(f.given, f.issuedChecks)
		if f.issuedChecks == accepted {
			w.judged |= bit(f.given)
		}
	case decide.CheckInUse:
		f.checks = w.ask(f.target)
		s.answered(f.target, f.checks)
		if f.checks == accepted {
			w.judged |= bit(f.target)
		}
	case decide.LookAtBackup:
		f.backup = true
	case decide.CheckOld:
		f.oldKnown, f.oldAnswers = true, notAsked
		if s.applied >= 0 && s.issued != s.backup {
			f.oldAnswers = w.ask(s.backup)
		}
		if f.oldAnswers == refused && w.isAlive(s.backup) {
			w.fail("the old credentials are about to be reported as dead, but are valid")
		}
	case decide.CheckBackup:
		f.oldChecks = w.ask(s.backup)
	case decide.LookAtOffer:
		f.offerKnown, f.offer = true, s.id >= 0 && w.ocm[s.id].mine == acceptedTransfer
	case decide.RecordIntent:
		s.intended, s.listed = 0, f.newestListed()
		if !m.faults.forgottenIntent && !m.flush(w, i) {
			return
		}
		f.intentIsOurs = true
		f.rotations = false // it is read again right before the request
	case decide.Apply, decide.Heal:
		m.apply(w, i, d.Step == decide.Heal)
	case decide.RollBack:
		m.rollBack(w, i)
	case decide.MarkRolledOut:
		w.checkRolledOut(f)
		r.note(d)
	default:
		r.note(d)
	}
}

// given mirrors scope.lookAtIssued.
func (m *model) given(w *world, i int) generation {
	in, target := m.input(w, &w.replicas[i]), w.replicas[i].facts.target
	switch from := decide.IssuedFrom(in); {
	case from == decide.FromToken:
		return w.newest
	case from == decide.FromNowhere:
		return none
	case decide.UsesOwnToken(in.Spec):
		return w.transferred()
	}
	refused := target < 0 || !w.isAlive(target)
	for j := range w.ocm {
		if r := &w.ocm[j]; !refused && r.exists && r.mine == acceptedTransfer && rotationID(int8(j)) == decide.ElsewhereRequested(in) {
			return r.issued
		}
	}
	if decide.FallsBack(in, refused) {
		return w.newest
	}
	return none
}

// note performs the steps that only change the status.
func (r *replica) note(d decide.Decision) {
	s, f := &r.status, &r.facts
	switch d.Step {
	case decide.Begin:
		s.begin(d, f)
	case decide.Abandon:
		if s.id >= 0 { // its record was deleted: it has no end, but satisfies its T if it was applied here
			satisfies := int8(none)
			if s.applied >= 0 {
				satisfies = s.after
			}
			s.remember(satisfies, false, s.issued)
		}
		applied, issued := s.lastApplied, s.lastIssued
		s.clearRotation()
		if applied {
			s.under, s.revoked, s.applied, s.issued = true, true, ageCap, issued
		}
	case decide.RecordID:
		if s.issuedAge < 0 && f.target >= 0 {
			s.baseline = f.target
		}
		s.id, s.after, s.adopted, s.seenCompleted = idOf(d), afterOf(d), d.Rotation.Adopted, d.Rotation.OCMStatus == "completed"
	case decide.MarkIssued:
		s.issuedAge, s.issued = 0, f.given
		s.verified, s.applied, s.rolledOut, s.rolledBack, s.before, s.sick = false, none, false, false, none, false
		s.probe = noProbe
		f.issuedChecks = notAsked
	case decide.MarkVerified:
		s.verified = true
	case decide.MarkRolledOut:
		s.rolledOut = true
	case decide.Finish:
		s.seenCompleted, s.revoked = d.Rotation.OCMStatus == "completed", true
		s.remember(s.satisfies(), s.applied >= 0, s.issued)
		f.checks = notAsked
	case decide.RecordSatisfied:
		known := s.lastKnown // this record has no fingerprints
		s.remember(r.spec.epoch, s.lastApplied, s.lastIssued)
		s.lastKnown = known
	case decide.RecordRevocation:
		s.tried, s.proven, f.oldKnown = 0, f.oldAnswers == refused, false
	case decide.DropBackup:
		s.backup, f.oldKnown = none, false
	case decide.RecordHealth:
		if s.health, f.proven = 0, true; f.checks == accepted && s.under && s.applied >= 0 {
			s.verified = true
		}
		f.checks = notAsked
	default:
		panic("the model has no step " + string(d.Step))
	}
}

// begin mirrors scope.begin.
func (s *record) begin(d decide.Decision, f *findings) {
	s.clearRotation()
	s.under, s.id, s.adopted = true, idOf(d), d.Rotation.Adopted
	s.catchUp = d.Rotation.Reason == "CatchUp"
	s.seenCompleted = d.Rotation.OCMStatus == "completed"
	s.after = afterOf(d)
	s.baseline = f.given
	if s.adopted && f.target >= 0 {
		s.baseline = f.target
	}
	if s.catchUp {
		s.issued, s.issuedAge = f.given, 0
	}
	s.backup, s.healed = f.target, 0
}

func afterOf(d decide.Decision) int8 {
	if d.Rotation.After == nil {
		return none
	}
	return int8(d.Rotation.After.Sub(firstT) / epochLength)
}

// satisfies is the newest T that this rotation satisfies.
func (s *record) satisfies() int8 {
	if s.id < 0 {
		return none
	}
	return s.after
}

// remember adds the rotation to the history, of which the model keeps only what decisions depend on.
func (s *record) remember(satisfies int8, applied bool, issued generation) {
	s.satisfied = max(s.satisfied, satisfies)
	s.known |= bit(s.baseline) | bit(s.issued)
	if here := bit(s.baseline) | bit(s.issued); here != 0 {
		s.lastKnown = here
	}
	s.lastApplied, s.lastIssued = applied, issued
}

func idOf(d decide.Decision) int8 {
	for i := range int8(maxRotations) {
		if d.Rotation.ID == rotationID(i) {
			return i
		}
	}
	return none
}

// answered mirrors Record.Answered.
func (s *record) answered(g generation, v verdict) {
	switch v {
	case accepted:
		s.accepts, s.refuses = s.accepts|bit(g), s.refuses&^bit(g)
	case refused:
		s.refuses |= bit(g)
	}
}

// newestListed is the newest rotation of the last read list.
func (f *findings) newestListed() int8 {
	for i := int8(maxRotations - 1); i >= 0; i-- {
		if r := f.list[i]; r.exists && !r.deleted {
			return i
		}
	}
	return none
}
