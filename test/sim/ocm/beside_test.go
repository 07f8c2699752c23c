package ocm

import (
	"net/http"
	"testing"
)

// TestRegistration_IsTelemetryAsTheServiceTakesIt covers its four responses.
func TestRegistration_IsTelemetryAsTheServiceTakesIt(t *testing.T) {
	r := newRig(t, Options{RegistrationLimit: 1})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	r.requestRotation()
	r.RunBatch()
	register := func(id, token string) answer {
		return r.do(http.MethodPost, r.URL()+apiRoot+"/cluster_registrations", "", "application/json",
			`{"cluster_id":"`+id+`","authorization_token":"`+token+`"}`)
	}
	fresh := r.CloudAuth(r.account.ID)
	if a := register(cluster, "bm9ib2R5Om5vdGhpbmc="); a.status != 403 || a.json["reason"] != "Registry credential token is invalid" {
		t.Errorf("a token that was never issued: %d %s", a.status, a.raw)
	}
	if a := register(cluster, fresh); a.status != 200 || a.json["account_id"] != r.account.ID || r.Transfers(cluster)[0].Status != StatusCompleted {
		t.Errorf("with the new token: %d %s, transfer %s", a.status, a.raw, r.Transfers(cluster)[0].Status)
	}
	unknown := newUUID()
	if a := register(unknown, fresh); a.status != 201 || a.json["account_id"] != r.account.ID {
		t.Errorf("an unknown cluster: %d %s", a.status, a.raw)
	}
	if a := r.as(unknown, fresh, "/current_account"); a.status != 200 {
		t.Errorf("afterwards it is known: %d", a.status)
	}
	if a := register(newUUID(), fresh); a.status != 429 {
		t.Errorf("one more: %d %s, want 429", a.status, a.raw)
	}
	if a := register("", ""); a.status != 400 {
		t.Errorf("nothing: %d", a.status)
	}
	if got := r.Count(OpRegistration); got != 5 {
		t.Errorf("%d registrations counted, want 5", got)
	}
}

// TestOtherOperations_AreThoseOfTheCommandLine covers `ocm account` and impersonation, which only Red Hat's own accounts may use.
func TestOtherOperations_AreThoseOfTheCommandLine(t *testing.T) {
	r := newRig(t, Options{})
	other := r.AddAccount(AccountSpec{Organization: "org-2"})
	for path, want := range map[string]int{
		"/organizations/org-1": 200, "/organizations/org-2": 403, "/role_bindings": 200,
		"/role_bindings?search=" + escape("account_id='"+r.account.ID+"'"): 200,
	} {
		if a := r.call(http.MethodGet, path); a.status != want {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.raw, want)
		}
	}
	req, err := http.NewRequest(http.MethodGet, r.URL()+apiRoot+"/current_account", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.bearer)
	req.Header.Set("Impersonate-User", other.Username)
	resp, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("impersonation: %d, want 403", resp.StatusCode)
	}
}
