package ocm_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

func TestSSO_AnswersAreJudgedByWhatCameOverTheWire(t *testing.T) {
	respond := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) }
	}
	tests := []struct {
		name string
		sso  http.HandlerFunc
		want ocm.Kind
	}{
		{"a dead offline token", respond(400, `{"error":"invalid_grant","error_description":"Offline user session not found"}`), ocm.OCMTokenExpired},
		{"a token of another client", respond(400, `{"error":"invalid_grant","error_description":"Invalid refresh token. Token client and authorized client don't match"}`), ocm.OCMClientRefused},
		{"offline tokens that are not allowed", respond(400, `{"error":"not_allowed","error_description":"Offline tokens not allowed for the user or client"}`), ocm.OCMOfflineTokensForbidden},
		{"a client that is unknown", respond(401, `{"error":"invalid_client","error_description":"`+canaryToken+`"}`), ocm.OCMClientRefused},
		{"a refusal without words", respond(401, ``), ocm.OCMClientRefused},
		{"a realm that does not exist", respond(404, `{"error":"Realm does not exist"}`), ocm.OCMUnavailable},
		{"a refusal of an unknown kind", respond(400, `{"error":"`+canaryToken+` x"}`), ocm.OCMUnavailable},
		{"a page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html>log in</html>")
		}, ocm.OCMUnavailable},
		{"an error of its own", respond(503, `{}`), ocm.OCMUnavailable},
		{"no token", respond(200, `{"token_type":"Bearer"}`), ocm.MalformedAnswer},
		{"a token that is none", respond(200, `{"access_token":"`+canaryToken+`"}`), ocm.MalformedAnswer},
		{"a token of another type", respond(200, `{"token_type":"mac","access_token":"`+jwt(time.Hour, "")+`"}`), ocm.MalformedAnswer},
		{"a token that is past its time on receipt", respond(200, `{"access_token":"`+jwt(-time.Minute, "")+`"}`), ocm.ClockSkew},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, ocm.OCMUnavailable},
		{"nothing", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ocm.OCMUnavailable},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var exchanges atomic.Int32
			s := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("OCM was asked without a token") })
			s.sso = func(w http.ResponseWriter, r *http.Request) {
				exchanges.Add(1)
				test.sso(w, r)
			}
			_, err := s.client(t).RequestRotation(context.Background(), "1gsAccount")
			if e := judged(t, err, test.want); e.Ambiguous() {
				t.Errorf("ambiguous, although OCM was never asked: %s", e.Message)
			}
			if n := exchanges.Load(); n != 1 {
				t.Errorf("%d token exchanges", n)
			}
		})
	}
}

func TestRedirect_IsNotFollowedWithCredentials(t *testing.T) {
	var reached atomic.Bool
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached.Store(true) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL+r.URL.Path, status) })
		_, err := s.client(t).RequestRotation(context.Background(), "1gsAccount")
		if e := judged(t, err, ocm.OCMUnavailable); e.Status != status {
			t.Errorf("status: got %d, want %d", e.Status, status)
		}
	}
	if reached.Load() {
		t.Error("a redirect was followed")
	}
}

func TestRedirect_IsNotFollowedOnTheSameHostEither(t *testing.T) {
	for _, status := range []int{http.StatusFound, http.StatusTemporaryRedirect} {
		var requests atomic.Int32
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) == 1 {
				http.Redirect(w, r, r.URL.Path, status)
				return
			}
			answerJSON(w, 200, `{"id":"1gs"}`)
		})
		_, err := s.client(t).CurrentAccount(context.Background())
		judged(t, err, ocm.OCMUnavailable)
		if n := requests.Load(); n != 1 {
			t.Errorf("%d: %d requests", status, n)
		}
	}
}

func TestRequestRotation_RefusedByAPageIsAmbiguousBecauseAnybodyMayHaveWrittenIt(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
	})
	_, err := s.client(t).RequestRotation(context.Background(), "1gsAccount")
	if e := judged(t, err, ocm.OCMUnavailable); !e.Ambiguous() {
		t.Errorf("not ambiguous: %s", e.Message)
	}
}

func TestSSO_AnErrorOfItsOwnIsNoVerdictOnAServiceAccount(t *testing.T) {
	s := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("OCM was asked without a token") })
	s.sso = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90")
		answerJSON(w, 503, `{}`)
	}
	config := configOf(s, 5*time.Second)
	config.Credential = ocm.Credential{ClientID: "id", ClientSecret: canaryToken}
	client, err := ocm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_, err = client.CurrentAccount(context.Background())
	if e := judged(t, err, ocm.OCMUnavailable); e.Status != 503 || e.RetryAfter != 90*time.Second {
		t.Errorf("got %+v", e)
	}
}

func TestSSO_AClockThatLeavesATokenNoTimeIsTold(t *testing.T) {
	// The token lives for 15 minutes, and by a clock that is 14.5 minutes ahead it has half a minute left. The SDK would
	// exchange for a new one with every request.
	s := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("OCM was asked") })
	config := configOf(s, 5*time.Second)
	config.Clock = testingclock.NewFakePassiveClock(time.Now().Add(14*time.Minute + 30*time.Second))
	client, err := ocm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_, err = client.CurrentAccount(context.Background())
	if e := judged(t, err, ocm.ClockSkew); !strings.Contains(e.Message, "14m") || !strings.Contains(e.Message, "ahead of the service's") {
		t.Errorf("the message does not say by how much: %s", e.Message)
	}
}
