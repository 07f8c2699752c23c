package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

var (
	allFaults  = flag.Bool("all", false, "run each fault of TestFaults, and not only those that are cheap")
	onlyFaults = flag.String("only", "", "run those faults of TestFaults whose name matches this regular expression")
)

// fault is something that fails while a rotation and a refresh are due.
type fault struct {
	name string
	// cheap faults are part of each test run.
	cheap bool
	// asks is true if begin itself makes the work due, because nobody can once the fault has begun.
	asks bool
	// lasts is how long it lasts.
	lasts time.Duration
	// begin begins it; end ends it.
	begin func(w *world) (end func())
}

// faults are those of the table, in its order.
var faults = slices.Concat(connectionFaults, serviceFaults, clusterFaults, controlPlaneFaults)

// api is a fault between the operator and the API server.
func api(f harness.Fault) func(*world) func() {
	return func(w *world) func() {
		broken := f
		w.replicas[0].api.Break(&broken)
		return broken.End
	}
}

func isWatch(r harness.APIRequest) bool { return r.Verb == "watch" }

// connectionFaults are between the operator and the API server. One that lasts until the operator is stuck would show nothing, so those with Every
// let some pass.
var connectionFaults = []fault{
	{name: "API server: each answer takes a second", lasts: 10 * time.Second, begin: api(harness.Fault{Latency: time.Second})},
	{name: "API server: each second connection is reset", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Reset: true})},
	{name: "API server: each second answer is lost", cheap: true, lasts: 5 * time.Second, begin: api(harness.Fault{Every: 2, Lost: true})},
	{name: "API server: each second answer is cut in half", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Truncated: true})},
	{name: "API server: each write arrives twice", cheap: true, lasts: 5 * time.Second, begin: api(harness.Fault{Twice: true})},
	{name: "API server: 429 with Retry-After", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Status: 429, RetryAfter: 1})},
	{name: "API server: 429 without Retry-After", lasts: 10 * time.Second, begin: api(harness.Fault{Every: 2, Status: 429})},
	{name: "API server: nothing but 503", lasts: 15 * time.Second, begin: api(harness.Fault{Status: 503})},
	{name: "API server: watches are silent", lasts: 15 * time.Second, begin: stalledWatches},
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
	defer func() { t.Log("\n" + table.String()) }()
	for _, f := range faults {
		if !chosen(f) {
			continue
		}
		w.cap.ResetCounts()
		took := w.disturb(f)
		doubled := len(w.ocm.Rotations(w.account.ID)) - w.rotations
		if doubled != 0 {
			t.Fatalf("%s: %d rotations too many\n%s", f.name, doubled, w.explain(t.Context()))
		}
		t.Logf("%s: all is right again after %s", f.name, seconds(took))
		fmt.Fprintf(&table, "| %s | %s | 1 | %d | 0 | %d | %s |\n", f.name, seconds(f.lasts), doubled, w.cap.Counts().Requests, seconds(took))
	}
}

// chosen selects the faults that the flags ask for.
func chosen(f fault) bool {
	if *onlyFaults != "" {
		return regexp.MustCompile(*onlyFaults).MatchString(f.name)
	}
	return f.cheap || *allFaults
}

// disturb lets a rotation and a refresh become due while something fails, and returns how long it takes afterwards until all is right.
func (w *world) disturb(f fault) time.Duration {
	w.t.Helper()
	end := f.begin(w)
	if !f.asks {
		w.must(w.ask(w.t.Context()))
	}
	w.untilOver(time.After(f.lasts))
	w.t.Logf("%s: meanwhile the objects say:\n%s", f.name, w.said(w.t.Context()))
	end()
	began := time.Now()
	w.eventually("all is right after: "+f.name, w.right)
	return time.Since(began)
}

// said is what a person reads of both objects.
func (w *world) said(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r, s := &v1alpha1.PullSecretRotation{}, &v1alpha1.CAPCredentialSet{}
	if err := errors.Join(cp.Client.Get(ctx, client.ObjectKey{Name: objectName}, r), cp.Client.Get(ctx, client.ObjectKey{Name: objectName}, s)); err != nil {
		return "  they cannot be read: " + err.Error()
	}
	var b strings.Builder
	for _, c := range r.Status.Conditions {
		fmt.Fprintf(&b, "  rotation: %s %s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, c := range s.Status.Conditions {
		fmt.Fprintf(&b, "  set: %s %s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	for _, row := range s.Status.Targets {
		if row.Message != "" {
			fmt.Fprintf(&b, "  set: %s/%s %s: %s\n", row.Namespace, row.Name, row.Result, row.Message)
		}
	}
	return b.String()
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
