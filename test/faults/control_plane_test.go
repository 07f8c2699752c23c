package faults

import (
	"syscall"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// controlPlaneFaults are those of etcd and of the API server themselves.
var controlPlaneFaults = []fault{
	{name: "the API server stands still", asks: true, lasts: time.Minute, begin: paused(harness.APIServer)},
	{name: "etcd stands still, as without a quorum", asks: true, lasts: time.Minute, begin: paused(harness.Etcd)},
	{name: "etcd is gone", asks: true, lasts: time.Minute, begin: gone(harness.Etcd)},
	{name: "the API server restarts", asks: true, lasts: time.Second, begin: gone(harness.APIServer)},
	{name: "the API server is gone", asks: true, lasts: time.Minute, begin: gone(harness.APIServer)},
	{name: "etcd is restored from before the intent", asks: true, lasts: time.Second, begin: restored(beforeTheIntent)},
	{name: "etcd is restored from after the intent", asks: true, lasts: time.Second, begin: restored(afterTheIntent)},
	{name: "etcd is restored from before the new credentials", asks: true, lasts: time.Second, begin: restored(beforeTheWrite)},
}

// paused makes a program stand still.
func paused(p harness.Program) func(*world) func() {
	return func(w *world) func() {
		w.must(w.ask(w.t.Context()))
		w.must(cp.Pause(p))
		return func() { w.must(cp.Resume(p)) }
	}
}

// gone kills a program.
func gone(p harness.Program) func(*world) func() {
	return func(w *world) func() {
		w.must(w.ask(w.t.Context()))
		w.must(cp.Kill(w.t.Context(), p))
		return func() { w.must(cp.Restart(p)) }
	}
}

// restored takes a snapshot at some moment of the rotation, lets the rotation and the refresh end, and restores the snapshot: OCM and CAP know what
// the cluster has forgotten.
func restored(moment func(*world) *harness.Snapshot) func(*world) func() {
	return func(w *world) func() {
		snapshot := moment(w)
		w.eventually("what was asked for is done", w.right)
		w.must(w.replicas[0].process.Signal(syscall.SIGSTOP))
		w.must(snapshot.Restore(w.t.Context()))
		w.startMCO() // The former one knows which pull secret it rendered last.
		w.must(w.replicas[0].process.Signal(syscall.SIGCONT))
		return func() {}
	}
}

func (w *world) snapshot() *harness.Snapshot {
	w.t.Helper()
	s, err := cp.Snapshot()
	w.must(err)
	return s
}

// beforeTheIntent is a moment at which the operator has not noticed that anything is due.
func beforeTheIntent(w *world) *harness.Snapshot {
	w.must(w.replicas[0].process.Signal(syscall.SIGSTOP))
	w.must(w.ask(w.t.Context()))
	defer func() { w.must(w.replicas[0].process.Signal(syscall.SIGCONT)) }()
	return w.snapshot()
}

// afterTheIntent is the moment before OCM has the request.
func afterTheIntent(w *world) *harness.Snapshot {
	h := w.ocm.Hold(ocm.OpPostRotation, ocm.BeforeEffect)
	defer h.Release()
	w.must(w.ask(w.t.Context()))
	<-h.Arrived()
	return w.snapshot()
}

// beforeTheWrite is the moment before the pull secret is written.
func beforeTheWrite(w *world) *harness.Snapshot {
	release := w.untilTheWrite()
	defer release()
	return w.snapshot()
}
