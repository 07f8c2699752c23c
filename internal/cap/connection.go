package cap

// The connections to CAP. There are up to two: a server that asks for the client certificate only on some paths needs a renegotiation, which
// exists only in TLS 1.2; in TLS 1.3 it would need post-handshake authentication, which Go lacks.

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

// TLS holds the TLS settings for CAP. The zero value suits all but unusual servers.
type TLS struct {
	// MinVersion and MaxVersion, such as tls.VersionTLS12. 0: TLS 1.2, and the newest.
	MinVersion, MaxVersion uint16
	// RSAKeyExchange also offers cipher suites without forward secrecy, which Go disables by default and some old servers need.
	RSAKeyExchange bool
}

// cipherSuites are those for TLS 1.2; nil means Go's default.
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

// older is true if leaving out newer versions gives TLS 1.2.
func (t TLS) older() bool {
	return t.minVersion() == tls.VersionTLS12 && (t.MaxVersion == 0 || t.MaxVersion > tls.VersionTLS12)
}

// connection is one of the two HTTP clients for CAP.
type connection struct {
	http *http.Client
	// asked is true once CAP has asked for the client certificate; version is that of the last handshake.
	asked   atomic.Bool
	version atomic.Uint32
}

func newConnection(cfg Config, maxVersion uint16, proxy *url.URL) *connection {
	c := &connection{}
	c.http = &http.Client{
		Transport:     c.transport(cfg, maxVersion, proxy),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// transport is the network, or what the configuration has in its place.
func (c *connection) transport(cfg Config, maxVersion uint16, proxy *url.URL) http.RoundTripper {
	if cfg.Transport != nil {
		return cfg.Transport(c.tlsConfig(cfg, maxVersion), proxy)
	}
	transport := &http.Transport{
		Proxy:                  http.ProxyURL(proxy),
		OnProxyConnectResponse: judgeProxy,
		TLSClientConfig:        c.tlsConfig(cfg, maxVersion),
		TLSHandshakeTimeout:    cfg.Timeout,
		MaxIdleConns:           4,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        30 * time.Second, // a round fetches all its roles within this time; the next round is minutes away
		// No compression, so that the limit on the answer's size also limits memory.
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if proxy != nil && proxy.Scheme == "https" {
		transport.DialTLSContext = dialProxy(cfg.ProxyRootCAs, proxy.Hostname())
	}
	return transport
}

func (c *connection) tlsConfig(cfg Config, maxVersion uint16) *tls.Config {
	certificate := cfg.Certificate
	return &tls.Config{
		RootCAs:      cfg.RootCAs,
		MinVersion:   cfg.TLS.minVersion(),
		MaxVersion:   maxVersion,
		CipherSuites: cfg.TLS.cipherSuites(),
		// This function always sends the certificate, as curl does. With Certificates, Go would withhold it if CAP's list of acceptable
		// authorities lacks its issuer, and many lists are incomplete.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c.asked.Store(true)
			return &certificate, nil
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			c.version.Store(uint32(s.Version))
			return nil
		},
		// Web servers that ask for a certificate only on some paths renegotiate under TLS 1.2.
		Renegotiation: tls.RenegotiateOnceAsClient,
	}
}

// dialProxy opens a TLS connection to an https proxy, which has its own authorities and does not get the client certificate. The transport opens
// every connection through it; CAP's own TLS runs inside.
func dialProxy(roots *x509.CertPool, host string) func(context.Context, string, string) (net.Conn, error) {
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: host, MinVersion: tls.VersionTLS12}}
	return dialer.DialContext
}

// tryOlderEvery is how often TLS 1.2 is retried with a server for which it did not help: often enough to notice that the server was repaired, and
// rarely enough not to double the requests.
const tryOlderEvery = 10 * time.Minute

// preference remembers which of the two connections worked.
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

// mayTry is true if it is time to try TLS 1.2, also after the clock was set back.
func (p *preference) mayTry() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := p.notBefore.Sub(p.clock.Now())
	return wait <= 0 || wait > tryOlderEvery
}

// learn remembers the outcome.
func (p *preference) learn(helped bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.older = helped
	if !helped {
		p.notBefore = p.clock.Now().Add(tryOlderEvery)
	}
}

// forget starts over: the server may have changed.
func (p *preference) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.older, p.notBefore = false, time.Time{}
}
