package pullsecret

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func (w *world) oneRotation() {
	w.t.Helper()
	if made := w.ocm.Rotations(w.account.ID); len(made) != 1 {
		w.t.Errorf("OCM has %d rotations, want exactly one: %+v", len(made), made)
	}
}

func (w *world) current() {
	w.t.Helper()
	for _, registry := range []string{"cloud.openshift.com", "quay.io", "registry.redhat.io", "registry.connect.redhat.com"} {
		if auth(w.document(), registry) != auth(w.ocm.PullSecret(w.account.ID), registry) {
			w.t.Errorf("the entry for %s is not OCM's current one", registry)
		}
	}
}

func TestAPostWithALostResponseIsAdoptedAndNotRepeated(t *testing.T) {
	w := newWorld(t, living())
	w.ocm.Break(ocm.Fault{Endpoint: ocm.OpPostRotation, Kind: ocm.LostAnswer, Times: 1})
	w.create(rotation())
	w.start()
	r := w.waitFor("the rotation has ended", ended)
	w.oneRotation()
	w.current()
	if w.posts() != 1 {
		t.Errorf("%d POSTs were sent, want 1", w.posts())
	}
	if r.Status.Rotation.Adopted {
		t.Error("the rotation counts as started elsewhere, although this cluster's intent to request it is on record")
	}
}

func TestARotationThatWasStartedElsewhereIsAdopted(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	id := w.ocm.StartRotationElsewhere(w.account.ID)
	w.create(rotation())
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	if r.Status.Rotation.ID != id || !r.Status.Rotation.Adopted {
		t.Errorf("the rotation under way is %s (adopted %t), want %s adopted", r.Status.Rotation.ID, r.Status.Rotation.Adopted, id)
	}
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.days(2)
	w.waitFor("the rotation has ended", ended)
	w.oneRotation()
	w.current()
}

func TestARotationThatHasIssuedBeforeTheFirstPollIsAppliedAtOnce(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.NeverSwitches})
	w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.RunBatch()
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.current()
	w.oneRotation()
}

// The old credentials no longer work by then, including the cluster's own token, so the e-mail address beside it must show the account.
func TestARotationThatIsCompletedBeforeTheFirstPollIsCaughtUpWithAtOnce(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.CompleteEverything()
	if w.ocm.Alive("quay.io", "", auth(w.before, "quay.io")) {
		t.Fatal("the old credentials are still valid, which this test must not have")
	}
	w.create(rotation())
	w.start()
	r := w.waitFor("the cluster has caught up", ended)
	w.current()
	w.oneRotation()
	if got := r.Status.History[0].Reason; got != v1alpha1.TriggerCatchUp {
		t.Errorf("the history has %s, want %s", got, v1alpha1.TriggerCatchUp)
	}
	if w.posts() != 0 {
		t.Errorf("%d POSTs were sent although T was satisfied, want none", w.posts())
	}
}
