package pullsecretrotation

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// maxRounds limits a fair run. The longest rotation has about fifteen rounds, and there may be three in a row.
const maxRounds = 80

// fairRun continues without faults and with users who follow the conditions' advice. The rotation must then end, and no valid credential
// in use may die before. This is invariant 3, and shows that the advice in the conditions works.
func (w *walk) fairRun(s world) error {
	log := &trail{}
	s.registry = truthful
	var visited []fairKey
	guarded := s.guarded()
	for range maxRounds {
		s.canonical()
		h := fairKey{maphash.Comparable(w.seed, s), guarded}
		if _, known := w.ends[h]; known {
			break
		}
		visited = append(visited, h)
		d, err := w.round(&s, log)
		if err != nil {
			return fmt.Errorf("%w\nfair run:\n%s", err, log)
		}
		if w.atTheEnd(&s, d) {
			break
		}
		w.helpers(&s, d, log)
		if guarded && s.target >= 0 && !s.isAlive(s.target) {
			return fmt.Errorf("the cluster's credential has died although the operator had all the time it needs\nfair run:\n%s", log)
		}
		if len(visited) == maxRounds {
			return fmt.Errorf("it does not end: %s, %s\nfair run:\n%s", d.Reason, d.Message, log)
		}
	}
	for _, h := range visited {
		w.ends[h] = struct{}{}
	}
	return nil
}

// fairKey is a state in a fair run, and whether the credential in use must stay valid.
type fairKey struct {
	state   uint64
	guarded bool
}

// guarded is true if the operator has enough time, so that the credential in use must not die.
func (w *world) guarded() bool {
	if w.target < 0 || !w.isAlive(w.target) || w.status.rolledBack || w.pool.degraded {
		return false
	}
	for _, r := range w.ocm {
		if r.exists && !r.completed && !r.deleted && (over(r.mine) || r.age > transferLife-3) {
			return false
		}
	}
	for _, r := range w.replicas {
		if id := r.status.id; r.running && r.facts.rotations && id >= 0 && r.facts.list[id].completed != w.ocm[id].completed {
			return false // it may restore the old credentials if it has just seen them accepted; the next reconcile fixes that
		}
	}
	return true
}

// round lets each replica complete its reconcile and do one more. It returns the last decision.
func (w *walk) round(s *world, log *trail) (decide.Decision, error) {
	for ; s.flying > 0; s.flying-- {
		s.create(w.scenario, true)
	}
	for i := range w.replicas {
		for reconcile := range 2 {
			if reconcile == 1 {
				w.start(s, i)
			}
			steps := 0
			for ; s.replicas[i].running && s.broken == ""; steps++ {
				log.add("replica %d %s", i, w.ask(s, i).Step)
				w.step(s, i, answered)
				if steps > maxSteps {
					return w.said, errors.New("a reconcile does not end")
				}
			}
			if s.check(); s.broken != "" {
				return w.said, errors.New(s.broken)
			}
		}
	}
	return w.said, nil
}

// atTheEnd is true when nothing is left to do.
func (w *walk) atTheEnd(s *world, d decide.Decision) bool {
	if s.pod.exists || s.pendingRotations() || s.target != s.newest || !s.isAlive(s.target) || s.spec.suspended || s.now < 0 {
		return false
	}
	if w.follow {
		return d.Reason == v1alpha1.ReasonFollowing
	}
	satisfied := false
	for _, r := range s.ocm {
		satisfied = satisfied || r.exists && (r.since >= s.spec.epoch || r.behind)
	}
	return d.Reason == v1alpha1.ReasonNotDue && satisfied && s.status.satisfied == s.spec.epoch
}

// helpers are the other actors: users who follow conditions, OCM, the machine-config-operator, time.
func (w *walk) helpers(s *world, d decide.Decision, log *trail) {
	log.add("-- %s; alive %b, newest %d, target %d, rotations %+v", d.Reason, s.alive, s.newest, s.target, s.ocm[:s.rotations()])
	switch d.Reason {
	case v1alpha1.ReasonSuspended:
		s.edit(func(p *specification) { p.suspended = false })
	case v1alpha1.ReasonAwaitingApproval:
		s.edit(func(p *specification) { p.approved = true })
	case v1alpha1.ReasonAwaitingWindow:
		s.window = true
	case v1alpha1.ReasonTargetInvalid:
		s.write(0, none)
	case v1alpha1.ReasonRolloutDegraded, v1alpha1.ReasonRolledBack, v1alpha1.ReasonRollbackImpossible, v1alpha1.ReasonPoolsNotReady:
		s.pool.degraded, s.rollbackNever = false, true
	case v1alpha1.ReasonRotationVanished:
		s.nextT()
	}
	if !s.hasToken && (s.target < 0 || !s.isAlive(s.target)) {
		s.hasToken = true // as ClusterTokenDead advises
	}
	if s.target >= 0 {
		s.pool.wanted = s.target
	}
	if !s.pool.paused && !s.pool.degraded {
		s.pool.current = s.pool.wanted
	}
	if s.pool.said >= 0 {
		s.pool.said = s.pool.current
	}
	if s.pod.exists && s.pod.answer == notAsked {
		s.pod.answer = s.ask(s.kubelet)
	}
	s.telemetry()
	s.batch()
	s.forgets(w.scenario)
	s.tick()
}

// trail has the moves of a fair run, for its failure message.
type trail struct{ lines []string }

func (t *trail) add(format string, args ...any) {
	if t.lines = append(t.lines, "  "+fmt.Sprintf(format, args...)); len(t.lines) > 40 {
		t.lines = t.lines[1:]
	}
}

func (t *trail) String() string { return strings.Join(t.lines, "\n") }
