package ocm

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/echo"
)

const fuzzCluster = "a1b2c3d4-0000-4000-8000-000000000001"

// canned is a network in memory on which OCM gives one answer to every request.
type canned struct {
	status            int
	contentType, body string
	requests, posts   int
}

func (n *canned) RoundTrip(request *http.Request) (*http.Response, error) {
	n.requests++
	if request.Method == http.MethodPost {
		n.posts++
	}
	return &http.Response{
		StatusCode: n.status, Header: http.Header{"Content-Type": {n.contentType}}, Request: request, Body: io.NopCloser(strings.NewReader(n.body)),
		ContentLength: int64(len(n.body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// asked is a client of that network, authenticated as a cluster, so that no token exchange is in the way.
func (n *canned) asked(t testing.TB) *Client {
	t.Helper()
	c, err := New(Config{
		ClusterToken: ClusterToken{ClusterID: fuzzCluster, Auth: base64.StdEncoding.EncodeToString([]byte("user:" + fuzzSecret))},
		Timeout:      time.Minute, Transport: n,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// FuzzAnswers: whatever OCM answers to any call, the call ends after few requests, a rotation is requested once, what is returned has the form
// that it promises, and a failure says so in words that hold nothing of the credential.
func FuzzAnswers(f *testing.F) {
	item := `{"id":"2Ju1ZZZZZZZZZZZZZZZZZZZZZZZ","account_id":"a","created_at":"2026-11-20T00:00:00Z","status":"Pending"}`
	f.Add(uint8(0), 200, "application/json", `{"id":"a1","username":"na\u202eme","email":"e@x","banned":true}`)
	f.Add(uint8(1), 200, "application/json", `{"total":2,"items":[`+item+`,`+item+`]}`)
	f.Add(uint8(1), 200, "application/json", `{"items":[`+item+`,{"id":"b","updated_at":"2026-11-21T00:00:00Z"}]}`)
	f.Add(uint8(2), 201, "application/json", item)
	f.Add(uint8(2), 409, "application/json", `{"code":"ACCT-MGMT-6","reason":"there is one already: `+fuzzSecret+`"}`)
	f.Add(uint8(3), 404, "application/json", `{"id":"`+fuzzSecret+`"}`)
	f.Add(uint8(4), 200, "application/json", `{"items":[{"id":"s1","external_cluster_id":"a1b2","display_name":"x","status":"Active"}],"total":1}`)
	f.Add(uint8(5), 200, "application/json", `{"items":[{"id":"t","cluster_uuid":"`+fuzzCluster+`","status":"Accepted","secret":"{}"}]}`)
	f.Add(uint8(6), 200, "application/json", `{"auths":{"quay.io":{"auth":"dTpw"}}}`)
	f.Add(uint8(6), 503, "text/html", "<html>")
	f.Add(uint8(2), 204, "", "")
	network := &canned{}
	c := network.asked(f) // one for all, which is most of the work of a call
	f.Fuzz(func(t *testing.T, which uint8, status int, contentType, body string) {
		if strings.ContainsAny(contentType, "\r\n\x00") {
			return
		}
		*network = canned{status: 200 + ((status-200)%400+400)%400, contentType: contentType, body: body}
		if network.status == http.StatusNoContent || network.status == http.StatusNotModified {
			network.body = ""
		}
		err := ask(t, c, which%7, network.body)
		if network.requests > maxPages || which%7 == 2 && (network.posts != 1 || network.requests != 1) {
			t.Fatalf("it takes %d requests, %d of them a POST", network.requests, network.posts)
		}
		if err == nil {
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind == "" {
			t.Fatalf("the error is %v", err)
		}
		presentable(t, "the message", e.Message, 400)
		if echo.Repeats(e.Message+" "+e.Code+" "+e.OperationID, fuzzSecret) {
			t.Fatalf("it repeats the secret: %s", e.Message)
		}
		if mayHaveHappened := network.status < 400 || network.status >= 500; which%7 == 2 && mayHaveHappened && !Ambiguous(err) {
			t.Fatalf("a request that %d answers counts as refused", network.status)
		}
	})
}

// ask makes one call and checks what it returns without an error.
func ask(t *testing.T, c *Client, which uint8, body string) error {
	ctx := t.Context()
	rotation := func(r Rotation) {
		presentable(t, "the id", r.ID, 64)
		presentable(t, "the status", r.Status, 32)
		if _, err := json.Marshal(r.CreatedAt); err != nil || r.ID == "" || r.CreatedAt.IsZero() {
			t.Fatalf("a rotation %+v: %v", r, err)
		}
	}
	switch which {
	case 0:
		a, err := c.CurrentAccount(ctx)
		presentable(t, "the account", a.ID, 64)
		presentable(t, "the name", a.Username, maxName)
		presentable(t, "the address", a.Email, maxName)
		return err
	case 1:
		all, err := c.Rotations(ctx, "a")
		for i, r := range all {
			rotation(r)
			if i > 0 && (r.CreatedAt.After(all[i-1].CreatedAt) || slices.ContainsFunc(all[:i], func(o Rotation) bool { return o.ID == r.ID })) {
				t.Fatalf("the list is not sorted, or holds one twice: %+v", all)
			}
		}
		return err
	case 2, 3:
		r, err := c.RequestRotation, error(nil)
		if which == 3 {
			r = func(ctx context.Context, a string) (Rotation, error) { return c.Rotation(ctx, a, "r") }
		}
		got, err := r(ctx, "a")
		if err == nil {
			rotation(got)
		}
		return err
	case 4:
		all, err := c.Siblings(ctx, "a", fuzzCluster)
		if all.Others < len(all.Named) || all.Before < -1 || all.Before > all.Others {
			t.Fatalf("the counts contradict each other: %+v", all)
		}
		for _, s := range all.Named {
			presentable(t, "the cluster", s.ClusterID, 64)
			presentable(t, "the name", s.DisplayName, maxName)
		}
		return err
	case 5:
		all, err := c.ClusterTransfers(ctx, fuzzCluster)
		for _, r := range all {
			presentable(t, "the transfer", r.String(), 256)
			if len(r.Secret) > 8 && strings.Contains(r.String()+fmt.Sprintf("%+v %#v", r, r), string(r.Secret)) {
				t.Fatal("printing a transfer prints its secret")
			}
		}
		return err
	default:
		raw, err := c.AccessToken(ctx)
		if err == nil && string(raw) != body {
			t.Fatalf("the pull secret %q arrives as %q", body, raw)
		}
		return err
	}
}

// FuzzExchange: whatever the SSO answers, only an access token in its form is one, and a refusal is told without its words.
func FuzzExchange(f *testing.F) {
	token := func(claims string) string {
		return `{"access_token":"e30.` + base64.RawURLEncoding.EncodeToString([]byte(claims)) + `.x"}`
	}
	f.Add(200, "application/json", token(`{"exp":1,"iat":0}`), true)
	f.Add(200, "application/json", token(`{"exp":1e300,"iat":-1,"scope":"offline_access"}`), false)
	f.Add(200, "application/json", token(`{"exp":253402300799,"iat":1}`), false)
	f.Add(400, "application/json", `{"error":"invalid_grant","error_description":"Offline tokens not allowed for `+fuzzSecret+`"}`, false)
	f.Add(401, "application/json", `{"error":"`+fuzzSecret+`"}`, true)
	f.Add(200, "text/html", "<html>", false)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, contentType, body string, client bool) {
		tr := &transport{clock: clock.RealClock{}, client: client}
		tr.ssoSkew.Store(int64(time.Until(noon)))
		e := tr.judgeExchange(&answer{status: status, contentType: contentType, body: []byte(body), sent: true})
		if e == nil {
			if given, _ := tr.bearer.Load().(string); status != http.StatusOK || strings.Count(given, ".") != 2 {
				t.Fatalf("an answer %d with %q counts as a token", status, body)
			}
			return
		}
		presentable(t, "the message", e.Message, 400)
		if e.Kind == "" || echo.Repeats(e.Message+e.Code, fuzzSecret) {
			t.Fatalf("it is %s, and says: %s", e.Kind, e.Message)
		}
	})
}
