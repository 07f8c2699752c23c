package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

var (
	runs  = flag.Int("runs", 2, "how often TestFailover takes the leader away")
	lease = flag.Duration("lease", 4*time.Second, "how long the Lease of TestFailover lasts without being renewed; 137s is the default of the operator")
)

// blow is how a leader is taken away.
type blow string

const (
	// killed: SIGKILL. It is started again once the other has the lead.
	killed blow = "SIGKILL"
	// stopped: SIGSTOP, until the other has the lead. What it had sent arrives at once.
	stopped blow = "SIGSTOP"
	// delayed: SIGSTOP, and what it had sent arrives only when the other has the lead.
	delayed blow = "SIGSTOP, request late"
	// released: SIGTERM, as in an update; it gives the lead up.
	released blow = "SIGTERM"
)

// leaseOf are the durations of an election, in the proportions of the default ones, which are OpenShift's.
func leaseOf(duration time.Duration) []string {
	return []string{
		"--leader-elect", fmt.Sprintf("--leader-elect-lease-duration=%s", duration),
		fmt.Sprintf("--leader-elect-renew-deadline=%s", duration*107/137), fmt.Sprintf("--leader-elect-retry-period=%s", duration*26/137),
	}
}

// failover is the tally of one blow.
type failover struct {
	runs, takeovers, posts, doubled, lost, illegal int
	times                                          []time.Duration
}

// A leader is taken away at each step of a rotation and of a refresh that are asked for at the same time: before the API server (or OCM) has the
// request, and after it has handled it. Whatever the moment, there is one rotation, nothing is lost, and no write overwrites another.
func TestFailover(t *testing.T) {
	w := newWorld(t, 2, leaseOf(*lease)...)
	for _, r := range w.replicas {
		w.start(r)
	}
	w.createObjects()
	w.eventually("both objects are right", w.right)
	steps := w.undisturbed()
	t.Logf("a rotation and a refresh have %d steps", steps)
	tally := map[blow]*failover{}
	blows := []blow{killed, delayed, stopped, released}
	for _, b := range blows {
		tally[b] = &failover{}
	}
	for run := range *runs {
		// Seven is prime to the usual numbers of steps, so that few runs see distant ones.
		b, n := blows[run%len(blows)], run/len(blows)*7%(2*steps)
		began := time.Now()
		w.strike(tally[b], b, n/2, []harness.Moment{harness.Before, harness.After}[n%2])
		t.Logf("%s %d took %s", b, n, time.Since(began))
		if t.Failed() {
			t.Log(w.explain(t.Context()))
			break
		}
	}
	t.Log("\n" + table(blows, tally))
}

// undisturbed runs a rotation and a refresh, and returns the number of steps.
func (w *world) undisturbed() int {
	w.t.Helper()
	w.forget()
	w.must(w.ask(w.t.Context()))
	w.eventually("an undisturbed rotation and refresh", w.right)
	n := requests
	for _, r := range w.replicas {
		n += len(r.api.Writes())
	}
	return n
}

func (w *world) forget() {
	for _, r := range w.replicas {
		r.api.Forget()
	}
}

// requests are the first steps: the request to OCM, and that to CAP. The others are the writes to the API server.
const requests = 2

// strike asks for a rotation and a refresh, takes the leader away at the given step, and judges what came of it.
func (w *world) strike(f *failover, b blow, step int, moment harness.Moment) {
	w.t.Helper()
	w.forget()
	before := w.ocm.Count(ocm.OpPostRotation)
	reached, leader, release := w.hold(step, moment)
	w.must(w.ask(w.t.Context()))
	w.eventually("the step is reached, or the work is done", func(ctx context.Context) error {
		select {
		case <-reached:
			return nil
		default:
			return w.right(ctx)
		}
	})
	f.runs++
	select {
	case <-reached:
		f.takeovers++
		f.times = append(f.times, w.takeAway(leader(), b, release))
	default: // This run had fewer steps.
	}
	release()
	what := fmt.Sprintf("%s %s step %d", b, moment, step)
	ended := w.t.Run(strings.ReplaceAll(what, " ", "_"), func(t *testing.T) {
		outer := w.t
		w.t = t
		defer func() { w.t = outer }()
		w.eventually("all is right after "+what, w.right)
		if !linearisable(t, w.history()) {
			f.illegal++
		}
	})
	posts := w.ocm.Count(ocm.OpPostRotation) - before
	f.posts += posts
	f.doubled += max(0, len(w.ocm.Rotations(w.account.ID))-w.rotations)
	if extra := len(w.ocm.Rotations(w.account.ID)) - w.rotations; extra != 0 {
		w.t.Errorf("%s: %d rotations for %d times that one was due", what, len(w.ocm.Rotations(w.account.ID)), w.rotations)
	}
	if !ended {
		f.lost++
	}
}

// hold holds a step of whichever replica takes it. leader is the replica that has reached it.
func (w *world) hold(step int, moment harness.Moment) (reached <-chan struct{}, leader func() *replica, release func()) {
	if step < requests {
		at := map[harness.Moment]simctl.Moment{harness.Before: simctl.BeforeEffect, harness.After: simctl.AfterEffect}[moment]
		h := []func() *simctl.Held{
			func() *simctl.Held { return w.ocm.Hold(ocm.OpPostRotation, at) },
			func() *simctl.Held { return w.cap.Hold(role, at) },
		}[step]()
		return h.Arrived(), w.leader, h.Release
	}
	holds, first, seen := []*harness.Hold{}, make(chan struct{}), 0
	var who *replica
	for _, r := range w.replicas {
		h := r.api.Hold(moment, func(q harness.APIRequest) bool {
			// The proxies may ask at the same time, but only the leader writes.
			if !q.IsWrite() || q.IsBookkeeping() {
				return false
			}
			seen++
			return seen == step-requests+1
		})
		holds = append(holds, h)
		go func() {
			<-h.Reached()
			who = r
			close(first)
		}()
	}
	return first, func() *replica { return who }, func() {
		for _, h := range holds {
			h.Release()
		}
	}
}

// leader is the replica that holds the Lease.
func (w *world) leader() *replica {
	w.t.Helper()
	leases := &coordinationv1.LeaseList{}
	w.must(cp.Client.List(w.t.Context(), leases, client.InNamespace(w.installation.Namespace)))
	for _, l := range leases.Items {
		for _, r := range w.replicas {
			if l.Spec.HolderIdentity != nil && *l.Spec.HolderIdentity == r.name {
				return r
			}
		}
	}
	w.t.Fatalf("no replica holds the Lease: %+v", leases.Items)
	return nil
}

// takeAway strikes the leader, waits until the other has the lead, and returns how long that took.
func (w *world) takeAway(leader *replica, b blow, release func()) time.Duration {
	w.t.Helper()
	other := w.replicas[0]
	if other == leader {
		other = w.replicas[1]
	}
	process, began := leader.process, time.Now()
	switch b {
	case killed:
		process.Kill()
	case stopped, delayed:
		w.signal(process, syscall.SIGSTOP)
		if b == stopped {
			release()
		}
	case released:
		release() // A write that is held would only delay the end.
		_, err := process.Stop(w.t.Context())
		w.must(err)
	}
	var took time.Duration
	harness.Eventually(w.t, other.name+" takes the lead", func(context.Context) error {
		w.revive(other) // It may have been the one that stood still the last time.
		for _, q := range other.api.Requests(func(q harness.Recorded) bool {
			return q.Holder == other.name && q.Version != "" && q.Ended.After(began)
		}) {
			took = q.Ended.Sub(began)
			return nil
		}
		return errors.New("not yet")
	}, w.explain)
	release()
	if b == stopped || b == delayed {
		w.signal(process, syscall.SIGCONT)
	}
	return took
}

// signal sends a signal to a process that may have ended by itself, because on a busy machine it lost the Lease in that moment.
func (w *world) signal(process *harness.OperatorProcess, s syscall.Signal) {
	w.t.Helper()
	if err := process.Signal(s); !errors.Is(err, os.ErrProcessDone) {
		w.must(err)
	}
}

// history is that of the writes since the last Forget, and of the requests for a rotation.
func (w *world) history() []porcupine.Operation {
	var list []porcupine.Operation
	for i, r := range w.replicas {
		list = append(list, writesOf(i, r.api)...)
	}
	for i := range len(w.ocm.Rotations(w.account.ID)) - w.rotations + 1 {
		list = append(list, porcupine.Operation{Call: int64(i), Return: int64(i), Input: event{object: ocmAccount}})
	}
	return list
}

// table shows the tally.
func table(blows []blow, tally map[blow]*failover) string {
	var b strings.Builder
	b.WriteString("| Leader | Runs | Takeovers | POSTs | Doubled | Lost | Not linearisable | Takeover min | median | max |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, name := range blows {
		f := tally[name]
		least, median, most := "-", "-", "-"
		if len(f.times) > 0 {
			slices.Sort(f.times)
			least, median, most = seconds(f.times[0]), seconds(f.times[len(f.times)/2]), seconds(f.times[len(f.times)-1])
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %s | %s | %s |\n", name, f.runs, f.takeovers, f.posts, f.doubled, f.lost, f.illegal, least, median, most)
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
