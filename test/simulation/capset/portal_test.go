package capset

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
)

// carrier carries the requests of one process to the portal, with the TLS settings of its client.
type carrier struct {
	p      *process
	config *tls.Config
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	p, w := c.p, c.p.cluster.w
	role := request.URL.Query().Get("role") + request.URL.Query().Get("roleName")
	name := "ask CAP for " + role
	if p.isDead() {
		return nil, errDead
	}
	time.Sleep(w.delay(p.id+name, 400*time.Millisecond))
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if err := p.before(name); err != nil {
		return nil, err
	}
	if p.isDead() {
		return nil, errDead
	}
	p.asked(role)
	chain, err := c.handshake(request)
	if err != nil {
		w.Say("%s: %s: %v", p, name, err)
		return nil, err
	}
	response, err := w.serve(request, chain)
	status := 0
	if response != nil {
		status = response.StatusCode
	}
	w.Say("%s: %s: %d", p, name, status)
	if err := p.after(name); err != nil {
		return nil, err
	}
	if response != nil {
		p.noteWish(role, response)
	}
	return response, err
}

// handshake is what of one shows here: the portal's certificate is checked, and it gets the client's.
func (c *carrier) handshake(request *http.Request) ([]*x509.Certificate, error) {
	w := c.p.cluster.w
	switch {
	case request.URL.Hostname() != portalHost:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: request.URL.Hostname(), IsNotFound: true}}
	case w.down:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case w.expired:
		return nil, &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: portalCertificate, Reason: x509.Expired}}
	}
	if _, err := portalCertificate.Verify(x509.VerifyOptions{Roots: c.config.RootCAs, DNSName: portalHost}); err != nil {
		return nil, &tls.CertificateVerificationError{Err: err}
	}
	if err := c.config.VerifyConnection(tls.ConnectionState{Version: tls.VersionTLS13}); err != nil {
		return nil, err
	}
	pair, err := c.config.GetClientCertificate(&tls.CertificateRequestInfo{})
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	return chain, nil
}

// serve lets the portal answer. One that closes the connection gives no answer, and one that writes too little is cut short.
func (w *world) serve(request *http.Request, chain []*x509.Certificate) (response *http.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); !ok || !errors.Is(e, http.ErrAbortHandler) {
				panic(r)
			}
			if err = request.Context().Err(); err == nil {
				err = io.ErrUnexpectedEOF
			}
			response = nil
		}
	}()
	inner := request.Clone(request.Context())
	inner.RequestURI, inner.Host, inner.Body = request.URL.RequestURI(), request.URL.Host, http.NoBody
	inner.TLS = &tls.ConnectionState{PeerCertificates: chain}
	recorder := httptest.NewRecorder()
	w.portal.Handler().ServeHTTP(recorder, inner)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	response = recorder.Result()
	response.Request = request
	if want, err := strconv.Atoi(response.Header.Get("Content-Length")); err == nil && want > recorder.Body.Len() {
		response.Body = io.NopCloser(io.MultiReader(bytes.NewReader(recorder.Body.Bytes()), cutShort{}))
	}
	return response, nil
}

// cutShort is the end of a body that lacks a part.
type cutShort struct{}

func (cutShort) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// checkSTS is STS, which knows what AWS knows.
func (p *process) checkSTS(ctx context.Context, c awscreds.Credential) (awscreds.STSResult, error) {
	w := p.cluster.w
	time.Sleep(w.delay(p.id+"ask STS about "+c.AccessKeyID, 200*time.Millisecond))
	if ctx.Err() != nil || p.isDead() || w.stsAway {
		return awscreds.STSResult{Outcome: awscreds.STSUnknown}, errors.New("STS is away")
	}
	w.count.Count(history.Totals, "questions to STS")
	secret, token, arn, expires, ok := w.portal.Lookup(c.AccessKeyID)
	switch {
	case !ok || secret != c.SecretAccessKey || token != c.SessionToken:
		return awscreds.STSResult{Outcome: awscreds.STSRefused, Code: "InvalidClientTokenId"}, nil
	case !expires.After(time.Now()):
		return awscreds.STSResult{Outcome: awscreds.STSRefused, Code: "ExpiredToken"}, nil
	}
	return awscreds.STSResult{Outcome: awscreds.STSAccepted, ARN: arn}, nil
}

// wish is a time before which CAP wants no request for a role, and what was asked with.
type wish struct {
	until time.Time
	basis string
}

// noteWish remembers a Retry-After in seconds.
func (p *process) noteWish(role string, response *http.Response) {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || response.StatusCode < 400 {
		return
	}
	p.wishes[role] = wish{time.Now().Add(time.Duration(min(seconds, longestWish)) * time.Second), p.cluster.basis}
}

// longestWish is how many seconds CAP may have the operator wait.
const longestWish = 15 * 60

// asked counts a request, which must respect what CAP has said to this process, unless somebody has changed something since.
func (p *process) asked(role string) {
	c := p.cluster
	c.w.count.Count(history.Totals, "requests to CAP")
	c.requests = append(recent(c.requests), time.Now())
	if len(c.requests) > maxRequests {
		c.w.Violate("%s: %d requests to CAP within an hour", p, len(c.requests))
	}
	if wish, ok := p.wishes[role]; ok && wish.basis == c.basis && time.Now().Before(wish.until.Add(-time.Second)) {
		c.w.Violate("%s asks CAP for %s at %s, and CAP has said not before %s", p, role, clock(time.Now()), clock(wish.until))
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// recent are the times of the last hour.
func recent(times []time.Time) []time.Time {
	hourAgo := time.Now().Add(-time.Hour)
	for len(times) > 0 && times[0].Before(hourAgo) {
		times = times[1:]
	}
	return times
}

// errDead is what a process gets of the world that is gone.
var errDead = fmt.Errorf("the process is gone")
