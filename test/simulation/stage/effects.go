package stage

import (
	"strings"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// plan is what happens at one effect of a process.
type plan struct {
	in    int // so many effects, this one included; 0: nothing happens
	now   bool
	on    string // part of the effect's name; empty: any
	what  what
	every bool // requests that only read count too
}

// what happens at an effect.
type what string

const (
	crashBefore what = "crash before an effect"
	crashAfter  what = "crash after an effect"
	stopBefore  what = "stopped before an effect"
	stopAfter   what = "stopped after an effect"
	writeFails  what = "an effect fails"
	answerLost  what = "the answer to an effect is lost"
	conflicts   what = "a write conflicts"
	quicker     what = "somebody else writes first"
)

var whats = []what{crashBefore, crashAfter, stopBefore, stopAfter, writeFails, answerLost, conflicts, quicker}

// Before is called before an effect, and before a request that only reads.
func (l *Life) Before(name string, effect bool) error {
	if !effect && !l.plan.every || l.plan.in == 0 || !strings.Contains(name, l.plan.on) {
		return nil
	}
	if l.plan.in--; l.plan.in > 0 {
		return nil
	}
	l.plan.now = true
	l.Cluster.Shake()
	w := l.Cluster.World
	if l.plan.what != quicker {
		w.Count.Count(history.Faults, string(l.plan.what))
	}
	w.Say("%s: %s: %s", l, l.plan.what, name)
	switch l.plan.what {
	case crashBefore:
		l.plan = plan{}
		l.cancel()
		return ErrDead
	case stopBefore:
		l.plan = plan{}
		l.stop()
	case writeFails:
		l.plan = plan{}
		return errAPI
	}
	return nil
}

// After is called when the effect has happened and the process does not know yet.
func (l *Life) After() error {
	if !l.plan.now {
		return nil
	}
	what := l.plan.what
	l.plan = plan{}
	switch what {
	case crashAfter:
		l.cancel()
		return ErrDead
	case stopAfter:
		l.stop()
	case answerLost:
		return errAPI
	}
	return nil
}

// stop stops what asks until the process goes on. An effect outside of a reconcile is not stopped.
func (l *Life) stop() {
	t := l.task
	if t == nil {
		return
	}
	t.stopped <- struct{}{}
	<-t.goes
}
