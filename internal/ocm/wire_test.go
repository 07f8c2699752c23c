package ocm_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// The secrets of these tests. None of them may be found in an error.
const (
	canaryToken  = "CANARY-offline-token"
	canarySecret = "CANARY-pull-secret"
)

// server answers token exchanges well and everything else with api. It replaces the simulator of OCM for answers that OCM itself never gives.
type server struct {
	*httptest.Server
	api http.HandlerFunc
	// sso answers token exchanges; default: an access token that lives for 15 minutes.
	sso http.HandlerFunc
	// scope of the access token.
	scope string
}

func newServer(t *testing.T, api http.HandlerFunc) *server {
	t.Helper()
	s := &server{api: api, scope: "openid"}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/token" && s.sso != nil:
			s.sso(w, r)
		case r.URL.Path == "/token":
			answerJSON(w, 200, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer"}`, jwt(15*time.Minute, s.scope)))
		default:
			s.api(w, r)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func (s *server) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}

func (s *server) client(t *testing.T) *ocm.Client {
	t.Helper()
	client, err := ocm.New(ocm.Config{
		URL: s.URL, TokenURL: s.URL + "/token", RootCAs: s.pool(), Credential: ocm.Credential{Token: canaryToken}, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// jwt is an unsigned access token; only the service verifies signatures.
func jwt(life time.Duration, scope string) string {
	body, _ := json.Marshal(map[string]any{
		"typ": "Bearer", "iat": time.Now().Unix(), "exp": time.Now().Add(life).Unix(), "scope": scope,
	})
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(body) + "." + encode([]byte("signature"))
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// judged checks the kind of an error and that it holds no secret, however it is printed.
func judged(t *testing.T, err error, want ocm.Kind) ocm.Error {
	t.Helper()
	var e *ocm.Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Fatalf("got %v, want an error of kind %s", err, want)
	}
	if text := fmt.Sprintf("%v %+v %#v", err, *e, *e); strings.Contains(text, "CANARY") {
		t.Errorf("the error holds a secret: %s", text)
	}
	return *e
}

func TestAnswers_AreJudgedByWhatCameOverTheWire(t *testing.T) {
	html := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>"+canarySecret+strings.Repeat("x", 1000)+"</html>")
		}
	}
	respond := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, status, body) }
	}
	tests := []struct {
		name   string
		api    http.HandlerFunc
		want   ocm.Kind
		status int
	}{
		{"a 401 without a body, as JSON", respond(401, ""), ocm.OCMUnauthorized, 401},
		{"a 401 without a body and without a type", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, ocm.OCMUnauthorized, 401},
		{"a 403 without a body", respond(403, ""), ocm.OCMForbidden, 403},
		{"a 403 that is the page of a firewall", html(403), ocm.OCMUnavailable, 403},
		{"a 404 in so many words", respond(404, `{"code":"ACCT-MGMT-7","reason":"gone"}`), ocm.NotFound, 404},
		{"a 429 that is a page", html(429), ocm.OCMRateLimited, 429},
		{"a 502 that is a page", html(502), ocm.OCMUnavailable, 502},
		{"a 500 in so many words", respond(500, `{"reason":"`+canarySecret+`"}`), ocm.OCMUnavailable, 500},
		{"a 200 that is a page", html(200), ocm.OCMUnavailable, 200},
		{"a 200 without a body", respond(200, ""), ocm.MalformedAnswer, 200},
		{"a 200 that ends early", respond(200, `{"id":"1","`+canarySecret), ocm.MalformedAnswer, 200},
		{"a 200 of another kind of object", respond(200, `["`+canarySecret+`"]`), ocm.MalformedAnswer, 200},
		{"an account whose id would change a path", respond(200, `{"id":"../x"}`), ocm.MalformedAnswer, 200},
		{"a 204 where there must be something", respond(204, ""), ocm.MalformedAnswer, 204},
		{"a body that is cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"id":"`)
		}, ocm.OCMUnavailable, 200},
		{"a body that does not end", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
					return
				}
			}
		}, ocm.MalformedAnswer, 200},
		{"a token that was used before it was issued", respond(401, `{"reason":"Token used before issued"}`), ocm.ClockSkew, 401},
		{"a service whose clock is ten minutes away", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
			answerJSON(w, 401, `{}`)
		}, ocm.ClockSkew, 401},
		{"an organisation that forbids offline tokens, in so many words", respond(403, `{"reason":"Offline tokens are not allowed"}`), ocm.OCMOfflineTokensForbidden, 403},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := newServer(t, test.api).client(t).CurrentAccount(context.Background())
			if e := judged(t, err, test.want); e.Status != test.status {
				t.Errorf("status: got %d, want %d", e.Status, test.status)
			}
		})
	}
}

// late is a context whose deadline passes when the test says so.
type late struct {
	context.Context
	passed chan struct{}
}

func newLate() late { return late{context.Background(), make(chan struct{})} }

func (l late) Done() <-chan struct{} { return l.passed }

func (l late) Err() error {
	select {
	case <-l.passed:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// headed is a network that tells when OCM's status has arrived.
type headed struct {
	http.RoundTripper
	arrived func()
}

func (h headed) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := h.RoundTripper.RoundTrip(request)
	if request.URL.Path != "/token" {
		h.arrived()
	}
	return response, err
}

func TestAnswers_ThatDoNotComeInTimeKeepTheStatusThatDid(t *testing.T) {
	var passes func()
	for name, test := range map[string]struct {
		api    http.HandlerFunc
		status int
	}{
		"the answer": {func(_ http.ResponseWriter, r *http.Request) { passes(); <-r.Context().Done() }, 0},
		"its body": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := newLate()
			passes = sync.OnceFunc(func() { close(ctx.passed) })
			s := newServer(t, test.api)
			config := configOf(s, time.Hour) // nothing else ends the call
			config.Transport = headed{s.Client().Transport, func() { passes() }}
			client, err := ocm.New(config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			_, err = client.CurrentAccount(ctx)
			if e := judged(t, err, ocm.OCMUnavailable); e.Status != test.status || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %d, want %d: %s", e.Status, test.status, e.Message)
			}
		})
	}
}

func configOf(s *server, timeout time.Duration) ocm.Config {
	return ocm.Config{URL: s.URL, TokenURL: s.URL + "/token", RootCAs: s.pool(),
		Credential: ocm.Credential{Token: canaryToken}, Timeout: timeout}
}

func TestOfflineTokens_ThatAreForbiddenShowAsAnEmpty401ForATokenWithThatScope(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 401, "") })
	s.scope = "openid offline_access"
	_, err := s.client(t).CurrentAccount(context.Background())
	judged(t, err, ocm.OCMOfflineTokensForbidden)
}

func TestRotations_OfAnAnswerThatCannotBeTrustedAreAnErrorRatherThanNone(t *testing.T) {
	const good = `{"id":"2Ju1","created_at":"2026-11-20T00:00:00Z","status":"pending"}`
	for _, body := range []string{
		`{}`, `[]`, `null`, `"x"`, `{"items":{}}`,
		`{"kind":"PullSecretRotationList","page":1,"size":1,"total":1}`,
		`{"kind":"PullSecretRotationList","page":1,"size":0,"total":3,"items":[]}`,
		`{"items":[{}]}`, `{"items":[null]}`,
		`{"items":[{"id":"2Ju1","status":"pending"}]}`,
		`{"items":[{"id":"../..","created_at":"2026-11-20T00:00:00Z"}]}`,
		`{"items":[{"id":"2Ju1","created_at":"` + canarySecret + `"}]}`,
	} {
		t.Run(body, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) })
			rotations, err := s.client(t).Rotations(context.Background(), "1gsAccount")
			if e := judged(t, err, ocm.MalformedAnswer); e.Ambiguous() || rotations != nil {
				t.Errorf("got %+v, ambiguous %v", rotations, e.Ambiguous())
			}
		})
	}
	t.Run("but an answer as the knowledge base shows it, without page and total, is fine", func(t *testing.T) {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"items":[`+good+`]}`) })
		rotations, err := s.client(t).Rotations(context.Background(), "1gsAccount")
		if err != nil || len(rotations) != 1 || rotations[0].Status != ocm.RotationPending {
			t.Errorf("got %+v, %v", rotations, err)
		}
	})
	t.Run("and so is an empty list in any form", func(t *testing.T) {
		for _, body := range []string{`{"total":0,"items":[]}`, `{"total":0,"items":null}`, `{"items":[]}`} {
			s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) })
			if rotations, err := s.client(t).Rotations(context.Background(), "1gsAccount"); err != nil || len(rotations) != 0 {
				t.Errorf("%s: got %+v, %v", body, rotations, err)
			}
		}
	})
}

func TestRotations_ThatMoveWhileThePagesAreReadAreListedOnce(t *testing.T) {
	item := func(n int) string {
		return fmt.Sprintf(`{"id":"2Ju%03d","created_at":%q}`, n, time.Unix(int64(1e9+n), 0).UTC().Format(time.RFC3339))
	}
	var first []string
	for n := range 100 {
		first = append(first, item(n))
	}
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); query.Get("orderBy") != "id asc" || query.Get("size") != "100" {
			t.Errorf("the list is not in an order that new rotations leave alone: %s", r.URL.RawQuery)
		}
		items := first
		if r.URL.Query().Get("page") == "2" {
			items = []string{item(99), item(100)}
		}
		answerJSON(w, 200, `{"total":101,"items":[`+strings.Join(items, ",")+`]}`)
	})
	rotations, err := s.client(t).Rotations(context.Background(), "1gsAccount")
	if err != nil || len(rotations) != 101 || rotations[0].ID != "2Ju100" || rotations[100].ID != "2Ju000" {
		t.Errorf("got %d rotations, %v", len(rotations), err)
	}
}

func TestSubscriptions_ThatAreGoneAreLeftOutEvenByAServiceThatIgnoresTheSearch(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"items":[{"id":"1","status":"Deprovisioned"},{"id":"2","status":"Stale"},{"id":"3","status":"Archived"}]}`)
	})
	got, err := s.client(t).Siblings(context.Background(), "1gsAccount", "")
	if err != nil || got.Others != 1 || got.Named[0].Status != "Stale" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// That OCM compares ids is not documented: without it the siblings are counted all the same.
func TestSiblings_AreCountedByAServiceThatDoesNotCompareIDs(t *testing.T) {
	for name, second := range map[string]func(http.ResponseWriter){
		"refused": func(w http.ResponseWriter) { answerJSON(w, 400, `{"reason":"no"}`) },
		"ignored": func(w http.ResponseWriter) {
			answerJSON(w, 200, `{"total":5000,"items":[{"id":"1","status":"Active"}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Query().Get("search"), "<") {
					second(w)
					return
				}
				answerJSON(w, 200, `{"total":5000,"items":[{"id":"1","status":"Active"}]}`)
			})
			got, err := s.client(t).Siblings(context.Background(), "1gsAccount", "00000000-0000-4000-8000-000000000001")
			if err != nil || got.Others != 4999 || got.Before != -1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestSiblings_ATotalThatDoesNotFitIsRefused(t *testing.T) {
	for _, body := range []string{`{"total":-3,"items":[]}`, `{"total":3,"items":[]}`, `{"total":0,"items":[{"id":"1","status":"Active"}]}`} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, body) })
		_, err := s.client(t).Siblings(context.Background(), "1gsAccount", "")
		judged(t, err, ocm.MalformedAnswer)
	}
}

func TestAccessToken_IsNeverAmbiguousBecauseAskingAgainIsHarmless(t *testing.T) {
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 500, `{}`) })
	_, err := s.client(t).AccessToken(context.Background())
	if e := judged(t, err, ocm.OCMUnavailable); e.Ambiguous() {
		t.Errorf("ambiguous: %s", e.Message)
	}
}

func TestAccessToken_IsTheAnswerByteForByte(t *testing.T) {
	const document = "{\n \"auths\" : {\"quay.io\":{\"auth\":\"CANARY\", \"x\": 1.0e2}},\t\"z\":1,\"a\":2}\n"
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.ContentLength > 0 {
			t.Errorf("got %s with a body of %d", r.Method, r.ContentLength)
		}
		answerJSON(w, 200, document)
	})
	got, err := s.client(t).AccessToken(context.Background())
	if err != nil || string(got) != document {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAccessToken_IsPrintedNowhereEvenWhenTheSDKFindsFault(t *testing.T) {
	stderr, stdout := os.Stderr, os.Stdout
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stderr, os.Stdout = write, write
	log.SetOutput(write)
	s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain") // the SDK quotes what is not JSON
		_, _ = io.WriteString(w, `{"auths":{"quay.io":{"auth":"`+canarySecret+`"}}}`)
	})
	_, err = s.client(t).AccessToken(context.Background())
	os.Stderr, os.Stdout = stderr, stdout
	log.SetOutput(stderr)
	_ = write.Close()
	printed, _ := io.ReadAll(read)
	if strings.Contains(string(printed), "CANARY") {
		t.Errorf("printed: %s", printed)
	}
	if err != nil {
		t.Errorf("JSON with a wrong type was refused: %v", err)
	}
}

func TestTLS_AServerThatIsNotTrustedIsUnavailableAndGetsNoCredential(t *testing.T) {
	s := newServer(t, func(http.ResponseWriter, *http.Request) { t.Error("the server was reached") })
	s.sso = func(http.ResponseWriter, *http.Request) { t.Error("the server was reached") }
	config := configOf(s, 5*time.Second)
	config.RootCAs = x509.NewCertPool()
	client, err := ocm.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_, err = client.CurrentAccount(context.Background())
	if e := judged(t, err, ocm.OCMUnavailable); !strings.Contains(e.Message, "unknown authority") {
		t.Errorf("the message does not say why: %s", e.Message)
	}
}

func TestClose_LeavesNoConnectionOpen(t *testing.T) {
	good := newServer(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"id":"1gs"}`) })
	var open atomic.Int32
	closed := make(chan struct{}, 16)
	watched := httptest.NewUnstartedServer(good.Config.Handler)
	watched.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
			closed <- struct{}{}
		}
	}
	watched.StartTLS()
	defer watched.Close()
	client := (&server{Server: watched}).client(t)
	if _, err := client.CurrentAccount(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	for open.Load() > 0 { // the test's own timeout ends this when a connection stays
		<-closed
	}
}
