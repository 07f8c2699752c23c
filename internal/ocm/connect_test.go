package ocm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	testingclock "k8s.io/utils/clock/testing"
)

func TestCredential_SaysWhatIsWrongWithIt(t *testing.T) {
	const bare, line, marks = " is a part of a command line. Store the bare ", " contains white space or control characters. Store the bare ", " is in quotation marks. Store the bare "
	for _, row := range []struct {
		c    Credential
		says string
	}{
		{Credential{}, "neither a token nor a client secret is given"},
		{Credential{ClientID: "id"}, "neither a token nor a client secret is given"},
		{Credential{ClientSecret: "s"}, "a client secret is given without its client id"},
		{Credential{Token: "t", ClientSecret: "s"}, ""},
		{Credential{Token: "t", ClientID: "id"}, ""},
		{Credential{ClientID: "id", ClientSecret: "s"}, ""},
		{Credential{Token: "--token=x"}, "its token" + bare + "token"},
		{Credential{ClientID: "--client-id=x", ClientSecret: "s"}, "its client id" + bare + "client id"},
		{Credential{Token: "a b"}, "its token" + line + "token, in one line"},
		{Credential{Token: "a\x7fb"}, "its token" + line + "token, in one line"},
		{Credential{Token: "~!"}, ""},
		{Credential{ClientID: "id", ClientSecret: "é"}, "its client secret" + line + "client secret, in one line"},
		{Credential{Token: "'x'"}, "its token" + marks + "token"},
		{Credential{Token: "`x`"}, "its token" + marks + "token"},
		{Credential{Token: `"x`}, ""},
		{Credential{Token: `x"`}, ""},
		{Credential{Token: "axa"}, ""},
		{Credential{Token: fuzzCluster + ":dTpw"}, "the token is a cluster's token, not an offline token"},
		{Credential{Token: fuzzCluster + ":dTpw:x"}, ""},
		{Credential{Token: "id:dTpw"}, ""},
		{Credential{Token: fuzzCluster}, ""},
		{Credential{Token: unsigned(`{"typ":"Offline"}`)}, ""},
		{Credential{Token: unsigned(`{"typ":"ID"}`)}, "the token is neither an offline nor a refresh token"},
		{Credential{Token: unsigned(`{"typ":"ID","token_use":"access"}`)}, ""},
		{Credential{Token: unsigned(`{"typ":"Bearer","token_use":"id"}`)}, "the token is neither an offline nor a refresh token"},
		{Credential{Token: unsigned(`{}`)}, ""},
	} {
		wantMessage(t, row.c.check(), row.says)
	}
	for _, row := range []struct {
		c    ClusterToken
		says string
	}{
		{ClusterToken{ClusterID: fuzzCluster, Auth: "dTpw"}, ""},
		{ClusterToken{ClusterID: "{" + fuzzCluster + "}", Auth: "dTpw"}, "the cluster id is not a UUID"},
		{ClusterToken{ClusterID: fuzzCluster}, "the auth of cloud.openshift.com is not base64"},
		{ClusterToken{ClusterID: fuzzCluster, Auth: "dTp"}, "the auth of cloud.openshift.com is not base64"},
	} {
		wantMessage(t, row.c.check(), row.says)
	}
}

func TestCredential_IssuedWithinTheCalendar(t *testing.T) {
	for issued, want := range map[string]string{
		"1763640000": "2025-11-20T12:00:00Z", "253402300799": "9999-12-31T23:59:59Z", "1": "1970-01-01T00:00:01Z",
		"253402300800": "0001-01-01T00:00:00Z", "-1": "0001-01-01T00:00:00Z", "0": "0001-01-01T00:00:00Z", "1e300": "0001-01-01T00:00:00Z",
	} {
		if got := (Credential{Token: unsigned(`{"iat":` + issued + `}`)}).IssuedAt(); got.Format(time.RFC3339) != want || got.Location() != time.UTC {
			t.Errorf("%s: got %s, want %s", issued, got, want)
		}
	}
}

// What an answer must not repeat is the token as it is sent, and what is in it.
func TestClusterToken_SecretsAreItsParts(t *testing.T) {
	if got := (ClusterToken{Auth: base64.StdEncoding.EncodeToString([]byte("user:pass:word"))}).secrets(); !slices.Equal(got[1:], []string{"user", "pass:word"}) {
		t.Errorf("got %q", got)
	}
	if got := (ClusterToken{Auth: "!"}).secrets(); !slices.Equal(got, []string{"!"}) {
		t.Errorf("got %q", got)
	}
}

func TestNew_SaysWhatItRefuses(t *testing.T) {
	offline := Credential{Token: "opaque"}
	cluster := ClusterToken{ClusterID: fuzzCluster, Auth: "dTpw"}
	for _, row := range []struct {
		config Config
		kind   Kind
		says   string
	}{
		{Config{Credential: offline, URL: "https://\x00"}, InvalidSpec, "the URL of OCM cannot be used: it does not parse"},
		{Config{Credential: offline, URL: "http://a.example.com"}, InvalidSpec, "the URL of OCM cannot be used: it is not https"},
		{Config{Credential: offline, URL: "https://"}, InvalidSpec, "the URL of OCM cannot be used: it names no host"},
		{Config{Credential: offline, URL: "https://u@a.example.com"}, InvalidSpec, "the URL of OCM cannot be used: it holds a user name"},
		{Config{Credential: offline, URL: "https://a.example.com?x=1"}, InvalidSpec, "the URL of OCM cannot be used: it holds a query or a fragment"},
		{Config{Credential: offline, URL: "https://a.example.com#x"}, InvalidSpec, "the URL of OCM cannot be used: it holds a query or a fragment"},
		{Config{Credential: offline, URL: "https://a.example.com/ocm"}, InvalidSpec, "the URL of OCM cannot be used: it has a path, which the SDK would drop"},
		{Config{Credential: offline, TokenURL: "http://a.example.com"}, InvalidSpec, "the URL of the SSO cannot be used: it is not https"},
		{Config{}, OCMCredentialMissing, "the OCM credential cannot be used: neither a token nor a client secret is given"},
		{Config{Credential: offline, ClusterToken: cluster}, InvalidSpec, "an OCM client uses a credential or a cluster's token, not both"},
		{Config{Credential: Credential{ClientSecret: "s"}, ClusterToken: cluster}, InvalidSpec, "an OCM client uses a credential or a cluster's token, not both"},
		{Config{ClusterToken: ClusterToken{ClusterID: fuzzCluster}}, OCMCredentialMissing, "the cluster's token cannot be used: the auth of cloud.openshift.com is not base64"},
	} {
		client, err := New(row.config)
		if wantMessage(t, err, row.says); client != nil || !IsKind(err, row.kind) {
			t.Errorf("%s: got %v, of kind %s", row.says, client, err)
		}
	}
	for _, config := range []Config{{Credential: offline, URL: "https://a.example.com/"}, {Credential: Credential{ClientID: "id"}, ClusterToken: cluster}} {
		c, err := New(config)
		if err != nil || c.Close() != nil {
			t.Errorf("%+v: %v", config, err)
		}
	}
}

func TestNew_FillsInWhatIsNotSaid(t *testing.T) {
	const fedRAMP = "https://api.openshiftusgov.com"
	for name, row := range map[string]struct {
		config        Config
		sso, clientID string
		timeout       time.Duration
	}{
		"nothing said":              {Config{}, "https://sso.redhat.com/auth/realms/redhat-external/protocol/openid-connect/token", "", DefaultTimeout},
		"FedRAMP":                   {Config{URL: fedRAMP + "/"}, "https://sso.openshiftusgov.com/realms/redhat-external/protocol/openid-connect/token", "console-dot", DefaultTimeout},
		"FedRAMP, with a client":    {Config{URL: fedRAMP, Credential: Credential{ClientID: "mine"}}, "https://sso.openshiftusgov.com/realms/redhat-external/protocol/openid-connect/token", "mine", DefaultTimeout},
		"FedRAMP, with another SSO": {Config{URL: fedRAMP, TokenURL: "https://sso.example.com/token"}, "https://sso.example.com/token", "", DefaultTimeout},
		"a time":                    {Config{Timeout: time.Nanosecond}, "https://sso.redhat.com/auth/realms/redhat-external/protocol/openid-connect/token", "", time.Nanosecond},
		"a time that is none":       {Config{Timeout: -1}, "https://sso.redhat.com/auth/realms/redhat-external/protocol/openid-connect/token", "", DefaultTimeout},
	} {
		row.config.Credential.Token = "opaque"
		got, err := complete(row.config)
		if err != nil || got.TokenURL != row.sso || got.Credential.ClientID != row.clientID || got.Timeout != row.timeout || got.Clock == nil {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestPrinting_AClientSaysWhatItIs(t *testing.T) {
	c := asked(t, &canned{})
	if got := fmt.Sprintf("%v %#v %v %#v", c, c, c.transport, c.transport); got != "OCM client OCM client OCM transport OCM transport" {
		t.Errorf("got %s", got)
	}
}

// both is a network in memory with OCM and its SSO. It notes who asks for what.
type both struct {
	sso, api func(*http.Request) *http.Response
	seen     []*http.Request
}

func (n *both) RoundTrip(request *http.Request) (*http.Response, error) {
	n.seen = append(n.seen, request)
	if strings.HasPrefix(request.URL.Host, "sso.") {
		if n.sso != nil {
			return n.sso(request), nil
		}
		return reply(request, 200, string(accessToken(fmt.Sprintf(`{"typ":"Bearer","exp":%d,"scope":"openid"}`, time.Now().Add(time.Hour).Unix())))), nil
	}
	return n.api(request), nil
}

func reply(request *http.Request, status int, body string) *http.Response {
	response, _ := (&canned{status: status, contentType: asJSON, body: body}).RoundTrip(request)
	return response
}

func person(t *testing.T, network http.RoundTripper, change func(*Config)) *Client {
	t.Helper()
	config := Config{Credential: Credential{Token: "opaque"}, Transport: network}
	change(&config)
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestUserAgent_IsThatOfTheOperatorOrTheSDK(t *testing.T) {
	for _, agent := range []string{"", "operator/1"} {
		network := &both{api: func(r *http.Request) *http.Response { return reply(r, 200, `{"id":"a"}`) }}
		if _, err := person(t, network, func(c *Config) { c.UserAgent = agent }).CurrentAccount(t.Context()); err != nil || len(network.seen) != 2 {
			t.Fatalf("%d requests, %v", len(network.seen), err)
		}
		for _, request := range network.seen {
			got := request.Header.Values("User-Agent")
			if agent != "" && !slices.Equal(got, []string{agent}) || agent == "" && (slices.Contains(got, "")) {
				t.Errorf("with %q, %s is asked by %q", agent, request.URL.Host, got)
			}
		}
		if got := network.seen[1].Header.Get("User-Agent"); agent == "" && !strings.HasPrefix(got, "OCM-SDK/") {
			t.Errorf("by default OCM is asked by %q", got)
		}
	}
}

func TestRequestRotation_PostsAnEmptyObject(t *testing.T) {
	var posted string
	network := &both{api: func(r *http.Request) *http.Response {
		body, _ := io.ReadAll(r.Body)
		posted = r.Method + " " + r.URL.Path + " " + string(body)
		return reply(r, 201, `{"id":"r","created_at":"2026-11-20T00:00:00Z"}`)
	}}
	if _, err := person(t, network, func(*Config) {}).RequestRotation(t.Context(), "a"); err != nil || posted != "POST /api/accounts_mgmt/v1/accounts/a/pull_secret_rotation {}" {
		t.Errorf("it posts %s, %v", posted, err)
	}
}

func TestServiceAccount_IsToldThatItsClientIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		c    Credential
		want Kind
	}{
		"a client":                     {Credential{ClientID: "id", ClientSecret: "s"}, OCMClientRefused},
		"a client and a token":         {Credential{ClientID: "id", ClientSecret: "s", Token: "opaque"}, OCMClientRefused},
		"a token of another client":    {Credential{ClientID: "id", Token: "opaque"}, OCMTokenExpired},
		"a token and half of a client": {Credential{ClientSecret: "s", Token: "opaque"}, OCMTokenExpired},
	} {
		network := &both{sso: func(r *http.Request) *http.Response { return reply(r, 400, `{"error":"invalid_grant"}`) }}
		_, err := person(t, network, func(c *Config) { c.Credential = row.c }).CurrentAccount(t.Context())
		if !IsKind(err, row.want) {
			t.Errorf("%s: got %v, want %s", name, err, row.want)
		}
	}
}

// Whatever the SDK makes of it: without an answer of OCM the error says why there is none.
func TestCalls_ThatGetNowhereSayWhy(t *testing.T) {
	silent := &both{api: func(r *http.Request) *http.Response {
		<-r.Context().Done()
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(failing{r.Context()})}
	}}
	t.Run("a call that takes longer than it may", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			_, err := person(t, silent, func(*Config) {}).CurrentAccount(t.Context())
			wantMessage(t, err, "OCM cannot be reached: no answer in time")
			if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != DefaultTimeout {
				t.Errorf("%v after %s", err, took)
			}
		})
	})
	t.Run("a caller that has given up before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := asked(t, &canned{status: 200}).CurrentAccount(ctx)
		if wantMessage(t, err, "OCM cannot be reached: the request was cancelled"); !errors.Is(err, context.Canceled) {
			t.Errorf("not recognised: %v", err)
		}
	})
	t.Run("a client that was closed", func(t *testing.T) {
		c := person(t, silent, func(*Config) {})
		_ = c.Close()
		_, err := c.CurrentAccount(t.Context())
		if wantMessage(t, err, "the OCM client was closed"); !errors.Is(err, context.Canceled) {
			t.Errorf("not recognised: %v", err)
		}
	})
	t.Run("an SSO whose token the SDK does not take", func(t *testing.T) {
		network := &both{sso: func(r *http.Request) *http.Response {
			return reply(r, 200, `{"token_type":"mac","access_token":"`+unsigned(`{"typ":"Bearer"}`)+`"}`)
		}}
		_, err := person(t, network, func(*Config) {}).CurrentAccount(t.Context())
		wantMessage(t, err, "the SSO's answer holds no usable access token")
	})
	t.Run("an access token that is past its time", func(t *testing.T) {
		token := unsigned(fmt.Sprintf(`{"typ":"Bearer","exp":%d}`, time.Now().Add(-time.Hour).Unix()))
		network := &both{}
		_, err := person(t, network, func(c *Config) { c.Credential.Token = token }).CurrentAccount(t.Context())
		wantMessage(t, err, "the token in the OCM credential has expired by this machine's clock")
		if len(network.seen) != 0 {
			t.Errorf("%d requests", len(network.seen))
		}
	})
}

// failing is a body whose request has ended.
type failing struct{ ctx context.Context }

func (f failing) Read([]byte) (int, error) { return 0, f.ctx.Err() }

// closing is a body that says whether it was closed, and cannot be read from then on.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func (c *closing) Read(p []byte) (int, error) {
	if c.closed {
		return 0, errors.New("closed")
	}
	return c.Reader.Read(p)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

const (
	atAPI = "https://api.example.com"
	atSSO = "https://sso.example.com/token"
)

// carried is what one request of the SDK comes to.
func carried(t *testing.T, change func(*transport), r *record, target string, body io.ReadCloser) (*http.Response, error) {
	t.Helper()
	tr, err := newTransport(Config{URL: atAPI, TokenURL: atSSO, Clock: testingclock.NewFakePassiveClock(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))})
	if err != nil {
		t.Fatal(err)
	}
	change(tr)
	ctx := t.Context()
	if r != nil {
		ctx = withRecord(ctx, r)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Body = body
	return tr.RoundTrip(request)
}

func TestTransport_SendsNothingElsewhere(t *testing.T) {
	for target, r := range map[string]*record{
		atAPI + "/x": nil, "https://elsewhere.example.com/token": {}, "http://api.example.com/": {}, "https://sso.example.com/other": {}, "https://elsewhere.example.com": {},
	} {
		body := &closing{Reader: strings.NewReader("secret")}
		response, err := carried(t, func(tr *transport) {
			tr.inner = roundTrip(func(*http.Request) (*http.Response, error) { t.Error("it is sent"); return nil, io.EOF })
		}, r, target, body)
		if response != nil || !errors.Is(err, errElsewhere) || !body.closed {
			t.Errorf("%s: got %v, closed %t", target, err, body.closed)
		}
	}
	if _, err := carried(t, func(*transport) {}, nil, atAPI, nil); !errors.Is(err, errElsewhere) {
		t.Errorf("without a body: %v", err)
	}
	if _, err := carried(t, func(tr *transport) { tr.sso = nil }, &record{}, atSSO, nil); !errors.Is(err, errElsewhere) {
		t.Errorf("with a cluster's token: %v", err)
	}
}

// The SSO and OCM may be paths of one host.
func TestTransport_TellsTheSSOFromOCMByItsPath(t *testing.T) {
	for path, want := range map[string]string{"/token": "token", "/token/x": "/here"} {
		var seen string
		_, err := carried(t, func(tr *transport) {
			tr.sso, _ = url.Parse(atAPI + "/token")
			tr.inner = roundTrip(func(r *http.Request) (*http.Response, error) { return reply(r, 200, string(accessToken("{}"))), nil })
			tr.observe = func(method, template string, status int) { seen = fmt.Sprintf("%s %s %d", method, template, status) }
		}, &record{template: "/here"}, atAPI+path, nil)
		if err != nil || seen != "POST "+want+" 200" {
			t.Errorf("%s: got %q, %v", path, seen, err)
		}
	}
}

// An answer of OCM is for the caller; the SDK gets its head, and the SSO's as a whole.
func TestTransport_ReadsAnswersWithinLimits(t *testing.T) {
	for name, row := range map[string]struct {
		status int
		size   int
		err    error
	}{
		"a small one":              {200, 10, nil},
		"the largest":              {200, maxBody, nil},
		"one that is too large":    {200, maxBody + 1, errTooLarge},
		"a page of its own":        {299, 10, nil},
		"the first redirect":       {300, 10, errRedirect},
		"the last redirect":        {399, 10, errRedirect},
		"a refusal":                {400, 10, nil},
		"a redirect, however long": {307, maxBody + 1, errRedirect},
	} {
		t.Run(name, func(t *testing.T) {
			body, r := &closing{Reader: io.LimitReader(spaces{}, int64(row.size))}, &record{}
			response, err := carried(t, func(tr *transport) {
				tr.inner = roundTrip(func(*http.Request) (*http.Response, error) {
					return &http.Response{StatusCode: row.status, Header: http.Header{"Content-Type": {asJSON}, "Retry-After": {"90000"}}, Body: body}, nil
				})
			}, r, atAPI+"/x", nil)
			if !errors.Is(err, row.err) || r.api == nil || r.api.status != row.status || !r.api.sent || r.api.retryAfter != 24*time.Hour || r.api.contentType != asJSON || !body.closed {
				t.Fatalf("got %v, %+v, closed %t", err, r.api, body.closed)
			}
			if row.err != nil {
				if response != nil || r.api.body != nil {
					t.Errorf("%d bytes are kept", len(r.api.body))
				}
				return
			}
			left, err := io.ReadAll(response.Body)
			if err != nil || len(left) != 0 || len(r.api.body) != row.size {
				t.Errorf("%d bytes are kept, and the SDK reads %d, %v", len(r.api.body), len(left), err)
			}
		})
	}
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestTransport_AnAnswerThatEndsBecauseItsRequestDidIsNone(t *testing.T) {
	for _, body := range []io.Reader{strings.NewReader(`{"id":"half"}`), iotest.ErrReader(io.ErrUnexpectedEOF), io.LimitReader(spaces{}, maxBody+1)} {
		ctx, cancel := context.WithCancel(t.Context())
		tr := &transport{clock: testingclock.NewFakePassiveClock(time.Now()), inner: roundTrip(func(*http.Request) (*http.Response, error) {
			cancel()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(body)}, nil
		})}
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, atAPI, nil)
		if _, got := tr.send(request, false); !errors.Is(got.err, context.Canceled) {
			t.Errorf("got %+v", got)
		}
	}
}

func TestTransport_KnowsWhetherARequestLeft(t *testing.T) {
	for _, left := range []bool{true, false} {
		r := &record{}
		_, err := carried(t, func(tr *transport) {
			tr.inner = roundTrip(func(r *http.Request) (*http.Response, error) {
				if left {
					httptrace.ContextClientTrace(r.Context()).WroteHeaders()
				}
				return nil, io.EOF
			})
		}, r, atAPI, nil)
		if !errors.Is(err, io.EOF) || r.api.sent != left || r.api.status != 0 {
			t.Errorf("got %v, %+v, want sent %t", err, r.api, left)
		}
	}
}

func TestTransport_ComparesEachServicesClock(t *testing.T) {
	for target, want := range map[string][2]time.Duration{atSSO: {time.Minute, 0}, atAPI: {0, time.Minute}} {
		for _, date := range []string{"Fri, 20 Nov 2026 12:01:00 GMT", "", "yesterday"} {
			var tr *transport
			_, _ = carried(t, func(made *transport) {
				tr = made
				tr.inner = roundTrip(func(r *http.Request) (*http.Response, error) {
					response := reply(r, 200, string(accessToken("{}")))
					response.Header.Set("Date", date)
					return response, nil
				})
			}, &record{}, target, nil)
			expect := want
			if !strings.HasSuffix(date, "GMT") {
				expect = [2]time.Duration{}
			}
			if got := [2]time.Duration{time.Duration(tr.ssoSkew.Load()), time.Duration(tr.apiSkew.Load())}; got != expect {
				t.Errorf("%s, %q: got %v, want %v", target, date, got, expect)
			}
		}
	}
}

// No step of a connection outlasts a call, and an idle one outlasts the pause between two.
func TestNetwork_GivesUpBeforeTheCallDoes(t *testing.T) {
	n := network(Config{Timeout: DefaultTimeout})
	for name, limit := range map[string]time.Duration{"dialing": dialer.Timeout, "the handshake": n.TLSHandshakeTimeout} {
		if limit < time.Second || limit >= DefaultTimeout {
			t.Errorf("%s may take %s", name, limit)
		}
	}
	if n.ResponseHeaderTimeout != DefaultTimeout || n.IdleConnTimeout < time.Minute {
		t.Errorf("an answer may take %s, and a connection is kept for %s", n.ResponseHeaderTimeout, n.IdleConnTimeout)
	}
}
