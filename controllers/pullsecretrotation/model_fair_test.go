package pullsecretrotation

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// maxRounds bounds a fair run. The longest rotation has about fifteen rounds; three may follow one another.
const maxRounds = 80

// fairRun lets everybody do their part from here on, nobody meddles, and people do what the conditions tell them: then
// the end must come, and no credential that works may die on the way there. Invariant 3, and the proof that the advice in the
// conditions is good.
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
			return fmt.Errorf("no end in sight: %s, %s\nfair run:\n%s", d.Reason, d.Message, log)
		}
	}
	for _, h := range visited {
		w.ends[h] = struct{}{}
	}
	return nil
}

// fairKey is a state in a fair run, and whether the credential in use must not die in it.
type fairKey struct {
	state   uint64
	guarded bool
}

// guarded is true where the operator has the time that it needs, so that the credential in use must not die.
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
			return false // it may restore the old credentials, having just seen them accepted; the next look fixes that
		}
	}
	return true
}

// round lets each replica end what it is doing and reconcile once more. The decision is the last one's.
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
					return w.said, errors.New("a reconcile does not come to rest")
				}
			}
			if s.check(); s.broken != "" {
				return w.said, errors.New(s.broken)
			}
		}
	}
	return w.said, nil
}

// atTheEnd is true when there is nothing left to do for anybody.
func (w *walk) atTheEnd(s *world, d decide.Decision) bool {
	if s.pendingRotations() || s.target != s.newest || !s.isAlive(s.target) || s.spec.suspended || s.now < 0 {
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

// helpers are everybody else: people who read conditions, OCM, the machine-config-operator, time.
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
		s.hasToken = true // as ClusterTokenDead asks for
	}
	if s.target >= 0 {
		s.pool.wanted = s.target
	}
	if !s.pool.paused && !s.pool.degraded {
		s.pool.current = s.pool.wanted
	}
	s.telemetry()
	s.batch()
	s.tick()
}

// trail is what a fair run has done; for its failure's message.
type trail struct{ lines []string }

func (t *trail) add(format string, args ...any) {
	if t.lines = append(t.lines, "  "+fmt.Sprintf(format, args...)); len(t.lines) > 40 {
		t.lines = t.lines[1:]
	}
}

func (t *trail) String() string { return strings.Join(t.lines, "\n") }
