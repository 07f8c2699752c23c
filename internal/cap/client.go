// Package cap asks a C2S Access Portal (CAP, in SC2S regions SCAP) for temporary AWS credentials: one GET with a client certificate per role. It
// trusts only answers that Judge accepts. Its errors say what to do, and hold nothing of the answer's body or the request's query.
package cap

import (
	"context"
	"crypto/fips140"
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
	"unicode"
	"unicode/utf8"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/httpheader"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Dialect is the set of query parameter names of a portal.
type Dialect string

const (
	// C2S uses agency, mission and role.
	C2S Dialect = "C2S"
	// SC2S uses agency, accountName and roleName.
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
	// RootCAs to check the server's certificate against; nil means the system's.
	RootCAs *x509.CertPool
	// RootsFrom says in messages where these come from: "the CA in Secret x". If empty, messages leave it out.
	RootsFrom string
	// Timeout of one request with its answer; 0 means 30 seconds.
	Timeout time.Duration
	// TLS settings of the connection.
	TLS TLS
	// Proxy as in http.Transport; nil means none.
	Proxy func(*http.Request) (*url.URL, error)
	// ProxyRootCAs to check the certificate of an https proxy against; nil means the system's.
	ProxyRootCAs *x509.CertPool
	// Clock; nil means the wall clock.
	Clock clock.PassiveClock
	// Transport makes what carries the requests, with the TLS settings of a connection and its proxy, which may be nil; nil means the network, with the
	// fields above.
	Transport func(*tls.Config, *url.URL) http.RoundTripper
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
	roots   string
	clock   clock.PassiveClock
	// proxy that all requests go through; nil means none. proxyInvalid is true where its URL does not parse.
	proxy        *url.URL
	proxyInvalid bool
	// usual is the connection as configured. older is the one over TLS 1.2, nil if that is the same or not allowed.
	usual, older *connection
	preference   preference
	// deniedByFIPS: the configuration wants RSA key exchange, and FIPS mode does not offer it.
	deniedByFIPS bool
	// skew at the last answer with a date, see Skew.
	skew atomic.Pointer[time.Duration]
}

// New checks the configuration. Its error says what is wrong without showing the URL or a parameter's value.
func New(cfg Config) (*Client, error) {
	base, err := baseURL(cfg.URL)
	if err != nil {
		return nil, err
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
	c := &Client{
		base: *base, dialect: cfg.Dialect, query: query, timeout: cfg.Timeout, roots: cfg.RootsFrom, clock: cfg.Clock, preference: preference{clock: cfg.Clock},
		deniedByFIPS: cfg.TLS.RSAKeyExchange && fips140.Enabled(),
	}
	c.connect(cfg)
	return c, nil
}

func baseURL(of string) (*url.URL, error) {
	base, err := url.Parse(of)
	switch {
	case err != nil: // the error quotes the URL
		return nil, errors.New("the URL of CAP does not parse")
	case base.Scheme != "https" || base.Hostname() == "":
		return nil, errors.New("the URL of CAP must be an absolute https URL")
	case base.User != nil || base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("the URL of CAP must have no user, query or fragment")
	}
	return base, nil
}

// connect makes the connections. All requests go to one URL, so they share the proxy.
func (c *Client) connect(cfg Config) {
	if cfg.Proxy != nil {
		var err error
		c.proxy, err = cfg.Proxy(&http.Request{URL: &c.base}) // the error may quote a password
		c.proxyInvalid = err != nil
	}
	c.usual = newConnection(cfg, cfg.TLS.MaxVersion, c.proxy)
	if cfg.TLS.older() {
		c.older = newConnection(cfg, tls.VersionTLS12, c.proxy)
	}
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

// Close ends the idle connections.
func (c *Client) Close() {
	c.usual.http.CloseIdleConnections()
	if c.older != nil {
		c.older.http.CloseIdleConnections()
	}
}

// requestURL is the URL for a role. Blanks are encoded as %20, which every server decodes, and not as +, which only form decoders do.
func (c *Client) requestURL(role string) *url.URL {
	query := url.Values{c.dialect.roleParameter(): {role}}
	for name, values := range c.query {
		query[name] = values
	}
	u := c.base
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}

// Fetch asks for the credential of a role: once, and a second time over TLS 1.2 if CAP did not recognise the client because it cannot ask for its
// certificate over TLS 1.3. The error is always an *Error.
func (c *Client) Fetch(ctx context.Context, role string) (awscreds.Credential, error) {
	credential, bad := c.fetch(ctx, role)
	if bad != nil {
		return awscreds.Credential{}, bad
	}
	return credential, nil
}

func (c *Client) fetch(ctx context.Context, role string) (awscreds.Credential, *Error) {
	switch {
	case !ValidRole(role):
		return awscreds.Credential{}, &Error{Class: RequestRejected, Message: "The role is empty, too long or holds characters that cannot be printed."}
	case c.proxyInvalid:
		return awscreds.Credential{}, &Error{Class: ProxyUnavailable, Cause: CauseProxyInvalid, Message: "The URL of the proxy does not parse."}
	}
	within, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if c.preference.isOlder() {
		credential, bad := c.ask(ctx, within, c.older, role)
		if bad != nil && bad.Status == 0 {
			c.preference.forget()
		}
		return credential, bad
	}
	credential, bad := c.ask(ctx, within, c.usual, role)
	if bad == nil || !c.unrecognised(bad) {
		return credential, bad
	}
	bad.Cause = CauseNotAsked
	if c.older != nil && c.preference.mayTry() {
		again, worse := c.ask(ctx, within, c.older, role)
		helped := c.older.asked.Load()
		if ctx.Err() == nil {
			c.preference.learn(helped)
		}
		if helped {
			return again, worse
		}
	}
	bad.Message += " " + c.notAsked()
	return awscreds.Credential{}, bad
}

// unrecognised is true if CAP rejected a client without having asked for its certificate. Some servers close the connection instead of answering.
func (c *Client) unrecognised(bad *Error) bool {
	refused := bad.Class == AuthenticationRefused || bad.Class == RoleRefused || bad.Class == RequestRejected && bad.page
	silent := bad.closed && c.usual.version.Load() == tls.VersionTLS13 && c.older != nil
	return !c.usual.asked.Load() && (refused && bad.Status != 0 || silent)
}

// notAsked explains that CAP does not ask for the certificate.
func (c *Client) notAsked() string {
	version := uint16(c.usual.version.Load())
	switch {
	case version < tls.VersionTLS13:
		return "It did not ask for the client certificate in the TLS handshake (" + tls.VersionName(version) + ")."
	case c.older == nil:
		return "It did not ask for the client certificate over TLS 1.3. Servers that ask for it only on some paths can do so only over TLS 1.2."
	}
	return "It did not ask for the client certificate, neither over TLS 1.3 nor over TLS 1.2."
}

// ask sends one request. ctx is the caller's context; within also has the time limit.
func (c *Client) ask(ctx, within context.Context, by *connection, role string) (awscreds.Credential, *Error) {
	req := (&http.Request{
		Method: http.MethodGet,
		URL:    c.requestURL(role),
		Header: http.Header{"Accept": {"application/json"}, "User-Agent": {"credential-rotation-operator"}},
	}).WithContext(within)
	asked := c.now()
	resp, err := by.http.Do(req)
	if err != nil {
		return awscreds.Credential{}, c.transportError(ctx, err)
	}
	defer func() { _ = resp.Body.Close() }()
	now := c.now()
	portal := portalNow(portalTime(resp.Header), asked, now)
	skew := skewOf(portal, now)
	contentType := resp.Header.Get("Content-Type")
	var body []byte
	if resp.StatusCode == http.StatusOK { // the body of any other answer is of no use
		if body, err = io.ReadAll(io.LimitReader(resp.Body, MaxBody+1)); err != nil {
			return awscreds.Credential{}, c.bodyError(ctx, resp.StatusCode, err)
		}
	}
	credential, bad := Judge(resp.StatusCode, contentType, body, now, portal)
	if resp.StatusCode == http.StatusOK && (bad == nil || !bad.page) && !portal.IsZero() { // the date of a page may come from a web server in front of CAP
		c.skew.Store(&skew)
	}
	if bad != nil {
		bad.RetryAfter = httpheader.RetryAfter(resp.Header, now.Add(skew), schedule.MaxRetryAfter)
		if bad.Class == Expired && skew != 0 {
			bad.Message += fmt.Sprintf(" CAP's clock is %s it, so one of the two clocks is wrong.", DescribeSkew(skew))
		}
	}
	return credential, bad
}

// now is the time of the wall clock, as an expiry is.
func (c *Client) now() time.Time { return c.clock.Now().UTC().Round(0) }

// maxRole is the maximum length of a role in the API, in bytes.
const maxRole = 512

// ValidRole is true for a possible role name: printable, so that a status, a metric or a terminal shows it as it is.
func ValidRole(role string) bool {
	odd := func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }
	return strings.TrimSpace(role) != "" && len(role) <= maxRole && strings.IndexFunc(role, odd) < 0
}
