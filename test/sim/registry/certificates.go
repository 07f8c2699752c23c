package registry

import (
	"crypto/tls"
	"fmt"
	"sync"

	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// Certificate is a kind of server certificate.
type Certificate string

const (
	// GoodCertificate has the registry's name.
	GoodCertificate Certificate = "Good"
	// OtherName is signed by the same CA for another name.
	OtherName Certificate = "OtherName"
	// OtherCA has the right name and an untrusted CA, as from a proxy that inspects TLS.
	OtherCA Certificate = "OtherCA"
)

// Certificates lists the kinds.
func Certificates() []Certificate { return []Certificate{GoodCertificate, OtherName, OtherCA} }

// Present makes a registry use a certificate from the next connection on.
func (s *Sim) Present(registry string, c Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.host(registry).certs.shown = c
}

type certificates struct {
	shown Certificate
	all   map[Certificate]*tls.Certificate
}

func (c *certificates) make(ca *simtls.CA, name string) error {
	stranger, err := simtls.NewCA("nobody's CA")
	if err != nil {
		return err
	}
	c.shown, c.all = GoodCertificate, map[Certificate]*tls.Certificate{}
	for kind, by := range map[Certificate]struct {
		ca    *simtls.CA
		hosts []string
	}{
		GoodCertificate: {ca, []string{name, "127.0.0.1"}},
		OtherName:       {ca, []string{"other.example.com"}},
		OtherCA:         {stranger, []string{name, "127.0.0.1"}},
	} {
		cert, err := by.ca.Server(by.hosts...)
		if err != nil {
			return err
		}
		c.all[kind] = &cert
	}
	return nil
}

func (c *certificates) config(mu *sync.Mutex) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if cert := c.all[c.shown]; cert != nil {
				return cert, nil
			}
			return nil, fmt.Errorf("no certificate of kind %q", c.shown)
		},
	}
}
