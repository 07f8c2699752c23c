package pullsecretrotation

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
	"github.com/openshift/credential-rotation-operator/internal/registry"
)

// OCM is the part of OpenShift Cluster Manager's client that the controller uses.
type OCM interface {
	CurrentAccount(ctx context.Context) (ocm.Account, error)
	Rotations(ctx context.Context, accountID string) ([]ocm.Rotation, error)
	RequestRotation(ctx context.Context, accountID string) (ocm.Rotation, error)
	AccessToken(ctx context.Context) ([]byte, error)
	ClusterTransfers(ctx context.Context, clusterID string) ([]ocm.Transfer, error)
	Siblings(ctx context.Context, accountID, clusterID string) (ocm.Siblings, error)
	Progress(ctx context.Context, accountID, rotationID string, requested time.Time) (ocm.Progress, error)
	Close() error
}

// Prober checks a credential with a registry.
type Prober interface {
	Check(ctx context.Context, c registry.Check) registry.Result
}

// Connector makes clients of the services.
type Connector interface {
	OCM(cfg ocm.Config) (OCM, error)
	Registries(roots *x509.CertPool) Prober
}

// connector makes the real clients. It caches OCM clients by credential version and trusted CAs: a client exchanges its token once per token
// lifetime, and a new client would exchange it again.
type connector struct {
	userAgent string
	// transport carries all requests; nil is the network.
	transport http.RoundTripper
	mu        sync.Mutex
	kept      []keptClient
}

// NewConnector makes the real clients, whose requests a transport carries; nil is the network.
func NewConnector(userAgent string, transport http.RoundTripper) Connector {
	return &connector{userAgent: userAgent, transport: transport}
}

// keptClient is a cached client with its inputs.
type keptClient struct {
	*ocm.Client
	key   [sha256.Size]byte
	roots *x509.CertPool
}

// maxKept clients: one per object and credential version; beyond that the cache is cleared.
const maxKept = 16

// OCM makes a client, or returns the cached one for this credential.
func (c *connector) OCM(cfg ocm.Config) (OCM, error) {
	cfg.UserAgent = c.userAgent
	cfg.Observe, cfg.Transport = observeOCM, c.transport
	if cfg.ClusterToken != (ocm.ClusterToken{}) {
		return ocm.New(cfg)
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%q%q%q%q%q", cfg.URL, cfg.TokenURL, cfg.Credential.Token, cfg.Credential.ClientID, cfg.Credential.ClientSecret))
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, known := range c.kept {
		if known.key == key && known.roots.Equal(cfg.RootCAs) {
			return shared{known.Client}, nil
		}
	}
	made, err := ocm.New(cfg)
	if err != nil {
		return nil, err
	}
	if len(c.kept) >= maxKept {
		for _, old := range c.kept {
			go func() { _ = old.Close() }() // waits for running calls
		}
		c.kept = nil
	}
	c.kept = append(c.kept, keptClient{Client: made, key: key, roots: cfg.RootCAs})
	return shared{made}, nil
}

// shared is a client that outlives a reconcile.
type shared struct{ *ocm.Client }

// Close does nothing.
func (shared) Close() error { return nil }

// Registries makes a prober that uses the same proxy as all clients of the operator.
func (c *connector) Registries(roots *x509.CertPool) Prober {
	if c.transport != nil {
		return &registry.Prober{Transport: c.transport, UserAgent: c.userAgent}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = proxy.For
	if roots != nil {
		transport.TLSClientConfig = tlsConfig(roots)
	}
	transport.DisableKeepAlives = true // a few requests a day: no connection is worth keeping
	return &registry.Prober{Transport: transport, UserAgent: c.userAgent}
}

// clients are those of one reconcile.
type clients struct {
	asks    [sha256.Size]byte // the OCM and the credential of the last client
	account [sha256.Size]byte // the same for api, once it is set
	api     OCM
	prober  Prober
	roots   *x509.CertPool
}

func (c *clients) close() {
	if c.api != nil {
		_ = c.api.Close()
	}
}

// ocm is the client with the object's own credential, or else with the cluster's token.
func (s *scope) ocm(ctx context.Context) (OCM, error) {
	if s.clients.api != nil {
		s.clients.asks = s.clients.account
		return s.clients.api, nil
	}
	var credential ocm.Credential
	var token ocm.ClusterToken
	if decide.UsesOwnToken(&s.obj.Spec) {
		entry, ok := s.clusterEntry()
		if !ok {
			return nil, errClusterTokenDead
		}
		token = ocm.ClusterToken{ClusterID: s.facts.Cluster.ID, Auth: entry.Auth()}
	} else {
		var err error
		if credential, err = s.credential(ctx); err != nil {
			return nil, err
		}
	}
	api, err := s.connect(ctx, credential, token)
	if err != nil {
		return nil, err
	}
	s.clients.api, s.clients.account = api, s.clients.asks
	s.noteCredential(shown(credential))
	return api, nil
}

// shown is what may be shown of a credential: its kind, and how old a token is.
func shown(c ocm.Credential) v1alpha1.OCMCredentialStatus {
	n := v1alpha1.OCMCredentialStatus{Type: "ClusterToken"}
	switch {
	case c.ClientID != "" && c.ClientSecret != "":
		n.Type = "ServiceAccount"
	case c.Token != "":
		n.Type = "Token"
		if at := c.IssuedAt(); !at.IsZero() {
			n.IssuedAt = decide.TimePtr(at)
		}
	}
	return n
}

func (s *scope) connect(ctx context.Context, credential ocm.Credential, token ocm.ClusterToken) (OCM, error) {
	s.clients.asks = sha256.Sum256(fmt.Appendf(nil, "%q%q%q%q%q%q%q", s.obj.Spec.OCM.URL, s.obj.Spec.OCM.TokenURL, credential.Token, credential.ClientID,
		credential.ClientSecret, token.ClusterID, token.Auth))
	if err := s.rateLimited(); err != nil {
		return nil, err
	}
	if err := s.leadsToAllowedHosts(token == ocm.ClusterToken{}); err != nil {
		return nil, err
	}
	roots, err := s.roots(ctx)
	if err != nil {
		return nil, err
	}
	return s.r.Connect.OCM(ocm.Config{
		URL: s.obj.Spec.OCM.URL, TokenURL: s.obj.Spec.OCM.TokenURL, Credential: credential, ClusterToken: token,
		RootCAs: roots, Timeout: s.r.Options.OCMTimeout, Clock: s.r.Options.Clock,
	})
}

// leadsToAllowedHosts refuses to send credentials to hosts that the installation does not allow. With the cluster's own token the SSO is not
// asked.
func (s *scope) leadsToAllowedHosts(asksSSO bool) error {
	spec := s.obj.Spec.OCM
	for _, to := range []struct {
		field, url string
		asked      bool
	}{{"spec.ocm.url", spec.URL, true}, {"spec.ocm.tokenURL", spec.TokenURL, asksSSO}} {
		if to.url == "" || !to.asked {
			continue // the default is the public OCM
		}
		if err := s.r.Options.OCMHosts.Check(to.url); err != nil {
			return &ocm.Error{Kind: ocm.HostNotAllowed, Message: fmt.Sprintf("The operator does not send credentials to the host in %s: %v. "+
				"Nothing was requested, verified or changed. Correct the field, or add the host to the operator's --allowed-ocm-hosts "+
				"(ALLOWED_OCM_HOSTS).", to.field, err)}
		}
	}
	return nil
}

// rateLimited is OCM's last refusal until its Retry-After ends, whatever caused this reconcile. A new credential or URL is tried at once.
func (s *scope) rateLimited() error {
	m := s.memory
	rest := m.retryAfter.Sub(s.now())
	if m.limited == nil || rest <= 0 || !slices.Contains(m.limitedAs[:], s.clients.asks) {
		return nil
	}
	again := *m.limited
	again.RetryAfter = rest
	return &again
}

func (s *scope) prober(ctx context.Context) (Prober, error) {
	if s.clients.prober == nil {
		roots, err := s.roots(ctx)
		if err != nil {
			return nil, err
		}
		s.clients.prober = s.r.Connect.Registries(roots)
	}
	return s.clients.prober, nil
}

// credential reads the OCM credential from a Secret in the operator's namespace.
func (s *scope) credential(ctx context.Context) (ocm.Credential, error) {
	ref := s.obj.Spec.OCM.CredentialsSecretRef
	if ref == nil {
		return ocm.Credential{}, missingCredential("spec.ocm.credentialsSecretRef is not set")
	}
	key := s.ownKey(ref.Name)
	secret, err := s.credentialSecret.get(ctx, s, ref.Name, &corev1.Secret{})
	if apierrors.IsNotFound(err) {
		return ocm.Credential{}, missingCredential(fmt.Sprintf("the Secret %s does not exist", key))
	} else if err != nil {
		return ocm.Credential{}, fmt.Errorf("reading the OCM credential %s: %w", key, err)
	}
	c := ocm.Credential{Token: string(secret.Data["token"]), ClientID: string(secret.Data["client-id"]), ClientSecret: string(secret.Data["client-secret"])}
	if c.Token == "" && (c.ClientID == "" || c.ClientSecret == "") {
		return ocm.Credential{}, missingCredential(fmt.Sprintf("the Secret %s has neither the key token nor both client-id and client-secret", key))
	}
	return c, nil
}

func missingCredential(what string) error {
	return &ocm.Error{Kind: ocm.OCMCredentialMissing, Message: fmt.Sprintf("OCM cannot be used: %s. Until it can, no rotation is requested, and one that is under way does "+
		"not continue. Put an offline token (https://console.redhat.com/openshift/token) or a service account's client id and secret there.", what)}
}
