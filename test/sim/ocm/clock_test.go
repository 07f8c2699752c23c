package ocm

import (
	"net/http"
	"testing"
	"time"
)

// TestStepPerLook_AdvancesOnlyWithTheClientsPolls shows that a slow client misses nothing.
func TestStepPerLook_AdvancesOnlyWithTheClientsPolls(t *testing.T) {
	r := newRig(t, Options{StepPerLook: 6 * time.Hour})
	inUse := r.CloudAuth(r.account.ID)
	r.AddCluster(r.account.ID, ClusterSpec{Token: func() string { return inUse }})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
	look := func() { r.call(http.MethodGet, r.rotations()) }

	before := r.Now()
	for range 10 {
		look()
	}
	if !r.Now().Equal(before) {
		t.Errorf("without a rotation %v have passed", r.Now().Sub(before))
	}
	id := r.requestRotation()
	look()
	if !r.Rotations(r.account.ID)[0].Issued {
		t.Error("six hours after the request nothing is issued")
	}
	before = r.Now()
	for range 100 {
		look()
	}
	if !r.Now().Equal(before) {
		t.Errorf("%v have passed while the cluster must switch", r.Now().Sub(before))
	}
	inUse = r.CloudAuth(r.account.ID)
	for looks := 0; r.status(id) != StatusCompleted; looks++ {
		if look(); looks > 10 {
			t.Fatalf("ten polls after the switch it is %s", r.status(id))
		}
	}
	before = r.Now()
	look()
	if !r.Now().Equal(before) {
		t.Error("time passes although the rotation is over")
	}
}

// TestPresentStamps_AreNeverInTheClientsFuture advances virtual time by days while the client's clock stands still.
func TestPresentStamps_AreNeverInTheClientsFuture(t *testing.T) {
	r := newRig(t, Options{PresentStamps: true})
	r.AddCluster(r.account.ID, ClusterSpec{})
	r.requestRotation()
	r.Advance(2 * day)
	second := r.StartRotationElsewhere(r.account.ID)
	now := r.clock.Now()
	for _, rot := range r.Rotations(r.account.ID) {
		if rot.CreatedAt.After(now) || rot.UpdatedAt.After(now) {
			t.Errorf("%+v, and it is %s", rot, now)
		}
	}
	if newest := r.Rotations(r.account.ID)[1].ID; newest != second || newest <= r.Rotations(r.account.ID)[0].ID {
		t.Error("the ids do not sort by creation")
	}
	item := r.call(http.MethodGet, "/cluster_transfers").json["items"].([]any)[0].(map[string]any)
	if want := timeText(now.Add(3 * day)); item["expiration_date"] != want {
		t.Errorf("two of five days later the transfer ends at %v, want %s", item["expiration_date"], want)
	}
}

// TestStepPerLook_DoesNotWaitForAClusterThatNeverReports has a cluster without a token: only the end of its window ends the rotation.
func TestStepPerLook_DoesNotWaitForAClusterThatNeverReports(t *testing.T) {
	r := newRig(t, Options{StepPerLook: 6 * time.Hour})
	r.AddCluster(r.account.ID, ClusterSpec{Token: func() string { return "" }, TransferLife: day})
	id := r.requestRotation()
	for looks := 0; r.status(id) != StatusCompleted; looks++ {
		if r.call(http.MethodGet, r.rotations()); looks > 10 {
			t.Fatalf("after ten polls it is %s", r.status(id))
		}
	}
}
