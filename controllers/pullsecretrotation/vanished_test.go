package pullsecretrotation

import (
	"net/http"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// vanish makes OCM list no rotation, as after the record was deleted.
func (m *meter) vanish() {
	m.sim.Break(simocm.Fault{Endpoint: simocm.OpListRotations, Kind: simocm.Answer, Status: http.StatusNoContent})
}

func awaits(reason string) func(*v1alpha1.PullSecretRotation) bool {
	return func(o *v1alpha1.PullSecretRotation) bool { return readyReason(o) == reason }
}

// Whatever happened to the record, the old credentials may now be deleted.
func TestVanished_WhatOCMHasIssuedIsAppliedAllTheSame(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	m.sim.RunBatch()
	m.vanish()
	m.wait()
	m.look()
	m.current()
}

func TestVanished_IsSaidUntilItIsNoLongerSo(t *testing.T) {
	m := newMeter(t, simocm.Options{BatchInterval: 24 * time.Hour}, isDueNow())
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	m.vanish()
	m.through(awaits(v1alpha1.ReasonRotationVanished))
	for range 5 {
		m.sim.Advance(time.Minute) // something else causes a reconcile, before OCM's next poll
		if m.look(); readyReason(m.seen) != v1alpha1.ReasonRotationVanished {
			t.Fatalf("the object says %s now", readyReason(m.seen))
		}
	}
	object := m.get(t)
	object.Spec.RotateAfter = decide.TimePtr(m.sim.Now())
	if err := m.client.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	if m.look(); m.sim.Count(simocm.OpPostRotation) != 2 {
		t.Errorf("the advice was followed, and the object says %s", readyReason(m.seen))
	}
}

func TestPoll_ThatFailsIsNotHiddenUntilTheNext(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(awaits(v1alpha1.ReasonAwaitingRevocation))
	m.wait()
	m.sim.Break(simocm.Fault{Endpoint: simocm.OpAccessToken, Kind: simocm.Error500})
	for range 10 {
		if m.look(); readyReason(m.seen) != v1alpha1.ReasonOCMUnavailable {
			t.Fatalf("OCM is unreachable, but the object has %s", readyReason(m.seen))
		}
		m.wait()
	}
}
