package ocm

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/httpheader"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

const (
	// maxBody is how much of an answer is read. A pull secret has some kilobytes, and a page of a hundred subscriptions a few hundred, so no real
	// answer comes near it.
	maxBody = 4 << 20

	// TokenExchange is the path of the SSO's token endpoint in Config.Observe.
	TokenExchange = "token"
)

var (
	errElsewhere = errors.New("the request was meant for another host")
	errRedirect  = errors.New("the answer was a redirect")
	errTooLarge  = errors.New("the answer was too large")
)

// transport sends the requests of one client, to OCM and to the SSO, instead of the SDK's transports. It reads every answer itself, within
// limits, records it, and follows no redirect.
type transport struct {
	inner http.RoundTripper
	api   *url.URL
	// sso is the token endpoint; nil if the client has a cluster's token and must never talk to the SSO.
	sso     *url.URL
	agent   string
	clock   clock.PassiveClock
	observe func(method, pathTemplate string, status int)
	// client is true if the client-credentials grant is used.
	client bool

	// ssoSkew and apiSkew are how far the services' clocks were ahead of ours in their last answers, in nanoseconds.
	ssoSkew, apiSkew atomic.Int64
	// offline is true if the access token in use was issued for an offline token.
	offline atomic.Bool
	// bearer is that access token, a string: OCM's answers must not repeat it.
	bearer atomic.Value
}

// String keeps the token out of logs.
func (*transport) String() string { return "OCM transport" }

// GoString keeps the token out of logs.
func (t *transport) GoString() string { return t.String() }

// maxRetryAfter limits Retry-After: a wrong header must not silence the operator for longer than a day.
const maxRetryAfter = 24 * time.Hour

// answer is an HTTP answer, fully read.
type answer struct {
	status      int
	contentType string
	// retryAfter from the header; 0 if absent.
	retryAfter time.Duration
	body       []byte
	// err is why there is no complete answer. The status is set if at least that arrived.
	err error
	// sent is true if the request left this machine, at least in part.
	sent bool
}

// record holds what happened during one call. It travels in the request's context, because the SDK returns none of it.
type record struct {
	template string
	// token is the failure of the token exchange, if one was needed and failed.
	token *Error
	// exchanged is true if a token exchange succeeded.
	exchanged bool
	// api is OCM's answer, if there was a request to OCM.
	api *answer
}

type recordKey struct{}

func newTransport(cfg Config) (*transport, error) {
	api, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, &Error{Kind: InvalidSpec, Message: "the URL of OCM does not parse"}
	}
	var sso *url.URL
	if cfg.ClusterToken == (ClusterToken{}) {
		if sso, err = url.Parse(cfg.TokenURL); err != nil {
			return nil, &Error{Kind: InvalidSpec, Message: "the URL of the SSO does not parse"}
		}
	}
	inner := cfg.Transport
	if inner == nil {
		inner = network(cfg)
	}
	return &transport{
		inner: inner,
		api:   api, sso: sso,
		agent:   cfg.UserAgent,
		clock:   cfg.Clock,
		observe: cfg.Observe,
		client:  cfg.Credential.isClient(),
	}, nil
}

// dialer gives up on a host that does not answer before its call is over.
var dialer = &net.Dialer{Timeout: 10 * time.Second}

func network(cfg Config) *http.Transport {
	return &http.Transport{
		Proxy:                 proxy.For,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: cfg.Timeout,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   2,
		ForceAttemptHTTP2:     true,
	}
}

// RoundTrip sends a request of the SDK. The answer of the SSO is judged here, because the SDK would lose the reason of a refusal and repeat the
// request after a 5xx. OCM's answer is recorded for the caller and passed on without its body.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	record, _ := request.Context().Value(recordKey{}).(*record)
	toSSO := t.sso != nil && request.URL.Host == t.sso.Host && request.URL.Path == t.sso.Path
	toAPI := request.URL.Scheme == t.api.Scheme && request.URL.Host == t.api.Host
	if record == nil || !toSSO && !toAPI {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, errElsewhere
	}

	response, got := t.send(request, toSSO)
	if t.observe != nil {
		template := record.template
		if toSSO {
			template = TokenExchange
		}
		t.observe(request.Method, template, got.status)
	}
	if toSSO {
		if record.token = t.judgeExchange(got); record.token != nil {
			return nil, record.token
		}
		record.exchanged = true
		response.Body = io.NopCloser(bytes.NewReader(got.body))
		return response, nil
	}
	record.api = got
	if got.err != nil {
		return nil, got.err
	}
	response.Body = http.NoBody
	return response, nil
}

// send sends one request and reads its answer to the end.
func (t *transport) send(request *http.Request, toSSO bool) (*http.Response, *answer) {
	var sent atomic.Bool
	ctx := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	request = request.Clone(ctx)
	if toSSO && t.agent != "" {
		request.Header.Set("User-Agent", t.agent)
	}
	response, err := t.inner.RoundTrip(request)
	if err != nil {
		return nil, &answer{err: err, sent: sent.Load()}
	}
	defer func() { _ = response.Body.Close() }()
	got := &answer{
		status:      response.StatusCode,
		contentType: response.Header.Get("Content-Type"),
		retryAfter:  httpheader.RetryAfter(response.Header, t.clock.Now(), maxRetryAfter),
		sent:        true,
	}
	if date, err := http.ParseTime(response.Header.Get("Date")); err == nil {
		skew := &t.apiSkew
		if toSSO {
			skew = &t.ssoSkew
		}
		skew.Store(int64(date.Sub(t.clock.Now())))
	}
	if got.status >= 300 && got.status < 400 {
		got.err = errRedirect
		return nil, got
	}
	got.body, got.err = io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case ctx.Err() != nil:
		// A server that notices our cancelled request may end its half-written answer as if it were complete.
		got.err = ctx.Err()
	case got.err == nil && len(got.body) > maxBody:
		got.body, got.err = nil, errTooLarge
	}
	return response, got
}

func withRecord(ctx context.Context, r *record) context.Context {
	return context.WithValue(ctx, recordKey{}, r)
}
