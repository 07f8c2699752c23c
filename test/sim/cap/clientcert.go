package cap

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// ClientCertificate issues a client certificate that the portal accepts, PEM with its PKCS #8 key. It is valid for a year
// around the simulator's time unless an option changes that.
func (s *Sim) ClientCertificate(cn string, opts ...simtls.ClientOption) (certPEM, keyPEM []byte, err error) {
	now := s.clock.Now()
	around := simtls.Valid(now.Add(-24*time.Hour), now.Add(365*24*time.Hour))
	return s.clientCA.Client(cn, append([]simtls.ClientOption{around}, opts...)...)
}

// configFor is the TLS configuration for a client's hello: with CertificateByPath no certificate is requested over TLS 1.3.
func (s *Sim) configFor(asking *tls.Config) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	silent := asking.Clone()
	silent.ClientAuth = tls.NoClientCert
	return func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.counts.Connections++
		if s.settings.CertificateByPath && slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
			return silent, nil
		}
		return asking, nil
	}
}

// Revoke puts a client certificate on the revocation list.
func (s *Sim) Revoke(certPEM []byte) error {
	cert, err := simtls.ParseCertificate(certPEM)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked[cert.SerialNumber.String()] = true
	return nil
}

// Deactivate makes a user inactive, or active again. Users are identified by the common name of their certificates.
func (s *Sim) Deactivate(cn string, inactive bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inactive[cn] = inactive
}

// accepts checks the certificates of a connection, the client's own first. It is called for each request, so that a revoked certificate is
// refused on open connections too. The caller holds the lock.
func (s *Sim) accepts(presented []*x509.Certificate) bool {
	if len(presented) == 0 {
		return false
	}
	leaf := presented[0]
	intermediates := x509.NewCertPool()
	for _, cert := range presented[1:] {
		intermediates.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         s.clientCA.Pool(),
		Intermediates: intermediates,
		CurrentTime:   s.clock.Now(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil && !s.revoked[leaf.SerialNumber.String()] && !s.inactive[leaf.Subject.CommonName]
}
