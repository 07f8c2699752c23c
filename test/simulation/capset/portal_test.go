package capset

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// carrier carries the requests of one process to the portal, with the TLS settings of its client and through its proxy.
type carrier struct {
	p      *process
	config *tls.Config
	proxy  *url.URL // nil: there is none
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	p, w := c.p, c.p.c.w
	role, basis := request.URL.Query().Get("role")+request.URL.Query().Get("roleName"), p.basis
	name := "ask CAP for " + role
	if p.Dead() {
		return nil, stage.ErrDead
	}
	time.Sleep(w.Delay(p.ID+name, 400*time.Millisecond))
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if err := p.Before(name, true); err != nil {
		return nil, err
	}
	if p.Dead() {
		return nil, stage.ErrDead
	}
	p.asked(role, basis)
	chain, err := c.handshake(request)
	if err != nil {
		w.Say("%s: %s: %v", p, name, err)
		return nil, err
	}
	response, err := stage.Serve(w.portal.Handler(), request, &tls.ConnectionState{PeerCertificates: chain})
	if p.c.lies || p.c.Skew != 0 {
		p.c.doubt()
	}
	status := 0
	if response != nil {
		status = response.StatusCode
	}
	w.Say("%s: %s: %d", p, name, status)
	if err := p.After(); err != nil {
		return nil, err
	}
	if response != nil {
		p.noteWish(role, basis, response)
	}
	return response, err
}

// handshake is what of one shows here: the portal's certificate is checked, and it gets the client's.
func (c *carrier) handshake(request *http.Request) ([]*x509.Certificate, error) {
	w := c.p.c.w
	switch {
	case c.proxy != nil && w.proxyDown: // in the words of http.Transport
		return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
	case request.URL.Hostname() != portalHost:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: request.URL.Hostname(), IsNotFound: true}}
	case w.down:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case w.expired:
		return nil, &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: portalCertificate, Reason: x509.Expired}}
	}
	if c.config.MaxVersion == tls.VersionTLS12 && w.onlyNew {
		return nil, &net.OpError{Op: "remote error", Err: tls.AlertError(70)} // protocol_version
	}
	if err := verifyPortal(c.config.RootCAs); err != nil {
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

// verdicts are what came of verifying the portal's certificate: it is always the same one, and so are most pools. Two requests may ask at once.
var (
	verdictsMu sync.Mutex
	verdicts   []verdict
)

type verdict struct {
	roots *x509.CertPool
	err   error
}

func verifyPortal(roots *x509.CertPool) error {
	verdictsMu.Lock()
	defer verdictsMu.Unlock()
	for _, v := range verdicts {
		if v.roots.Equal(roots) {
			return v.err
		}
	}
	_, err := portalCertificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: portalHost})
	verdicts = append(verdicts, verdict{roots, err})
	return err
}

// checkSTS is STS, which knows what AWS knows.
func (p *process) checkSTS(ctx context.Context, c awscreds.Credential) (awscreds.STSResult, error) {
	w := p.c.w
	time.Sleep(w.Delay(p.ID+"ask STS about "+c.AccessKeyID, 200*time.Millisecond))
	if ctx.Err() != nil || p.Dead() || w.stsAway {
		return awscreds.STSResult{Outcome: awscreds.STSUnknown}, errors.New("STS is away")
	}
	w.Count.Count(history.Totals, "questions to STS")
	secret, token, arn, expires, ok := w.portal.Lookup(c.AccessKeyID)
	switch {
	case !ok || secret != c.SecretAccessKey || token != c.SessionToken:
		return awscreds.STSResult{Outcome: awscreds.STSRefused, Code: "InvalidClientTokenId"}, nil
	case !expires.After(time.Now()):
		return awscreds.STSResult{Outcome: awscreds.STSRefused, Code: "ExpiredToken"}, nil
	}
	return awscreds.STSResult{Outcome: awscreds.STSAccepted, ARN: arn}, nil
}

// wish is a time before which CAP wants no request for a role, and what the process knew when it asked.
type wish struct {
	until time.Time
	basis int
}

// noteWish remembers a Retry-After in seconds.
func (p *process) noteWish(role string, basis int, response *http.Response) {
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || response.StatusCode < 400 {
		return
	}
	p.wishes[role] = wish{time.Now().Add(time.Duration(min(seconds, longestWish)) * time.Second), basis}
}

// longestWish is how many seconds CAP may have the operator wait.
const longestWish = 15 * 60

// asked counts a request, which must respect what CAP has said to this process, unless it has heard of a change since.
func (p *process) asked(role string, basis int) {
	c := p.c
	c.w.Count.Count(history.Totals, "requests to CAP")
	if n := c.requests.Add(); n > maxRequests {
		c.w.Violate("%s: %d requests to CAP within an hour", p, n)
	}
	if wish, ok := p.wishes[role]; ok && wish.basis == basis && time.Now().Before(wish.until.Add(-time.Second)) {
		c.w.Violate("%s asks CAP for %s at %s, and CAP has said not before %s", p, role, clock(time.Now()), clock(wish.until))
	}
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }
