package pullsecret

import (
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// living is an OCM whose days pass by themselves, two batches a second.
func living() settings {
	return settings{siblings: 2, siblingMode: ocm.SwitchesSoon, ocm: ocm.Options{BatchEvery: 500 * time.Millisecond}}
}

// TestKilledBeforeAndAfterEveryEffect kills the operator with SIGKILL right before and right after each thing that a
// rotation does to the outside, starts it again, and wants the same end each time: one rotation, the new pull secret in
// place, everybody else's entries untouched.
func TestKilledBeforeAndAfterEveryEffect(t *testing.T) {
	// The reference run says which effects there are.
	reference := newWorld(t, living())
	reference.create(rotation())
	reference.start()
	reference.waitFor("the rotation has ended", ended)
	var effects []string
	for _, w := range reference.api.Writes() {
		if !w.IsBookkeeping() {
			effects = append(effects, w.String())
		}
	}
	if len(effects) < 5 {
		t.Fatalf("a rotation had only these effects on the API server: %q", effects)
	}
	t.Logf("effects on the API server: %q, and one POST to OCM", effects)

	for _, moment := range []harness.Moment{harness.Before, harness.After} {
		for i, effect := range effects {
			t.Run(fmt.Sprintf("%s effect %d, %s", moment, i+1, effect), func(t *testing.T) {
				w := newWorld(t, living())
				n := 0
				hold := w.api.Hold(moment, func(r harness.APIRequest) bool {
					if !r.IsWrite() || r.IsBookkeeping() {
						return false
					}
					n++
					return n == i+1
				})
				w.killedAt(hold.Reached(), hold.Release)
			})
		}
		t.Run(fmt.Sprintf("%s the POST to OCM", moment), func(t *testing.T) {
			w := newWorld(t, living())
			at := ocm.BeforeEffect
			if moment == harness.After {
				at = ocm.AfterEffect
			}
			held := w.ocm.Hold(ocm.OpPostRotation, at)
			w.killedAt(held.Arrived(), held.Drop)
		})
	}
}

// killedAt starts the operator, kills it when it gets there, starts it again and checks the end.
func (w *world) killedAt(there <-chan struct{}, release func()) {
	w.t.Helper()
	w.create(rotation())
	first := w.start()
	select {
	case <-there:
	case <-time.After(2 * time.Minute):
		w.t.Fatalf("the operator did not get there\n%s", w.explain(w.t.Context()))
	}
	first.Kill()
	release()
	w.start()
	r := w.waitFor("the rotation has ended after a restart", ended)

	if made := w.ocm.Rotations(w.account.ID); len(made) != 1 {
		w.t.Errorf("OCM has %d rotations, want exactly one: %+v", len(made), made)
	}
	if got, want := auth(w.document(), "quay.io"), auth(w.ocm.PullSecret(w.account.ID), "quay.io"); got != want {
		w.t.Error("the pull secret does not hold what OCM gives out now")
	}
	if len(r.Status.History) != 1 {
		w.t.Errorf("the history has %d entries, want 1", len(r.Status.History))
	}
	if got := r.Status.Targets[0].Result; got != v1alpha1.ReasonPullSecretUpdated {
		w.t.Errorf("the target's result is %s, want %s", got, v1alpha1.ReasonPullSecretUpdated)
	}
}
