package trust

import (
	"crypto/x509"
	"strings"
	"testing"
)

// FuzzBundle: a bundle that is accepted holds an authority or nothing at all.
func FuzzBundle(f *testing.F) {
	f.Add([]byte(" \n"))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	_, bundle := authority(f)
	f.Add(append([]byte("# a comment\n"), bundle...))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		pool := x509.NewCertPool()
		holds := pool.AppendCertsFromPEM(bundle)
		if accepted := Check(bundle) == nil; accepted != (holds || strings.TrimSpace(string(bundle)) == "") {
			t.Fatalf("accepted: %v, and it holds a certificate: %v", accepted, holds)
		}
	})
}
