package ocm

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// TestFaults_HitAsOftenAsConfigured hits the request for a rotation once with every kind, and repeats it.
func TestFaults_HitAsOftenAsConfigured(t *testing.T) {
	for _, tc := range []struct {
		fault Fault
		// status is that of the response, 0 without one; text is part of its body.
		status int
		text   string
		// took is whether the request takes effect although the response is faulty.
		took bool
	}{
		{Fault{Kind: Empty401}, 401, "", false},
		{Fault{Kind: Error401}, 401, "ACCT-MGMT-15", false},
		{Fault{Kind: Error403}, 403, "ACCT-MGMT-4", false},
		{Fault{Kind: RateLimited, RetryAfter: simctl.Duration(90 * time.Second)}, 429, "ACCT-MGMT-429", false},
		{Fault{Kind: Error500}, 500, "ACCT-MGMT-9", false},
		{Fault{Kind: HTML502}, 502, "<html>", false},
		{Fault{Kind: HTML200}, 200, "<html>", false},
		{Fault{Kind: Answer, Body: `{"auths":`}, 200, `{"auths":`, false},
		{Fault{Kind: Answer, Status: 409, Body: `{}`}, 409, `{}`, false},
		{Fault{Kind: LostAnswer}, 0, "", true},
		{Fault{Kind: Dropped}, 0, "", false},
		{Fault{Kind: Slow, Delay: simctl.Duration(time.Millisecond)}, 201, StatusPending, true},
	} {
		t.Run(string(tc.fault.Kind), func(t *testing.T) {
			r := newRig(t, Options{})
			r.login()
			tc.fault.Endpoint, tc.fault.Times, tc.fault.Skip = OpPostRotation, 1, 1
			r.Break(tc.fault)
			r.requestRotation() // skipped
			a, err := r.try(http.MethodPost, r.URL()+apiRoot+r.rotations(), "Bearer "+r.bearer, "application/json", "{}")
			if a.status != tc.status || !strings.Contains(a.raw, tc.text) || (err != nil) != (tc.status == 0) {
				t.Errorf("got %d %q %v, want %d %q", a.status, a.raw, err, tc.status, tc.text)
			}
			if tc.fault.Kind == Empty401 && a.raw != "" {
				t.Errorf("the body is %q", a.raw)
			}
			if tc.fault.RetryAfter != 0 && a.header.Get("Retry-After") != "90" {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
			want := 1
			if tc.took {
				want = 2
			}
			if got := len(r.Rotations(r.account.ID)); got != want {
				t.Errorf("%d rotations after the fault, want %d", got, want)
			}
			r.requestRotation() // the fault is spent
			if got := r.Count(OpPostRotation); got != 3 {
				t.Errorf("%d POSTs counted, want 3", got)
			}
		})
	}
}

// TestFaults_LastUntilTheyAreCleared uses a fault without a limit at both servers.
func TestFaults_LastUntilTheyAreCleared(t *testing.T) {
	r := newRig(t, Options{})
	r.login()
	r.Break(Fault{Endpoint: OpAny, Kind: Error500})
	for range 3 {
		if a := r.call(http.MethodGet, "/current_account"); a.status != 500 {
			t.Errorf("status %d", a.status)
		}
	}
	if a := r.exchange(refreshForm(r.offline)); a.status != 500 {
		t.Errorf("the token endpoint responds with %d", a.status)
	}
	r.Mend()
	if a := r.call(http.MethodGet, "/current_account"); a.status != 200 {
		t.Errorf("after clearing: %d", a.status)
	}
	r.API().Stop()
	if _, err := r.try(http.MethodGet, r.URL(), "", "", ""); err == nil {
		t.Error("a stopped server responds")
	}
}

// TestHold_KeepsARequestWhileTheClientDies covers how tests kill the operator at the worst times.
func TestHold_KeepsARequestWhileTheClientDies(t *testing.T) {
	for moment, rotations := range map[Moment]int{BeforeEffect: 0, AfterEffect: 1} {
		t.Run(string(moment), func(t *testing.T) {
			r := newRig(t, Options{})
			r.login()
			held := r.Hold(OpPostRotation, moment)
			ctx, die := context.WithCancel(context.Background())
			result := make(chan error)
			go func() {
				req, _ := http.NewRequestWithContext(ctx, http.MethodPost, r.URL()+apiRoot+r.rotations(), strings.NewReader("{}"))
				req.Header.Set("Authorization", "Bearer "+r.bearer)
				req.Header.Set("Content-Type", "application/json")
				resp, err := r.http.Do(req)
				if err == nil {
					_ = resp.Body.Close()
				}
				result <- err
			}()
			<-held.Arrived()
			if got := len(r.Rotations(r.account.ID)); got != rotations {
				t.Errorf("%d rotations while held, want %d", got, rotations)
			}
			die()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("the client got %v", err)
			}
			r.waitForAnswer(OpPostRotation)
			if got := len(r.Rotations(r.account.ID)); got != rotations {
				t.Errorf("%d rotations after the client's death, want %d", got, rotations)
			}
			r.requestRotation() // the next one is not held
		})
	}
}

// waitForAnswer waits until the Sim has finished a request for the operation.
func (r *rig) waitForAnswer(operation string) {
	for {
		for _, request := range r.Requests() {
			if request.Operation == operation {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// TestHold_ReleasesAndDrops lets the test decide how a held request ends.
func TestHold_ReleasesAndDrops(t *testing.T) {
	for _, tc := range []struct {
		name     string
		moment   Moment
		end      func(*Held)
		answered bool
		took     int
	}{
		{"released before the effect", BeforeEffect, (*Held).Release, true, 1},
		{"dropped before the effect", BeforeEffect, (*Held).Drop, false, 0},
		{"released after the effect", AfterEffect, (*Held).Release, true, 1},
		{"dropped after the effect", AfterEffect, (*Held).Drop, false, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, Options{})
			r.login()
			held := r.Hold(OpAny, tc.moment)
			go func() {
				<-held.Arrived()
				tc.end(held)
			}()
			_, err := r.try(http.MethodPost, r.URL()+apiRoot+r.rotations(), "Bearer "+r.bearer, "", "")
			if (err == nil) != tc.answered || len(r.Rotations(r.account.ID)) != tc.took {
				t.Errorf("error %v, %d rotations; want answered %v, %d", err, len(r.Rotations(r.account.ID)), tc.answered, tc.took)
			}
		})
	}
}

// TestClose_EndsHeldRequests: otherwise a test that fails early would hang.
func TestClose_EndsHeldRequests(t *testing.T) {
	r := newRig(t, Options{})
	r.login()
	r.Break(Fault{Endpoint: OpCurrentAccount, Kind: Hang})
	held := r.Hold(OpAccessToken, BeforeEffect)
	failed := make(chan error)
	for _, target := range []string{"/current_account", "/access_token"} {
		go func() {
			method := http.MethodGet
			if target == "/access_token" {
				method = http.MethodPost
			}
			_, err := r.try(method, r.URL()+apiRoot+target, "Bearer "+r.bearer, "", "")
			failed <- err
		}()
	}
	<-held.Arrived()
	for r.Count(OpCurrentAccount) == 0 {
		time.Sleep(time.Millisecond)
	}
	r.Close()
	for range 2 {
		if err := <-failed; err == nil {
			t.Error("a closed simulator responded")
		}
	}
}

// TestCanaries_AreEverySecretThatWasIssued looks for a client's secrets in the list for leak tests.
func TestCanaries_AreEverySecretThatWasIssued(t *testing.T) {
	r := newRig(t, Options{})
	r.login()
	_, secret := r.ServiceAccountCredential(r.account.ID)
	r.StartRotationElsewhere(r.account.ID)
	r.RunBatch()
	all := strings.Join(r.Canaries(), "\n")
	rhio := authOf(t, string(r.PullSecret(r.account.ID)), RedHatRegistry)
	_, password, _ := decodeAuth(rhio)
	for what, value := range map[string]string{
		"access token": r.bearer, "offline token": r.offline, "client secret": secret,
		"auth": r.issued(), "auth of the registry": rhio, "password": password,
		"signature of a token": r.bearer[strings.LastIndexByte(r.bearer, '.')+1:],
	} {
		if !strings.Contains(all, value) {
			t.Errorf("the %s is not among the canaries", what)
		}
	}
	if !strings.Contains(secret, Canary) || !strings.Contains(password, Canary) {
		t.Error("a secret does not contain the canary")
	}
}

// TestControlPort_DrivesTheSim covers the interface of the process.
func TestControlPort_DrivesTheSim(t *testing.T) {
	r := newRig(t, Options{})
	ask := func(method, path, body string) answer {
		t.Helper()
		a, err := r.try(method, r.ControlURL()+path, "", "application/json", body)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	account := ask(http.MethodPost, "/accounts", `{"username":"demo","serviceAccount":true}`).json
	id, _ := account["id"].(string)
	cluster, _ := ask(http.MethodPost, "/clusters", `{"account":"`+id+`","name":"one","mode":"NeverSwitches"}`).json["id"].(string)
	if id == "" || cluster == "" || account["clientSecret"] == "" || account["offlineToken"] == "" {
		t.Fatalf("account %v, cluster %q", id, cluster)
	}
	old := authOf(t, ask(http.MethodGet, "/pull-secret?account="+id, "").raw, CloudOpenShift)
	if ask(http.MethodPost, "/rotate", `{"account":"`+id+`"}`).json["id"] == nil {
		t.Error("no rotation was started")
	}
	before := r.Now()
	ask(http.MethodPost, "/advance", `{"by":"1h"}`)
	if got := r.Now().Sub(before); got != time.Hour {
		t.Errorf("advanced by %v", got)
	}
	ask(http.MethodPost, "/batch", "")
	fresh := authOf(t, ask(http.MethodGet, "/pull-secret?account="+id, "").raw, CloudOpenShift)
	if fresh == old {
		t.Error("the batch issued nothing")
	}
	if e := ask(http.MethodPost, "/telemetry", `{"cluster":"`+cluster+`","auth":"bm86"}`).json["error"]; e != ErrTokenInvalid.Error() {
		t.Errorf("telemetry with nonsense: %v", e)
	}
	ask(http.MethodPost, "/telemetry", `{"cluster":"`+cluster+`","auth":"`+fresh+`"}`)
	if got := r.Transfers(cluster)[0].Status; got != StatusCompleted {
		t.Errorf("transfer %s", got)
	}
	ask(http.MethodPost, "/complete", "")
	ask(http.MethodPost, "/faults", `{"endpoint":"GET current_account","kind":"HTML502"}`)
	if got := r.call(http.MethodGet, "/current_account").status; got != 502 {
		t.Errorf("with the fault: %d", got)
	}
	ask(http.MethodDelete, "/faults", "")
	ask(http.MethodPost, "/clock-skew", `{"api":"24h"}`)
	if got := r.call(http.MethodGet, "/current_account").status; got != 401 {
		t.Errorf("with the API a day ahead: %d", got)
	}
	for path, want := range map[string]int{"/pull-secret?account=nobody": 404, "/healthz": 200, "/ca.pem": 200, "/nothing": 404} {
		if got := ask(http.MethodGet, path, "").status; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	state := ask(http.MethodGet, "/state", "").raw
	if !strings.Contains(state, id) || !strings.Contains(state, cluster) || !strings.Contains(state, StatusCompleted) {
		t.Errorf("state: %s", state)
	}
	for _, canary := range r.Canaries() {
		if strings.Contains(state, canary) {
			t.Errorf("the state contains a secret")
		}
	}
}
