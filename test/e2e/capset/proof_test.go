package capset

// An edit is tested at once, and not when the next refresh is due.

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestAnEdit_IsProvenBeforeTheSetIsReadyAgain(t *testing.T) {
	w := newCAPWorld(t, 12*time.Hour)
	w.start()
	w.create()
	before := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	if p := before.Status.Proof; p == nil || p.Generation != before.Generation {
		t.Fatalf("the first proof is %+v", p)
	}
	right := before.Spec.Endpoint.Mission
	w.cap.ResetCounts()
	w.api.Forget()
	w.edit(func(s *v1alpha1.CAPCredentialSet) { s.Spec.Endpoint.Mission = "no such mission" })
	w.eventuallyReady(v1alpha1.ReasonEditNotProven, "7/7")
	w.eventuallyCondition(v1alpha1.ConditionStalled, v1alpha1.ReasonEditNotProven, "has given no good answer since", v1alpha1.ReasonRequestRejected)

	w.edit(func(s *v1alpha1.CAPCredentialSet) { s.Spec.Endpoint.Mission = right })
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	if p := set.Status.Proof; p == nil || p.Generation != set.Generation {
		t.Errorf("the proof is %+v of generation %d", p, set.Generation)
	}
	if n := w.cap.Counts().Requests; n < 2 || n > 4 { // the wrong one may have been retried
		t.Errorf("CAP was asked %d times", n)
	}

	w.certificate("another")
	w.eventually("the new certificate is proven", w.subjectIs("CN=another"))
	set = w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	if set.Status.Proof.Certificate == before.Status.Proof.Certificate {
		t.Error("Ready is True by the proof of the previous certificate")
	}
	if writes := w.secretWrites(); len(writes) != 0 {
		t.Errorf("an edit that makes nothing due wrote %q", writes)
	}
}
