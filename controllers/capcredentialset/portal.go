package capcredentialset

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
	"github.com/openshift/credential-rotation-operator/internal/trust"
)

// portal fetches credentials. *cap.Client implements it.
type portal interface {
	Fetch(ctx context.Context, role string) (awscreds.Credential, error)
	Skew() (skew time.Duration, known bool)
	Close()
}

// checker checks a credential with STS. awscreds.STSChecker implements it.
type checker interface {
	Check(ctx context.Context, c awscreds.Credential) (awscreds.STSResult, error)
}

// dialer makes both from their configurations.
type dialer struct {
	portal  func(cap.Config) (portal, error)
	checker func(awscreds.STSChecker) checker
}

// realDialer makes the real clients.
func realDialer() dialer {
	return dialer{
		portal: func(c cap.Config) (portal, error) {
			client, err := cap.New(c)
			if err != nil {
				return nil, err
			}
			return client, nil
		},
		checker: func(c awscreds.STSChecker) checker { return c },
	}
}

// portalCache keeps a set's client, with its connections, for as long as its configuration stays the same.
type portalCache struct {
	client  portal
	basis   string
	trusted trusted
}

func (c *portalCache) close() {
	if c.client != nil {
		c.client.Close()
	}
	c.client, c.basis, c.trusted = nil, "", trusted{}
}

// openPortal makes the client of a set, or returns the cached one. It uses the current certificate and CAs: a changed Secret or trust bundle
// gives a new client without a restart.
func (r *reconciler) openPortal(ctx context.Context, s *scope) (portal, error) {
	trusted, err := r.authorities(ctx, s)
	if err != nil {
		return nil, err
	}
	endpoint := s.set.Spec.Endpoint
	spec, err := json.Marshal(endpoint)
	if err != nil {
		return nil, fmt.Errorf("spec.endpoint: %w", err)
	}
	through, err := proxyOf(endpoint.Proxy)
	if err != nil {
		return nil, err
	}
	basis := s.memory.Basis + "/" + digest(spec) + "/" + proxyBasis(through, endpoint.URL)
	if s.portal.client != nil && s.portal.basis == basis && s.portal.trusted.equal(trusted) {
		return s.portal.client, nil
	}
	s.portal.close()
	timeout := 30 * time.Second
	if endpoint.Timeout != nil {
		timeout = endpoint.Timeout.Duration
	}
	client, err := r.dial.portal(cap.Config{
		URL: endpoint.URL, Dialect: cap.Dialect(endpoint.Dialect), Agency: endpoint.Agency, Mission: endpoint.Mission,
		ExtraParameters: endpoint.ExtraParameters, Certificate: s.certificate.TLS, RootCAs: trusted.roots, RootsFrom: trusted.from,
		TLS: tlsOf(endpoint.TLS), Timeout: timeout, Proxy: through, ProxyRootCAs: trusted.proxyRoots, Clock: r.Clock,
	})
	if err != nil {
		return nil, fmt.Errorf("spec.endpoint: %w", err)
	}
	s.portal.client, s.portal.basis, s.portal.trusted = client, basis, trusted
	return client, nil
}

// tlsOf converts the spec's TLS settings.
func tlsOf(spec *v1alpha1.CAPTLS) cap.TLS {
	if spec == nil {
		return cap.TLS{}
	}
	versions := map[v1alpha1.TLSVersion]uint16{v1alpha1.VersionTLS12: tls.VersionTLS12, v1alpha1.VersionTLS13: tls.VersionTLS13}
	return cap.TLS{MinVersion: versions[spec.MinVersion], MaxVersion: versions[spec.MaxVersion], RSAKeyExchange: spec.AllowRSAKeyExchange}
}

// noProxy in a spec bypasses the cluster's proxy.
const noProxy = "none"

// proxyOf converts the spec's proxy: the cluster's by default.
func proxyOf(spec string) (func(*http.Request) (*url.URL, error), error) {
	switch spec {
	case "":
		return proxy.For, nil
	case noProxy:
		return nil, nil
	}
	at, err := url.Parse(spec)
	if err != nil || at.Hostname() == "" || at.User != nil || at.Scheme != "http" && at.Scheme != "https" {
		return nil, errors.New("spec.endpoint.proxy is neither none nor an http:// or https:// URL without a user name")
	}
	return http.ProxyURL(at), nil
}

// proxyBasis changes with the proxy of a URL, because the cluster's may change at any time. It stays in memory.
func proxyBasis(through func(*http.Request) (*url.URL, error), endpoint string) string {
	to, err := url.Parse(endpoint)
	if err != nil || through == nil {
		return ""
	}
	via, err := through(&http.Request{URL: to})
	if err != nil || via == nil {
		return ""
	}
	return digest([]byte(via.String()))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// openChecker makes the STS checker in the spec; nil if there is none.
func (r *reconciler) openChecker(ctx context.Context, s *scope) checker {
	if !s.checksSTS() {
		return nil
	}
	v := s.set.Spec.Verification
	// If these cannot be read, the credential stays unchecked, and the policy says what that means.
	aws, err := cluster.ReadAWS(ctx, r.reader)
	if err != nil {
		log.FromContext(ctx).Error(err, "The cluster's region could not be read")
	}
	bundle, err := cluster.ReadTrustBundle(ctx, r.reader)
	if err != nil {
		log.FromContext(ctx).Error(err, "STS is checked only against the system's roots")
	}
	c := awscreds.STSChecker{Region: v.Region, Endpoint: v.Endpoint, RootCAs: trust.Pool(bundle, aws.CABundle)}
	if c.Region == "" {
		c.Region = aws.Region
	}
	// The cluster's endpoint belongs to the cluster's region.
	if c.Endpoint == "" && c.Region == aws.Region {
		c.Endpoint = aws.STSEndpoint
	}
	return r.dial.checker(c)
}
