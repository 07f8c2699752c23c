package pullsecret

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestAWholeRotationOfAnAccountWithThreeClusters(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	w.create(rotation())
	w.start()

	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	if got := w.posts(); got != 1 {
		t.Fatalf("%d rotations were requested, want 1", got)
	}
	if string(w.document()) != string(w.before) {
		t.Fatal("the pull secret changed before OCM issued anything")
	}

	w.ocm.RunBatch()
	r := w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	if r.Status.Rotation.OCMStatus != ocm.StatusPending {
		t.Errorf("applied while OCM's status is %q, want pending", r.Status.Rotation.OCMStatus)
	}
	if got, want := auth(w.document(), "quay.io"), auth(w.ocm.PullSecret(w.account.ID), "quay.io"); got != want {
		t.Error("the pull secret does not have OCM's current credentials")
	}
	if issued, requested := r.Status.PullSecretIssuedAt, r.Status.Rotation.RequestedAt; !issued.Equal(requested) {
		t.Errorf("the pull secret's time is %v, want that of its rotation, %v", issued, requested)
	}
	if n := w.mco.Renders(); n != 1 {
		t.Errorf("the machine-config-operator rendered %d times, want once", n)
	}
	for at, set := range map[string]*metav1.Time{
		"requestedAt": r.Status.Rotation.RequestedAt, "issuedAt": r.Status.Rotation.IssuedAt, "verifiedAt": r.Status.Rotation.VerifiedAt,
		"appliedAt": r.Status.Rotation.AppliedAt, "rolledOutAt": r.Status.Rotation.RolledOutAt,
	} {
		if set == nil {
			t.Errorf("%s is not set", at)
		}
	}

	w.days(2)
	r = w.waitFor("the rotation has ended", ended)
	if got := w.posts(); got != 1 {
		t.Errorf("%d rotations were requested, want 1", got)
	}
	if len(r.Status.History) != 1 || r.Status.History[0].ID != r.Status.Rotation.ID {
		t.Errorf("the history has %d entries, want the one rotation", len(r.Status.History))
	}
}

// living is an OCM whose hours pass as the operator polls: a batch for each poll of a rotation that OCM should continue, so that
// the machine's speed does not matter.
func living() settings {
	return settings{siblings: 2, siblingMode: ocm.SwitchesSoon, ocm: ocm.Options{StepPerLook: 6 * time.Hour}}
}
