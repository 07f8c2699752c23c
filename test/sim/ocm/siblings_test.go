package ocm

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestTransfers_OfAllClustersOfAnAccountArePagedSearchedAndOrdered is what an account's owner may ask, if OCM allows it.
func TestTransfers_OfAllClustersOfAnAccountArePagedSearchedAndOrdered(t *testing.T) {
	r := newRig(t, Options{})
	other := r.AddAccount(AccountSpec{})
	r.AddCluster(other.ID, ClusterSpec{})
	r.StartRotationElsewhere(other.ID)
	for i := range 7 {
		r.AddCluster(r.account.ID, ClusterSpec{Mode: []Mode{SwitchesSoon, NeverSwitches}[i%2], TransferLife: time.Duration(100-i) * time.Hour})
	}
	id := r.requestRotation()
	r.Advance(24 * time.Hour)
	list := func(status string, page int) answer {
		q := url.Values{"search": {fmt.Sprintf("pull_secret_rotation_id = '%s' and status %s 'completed'", id, status)}, "orderBy": {"expiration_date asc"},
			"page": {fmt.Sprint(page)}, "size": {"2"}}
		return r.call(http.MethodGet, "/cluster_transfers?"+q.Encode())
	}
	ends := ""
	for page, want := range map[int]int{1: 2, 2: 1, 3: 0} {
		a := list("!=", page)
		if items := a.json["items"].([]any); a.status != 200 || a.json["total"] != 3.0 || len(items) != want {
			t.Errorf("page %d: %d %s", page, a.status, a.raw)
		}
	}
	for page := 1; page <= 2; page++ {
		for _, item := range list("!=", page).json["items"].([]any) {
			row := item.(map[string]any)
			if row["pull_secret_rotation_id"] != id || row["status"] != StatusAccepted || row["expiration_date"].(string) < ends {
				t.Errorf("an item is %v, after one that ends at %s", row, ends)
			}
			ends = row["expiration_date"].(string)
		}
	}
	if a := list("=", 1); a.json["total"] != 4.0 {
		t.Errorf("completed: %s", a.raw)
	}
	if a := r.do(http.MethodGet, r.URL()+apiRoot+"/cluster_transfers", "", "", ""); a.status != 401 {
		t.Errorf("without a token: %d", a.status)
	}
	r.ForgetViolations()
}

// TestHabits_DecideWhichTransfersAnAccountMayList leaves a cluster's own, which insights-operator reads.
func TestHabits_DecideWhichTransfersAnAccountMayList(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
	r.StartRotationElsewhere(r.account.ID)
	r.Advance(24 * time.Hour)
	own := "/cluster_transfers?search=" + url.QueryEscape("cluster_uuid is '"+cluster+"' and status is 'accepted'")
	for habit, want := range map[SiblingTransfers]int{SiblingTransfersAll: 200, SiblingTransfersForbidden: 403, SiblingTransfersNone: 204, SiblingTransfersOpen: 200} {
		r.Configure(func(h *Habits) { h.SiblingTransfers = habit })
		a := r.call(http.MethodGet, "/cluster_transfers")
		if a.status != want || habit == SiblingTransfersOpen && a.json["total"] != 1.0 || habit == SiblingTransfersAll && a.json["total"] != 2.0 {
			t.Errorf("%q: %d %s", habit, a.status, a.raw)
		}
		if a := r.as(cluster, r.CloudAuth(r.account.ID), own); a.status != 200 {
			t.Errorf("%q: the cluster's own: %d %s", habit, a.status, a.raw)
		}
	}
}
