// Package trust decides which certificate authorities a connection to a service trusts. It is the one place that does, so that
// OpenShift Cluster Manager, the registries, a C2S Access Portal and AWS are all met with the same.
//
// They are, added together: the system's, those of the file that SSL_CERT_FILE names, the cluster's trust bundle, and what a spec
// names. Only the authorities that come with a client certificate replace all others, because whoever gives them means just
// these.
package trust

import (
	"crypto/x509"
	"errors"
	"os"
	"strings"
)

// ErrNoCertificate is what a bundle is refused with that has text and no certificate: a mistake that would else show only as a
// server that is not trusted.
var ErrNoCertificate = errors.New("the bundle of certificate authorities holds no certificate")

var pools memo

// Pool is the system's authorities, those of the file that SSL_CERT_FILE names as it is now (Go itself reads it once), and those
// of the bundles, in PEM form. What is no certificate is passed over; Check tells. It is shared: nobody adds to it.
func Pool(bundles ...[]byte) *x509.CertPool {
	current, err := os.ReadFile(os.Getenv("SSL_CERT_FILE")) //nolint:gosec // Go reads the same file
	if err != nil {
		current = nil
	}
	return pools.of(append([][]byte{current}, bundles...), systemAnd)
}

// systemAnd is the system's authorities and those of the bundles.
func systemAnd(bundles [][]byte) *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // A minimal image has none: what is given must do.
	}
	for _, bundle := range bundles {
		pool.AppendCertsFromPEM(bundle)
	}
	return pool
}

// Check refuses a bundle that has text and no certificate. An empty one is fine: OpenShift fills it later.
func Check(bundle []byte) error {
	if strings.TrimSpace(string(bundle)) != "" && !x509.NewCertPool().AppendCertsFromPEM(bundle) {
		return ErrNoCertificate
	}
	return nil
}
