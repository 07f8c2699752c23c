package stage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// Process is one replica of the operator: all of them watch, and the one that leads reconciles. One that is stopped in the middle of an effect may
// go on after another has taken over.
type Process struct {
	Cluster *Cluster
	name    string
	life    *Life
	lives   int
	task    *task // of a reconcile that is stopped
	plan    plan
}

// String is the replica's name.
func (p *Process) String() string { return p.name }

// Operator is what a process runs.
type Operator struct {
	Reconcile func(context.Context, reconcile.Request) (reconcile.Result, error)
	// Others are those that may be concerned when an object appears, changes its spec or disappears; before and after may be nil.
	Others func(before, after client.Object) []reconcile.Request
}

// Life is what ends with the process.
type Life struct {
	*Process
	ID    string // no other life draws by it
	API   client.WithWatch
	Cache *Cache
	// Since is when the reconcile under way has begun.
	Since time.Time

	ctx      context.Context
	cancel   context.CancelFunc
	operator Operator
	failures map[string]int
	hoard    [][]byte

	mu  sync.Mutex
	due map[string]time.Time // by object
}

// Context ends with the process.
func (l *Life) Context() context.Context { return l.ctx }

// Dead is true once the process is gone.
func (l *Life) Dead() bool { return l.ctx.Err() != nil }

// task is a reconcile in a goroutine of its own.
type task struct {
	stopped chan struct{}
	goes    chan struct{}
	done    chan struct{}
}

// born starts the process.
func (p *Process) born() {
	p.lives++
	l := &Life{Process: p, ID: fmt.Sprintf("%s/%d ", p.name, p.lives), failures: map[string]int{}, due: map[string]time.Time{}}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	p.life = l
	l.API = l.client()
	l.Cache = newCache(l.API, p.Cluster.Kind.List)
	l.operator = p.Cluster.Kind.Born(l)
	go l.Cache.run(l.ctx, p.Cluster, l.ID, func(before, after client.Object, all bool) {
		is := after
		if is == nil {
			is = before
		}
		l.Wake(is.GetName())
		if all {
			l.WakeAll(l.operator.Others(before, after))
		}
	})
}

// Wake makes a reconcile of an object due.
func (l *Life) Wake(name string) { l.wakeAt(name, time.Now()) }

// WakeAll does so for several.
func (l *Life) WakeAll(all []reconcile.Request) {
	for _, r := range all {
		l.Wake(r.Name)
	}
}

func (l *Life) wakeAt(name string, at time.Time) {
	l.mu.Lock()
	if before, ok := l.due[name]; !ok || at.Before(before) {
		l.due[name] = at
	}
	l.mu.Unlock()
	select {
	case l.Cluster.World.poke <- struct{}{}:
	default:
	}
}

// next is the object whose reconcile is due first, and when.
func (l *Life) next() (name string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, due := range l.due {
		if name == "" || due.Before(at) || due.Equal(at) && n < name {
			name, at = n, due
		}
	}
	return name, at
}

// reconcile reconciles an object until that ends, dies or is stopped.
func (p *Process) reconcile(name string) {
	c, l := p.Cluster, p.life
	c.World.Count.Count(history.Totals, "reconciles")
	c.Rounds.Add()
	l.Since = time.Now()
	if b := c.World.Broken; b != nil && b.Hoards > 0 {
		l.hoard = append(l.hoard, make([]byte, b.Hoards))
	}
	l.mu.Lock()
	delete(l.due, name)
	l.mu.Unlock()
	if c.APIDown {
		c.Shake()
	}
	t := &task{stopped: make(chan struct{}, 8), goes: make(chan struct{}), done: make(chan struct{})}
	p.task = t
	go func() {
		defer close(t.done)
		defer func() {
			if r := recover(); r != nil {
				c.World.Violate("%s panics: %v", p, r)
			}
		}()
		l.ended(name)(l.operator.Reconcile(logr.NewContext(l.ctx, l.logger()), ctrl.Request{NamespacedName: types.NamespacedName{Name: name}}))
	}()
	p.await()
}

// ended is what the manager does after a reconcile.
func (l *Life) ended(name string) func(reconcile.Result, error) {
	return func(result reconcile.Result, err error) {
		w := l.Cluster.World
		switch {
		case l.Dead():
		case err != nil:
			w.Scan("an error", err.Error())
			w.Say("%s: error: %v", l, err)
			l.failures[name]++
			l.wakeAt(name, time.Now().Add(min(l.Cluster.Backoff[0]<<min(l.failures[name]-1, 20), l.Cluster.Backoff[1])))
		case result.RequeueAfter > 0:
			l.failures[name] = 0
			if w.Broken != nil && w.Broken.Hasty > 0 {
				result.RequeueAfter = w.Broken.Hasty
			}
			w.Say("%s: %s again in %s", l, name, result.RequeueAfter)
			l.wakeAt(name, time.Now().Add(result.RequeueAfter))
		}
	}
}

// await waits until the reconcile ends or is stopped. A process that died or lost the lead meanwhile is started again.
func (p *Process) await() {
	t := p.task
	select {
	case <-t.stopped:
		p.Cluster.World.Say("%s is stopped", p)
		return
	case <-t.done:
	}
	p.task = nil
	switch lost := p.Cluster.Leader != p; {
	case p.life.Dead():
		p.born()
	case lost && !p.Cluster.World.Immortal:
		p.restart()
	}
	p.Cluster.Kind.Ended()
}

// resume lets a stopped reconcile go on.
func (p *Process) resume() {
	p.plan = plan{}
	p.Cluster.Shake()
	p.Cluster.World.Say("%s goes on", p)
	close(p.task.goes)
	p.await()
}

// end ends the process for good.
func (p *Process) end() {
	p.plan = plan{}
	p.life.cancel()
	if p.task != nil {
		close(p.task.goes)
		<-p.task.done
		p.task = nil
	}
}

// restart is what the kubelet does.
func (p *Process) restart() {
	p.Cluster.World.Say("%s is started again", p)
	p.Cluster.Shake()
	p.end()
	p.born()
}
