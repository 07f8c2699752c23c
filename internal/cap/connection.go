package cap

// The ways to CAP. There are up to two, because a server that asks for the client certificate on some paths only can do so over TLS 1.2, by
// a renegotiation, and over TLS 1.3 only with clients that know post-handshake authentication, which Go's do not.

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// TLS says how to speak TLS with CAP. Its zero value is right for all but unusual servers.
type TLS struct {
	// MinVersion and MaxVersion, such as tls.VersionTLS12. 0: TLS 1.2, and the newest.
	MinVersion, MaxVersion uint16
	// RSAKeyExchange offers the cipher suites without forward secrecy too, which Go no longer does and some old servers need.
	RSAKeyExchange bool
}

// cipherSuites are those for TLS 1.2; nil is Go's own choice.
func (t TLS) cipherSuites() []uint16 {
	if !t.RSAKeyExchange {
		return nil
	}
	var suites []uint16
	for _, s := range tls.CipherSuites() {
		suites = append(suites, s.ID)
	}
	return append(suites, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA)
}

func (t TLS) minVersion() uint16 { return max(t.MinVersion, tls.VersionTLS12) }

// older is true where TLS 1.2 can be had by leaving out a newer version.
func (t TLS) older() bool {
	return t.minVersion() == tls.VersionTLS12 && (t.MaxVersion == 0 || t.MaxVersion > tls.VersionTLS12)
}

// connection is one way to CAP.
type connection struct {
	http *http.Client
	// asked is true once CAP has asked for the client certificate, version that of the last handshake.
	asked   atomic.Bool
	version atomic.Uint32
}

func newConnection(cfg Config, maxVersion uint16, proxy *url.URL) *connection {
	c := &connection{}
	transport := &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		OnProxyConnectResponse: judgeProxy,
		TLSClientConfig:        c.tlsConfig(cfg, maxVersion),
		TLSHandshakeTimeout:    cfg.Timeout,
		MaxIdleConns:           4,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        30 * time.Second, // one refresh asks for all its roles within this; the next is minutes away
		// No compression, so that the limit on the answer's size is one on memory too.
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if proxy != nil && proxy.Scheme == "https" {
		transport.DialTLSContext = dialProxy(cfg.ProxyRootCAs, proxy.Hostname())
	}
	c.http = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

func (c *connection) tlsConfig(cfg Config, maxVersion uint16) *tls.Config {
	certificate := cfg.Certificate
	return &tls.Config{
		RootCAs:      cfg.RootCAs,
		MinVersion:   cfg.TLS.minVersion(),
		MaxVersion:   maxVersion,
		CipherSuites: cfg.TLS.cipherSuites(),
		// Given through this function the certificate is always sent, as curl does. Through Certificates it would be held
		// back when CAP's list of acceptable authorities does not name its issuer, and many lists are incomplete.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c.asked.Store(true)
			return &certificate, nil
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			c.version.Store(uint32(s.Version))
			return nil
		},
		// Web servers that ask for a certificate on some paths only do it by a renegotiation under TLS 1.2.
		Renegotiation: tls.RenegotiateOnceAsClient,
	}
}

// dialProxy speaks TLS with a proxy, which has authorities of its own and is shown no client certificate. Where there is such a proxy,
// the transport opens every connection by this; CAP's own TLS is spoken inside of it.
func dialProxy(roots *x509.CertPool, host string) func(context.Context, string, string) (net.Conn, error) {
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}}
	return dialer.DialContext
}

// tryOlderEvery is how often TLS 1.2 is tried again with a server that it has not helped with: often enough for somebody who
// repairs that server, and seldom enough not to double the requests.
const tryOlderEvery = 10 * time.Minute

// preference is which of the two ways has worked.
type preference struct {
	clock clock.PassiveClock

	mu        sync.Mutex
	older     bool
	notBefore time.Time
}

func (p *preference) isOlder() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.older
}

// mayTry is true when it is time to try TLS 1.2. A clock that was set back does not forbid it.
func (p *preference) mayTry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := p.notBefore.Sub(p.clock.Now())
	return wait <= 0 || wait > tryOlderEvery
}

// learn keeps what came of it.
func (p *preference) learn(helped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.older = helped
	if !helped {
		p.notBefore = p.clock.Now().Add(tryOlderEvery)
	}
}

// forget begins anew: the server may have changed.
func (p *preference) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.older, p.notBefore = false, time.Time{}
}
