package capset

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"crypto/tls"
	"net/http"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset"
	clusterfacts "github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/objectwatch"
	"github.com/openshift/credential-rotation-operator/internal/secretwatch"
	"github.com/openshift/credential-rotation-operator/test/simulation/apiserver"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// process is one replica of the operator: all of them watch, and the one that leads reconciles. One that is stopped in the middle of an effect may
// go on after another has taken over.
type process struct {
	cluster *cluster
	name    string
	*life
	lives int
	task  *task // of a round that is stopped
	plan  plan
}

// life is what ends with the process.
type life struct {
	id         string // no other life draws by it
	ctx        context.Context
	cancel     context.CancelFunc
	controller *capcredentialset.Controller
	cache      *cache
	wishes     map[string]wish
	failures   map[string]int
	since      time.Time // of the round under way

	mu  sync.Mutex
	due map[string]time.Time // by set
}

func (p *process) String() string { return p.name }

func (p *process) isDead() bool { return p.ctx.Err() != nil }

// plan is what happens at one effect.
type plan struct {
	in   int // so many effects, this one included; 0: nothing happens
	now  bool
	on   string // part of the effect's name; empty: any
	what what
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

var whats = []what{crashBefore, crashAfter, stopBefore, stopAfter, writeFails, answerLost, conflicts}

// task is a round in a goroutine of its own.
type task struct {
	stopped chan struct{}
	goes    chan struct{}
	done    chan struct{}
}

// born starts the process.
func (p *process) born() {
	c := p.cluster
	ctx, cancel := context.WithCancel(context.Background())
	p.lives++
	l := &life{id: fmt.Sprintf("%s/%d ", p.name, p.lives), ctx: ctx, cancel: cancel, wishes: map[string]wish{}, failures: map[string]int{}, due: map[string]time.Time{}}
	p.life = l
	api := c.clientOf(p)
	secrets := secretwatch.NewForClient(apiserver.Secrets(api), objectwatch.Options{})
	facts := clusterfacts.NewCredentialsWatchForClients(apiserver.Dynamic(api, kinds), apiserver.Metadata(api, kinds), objectwatch.Options{})
	l.cache = newCache(api)
	began := time.Now()
	o := capcredentialset.Options{Namespace: operatorNamespace, Clock: clusterClock{c}, Secrets: secrets, Monotonic: func() time.Duration { return time.Since(began) }, MaxSleep: c.w.maxSleep}
	l.controller = capcredentialset.New(o, capcredentialset.Parts{
		Client: l.cache, Reader: api, Secrets: apiserver.Secrets(api), Facts: facts, Recorder: recorder{p},
		Transport: func(config *tls.Config) http.RoundTripper { return &carrier{p, config} }, Check: p.checkSTS,
	}, func(set string) { l.wake(c.w, set) })
	secrets.OnChange(func(ref types.NamespacedName) { l.wakeAll(c.w, l.controller.SetsOf(ref)) })
	facts.OnChange(func(namespace string) { l.wakeAll(c.w, l.controller.SetsIn(namespace)) })
	go func() { _ = secrets.Start(ctx) }()
	go func() { _ = facts.Start(ctx) }()
	go l.cache.run(ctx, c, l.id, func(set string, all bool) {
		l.wake(c.w, set)
		if all {
			l.wakeAll(c.w, l.controller.SetsIn(""))
		}
	})
}

// wake makes a round of a set due.
func (l *life) wake(w *world, set string) { l.wakeAt(w, set, time.Now()) }

func (l *life) wakeAt(w *world, set string, at time.Time) {
	l.mu.Lock()
	if before, ok := l.due[set]; !ok || at.Before(before) {
		l.due[set] = at
	}
	l.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

func (l *life) wakeAll(w *world, all []reconcile.Request) {
	for _, r := range all {
		l.wake(w, r.Name)
	}
}

// next is the set whose round is due first, and when.
func (l *life) next() (set string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, due := range l.due {
		if set == "" || due.Before(at) || due.Equal(at) && name < set {
			set, at = name, due
		}
	}
	return set, at
}

// clusterClock is the clock of the cluster's nodes.
type clusterClock struct{ c *cluster }

func (c clusterClock) Now() time.Time                  { return time.Now().Add(c.c.skew) }
func (c clusterClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// longest is the manager's longest wait after a round that has failed.
const longest = 30 * time.Second

// round runs one round of a set until it ends, dies or is stopped.
func (p *process) round(set string) {
	c, l := p.cluster, p.life
	w := c.w
	w.count.Count(history.Totals, "rounds")
	c.rounds = append(recent(c.rounds), time.Now())
	l.since = time.Now()
	l.mu.Lock()
	delete(l.due, set)
	l.mu.Unlock()
	if c.apiDown {
		c.shake()
	}
	t := &task{stopped: make(chan struct{}, 8), goes: make(chan struct{}), done: make(chan struct{})}
	p.task = t
	go func() {
		defer close(t.done)
		defer func() {
			if r := recover(); r != nil {
				w.Violate("%s panics: %v", p, r)
			}
		}()
		result, err := l.controller.Reconcile(logr.NewContext(l.ctx, p.logger()), ctrl.Request{NamespacedName: types.NamespacedName{Name: set}})
		switch {
		case l.ctx.Err() != nil:
		case err != nil:
			w.Scan("an error", err.Error())
			w.Say("%s: error: %v", p, err)
			l.failures[set]++
			l.wakeAt(w, set, time.Now().Add(min(50*time.Millisecond<<min(l.failures[set], 20), longest)))
		case result.RequeueAfter > 0:
			l.failures[set] = 0
			if w.broken != nil && w.broken.hasty {
				result.RequeueAfter = 100 * time.Millisecond
			}
			if result.RequeueAfter < time.Second {
				w.Say("%s: the next round of %s is due in %s", p, set, result.RequeueAfter)
			}
			l.wakeAt(w, set, time.Now().Add(result.RequeueAfter))
		}
	}()
	p.await()
}

// await waits until the round ends or is stopped. A process that died meanwhile is started again.
func (p *process) await() {
	t := p.task
	select {
	case <-t.stopped:
		p.cluster.w.Say("%s is stopped", p)
		return
	case <-t.done:
	}
	p.task = nil
	if p.isDead() {
		p.born()
	}
	p.cluster.judgeSets()
}

// resume lets a stopped round go on.
func (p *process) resume() {
	if p.task == nil {
		return
	}
	p.plan = plan{}
	p.cluster.shake()
	p.cluster.w.Say("%s goes on", p)
	close(p.task.goes)
	p.await()
}

// end ends the process for good.
func (p *process) end() {
	p.plan = plan{}
	p.cancel()
	if p.task != nil {
		close(p.task.goes)
		<-p.task.done
		p.task = nil
	}
}

// restart is what the kubelet does.
func (p *process) restart() {
	p.cluster.w.Say("%s is started again", p)
	p.cluster.shake()
	p.end()
	p.born()
}

var errAPI = errors.New("etcdserver: request timed out")

// before is called before an effect.
func (p *process) before(name string) error {
	if p.plan.in == 0 || !strings.Contains(name, p.plan.on) {
		return nil
	}
	if p.plan.in--; p.plan.in > 0 {
		return nil
	}
	p.plan.now = true
	p.cluster.shake()
	w := p.cluster.w
	w.count.Count(history.Faults, string(p.plan.what))
	w.Say("%s: %s: %s", p, p.plan.what, name)
	switch p.plan.what {
	case crashBefore:
		p.plan = plan{}
		p.cancel()
		return errDead
	case stopBefore:
		p.plan = plan{}
		p.stop()
	case writeFails:
		p.plan = plan{}
		return errAPI
	}
	return nil
}

// after is called when the effect has happened and the process does not know yet.
func (p *process) after(string) error {
	if !p.plan.now {
		return nil
	}
	what := p.plan.what
	p.plan = plan{}
	switch what {
	case crashAfter:
		p.cancel()
		return errDead
	case stopAfter:
		p.stop()
	case answerLost:
		return errAPI
	}
	return nil
}

// stop stops what asks until the process goes on. An effect outside of a round is not stopped.
func (p *process) stop() {
	t := p.task
	if t == nil {
		return
	}
	t.stopped <- struct{}{}
	<-t.goes
}

// logger takes what is logged, because no secret may be in it.
func (p *process) logger() logr.Logger {
	return funcr.New(func(_, line string) { p.cluster.w.Scan("a log line", line) }, funcr.Options{Verbosity: 1})
}

// recorder takes the events.
type recorder struct{ p *process }

// Eventf implements events.EventRecorder.
func (e recorder) Eventf(_ runtime.Object, _ runtime.Object, kind, reason, action, note string, args ...any) {
	w := e.p.cluster.w
	text := w.broken.event(fmt.Sprintf(note, args...))
	w.count.Count(history.Reasons, reason)
	w.count.Count(history.Decisions, action)
	w.Scan("an event", text)
	w.Say("%s: event %s %s %s", e.p, kind, reason, action)
}
