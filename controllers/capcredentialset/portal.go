package capcredentialset

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/proxy"
	"github.com/openshift/credential-rotation-operator/internal/trust"
)

// portal gives out credentials. *cap.Client is one.
type portal interface {
	Fetch(ctx context.Context, role string) (awscreds.Credential, error)
	Skew() (skew time.Duration, known bool)
	Close()
}

// checker asks STS about a credential. awscreds.STSChecker is one.
type checker interface {
	Check(ctx context.Context, c awscreds.Credential) (awscreds.STSResult, error)
}

// dialer makes both from their configuration.
type dialer struct {
	portal  func(cap.Config) (portal, error)
	checker func(awscreds.STSChecker) checker
}

// realDialer talks to the real services.
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

// portalCache keeps a set's client, with its connections, for as long as what it is made from stays the same.
type portalCache struct {
	client portal
	basis  string
	roots  *x509.CertPool
}

func (c *portalCache) close() {
	if c.client != nil {
		c.client.Close()
	}
	c.client, c.basis, c.roots = nil, "", nil
}

// openPortal makes the client of a set, or gives the one that is there. Its certificate and authorities are those of now: a
// Secret or a trust bundle that changed makes a new client, without a restart.
func (r *reconciler) openPortal(ctx context.Context, s *scope) (portal, error) {
	roots := s.certificate.RootCAs
	if roots == nil {
		bundle, err := cluster.ReadTrustBundle(ctx, r.reader)
		if err != nil {
			// A cluster that is too ill to give out its bundle needs its credentials all the more.
			log.FromContext(ctx).Error(err, "The portal's certificate is checked against the system's roots alone")
		}
		roots = trust.Pool(bundle)
	}
	endpoint := s.set.Spec.Endpoint
	spec, err := json.Marshal(endpoint)
	if err != nil {
		return nil, fmt.Errorf("spec.endpoint: %w", err)
	}
	basis := s.memory.Basis + "/" + digest(spec)
	if s.portal.client != nil && s.portal.basis == basis && s.portal.roots.Equal(roots) {
		return s.portal.client, nil
	}
	s.portal.close()
	timeout := 30 * time.Second
	if endpoint.Timeout != nil {
		timeout = endpoint.Timeout.Duration
	}
	client, err := r.dial.portal(cap.Config{
		URL: endpoint.URL, Dialect: cap.Dialect(endpoint.Dialect), Agency: endpoint.Agency, Mission: endpoint.Mission,
		ExtraParameters: endpoint.ExtraParameters, Certificate: s.certificate.TLS, RootCAs: roots,
		Timeout: timeout, Proxy: proxy.For, Clock: r.Clock,
	})
	if err != nil {
		return nil, fmt.Errorf("spec.endpoint: %w", err)
	}
	s.portal.client, s.portal.basis, s.portal.roots = client, basis, roots
	return client, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// openChecker makes the check by STS that the spec asks for; nil when it asks for none.
func (r *reconciler) openChecker(ctx context.Context, s *scope) checker {
	if !s.checksSTS() {
		return nil
	}
	v := s.set.Spec.Verification
	// What cannot be read leaves the credential unchecked, which is an answer too: the policy says what it means.
	aws, err := cluster.ReadAWS(ctx, r.reader)
	if err != nil {
		log.FromContext(ctx).Error(err, "The cluster's region is not known")
	}
	bundle, err := cluster.ReadTrustBundle(ctx, r.reader)
	if err != nil {
		log.FromContext(ctx).Error(err, "STS is checked against the system's roots alone")
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
