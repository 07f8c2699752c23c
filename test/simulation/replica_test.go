package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
)

// replica is one process of the operator. It may reconcile while it leads; one that is stopped in the middle of an effect may go on after
// another has taken over.
type replica struct {
	cluster    *cluster
	name       string
	lives      int
	reconciler *pullsecretrotation.Reconciler
	task       *task // of a reconcile that is stopped
	plan       plan
	spec       specs // that the reconcile under way may act on
}

func (r *replica) String() string { return r.name }

// plan is what happens at one effect of a reconcile.
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
	writeFails  what = "a write fails"
	answerLost  what = "the answer to a write is lost"
	conflicts   what = "a write conflicts"
	quicker     what = "somebody else writes first"
)

var whats = []what{crashBefore, crashAfter, stopBefore, stopAfter, writeFails, answerLost, conflicts, quicker}

// task is a reconcile in a goroutine of its own, which goes on only while the history waits for it.
type task struct {
	stopped chan struct{}
	goes    chan bool // false: it dies
	done    chan ctrl.Result
}

// died is what ends a reconcile whose process is gone.
type died struct{}

// born starts the process.
func (r *replica) born() {
	r.lives++
	w := r.cluster.w
	o := pullsecretrotation.Options{Namespace: operatorNamespace, Clock: clusterClock{r.cluster}}
	o.SetDefaults()
	api := r.cluster.clientOf(r)
	r.reconciler = &pullsecretrotation.Reconciler{Client: api, Reader: api, Options: o, Recorder: recorder{r},
		Connect: pullsecretrotation.NewConnector("simulation", &carrier{w.network, r})}
}

// clusterClock is the clock of a cluster's nodes.
type clusterClock struct{ c *cluster }

func (c clusterClock) Now() time.Time                  { return time.Now().Add(c.c.skew) }
func (c clusterClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// reconcile runs one reconcile until it ends, dies or is stopped.
func (r *replica) reconcile(w *world) {
	w.count.reconciles++
	r.cluster.looks = append(r.cluster.looks, time.Now())
	r.spec = specs{r.cluster.spec()}
	r.task = &task{stopped: make(chan struct{}), goes: make(chan bool), done: make(chan ctrl.Result)}
	t := r.task
	go func() {
		result := ctrl.Result{RequeueAfter: time.Second}
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(died); !ok {
					w.violate("%s panics: %v", r, p)
				}
				r.born()
			}
			t.done <- result
		}()
		ctx := logr.NewContext(context.Background(), r.logger(w))
		got, err := r.reconciler.Reconcile(ctx, ctrl.Request{NamespacedName: types.NamespacedName{Name: objectName}})
		if err != nil {
			w.scan("an error", err.Error())
			w.say("%s: error: %v", r, err)
		} else {
			result = got
		}
	}()
	r.await(w)
}

// await waits until the task ends or is stopped.
func (r *replica) await(w *world) {
	select {
	case <-r.task.stopped:
		w.say("%s is stopped", r)
	case result := <-r.task.done:
		if w.broken != nil && w.broken.hasty {
			result.RequeueAfter = time.Second
		}
		r.task = nil
		if r.cluster.leader == r {
			r.cluster.due = time.Now().Add(result.RequeueAfter)
			if result.RequeueAfter == 0 {
				r.cluster.due = time.Now().Add(never)
			}
		}
		w.say("%s ends, next in %s", r, result.RequeueAfter)
		w.judgeObject(r.cluster)
	}
}

const never = 1000 * day

// resume lets a stopped task go on.
func (r *replica) resume(w *world) {
	if r.task == nil {
		return
	}
	r.plan = plan{}
	w.say("%s goes on", r)
	r.task.goes <- true
	r.await(w)
}

// kill ends the process.
func (r *replica) kill(w *world) {
	if r.task == nil {
		r.born()
		return
	}
	r.plan = plan{}
	w.say("%s is killed", r)
	r.task.goes <- false
	r.await(w)
}

func (r *replica) stop() {
	r.task.stopped <- struct{}{}
	if !<-r.task.goes {
		panic(died{})
	}
}

var errAPI = errors.New("etcdserver: request timed out")

// before is called before an effect, and before a request that only reads.
func (r *replica) before(name string, effect bool) error {
	if !effect && !r.plan.every {
		return nil
	}
	if r.plan.in == 0 || !strings.Contains(name, r.plan.on) {
		return nil
	}
	if r.plan.in--; r.plan.in > 0 {
		return nil
	}
	r.plan.now = true
	w := r.cluster.w
	w.count.fault(string(r.plan.what))
	w.say("%s: %s: %s", r, r.plan.what, name)
	switch r.plan.what {
	case crashBefore:
		r.plan = plan{}
		panic(died{})
	case stopBefore:
		r.plan = plan{}
		r.stop()
	case quicker:
		r.plan = plan{}
		r.cluster.interfere(name)
	case writeFails:
		r.plan = plan{}
		return errAPI
	}
	return nil
}

// after is called when the effect has happened and the process does not know yet.
func (r *replica) after(string) error {
	if !r.plan.now {
		return nil
	}
	what := r.plan.what
	r.plan = plan{}
	switch what {
	case crashAfter:
		panic(died{})
	case stopAfter:
		r.stop()
	case answerLost:
		return errAPI
	}
	return nil
}

// logger takes what is logged: for the steps that were decided, and because no secret may be in it.
func (r *replica) logger(w *world) logr.Logger {
	return funcr.New(func(_, line string) {
		if _, step, ok := strings.Cut(line, `"step"="`); ok {
			step, _, _ = strings.Cut(step, `"`)
			w.count.decided(step)
		}
		w.scan("a log line", line)
	}, funcr.Options{Verbosity: 1})
}

// recorder takes the events.
type recorder struct{ r *replica }

// Eventf implements events.EventRecorder.
func (e recorder) Eventf(_ runtime.Object, _ runtime.Object, kind, reason, action, note string, args ...any) {
	w := e.r.cluster.w
	text := w.broken.event(fmt.Sprintf(note, args...))
	w.count.reason(reason)
	w.scan("an event", text)
	w.say("%s: event %s %s %s: %s", e.r, kind, reason, action, text)
}

// requested counts a request of this cluster.
func (r *replica) requested(*world) { r.cluster.traffic = append(r.cluster.traffic, time.Now()) }

// specs are versions of a spec.
type specs []spec

func (s specs) all(f func(spec) bool) bool {
	return !slices.ContainsFunc(s, func(one spec) bool { return !f(one) })
}
