// Package trust decides which certificate authorities a connection to a service trusts. All of OpenShift Cluster Manager, the registries, CAP and
// AWS use it, so that they all have the same authorities.
//
// These are the sum of the system's, those of the file that SSL_CERT_FILE names, the cluster's trust bundle, and those that a spec names. Only
// authorities that come with a client certificate replace all others, because they are meant to be exclusive.
package trust

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// ErrNoCertificate is the error for a bundle that has text but no certificate: without it this mistake would only show as an untrusted server.
var ErrNoCertificate = errors.New("the bundle of certificate authorities holds no certificate")

var pools memo

// Pool returns the system's authorities, those in the current file of SSL_CERT_FILE (Go itself reads it only once), and those of the bundles, in
// PEM form. It ignores anything but certificates; see Check. The pool is shared, so callers must not add to it.
func Pool(bundles ...[]byte) *x509.CertPool {
	current, _ := os.ReadFile(os.Getenv("SSL_CERT_FILE")) //nolint:gosec // Go reads the same file; without one there is nothing to add
	return pools.of(append([][]byte{current}, bundles...), systemAnd)
}

// systemAnd returns the system's authorities and those of the bundles.
func systemAnd(bundles [][]byte) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // A minimal image has none; then the given bundles must suffice.
	}
	for _, bundle := range bundles {
		pool.AppendCertsFromPEM(bundle)
	}
	return pool
}

// Check refuses a bundle that has text and no certificate. An empty bundle is accepted: OpenShift fills it later.
func Check(bundle []byte) error {
	if strings.TrimSpace(string(bundle)) != "" && !x509.NewCertPool().AppendCertsFromPEM(bundle) {
		return ErrNoCertificate
	}
	return nil
}
