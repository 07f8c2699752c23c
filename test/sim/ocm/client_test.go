package ocm

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

// rig is a Sim with one account, a client for it and a clock that only the test moves.
type rig struct {
	*Sim
	t       *testing.T
	clock   *testingclock.FakeClock
	account Account
	offline string
	http    *http.Client
	bearer  string
}

func newRig(t *testing.T, opts Options) *rig {
	t.Helper()
	clk := testingclock.NewFakeClock(time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC))
	opts.Clock = clk
	sim := StartForTest(t, opts)
	r := &rig{Sim: sim, t: t, clock: clk, account: sim.AddAccount(AccountSpec{})}
	r.offline = sim.OfflineToken(r.account.ID)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: sim.CA().Pool(), MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	r.http = &http.Client{Transport: transport}
	return r
}

// answer is a response; a JSON object is decoded into a map.
type answer struct {
	status int
	header http.Header
	raw    string
	json   map[string]any
}

func (r *rig) do(method, target, auth, contentType, body string) answer {
	r.t.Helper()
	a, err := r.try(method, target, auth, contentType, body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, target, err)
	}
	return a
}

func (r *rig) try(method, target, auth, contentType, body string) (answer, error) {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, target, reader)
	if err != nil {
		return answer{}, err
	}
	if auth != "" {
		req.Header.Set("Authorization", auth)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.json) // not every response is JSON
	return a, nil
}

// exchange sends a request to the token endpoint.
func (r *rig) exchange(form url.Values) answer {
	r.t.Helper()
	return r.do(http.MethodPost, r.TokenURL(), "", "application/x-www-form-urlencoded", form.Encode())
}

func refreshForm(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "client_id": {PublicClient}, "refresh_token": {token}}
}

// call calls the API as the account, with a new access token if there is none yet.
func (r *rig) call(method, path string) answer {
	r.t.Helper()
	if r.bearer == "" {
		r.login()
	}
	return r.do(method, r.URL()+apiRoot+path, "Bearer "+r.bearer, "", "")
}

func (r *rig) login() {
	r.t.Helper()
	a := r.exchange(refreshForm(r.offline))
	token, _ := a.json["access_token"].(string)
	if a.status != http.StatusOK || token == "" {
		r.t.Fatalf("token exchange: %d %s", a.status, a.raw)
	}
	r.bearer = token
}

// as calls the API as a cluster.
func (r *rig) as(cluster, auth, path string) answer {
	r.t.Helper()
	return r.do(http.MethodGet, r.URL()+apiRoot+path, "AccessToken "+cluster+":"+auth, "", "")
}

func (r *rig) rotations() string { return "/accounts/" + r.account.ID + "/pull_secret_rotation" }

// requestRotation posts one and returns its id.
func (r *rig) requestRotation() string {
	r.t.Helper()
	a := r.call(http.MethodPost, r.rotations())
	if a.status != http.StatusCreated {
		r.t.Fatalf("POST: %d %s", a.status, a.raw)
	}
	return a.json["id"].(string)
}

// status is the rotation's status in the API.
func (r *rig) status(id string) string {
	r.t.Helper()
	a := r.call(http.MethodGet, r.rotations()+"/"+id)
	if a.status != http.StatusOK {
		r.t.Fatalf("GET rotation: %d %s", a.status, a.raw)
	}
	return a.json["status"].(string)
}

// issued is the current cloud.openshift.com auth of POST access_token.
func (r *rig) issued() string {
	r.t.Helper()
	a := r.call(http.MethodPost, "/access_token")
	if a.status != http.StatusOK {
		r.t.Fatalf("POST access_token: %d %s", a.status, a.raw)
	}
	return authOf(r.t, a.raw, CloudOpenShift)
}

func authOf(t *testing.T, document, registry string) string {
	t.Helper()
	var d struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal([]byte(document), &d); err != nil || d.Auths[registry].Auth == "" {
		t.Fatalf("no auth of %s in the document: %v", registry, err)
	}
	return d.Auths[registry].Auth
}

// works reports whether the registry must accept this auth.
func (r *rig) works(auth, registry string) bool {
	r.t.Helper()
	user, password, ok := decodeAuth(auth)
	if !ok {
		r.t.Fatalf("auth of %s is not user:password", registry)
	}
	return r.Alive(registry, user, password)
}

func decodeAuth(auth string) (user, password string, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(auth)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}

func escape(query string) string { return url.QueryEscape(query) }
