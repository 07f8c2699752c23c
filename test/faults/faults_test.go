package faults

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

var allFaults = flag.Bool("all", false, "run each fault of TestFaults, and not only those that are cheap")

// fault is something that fails while a rotation and a refresh are due.
type fault struct {
	name string
	// cheap faults are part of each test run.
	cheap bool
	// lasts is how long it lasts.
	lasts time.Duration
	// begin begins it; end ends it.
	begin func(w *world) (end func())
}

// api is a fault between the operator and the API server.
func api(f harness.Fault) func(*world) func() {
	return func(w *world) func() {
		broken := f
		w.replicas[0].api.Break(&broken)
		return broken.End
	}
}

// services is a fault of OCM and of CAP.
func services(o ocm.Fault, c cap.Fault) func(*world) func() {
	return func(w *world) func() {
		o.Endpoint = ocm.OpAny
		w.ocm.Break(o)
		w.must(w.cap.Break(c))
		return func() {
			w.ocm.Mend()
			w.cap.Heal()
		}
	}
}

func isWatch(r harness.APIRequest) bool { return r.Verb == "watch" }

// faults are those of the table, in its order. One that lasts until the operator is stuck would show nothing, so those with Every let some pass.
var faults = []fault{
	{name: "API server: each answer takes a second", lasts: 10 * time.Second, begin: api(harness.Fault{Latency: time.Second})},
	{name: "API server: each second connection is reset", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Reset: true})},
	{name: "API server: each second answer is lost", cheap: true, lasts: 5 * time.Second, begin: api(harness.Fault{Every: 2, Lost: true})},
	{name: "API server: each second answer is cut in half", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Truncated: true})},
	{name: "API server: each write arrives twice", cheap: true, lasts: 5 * time.Second, begin: api(harness.Fault{Twice: true})},
	{name: "API server: 429 with Retry-After", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Status: 429, RetryAfter: 1})},
	{name: "API server: 429 without Retry-After", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Status: 429})},
	{name: "API server: nothing but 503", lasts: 15 * time.Second, begin: api(harness.Fault{Status: 503})},
	{name: "API server: watches are silent", lasts: 15 * time.Second, begin: stalledWatches},
	{name: "OCM and CAP: answers take a second", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Slow, Delay: simctl.Duration(time.Second)}, cap.Fault{Kind: cap.FaultDelay, Delay: simctl.Duration(time.Second)})},
	{name: "OCM and CAP: answers are lost", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.LostAnswer, Every: 2}, cap.Fault{Kind: cap.FaultLostAnswer, Every: 2})},
	{name: "OCM and CAP: answers are cut in half", lasts: 10 * time.Second, begin: services(
		ocm.Fault{Kind: ocm.Answer, Body: `{"id":"`, Every: 2}, cap.Fault{Kind: cap.FaultTruncated, Every: 2})},
}

// stalledWatches ends the watches that there are, so that new ones begin, which are silent.
func stalledWatches(w *world) func() {
	reset := &harness.Fault{Match: isWatch, Stalled: true}
	w.replicas[0].api.Break(reset)
	w.replicas[0].process.Kill()
	return reset.End
}

// A rotation and a refresh become due while something fails. When it works again, there is one rotation, nothing is lost, and all is right.
func TestFaults(t *testing.T) {
	w := newWorld(t, 1)
	w.start(w.replicas[0])
	w.createObjects()
	w.eventually("both objects are right", w.right)
	var table strings.Builder
	table.WriteString("| Fault | Lasts | Rotations | Doubled | Lost | Requests to CAP | Right again after |\n|---|---|---|---|---|---|---|\n")
	for _, f := range faults {
		if !f.cheap && !*allFaults {
			continue
		}
		w.cap.ResetCounts()
		took := w.disturb(f)
		doubled := len(w.ocm.Rotations(w.account.ID)) - w.rotations
		if doubled != 0 {
			t.Errorf("%s: %d rotations too many", f.name, doubled)
		}
		t.Logf("%s: all is right again after %s", f.name, seconds(took))
		fmt.Fprintf(&table, "| %s | %s | 1 | %d | 0 | %d | %s |\n", f.name, seconds(f.lasts), doubled, w.cap.Counts().Requests, seconds(took))
	}
	t.Log("\n" + table.String())
}

// disturb lets a rotation and a refresh become due while something fails, and returns how long it takes afterwards until all is right.
func (w *world) disturb(f fault) time.Duration {
	w.t.Helper()
	end := f.begin(w)
	w.must(w.ask(w.t.Context()))
	w.untilOver(time.After(f.lasts))
	end()
	began := time.Now()
	w.eventually("all is right after: "+f.name, w.right)
	return time.Since(began)
}

// untilOver keeps the operator running, as the kubelet does, while the fault lasts.
func (w *world) untilOver(over <-chan time.Time) {
	w.t.Helper()
	harness.Eventually(w.t, "the fault is over", func(context.Context) error {
		w.revive(w.replicas...)
		select {
		case <-over:
			return nil
		default:
			return fmt.Errorf("it lasts")
		}
	})
}
