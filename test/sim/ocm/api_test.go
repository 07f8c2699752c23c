package ocm

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAPI_AnswersAsTheContractSays calls each operation once for each outcome; the rig fails the test for everything that the
// OpenAPI document does not allow.
func TestAPI_AnswersAsTheContractSays(t *testing.T) {
	r := newRig(t, Options{})
	other := r.AddAccount(AccountSpec{Username: "somebody-else"})
	theirs := r.AddCluster(other.ID, ClusterSpec{})
	ours := r.AddCluster(r.account.ID, ClusterSpec{})

	expect := func(what string, a answer, want int) answer {
		t.Helper()
		if a.status != want {
			t.Errorf("%s: status %d, want %d: %s", what, a.status, want, a.raw)
		}
		return a
	}
	me := expect("current account", r.call(http.MethodGet, "/current_account"), 200)
	if me.json["id"] != r.account.ID || me.json["username"] != r.account.Username || me.json["service_account"] != false {
		t.Errorf("current account: %s", me.raw)
	}
	expect("own account", r.call(http.MethodGet, "/accounts/"+r.account.ID), 200)
	expect("other account", r.call(http.MethodGet, "/accounts/"+other.ID), 403)
	expect("no rotation yet", r.call(http.MethodGet, r.rotations()), 204)
	expect("no transfer yet", r.call(http.MethodGet, "/cluster_transfers"), 204)
	expect("registry credentials are for SREs", r.call(http.MethodGet, "/registry_credentials"), 403)

	id := r.requestRotation()
	expect("the list contains it", r.call(http.MethodGet, r.rotations()), 200)
	expect("it can be read", r.call(http.MethodGet, r.rotations()+"/"+id), 200)
	expect("another cannot", r.call(http.MethodGet, r.rotations()+"/nope"), 404)
	if cluster := r.Transfers(ours); len(cluster) != 1 || len(r.Transfers(theirs)) != 0 {
		t.Error("want one transfer for each cluster of the account and none for others")
	}
	expect("another account's list is denied", r.call(http.MethodGet, "/accounts/"+other.ID+"/pull_secret_rotation"), 403)
	denial := expect("another account's rotation is denied", r.call(http.MethodPost, "/accounts/"+other.ID+"/pull_secret_rotation"), 403)
	want := "Account with ID " + r.account.ID + " denied access to perform create on PullSecretRotation with HTTP call POST " +
		"/api/accounts_mgmt/v1/accounts/" + other.ID + "/pull_secret_rotation"
	if denial.json["code"] != "ACCT-MGMT-11" || denial.json["reason"] != want || denial.json["operation_id"] == "" {
		t.Errorf("denial: %s", denial.raw)
	}
	expect("it can be deleted", r.call(http.MethodDelete, r.rotations()+"/"+id), 204)
	expect("and does not exist afterwards", r.call(http.MethodGet, r.rotations()), 204)

	r.Ban(r.account.ID, true)
	expect("a banned account", r.call(http.MethodGet, "/current_account"), 403)
	if r.works(r.CloudAuth(r.account.ID), Quay) {
		t.Error("a banned account's credentials work at a registry")
	}
}

// TestAccessToken_MayCallWhatTheContractAllows calls the operations with a cluster's own token.
func TestAccessToken_MayCallWhatTheContractAllows(t *testing.T) {
	r := newRig(t, Options{})
	other := r.AddAccount(AccountSpec{})
	theirs := r.AddCluster(other.ID, ClusterSpec{})
	ours := r.AddCluster(r.account.ID, ClusterSpec{})
	auth := r.CloudAuth(r.account.ID)
	r.StartRotationElsewhere(r.account.ID)

	for path, want := range map[string]int{
		"/current_account": 200, r.rotations(): 200, "/cluster_transfers": 200, "/subscriptions": 200,
	} {
		if a := r.as(ours, auth, path); a.status != want {
			t.Errorf("%s: %d, want %d: %s", path, a.status, want, a.raw)
		}
	}
	for what, a := range map[string]answer{
		"a cluster of another account":     r.as(theirs, auth, "/current_account"),
		"a cluster that OCM does not know": r.as(newUUID(), auth, "/current_account"),
		"a token that was never issued":    r.as(ours, "bm9ib2R5Om5vdGhpbmc=", "/current_account"),
	} {
		if a.status != 401 || a.json["code"] != "ACCT-MGMT-15" {
			t.Errorf("%s: %d %s", what, a.status, a.raw)
		}
	}
	// Where the contract requires a Bearer token, the client is refused, and the violation is reported to the test.
	a := r.do(http.MethodPost, r.URL()+apiRoot+r.rotations(), "AccessToken "+ours+":"+auth, "", "")
	if a.status != 401 || len(r.ForgetViolations()) == 0 {
		t.Errorf("POST with a cluster's token: %d, want 401 and a violation", a.status)
	}
}

// TestRotationList_IsPagedSearchedAndOrdered uses the query parameters of the contract.
func TestRotationList_IsPagedSearchedAndOrdered(t *testing.T) {
	r := newRig(t, Options{})
	var ids []string
	for range 5 {
		ids = append(ids, r.StartRotationElsewhere(r.account.ID))
		r.Advance(time.Hour)
	}
	r.EditRecord(ids[0], func(rec *Record) { rec.Status = "cancelled" })
	for _, tc := range []struct {
		// query is the query; want are the indices of the returned rotations, in order; total counts all pages.
		query string
		want  []int
		total int
	}{
		{"", []int{0, 1, 2, 3, 4}, 5},
		{"?orderBy=" + escape("id desc"), []int{4, 3, 2, 1, 0}, 5},
		{"?orderBy=" + escape("status asc, created_at desc"), []int{0, 4, 3, 2, 1}, 5},
		{"?page=2&size=2", []int{2, 3}, 5},
		{"?page=4&size=2", nil, 5},
		{"?search=" + escape("status = 'pending'") + "&orderBy=id&size=1", []int{1}, 4},
		{"?search=" + escape("created_at >= '"+timeText(r.Rotations(r.account.ID)[3].CreatedAt)+"'"), []int{3, 4}, 2},
	} {
		a := r.call(http.MethodGet, r.rotations()+tc.query)
		var got []string
		items, _ := a.json["items"].([]any)
		for _, item := range items {
			got = append(got, item.(map[string]any)["id"].(string))
		}
		var want []string
		for _, i := range tc.want {
			want = append(want, ids[i])
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || a.json["total"] != float64(tc.total) || a.json["size"] != float64(len(want)) {
			t.Errorf("%q: got %v of %v, want %v of %d", tc.query, got, a.json["total"], want, tc.total)
		}
	}
	if a := r.call(http.MethodGet, r.rotations()+"?search="+escape("status = 'unknown'")); a.status != 204 {
		t.Errorf("a search that finds nothing: %d, want 204", a.status)
	}
	if a := r.call(http.MethodGet, r.rotations()+"?search="+escape("status =")); a.status != 400 || len(r.ForgetViolations()) != 1 {
		t.Errorf("a search that does not parse: %d, want 400, which the contract does not have", a.status)
	}
}

// TestSubscriptions_AreThoseOfTheOrganisation shows why a client has to search by creator.
func TestSubscriptions_AreThoseOfTheOrganisation(t *testing.T) {
	r := newRig(t, Options{})
	r.AddCluster(r.account.ID, ClusterSpec{Name: "mine"})
	gone := r.AddCluster(r.account.ID, ClusterSpec{Name: "gone"})
	r.SetSubscriptionStatus(gone, SubscriptionDeprovisioned)
	r.AddCluster(r.account.ID, ClusterSpec{Name: "old", Status: SubscriptionArchived})
	r.AddCluster(r.AddAccount(AccountSpec{}).ID, ClusterSpec{Name: "colleague's"})
	r.AddCluster(r.AddAccount(AccountSpec{Organization: "org-2"}).ID, ClusterSpec{Name: "stranger's"})

	for query, want := range map[string]string{
		"": "mine gone old colleague's",
		"?search=" + escape("creator.id = '"+r.account.ID+"' and status != 'Deprovisioned' and status != 'Archived'"): "mine",
		"?search=" + escape("status in ('Archived', 'Deprovisioned')"):                                                "gone old",
	} {
		a := r.call(http.MethodGet, "/subscriptions"+query)
		var names []string
		for _, item := range a.json["items"].([]any) {
			names = append(names, item.(map[string]any)["display_name"].(string))
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}

// TestIDs_SortByTheTimeOfTheirCreation covers what the service documents about its ids.
func TestIDs_SortByTheTimeOfTheirCreation(t *testing.T) {
	r := newRig(t, Options{})
	var last string
	for i := range 200 {
		id := r.StartRotationElsewhere(r.account.ID)
		if len(id) != 27 || id <= last {
			t.Fatalf("id %d is %q after %q", i, id, last)
		}
		last = id
		if i%50 == 0 {
			r.Advance(100 * day)
		}
	}
}

// TestSearch_UnderstandsWhatPublicClientsSend covers the language itself.
func TestSearch_UnderstandsWhatPublicClientsSend(t *testing.T) {
	row := map[string]string{"status": "accepted", "cluster_uuid": "c1", "name": "my-cluster", "creator.id": "a1"}
	for search, want := range map[string]bool{
		"cluster_uuid is 'c1' and status is 'accepted'":         true, // insights-operator
		"cluster_uuid is not 'c1'":                              false,
		"creator.id = 'a1' and status != 'x' and status <> 'y'": true, // osdctl
		"status='accepted'":                                     true,
		"status in ('pending','accepted')":                      true,
		"status not in ('pending','accepted')":                  false,
		"name like 'my%'":                                       true,
		"name like '%clu%er'":                                   true,
		"name not like '%x%'":                                   true,
		"name like 'my'":                                        false,
		"status = 'x' or status = 'accepted'":                   true,
		"status = 'x' or status = 'accepted' and name = 'x'":    false,
		"(status = 'x' or status = 'accepted') and name > 'a'":  true,
		"not (status = 'accepted')":                             false,
		"unknown = ''":                                          true,
	} {
		match, err := parseSearch(search)
		if err != nil || match(row) != want {
			t.Errorf("%s: error %v, want %v", search, err, want)
		}
	}
	for _, search := range []string{"status", "status =", "status ~ 'x'", "'x' = status", "(status = 'x'", "status in 'x'",
		"status in ('x'", "status = 'x", "status = 'x' name", "and", "status in ()"} {
		if _, err := parseSearch(search); err == nil {
			t.Errorf("%s was accepted", search)
		}
	}
}

// TestAPI_IgnoresATrailingSlash covers the URL of insights-operator's configuration: ".../cluster_transfers/".
func TestAPI_IgnoresATrailingSlash(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	id := r.requestRotation()
	r.RunBatch()
	for path, want := range map[string]int{
		"/current_account/": 200, "/accounts/" + r.account.ID + "/": 200, r.rotations() + "/": 200, r.rotations() + "/" + id + "/": 200,
		"/cluster_transfers/?search=" + escape("cluster_uuid is '"+cluster+"' and status is 'accepted'"): 200, "/subscriptions/": 200,
		"/registry_credentials/": 403,
	} {
		if a := r.call(http.MethodGet, path); a.status != want {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.raw, want)
		}
	}
	if got := r.Count(OpTransfers); got != 1 {
		t.Errorf("the slash hides the operation from the counters: %d, want 1", got)
	}
}

// TestAPI_WritesItsKeysInAlphabeticalOrder matches published output of the service, which clients pass on unchanged.
func TestAPI_WritesItsKeysInAlphabeticalOrder(t *testing.T) {
	r := newRig(t, Options{})
	r.requestRotation()
	for path, want := range map[string][]string{
		r.rotations():             {"items", "account_id", "created_at", "href", "id", "kind", "status", "updated_at", "kind", "page", "size", "total"},
		r.rotations() + "/nobody": {"code", "href", "id", "kind", "operation_id", "reason"},
	} {
		raw := r.call(http.MethodGet, path).raw
		rest := raw
		for _, key := range want {
			_, after, ok := strings.Cut(rest, `"`+key+`":`)
			if !ok {
				t.Fatalf("%s: %s: %q is not in order", path, raw, key)
			}
			rest = after
		}
	}
}
