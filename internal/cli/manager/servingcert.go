package manager

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/go-logr/logr"
	certutil "k8s.io/client-go/util/cert"
)

// servingCertificate is the certificate of the metrics endpoint. OpenShift's service CA issues it once it sees the Service, often after the pod
// has started, and renews it every 13 months. controller-runtime looks for the files only once, and would serve a self-signed certificate, which
// Prometheus refuses, until the pod restarts. This one reads the two small files at each handshake, every half a minute, so it misses no change.
type servingCertificate struct {
	certFile, keyFile string
	log               logr.Logger

	mu sync.Mutex
	// current is the served certificate: the last one read from the files, or self-signed.
	current         *tls.Certificate
	certPEM, keyPEM []byte
	// complaint is the last logged problem, so that each is logged once and not at every handshake.
	complaint string
}

// newServingCertificate uses tls.crt and tls.key in dir once they exist; dir may be empty.
func newServingCertificate(dir string, log logr.Logger) (*servingCertificate, error) {
	certPEM, keyPEM, err := certutil.GenerateSelfSignedCertKey("localhost", nil, nil)
	if err != nil {
		return nil, fmt.Errorf("making a self-signed certificate for the metrics endpoint: %w", err)
	}
	selfSigned, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("parsing the self-signed certificate for the metrics endpoint: %w", err)
	}
	s := &servingCertificate{current: &selfSigned, log: log}
	if dir != "" {
		s.certFile, s.keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	}
	return s, nil
}

// get is a tls.Config's GetCertificate. It never fails: if the files are missing or incomplete, it keeps the previous certificate.
func (s *servingCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.certFile == "" {
		return s.current, nil
	}
	switch err := s.read(); {
	case err == nil:
		s.complaint = ""
	case err.Error() != s.complaint:
		s.complaint = err.Error()
		s.log.Info("The metrics endpoint keeps its current certificate", "because", s.complaint)
	}
	return s.current, nil
}

// read loads the files if they have changed.
func (s *servingCertificate) read() error {
	certPEM, err := os.ReadFile(s.certFile)
	if err != nil {
		return err
	}
	keyPEM, err := os.ReadFile(s.keyFile)
	if err != nil {
		return err
	}
	if bytes.Equal(certPEM, s.certPEM) && bytes.Equal(keyPEM, s.keyPEM) {
		return nil
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		// Half written, or from two different renewals: the next handshake finds them complete.
		return err
	}
	s.current, s.certPEM, s.keyPEM = &pair, certPEM, keyPEM
	s.log.Info("The metrics endpoint has a new certificate", "file", s.certFile, "notAfter", pair.Leaf.NotAfter)
	return nil
}
