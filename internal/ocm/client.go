package ocm

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	sdk "github.com/openshift-online/ocm-sdk-go"
	"github.com/openshift-online/ocm-sdk-go/authentication"
	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/echo"
	"github.com/openshift/credential-rotation-operator/internal/hosts"
)

// DefaultTimeout bounds one call, the token exchange included. OCM answers within a second or two; thirty seconds leave room for a slow proxy and
// are short enough for a reconcile to wait.
const DefaultTimeout = 30 * time.Second

// PublicHosts are the hosts of the public OCM, of FedRAMP's, and of their SSOs.
var PublicHosts = hosts.MustParse("api.openshift.com,sso.redhat.com,api.openshiftusgov.com,sso.openshiftusgov.com")

// Config says which OCM a client talks to, and as whom. Exactly one of Credential and ClusterToken must be set.
type Config struct {
	// URL of the API, https only; default https://api.openshift.com.
	URL string
	// TokenURL of the SSO, https only; default that of the public service, or of FedRAMP when URL is FedRAMP's.
	TokenURL string
	// Credential to log in with.
	Credential Credential
	// ClusterToken to authenticate with instead.
	ClusterToken ClusterToken
	// RootCAs to trust; nil means the system's.
	RootCAs *x509.CertPool
	// Timeout of one call; default DefaultTimeout.
	Timeout time.Duration
	// UserAgent of every request; default the SDK's.
	UserAgent string
	// Clock for judging the service's clock and its Retry-After; default the real one. The SDK always uses the real clock for the age of a token.
	Clock clock.PassiveClock
	// Transport carries the requests; default the network, by the cluster's proxy.
	Transport http.RoundTripper
	// Observe, if set, is called for every HTTP request with its method, the path with ids replaced by their names (TokenExchange for the SSO),
	// and the status of the answer, 0 without one.
	Observe func(method, pathTemplate string, status int)
}

// Client talks to OCM with one credential. It is safe for concurrent use.
type Client struct {
	conn      *sdk.Connection
	transport *transport
	timeout   time.Duration
	// byCluster is true if the cluster's token is used rather than a person's credential.
	byCluster bool
	// leaks is true if a text contains a part of the credential, or of the token that the SSO returned for it. It is a function so that printing
	// a Client prints no secret.
	leaks func(text string) bool

	// open ends when Close is called; calls holds Close back until every call has returned, because the SDK's connection
	// is not safe to close while in use.
	open  context.Context
	close context.CancelFunc
	calls sync.RWMutex
}

// String keeps the credential out of logs.
func (c *Client) String() string { return "OCM client" }

// GoString keeps the credential out of logs.
func (c *Client) GoString() string { return c.String() }

// New prepares a client; it sends nothing. Its errors are *Error of kind InvalidSpec or OCMCredentialMissing.
func New(cfg Config) (*Client, error) {
	cfg, err := complete(cfg)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	byCluster := cfg.ClusterToken != (ClusterToken{})
	builder := sdk.NewConnectionBuilder().
		Logger(quiet{}).
		URL(cfg.URL).
		TokenURL(cfg.TokenURL).
		RetryLimit(0).
		Agent(cfg.UserAgent).
		TransportWrapper(func(http.RoundTripper) http.RoundTripper { return transport })
	var secrets []string
	if byCluster {
		builder = builder.Tokens(cfg.ClusterToken.ClusterID + ":" + cfg.ClusterToken.Auth)
		secrets = cfg.ClusterToken.secrets()
	} else {
		builder = builder.Client(cfg.Credential.ClientID, cfg.Credential.ClientSecret)
		if !cfg.Credential.isClient() {
			builder = builder.Tokens(cfg.Credential.Token)
		}
		secrets = []string{cfg.Credential.Token, cfg.Credential.ClientSecret}
	}
	conn, err := builder.Build()
	if err != nil {
		// The SDK's text may quote the credential.
		return nil, &Error{Kind: OCMCredentialMissing, Message: "the OCM credential is not in a form that OCM's SDK accepts"}
	}
	open, cancel := context.WithCancel(context.Background())
	return &Client{
		conn: conn, transport: transport, timeout: cfg.Timeout, byCluster: byCluster,
		leaks: func(text string) bool {
			bearer, _ := transport.bearer.Load().(string)
			return echo.Repeats(text, append(secrets[:len(secrets):len(secrets)], bearer)...)
		},
		open: open, close: cancel,
	}, nil
}

// Close cancels the calls under way, waits for them and closes the connections. The client is unusable afterwards.
func (c *Client) Close() error {
	c.close()
	c.calls.Lock()
	defer c.calls.Unlock()
	if network, ok := c.transport.inner.(*http.Transport); ok {
		network.CloseIdleConnections()
	}
	return c.conn.Close()
}

// complete checks a configuration and fills in its defaults.
func complete(cfg Config) (Config, error) {
	if cfg.URL == "" {
		cfg.URL = sdk.DefaultURL
	}
	if cfg.TokenURL == "" {
		cfg.TokenURL = authentication.DefaultTokenURL
		if strings.TrimSuffix(cfg.URL, "/") == sdk.FedRAMPURL {
			cfg.TokenURL = authentication.FedRAMPTokenURL
		}
	}
	if err := checkURL(cfg.URL); err != nil {
		return cfg, &Error{Kind: InvalidSpec, Message: "the URL of OCM cannot be used: " + err.Error()}
	}
	if api, _ := url.Parse(cfg.URL); strings.Trim(api.Path, "/") != "" {
		return cfg, &Error{Kind: InvalidSpec, Message: "the URL of OCM cannot be used: it has a path, which the SDK would drop"}
	}
	if err := checkURL(cfg.TokenURL); err != nil {
		return cfg, &Error{Kind: InvalidSpec, Message: "the URL of the SSO cannot be used: " + err.Error()}
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.RealClock{}
	}
	cfg.Credential = cfg.Credential.trimmed()
	if cfg.Credential.ClientID == "" && cfg.TokenURL == authentication.FedRAMPTokenURL {
		cfg.Credential.ClientID = authentication.FedRAMPClientID
	}
	return cfg, authorized(cfg)
}

// authorized says what is wrong with what a client asks with.
func authorized(cfg Config) error {
	if cfg.ClusterToken == (ClusterToken{}) {
		if err := cfg.Credential.check(); err != nil {
			return &Error{Kind: OCMCredentialMissing, Message: "the OCM credential cannot be used: " + err.Error()}
		}
		return nil
	}
	if cfg.Credential.Token != "" || cfg.Credential.ClientSecret != "" {
		return &Error{Kind: InvalidSpec, Message: "an OCM client uses a credential or a cluster's token, not both"}
	}
	if err := cfg.ClusterToken.check(); err != nil {
		return &Error{Kind: OCMCredentialMissing, Message: "the cluster's token cannot be used: " + err.Error()}
	}
	return nil
}

// checkURL requires https, because credentials are sent there. Its errors do not repeat the URL, which may hold a password.
func checkURL(text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("it does not parse")
	case parsed.Scheme != "https":
		return errors.New("it is not https")
	case parsed.Host == "":
		return errors.New("it names no host")
	case parsed.User != nil:
		return errors.New("it holds a user name")
	case parsed.RawQuery != "" || parsed.Fragment != "":
		return errors.New("it holds a query or a fragment")
	}
	return nil
}
