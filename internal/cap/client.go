// Package cap asks a C2S Access Portal (CAP, in SC2S regions SCAP) for temporary AWS credentials: one GET with a client
// certificate per role. It trusts no answer that Judge did not find good, and tells in its errors what a person has to do,
// without a byte of the answer's body or of the request's query.
package cap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// Dialect is the set of query parameter names of a portal.
type Dialect string

const (
	// C2S asks with agency, mission and role.
	C2S Dialect = "C2S"
	// SC2S asks with agency, accountName and roleName.
	SC2S Dialect = "SC2S"
)

// Config is one portal and how to ask it.
type Config struct {
	// URL of the API without query; https only, any host, port and path.
	URL string
	// Dialect; empty is C2S.
	Dialect Dialect
	// Agency and Mission as the portal knows them. Mission is the account name in the dialect SC2S.
	Agency, Mission string
	// ExtraParameters are added to the query. They may not name those of a dialect.
	ExtraParameters map[string]string
	// Certificate is the client certificate.
	Certificate tls.Certificate
	// RootCAs that the server's certificate is checked against. nil: the system's.
	RootCAs *x509.CertPool
	// Timeout of one request with its answer. 0: 30 seconds.
	Timeout time.Duration
	// Proxy as in http.Transport. nil: none.
	Proxy func(*http.Request) (*url.URL, error)
	// Clock; nil is the wall clock.
	Clock clock.PassiveClock
}

// String shows neither the certificate's key nor a parameter.
func (c Config) String() string { return "configuration of a portal" }

// GoString shows neither the certificate's key nor a parameter.
func (c Config) GoString() string { return c.String() }

// defaultTimeout is that of the API: portals that call STS for each request answer in seconds.
const defaultTimeout = 30 * time.Second

// Client asks one portal. It is safe for concurrent use; Close ends its idle connections.
type Client struct {
	base    url.URL
	dialect Dialect
	query   url.Values
	timeout time.Duration
	clock   clock.PassiveClock
	http    *http.Client
	// skew of the last answer that told the time, see Skew.
	skew atomic.Pointer[time.Duration]
}

// New checks the configuration. Its error names what is wrong and shows neither the URL nor a parameter's value.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.URL)
	switch {
	case err != nil:
		return nil, errors.New("the URL of CAP does not parse")
	case base.Scheme != "https" || base.Host == "":
		return nil, errors.New("the URL of CAP must be an absolute https URL")
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("the URL of CAP must have no user, query or fragment")
	}
	if cfg.Dialect == "" {
		cfg.Dialect = C2S
	}
	if cfg.Dialect != C2S && cfg.Dialect != SC2S {
		return nil, fmt.Errorf("dialect %q is neither C2S nor SC2S", cfg.Dialect)
	}
	if cfg.Agency == "" || cfg.Mission == "" {
		return nil, errors.New("agency and mission must be given")
	}
	query := url.Values{}
	for name, value := range cfg.ExtraParameters {
		if name == "" || reserved[name] {
			return nil, fmt.Errorf("extra parameter %q has a field of its own", name)
		}
		query.Set(name, value)
	}
	query.Set("agency", cfg.Agency)
	query.Set(cfg.Dialect.missionParameter(), cfg.Mission)
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	return &Client{
		base: *base, dialect: cfg.Dialect, query: query, timeout: cfg.Timeout, clock: cfg.Clock,
		http: &http.Client{
			Transport:     newTransport(cfg),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// reserved are the parameters of both dialects.
var reserved = map[string]bool{"agency": true, "mission": true, "role": true, "accountName": true, "roleName": true}

func (d Dialect) missionParameter() string {
	if d == SC2S {
		return "accountName"
	}
	return "mission"
}

func (d Dialect) roleParameter() string {
	if d == SC2S {
		return "roleName"
	}
	return "role"
}

func newTransport(cfg Config) *http.Transport {
	certificate := cfg.Certificate
	return &http.Transport{
		Proxy: cfg.Proxy,
		TLSClientConfig: &tls.Config{
			RootCAs:    cfg.RootCAs,
			MinVersion: tls.VersionTLS12,
			// Given through this function the certificate is always sent, as curl does. Through Certificates it would be held
			// back when the portal's list of acceptable authorities does not name its issuer, and many lists are incomplete.
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil },
			// Web servers that ask for a certificate on some paths only do it by a renegotiation under TLS 1.2.
			Renegotiation: tls.RenegotiateOnceAsClient,
		},
		TLSHandshakeTimeout: cfg.Timeout,
		MaxIdleConns:        4,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     30 * time.Second, // one refresh asks for all its roles within this; the next is minutes away
		// No compression, so that the limit on the answer's size is one on memory too.
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Close ends the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// requestURL is the URL for a role. Blanks are written %20, which every server reads, and not +, which only form decoders do.
func (c *Client) requestURL(role string) *url.URL {
	query := url.Values{c.dialect.roleParameter(): {role}}
	for name, values := range c.query {
		query[name] = values
	}
	u := c.base
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}

// Fetch asks for the credential of a role, once. The error is always an *Error.
func (c *Client) Fetch(ctx context.Context, role string) (awscreds.Credential, error) {
	if role == "" {
		return awscreds.Credential{}, &Error{Class: RequestRejected, Message: "no role is given"}
	}
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req := (&http.Request{
		Method: http.MethodGet,
		URL:    c.requestURL(role),
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"credential-rotation-operator"}},
	}).WithContext(within)

	resp, err := c.http.Do(req)
	if err != nil {
		return awscreds.Credential{}, c.transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	now, portal := c.clock.Now().UTC().Round(0), portalTime(resp.Header) // Round: an expiry is a time of the wall clock
	skew := skewOf(portal, now)
	contentType := resp.Header.Get("Content-Type")
	var body []byte
	if resp.StatusCode == http.StatusOK && isJSON(contentType) { // the body of any other answer is of no use
		if !portal.IsZero() { // and its time may be that of a web server before the portal
			c.skew.Store(&skew)
		}
		if body, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody+1)); err != nil {
			return awscreds.Credential{}, c.bodyError(ctx, resp.StatusCode, err)
		}
	}
	credential, bad := Judge(resp.StatusCode, contentType, body, now, portal)
	if bad != nil {
		bad.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now.Add(skew))
		if bad.Class == Expired && skew != 0 {
			bad.Message += fmt.Sprintf("; CAP's clock is %s it, so one of the two is wrong", DescribeSkew(skew))
		}
		return awscreds.Credential{}, bad
	}
	return credential, nil
}
