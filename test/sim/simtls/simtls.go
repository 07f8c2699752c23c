// Package simtls makes the throw-away certificates of the simulators: a CA that lives in memory, server certificates for this machine and client
// certificates in every state that a service can refuse. It is only for tests.
package simtls

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// The CA and the server certificates are valid for any time of a test's clock, so that a clock that is years ahead or behind affects only
// the credentials under test.
var (
	alwaysFrom = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	alwaysTo   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// CA is a certificate authority that exists only in memory.
type CA struct {
	cert *x509.Certificate
	pem  []byte
	key  crypto.Signer
}

// NewCA makes a CA with the given common name.
func NewCA(name string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate the key of CA %q: %w", name, err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             alwaysFrom,
		NotAfter:              alwaysTo,
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create CA %q: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse CA %q: %w", name, err)
	}
	return &CA{cert: cert, pem: encodeCertificate(der), key: key}, nil
}

// PEM returns the certificate of the CA in PEM.
func (ca *CA) PEM() []byte {
	return append([]byte(nil), ca.pem...)
}

// Certificate returns the certificate of the CA.
func (ca *CA) Certificate() *x509.Certificate {
	return ca.cert
}

// Pool returns a new pool that trusts only this CA.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// Server returns a server certificate for the given host names and IP addresses; for 127.0.0.1, ::1 and localhost if
// none is given.
func (ca *CA) Server(hosts ...string) (tls.Certificate, error) {
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1", "::1", "localhost"}
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: hosts[0]},
		NotBefore:   alwaysFrom,
		NotAfter:    alwaysTo,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	certPEM, keyPEM, err := ca.issue(template)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("server certificate for %v: %w", hosts, err)
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

// ServerConfig returns a TLS configuration with a server certificate for the given hosts, as Server makes it.
func (ca *CA) ServerConfig(hosts ...string) (*tls.Config, error) {
	cert, err := ca.Server(hosts...)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}, nil
}

// ClientOption changes a client certificate.
type ClientOption func(*x509.Certificate)

// Valid sets the time in which the certificate is valid.
func Valid(notBefore, notAfter time.Time) ClientOption {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = notBefore, notAfter }
}

// Expired makes a certificate whose validity ended an hour before now.
func Expired(now time.Time) ClientOption {
	return Valid(now.Add(-48*time.Hour), now.Add(-time.Hour))
}

// NotYetValid makes a certificate whose validity begins an hour after now.
func NotYetValid(now time.Time) ClientOption {
	return Valid(now.Add(time.Hour), now.Add(48*time.Hour))
}

// Client returns a client certificate and its PKCS #8 key, both PEM. It is valid for a year around the machine's
// current time unless an option changes that.
func (ca *CA) Client(cn string, opts ...ClientOption) (certPEM, keyPEM []byte, err error) {
	now := time.Now()
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: cn},
		NotBefore:   now.Add(-24 * time.Hour),
		NotAfter:    now.Add(365 * 24 * time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, opt := range opts {
		opt(template)
	}
	certPEM, keyPEM, err = ca.issue(template)
	if err != nil {
		return nil, nil, fmt.Errorf("client certificate %q: %w", cn, err)
	}
	return certPEM, keyPEM, nil
}

// ParseCertificate returns the first certificate of a PEM document.
func ParseCertificate(certPEM []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(certPEM)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no PEM block of type CERTIFICATE")
	}
	return x509.ParseCertificate(block.Bytes)
}

func (ca *CA) issue(template *x509.Certificate) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	if template.SerialNumber, err = newSerial(); err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, key.Public(), ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key: %w", err)
	}
	return encodeCertificate(der), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return serial, nil
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
