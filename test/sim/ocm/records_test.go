package ocm

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestRecords_AreShownWithAnyStatusAndAgeButHaveNoEffect fills an account's list like a real one.
func TestRecords_AreShownWithAnyStatusAndAgeButHaveNoEffect(t *testing.T) {
	r := newRig(t, Options{Habits: Habits{CompleteWithoutClusters: true}})
	old := r.issued()
	want := map[string]Record{}
	for i, status := range []string{StatusPending, StatusCompleted, "failed", "cancelled", "", "in_review"} {
		rec := Record{Status: status, CreatedAt: r.Now().Add(-time.Duration(i+1) * 400 * day), HideTimes: i%2 == 0}
		want[r.AddRecord(r.account.ID, rec)] = rec
	}
	r.Advance(2 * day)
	a := r.call(http.MethodGet, r.rotations()+"?orderBy="+escape("id desc"))
	last := ""
	for _, item := range a.json["items"].([]any) {
		item := item.(map[string]any)
		id := item["id"].(string)
		rec, known := want[id]
		if !known || item["status"] != rec.Status || (item["created_at"] == nil) != rec.HideTimes || (item["updated_at"] == nil) != rec.HideTimes {
			t.Errorf("shown: %v, want %+v", item, rec)
		}
		if !rec.HideTimes && item["created_at"] != timeText(rec.CreatedAt) {
			t.Errorf("created at %v, want %v", item["created_at"], rec.CreatedAt)
		}
		if last != "" && id > last {
			t.Errorf("id %s of %v does not sort by its time", id, rec.CreatedAt)
		}
		last = id
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
	if r.issued() != old {
		t.Error("records of the past made the service issue credentials")
	}
}

// TestEditRecord_ChangesOnlyWhatIsShown sets an undocumented status during a rotation.
func TestEditRecord_ChangesOnlyWhatIsShown(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
	id, old := r.requestRotation(), r.issued()
	r.EditRecord(id, func(rec *Record) { rec.Status, rec.HideTimes = "issuing", true })
	r.RunBatch()
	a := r.call(http.MethodGet, r.rotations()+"/"+id)
	if r.issued() == old || a.json["status"] != "issuing" || a.json["created_at"] != nil {
		t.Errorf("issued %t, shown %s", r.issued() != old, a.raw)
	}
	r.Advance(day)
	if got := r.status(id); got != StatusCompleted {
		t.Errorf("a day after cluster %s switched: %s", cluster, got)
	}
}

// TestAbandon_EndsARotationWhereItStands covers both sides of the first pass.
func TestAbandon_EndsARotationWhereItStands(t *testing.T) {
	for name, issued := range map[string]bool{"before anything was issued": false, "with both sets alive": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Options{})
			r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
			id, old := r.requestRotation(), r.issued()
			if issued {
				r.RunBatch()
			}
			r.Abandon(id, "failed")
			r.Advance(20 * day)
			r.CompleteEverything()
			if r.status(id) != "failed" || !r.works(old, Quay) || (r.issued() != old) != issued {
				t.Errorf("status %s, old alive %t, new issued %t", r.status(id), r.works(old, Quay), r.issued() != old)
			}
		})
	}
}

// TestHabits_DecideHowARotationEnds changes unknown behaviour while the service runs.
func TestHabits_DecideHowARotationEnds(t *testing.T) {
	r := newRig(t, Options{Habits: Habits{NeverComplete: true}})
	r.AddCluster(r.account.ID, ClusterSpec{Mode: SwitchesSoon})
	id, old := r.requestRotation(), r.issued()
	r.Advance(30 * day)
	if r.status(id) != StatusPending || !r.works(old, Quay) {
		t.Errorf("a rotation that never completes is %s, the old credentials work: %t", r.status(id), r.works(old, Quay))
	}
	r.Configure(func(h *Habits) { *h = Habits{DropEnded: true} })
	r.Advance(day)
	if a := r.call(http.MethodGet, r.rotations()); a.status != http.StatusNoContent || r.works(old, Quay) {
		t.Errorf("an ended record that is dropped: %d %s; the old credentials work: %t", a.status, a.raw, r.works(old, Quay))
	}
}

// TestRefuseUnregistered_UntilAClusterHasReported covers a cluster that tries its new token first.
func TestRefuseUnregistered_UntilAClusterHasReported(t *testing.T) {
	r := newRig(t, Options{Habits: Habits{RefuseUnregistered: true}})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	old := r.issued()
	r.requestRotation()
	r.RunBatch()
	fresh := r.issued()
	status := func(auth string) int { return r.as(cluster, auth, "/current_account").status }
	if status(old) != 200 || status(fresh) != 401 || !r.works(fresh, Quay) {
		t.Errorf("before the report: old %d, new %d, at quay.io %t", status(old), status(fresh), r.works(fresh, Quay))
	}
	if err := r.Telemetry(cluster, fresh); err != nil || status(fresh) != 200 {
		t.Errorf("after the report: %v, new %d", err, status(fresh))
	}
}

// TestTransfers_EndByTheirClustersWindow has two clusters of one account with different windows.
func TestTransfers_EndByTheirClustersWindow(t *testing.T) {
	r := newRig(t, Options{})
	short := r.AddCluster(r.account.ID, ClusterSpec{TransferLife: day})
	long := r.AddCluster(r.account.ID, ClusterSpec{})
	r.requestRotation()
	r.Advance(2 * day)
	if a, b := r.Transfers(short)[0].Status, r.Transfers(long)[0].Status; a != StatusExpired || b != StatusAccepted {
		t.Errorf("after two days: %s and %s, want expired and accepted", a, b)
	}
	r.SetTransferEnd(long, r.Now().Add(time.Hour))
	if got := r.Transfers(long)[0]; got.Status != StatusAccepted || got.ExpiresAt.Sub(r.Now()) != time.Hour {
		t.Errorf("moved to an hour from now: %+v", got)
	}
	r.SetTransferEnd(long, r.Now())
	if got := r.Transfers(long)[0].Status; got != StatusExpired {
		t.Errorf("moved to now: %s", got)
	}
}

// TestDeleteCredentials_AffectsOneAccountOnly covers a cluster with another account's secret.
func TestDeleteCredentials_AffectsOneAccountOnly(t *testing.T) {
	r := newRig(t, Options{})
	other := r.AddAccount(AccountSpec{})
	theirs := r.AddCluster(other.ID, ClusterSpec{})
	alive := r.CloudAuth(other.ID)
	if got := r.as(theirs, alive, "/current_account"); got.json["id"] != other.ID {
		t.Errorf("alive: %s", got.raw)
	}
	r.DeleteCredentials(other.ID)
	if got := r.as(theirs, alive, "/current_account").status; got != 401 || r.works(alive, Quay) || !r.works(r.issued(), Quay) {
		t.Errorf("dead: %d, works %t; ours work %t", got, r.works(alive, Quay), r.works(r.issued(), Quay))
	}
	r.DeleteCredentials(r.account.ID)
	if mine := r.issued(); !r.works(mine, Quay) || len(r.PullSecrets(r.account.ID)) != 2 {
		t.Errorf("POST access_token after all were deleted: works %t, %d sets ever", r.works(mine, Quay), len(r.PullSecrets(r.account.ID)))
	}
}

// TestLagging_ReturnsTheStateWhenItWasAdded compares a replica with the service itself.
func TestLagging_ReturnsTheStateWhenItWasAdded(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	old, id := r.issued(), r.requestRotation()
	for _, op := range []string{OpAccessToken, OpListRotations, OpTransfers, OpCurrentAccount} {
		r.Break(Fault{Endpoint: op, Kind: Lagging, Every: 2})
	}
	r.RunBatch()
	second := r.StartRotationElsewhere(r.account.ID)
	accepted := "/cluster_transfers?search=" + escape("cluster_uuid is '"+cluster+"' and status is 'accepted'")
	look := func() (issued bool, records string, transfers, token int) {
		issued = r.issued() != old
		records = r.call(http.MethodGet, r.rotations()).raw
		transfers = r.call(http.MethodGet, accepted).status
		return issued, records, transfers, r.as(cluster, r.CloudAuth(r.account.ID), "/current_account").status
	}
	for range 2 {
		issued, records, transfers, token := look()
		if !issued || !strings.Contains(records, second) || transfers != 200 || token != 200 {
			t.Errorf("the service itself: issued %t, transfers %d, the new token %d, list %s", issued, transfers, token, records)
		}
		issued, records, transfers, token = look()
		if issued || strings.Contains(records, second) || !strings.Contains(records, id) || transfers != 204 || token != 401 {
			t.Errorf("the replica: issued %t, transfers %d, the new token %d, list %s", issued, transfers, token, records)
		}
	}
	r.Mend()
	if r.issued() == old || len(r.Rotations(r.account.ID)) != 2 {
		t.Error("the replica changed the service")
	}
}

// TestClockSkew_StampsRecordsByTheServersClock has an OCM whose clock is ahead or behind.
func TestClockSkew_StampsRecordsByTheServersClock(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		r := newRig(t, Options{})
		r.AddCluster(r.account.ID, ClusterSpec{})
		r.SetClockSkew(skew, skew)
		r.requestRotation()
		got := r.Rotations(r.account.ID)[0]
		if got.CreatedAt.Sub(r.Now()) != skew {
			t.Errorf("created %v from now, want %v", got.CreatedAt.Sub(r.Now()), skew)
		}
		r.Advance(4 * day)
		if a := r.call(http.MethodGet, "/cluster_transfers"); a.status != http.StatusOK {
			t.Errorf("within its window the transfer is %d", a.status)
		}
	}
}

// TestFaults_OfAnUnknownKindOrEndpointAreErrors: otherwise a misspelt fault would make a test pass.
func TestFaults_OfAnUnknownKindOrEndpointAreErrors(t *testing.T) {
	r := newRig(t, Options{})
	for body, want := range map[string]string{
		`{"endpoint":"GET current_account","kind":"HTML503"}`:                          "HTML502",
		`{"endpoint":"GET current_acount","kind":"HTML502"}`:                           "current_account",
		`{"endpoint":"GET current_account","kind":"HTML502","time":1}`:                 "time",
		`{"endpoint":"GET current_account","kind":"HTML502","times":-1}`:               "negative",
		`{"endpoint":"POST accounts/{id}/pull_secret_rotation","kind":"Lagging"}`:      "operations that read",
		`{"endpoint":"GET current_account","kind":"HTML502","auth":"Basic"}`:           "AccessToken",
		`{"endpoint":"GET current_account","kind":"Answer","status":1000,"body":"{}"}`: "200 to 599",
		`{"endpoint":"GET current_account","kind":"Slow","delay":"-1s"}`:               "negative",
		`{"endpoint":"GET current_account","kind":"RateLimited","retryAfter":"-1s"}`:   "negative",
	} {
		a, err := r.try(http.MethodPost, r.ControlURL()+"/faults", "", "application/json", body)
		if err != nil || a.status != http.StatusBadRequest || !strings.Contains(text(a.json["error"]), want) {
			t.Errorf("%s: %d %s %v, want 400 and %q", body, a.status, a.raw, err, want)
		}
	}
	if got := r.call(http.MethodGet, "/current_account").status; got != 200 {
		t.Errorf("a refused fault broke something: %d", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a test may break what does not exist")
		}
	}()
	r.Break(Fault{Endpoint: "GET nothing", Kind: Error500})
}

// TestFaults_CanBeForOneKindOfCredential has a service that lets users list subscriptions, but not clusters.
func TestFaults_CanBeForOneKindOfCredential(t *testing.T) {
	r := newRig(t, Options{})
	cluster := r.AddCluster(r.account.ID, ClusterSpec{})
	for _, op := range []string{OpSubscriptions, OpTransfers} {
		r.Break(Fault{Endpoint: op, Kind: Error403, Auth: "AccessToken"})
	}
	for path, want := range map[string]int{"/subscriptions": 200, "/cluster_transfers": 204} {
		if a, b := r.call(http.MethodGet, path).status, r.as(cluster, r.issued(), path).status; a != want || b != 403 {
			t.Errorf("%s: a user gets %d, a cluster %d; want %d and 403", path, a, b, want)
		}
	}
}

// TestControlPort_HasTheOperationsOfAnotherClient covers the JSON of the remaining operations.
func TestControlPort_HasTheOperationsOfAnotherClient(t *testing.T) {
	r := newRig(t, Options{})
	ask := func(path, body string, want int) answer {
		t.Helper()
		a, err := r.try(http.MethodPost, r.ControlURL()+path, "", "application/json", body)
		if err != nil || a.status != want {
			t.Fatalf("%s %s: %d %s %v, want %d", path, body, a.status, a.raw, err, want)
		}
		return a
	}
	account := `"account":"` + r.account.ID + `"`
	cluster := text(ask("/clusters", `{`+account+`,"transferLife":"48h"}`, 200).json["id"])
	ask("/clusters", `{`+account+`,"mode":"Sleeps"}`, 400)
	ancient := text(ask("/records", `{`+account+`,"status":"failed","createdAt":"2024-01-02T03:04:05Z"}`, 200).json["id"])
	if r.status(ancient) != "failed" {
		t.Errorf("the record is %q", r.status(ancient))
	}
	ask("/records", `{"account":"nobody"}`, 404)
	rotation := text(ask("/rotate", `{`+account+`}`, 200).json["id"])
	ask("/transfer-end", `{"cluster":"`+cluster+`","in":"0s"}`, 200)
	if got := r.Transfers(cluster)[0].Status; got != StatusExpired {
		t.Errorf("transfer %s", got)
	}
	ask("/transfer-end", `{"cluster":"nobody"}`, 404)
	ask("/abandon", `{"rotation":"`+rotation+`","status":"cancelled"}`, 200)
	ask("/abandon", `{"rotation":"nothing"}`, 404)
	if got := r.status(rotation); got != "cancelled" {
		t.Errorf("status %s", got)
	}
	habits := ask("/habits", `{"neverComplete":true}`, 200).json
	if habits["neverComplete"] != true || habits["dropEnded"] != false {
		t.Errorf("habits %v", habits)
	}
	ask("/habits", `{"neverEnd":true}`, 400)
	ask("/revoke", `{`+account+`,"set":1}`, 404)
	ask("/revoke", `{`+account+`,"registries":["docker.io"]}`, 400)
	ask("/revoke", `{`+account+`,"set":-1,"registries":["registry.redhat.io"]}`, 200)
	if !r.works(r.CloudAuth(r.account.ID), Quay) || r.works(authOf(t, string(r.PullSecret(r.account.ID)), RedHatRegistry), RedHatRegistry) {
		t.Error("the set is not revoked at registry.redhat.io only")
	}
	ask("/revocation", `{"late":"1h","registries":["docker.io"]}`, 400)
	ask("/revocation", `{"forgotten":true,"registries":["quay.io"]}`, 200)
	ask("/delete-credentials", `{`+account+`}`, 200)
	if r.works(r.CloudAuth(r.account.ID), Quay) {
		t.Error("the credentials are alive")
	}
}
