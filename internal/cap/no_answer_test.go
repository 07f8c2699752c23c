package cap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asURL is an error as net/http gives it.
func asURL(err error) error {
	return &url.Error{Op: "Get", URL: "https://cap.example/?" + canary, Err: err}
}

func alertOf(words string) error {
	return asURL(&net.OpError{Op: "remote error", Err: errors.New("tls: " + words)})
}

func TestTransportError_TellsApartWhatCameBeforeAnAnswer(t *testing.T) {
	proxied := func(err error) error { return asURL(&net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}) }
	for name, row := range map[string]struct {
		err    error
		class  Class
		cause  Cause
		closed bool
		says   string
	}{
		"the time limit":                    {asURL(context.DeadlineExceeded), Unavailable, "", false, "CAP did not answer within 7s."},
		"a connection that takes too long":  {asURL(&net.OpError{Op: "dial", Err: timeoutError{}}), Unavailable, "", false, "within 7s"},
		"a name server that takes too long": {asURL(&net.DNSError{IsTimeout: true, Name: "cap.example"}), Unavailable, "", false, "CAP did not answer: "},
		"a certificate that is refused":     {alertOf("bad certificate"), AuthenticationRefused, "", false, "refuses the client certificate in the TLS handshake (bad certificate)"},
		"versions":                          {alertOf("protocol version not supported"), HandshakeFailed, "", false, "no version or cipher that CAP accepts."},
		"another alert":                     {alertOf("internal error"), Unavailable, "", false, "CAP aborts the TLS handshake (internal error)."},
		"an alert without a name":           {alertOf("something new"), Unavailable, "", false, "(alert)"},
		"no TLS":                            {asURL(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}), HandshakeFailed, CauseNoTLS, false, "does not speak TLS"},
		"plain HTTP":                        {asURL(http.ErrSchemeMismatch), HandshakeFailed, CauseNoTLS, false, "does not speak TLS"},
		"an authority that is not trusted":  {asURL(x509.UnknownAuthorityError{}), Untrusted, "", false, "It was checked against the CA in Secret x."},
		"the end of the connection":         {asURL(io.EOF), Unavailable, "", true, "CAP did not answer: "},
		"a reset":                           {asURL(syscall.ECONNRESET), Unavailable, "", true, ""},
		"a broken pipe":                     {asURL(syscall.EPIPE), Unavailable, "", true, ""},
		"nobody listens":                    {asURL(syscall.ECONNREFUSED), Unavailable, "", false, ""},
		"a proxy's refusal":                 {asURL(&proxyRefusal{502}), ProxyUnavailable, CauseProxyRefuses, false, "The proxy does not connect to CAP (status 502)."},
		"a proxy that asks for a password":  {asURL(&proxyRefusal{407}), ProxyUnavailable, CauseProxyAuthentication, false, "asks for a user and a password"},
		"a proxy that is away":              {proxied(syscall.ECONNREFUSED), ProxyUnavailable, "", false, "The proxy cannot be reached: "},
		"a proxy that says nothing":         {proxied(nil), ProxyUnavailable, "", false, "The proxy cannot be reached."},
		"a proxy that is not trusted":       {proxied(x509.UnknownAuthorityError{}), ProxyUnavailable, CauseProxyUntrusted, false, "The proxy is not trusted: "},
	} {
		c := &Client{timeout: 7 * time.Second, roots: "the CA in Secret x"}
		e := c.transportError(t.Context(), row.err)
		if e.Class != row.class || e.Cause != row.cause || e.closed != row.closed || !strings.Contains(e.Message, row.says) || strings.Contains(e.Message, canary) || e.cause != nil || !strings.HasSuffix(e.Message, ".") {
			t.Errorf("%s: %s, %q, closed %v: %s", name, e.Class, e.Cause, e.closed, e.Message)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c := &Client{timeout: 7 * time.Second}
	if e := c.transportError(ended, asURL(context.DeadlineExceeded)); !errors.Is(e, context.Canceled) || strings.Contains(e.Message, "within") {
		t.Errorf("the caller's end is told as %v", e)
	}
	if e := c.transportError(t.Context(), asURL(x509.UnknownAuthorityError{})); strings.Contains(e.Message, "checked against") {
		t.Errorf("without a name of the authorities it says %s", e.Message)
	}
	c.deniedByFIPS = true
	if e := c.transportError(t.Context(), alertOf("handshake failure")); !strings.Contains(e.Message, "FIPS mode does not allow") {
		t.Errorf("where FIPS denies a cipher it says %s", e.Message)
	}
	c.proxy = &url.URL{Scheme: "http", Host: "proxy.example:3128", User: url.UserPassword("u", canary)}
	if got := c.proxyName(); got != "The proxy proxy.example:3128" {
		t.Errorf("a proxy is named %q", got)
	}
}

type timeoutError struct{}

func (timeoutError) Error() string { return "slow" }
func (timeoutError) Timeout() bool { return true }

func TestAlerts_EachHasItsSubject(t *testing.T) {
	for _, alert := range alerts {
		if got := remoteAlert(alertOf(alert.words)); got != alert.words {
			t.Errorf("%q is read as %q", alert.words, got)
		}
		if aboutClientCertificate(alert.words) != (alert.about == clientCertificate) || aboutVersions(alert.words) != (alert.about == versions) {
			t.Errorf("%q is about something else", alert.words)
		}
	}
	if aboutClientCertificate("alert") || aboutVersions("alert") {
		t.Error("an unknown alert is about something")
	}
	for name, err := range map[string]error{
		"of this side": asURL(&net.OpError{Op: "local error", Err: errors.New("tls: bad certificate")}), "without words": asURL(&net.OpError{Op: "remote error"}), "none": io.EOF,
	} {
		if got := remoteAlert(err); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestBodyError_TellsAnEndFromAFailure(t *testing.T) {
	c := &Client{timeout: time.Second}
	if e := c.bodyError(t.Context(), 200, fmt.Errorf("reading: %w", io.ErrUnexpectedEOF)); e.Class != Malformed || e.Status != 200 || e.Message != "CAP's answer is incomplete." {
		t.Errorf("an answer that ends is %+v", e)
	}
	if e := c.bodyError(t.Context(), 200, syscall.ECONNRESET); e.Class != Unavailable || e.Status != 200 || !e.closed {
		t.Errorf("a connection that breaks is %+v", e)
	}
	for status, refused := range map[int]bool{200: false, 201: true, 407: true, 503: true} {
		if err := judgeProxy(t.Context(), nil, nil, &http.Response{StatusCode: status}); (err != nil) != refused || err != nil && !strings.Contains(err.Error(), fmt.Sprint(status)) {
			t.Errorf("a proxy's %d: %v", status, err)
		}
	}
}
