package simtls_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

func newCA(t *testing.T, name string) *simtls.CA {
	t.Helper()
	ca, err := simtls.NewCA(name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestServer_IsTrustedOnlyByItsOwnCA(t *testing.T) {
	ca, other := newCA(t, "one"), newCA(t, "other")
	config, err := ca.ServerConfig()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.TLS = config
	server.StartTLS()
	defer server.Close()

	get := func(trust *simtls.CA) error {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trust.Pool(), MinVersion: tls.VersionTLS12}}
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Get(server.URL)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err
	}
	if err := get(ca); err != nil {
		t.Errorf("a client that trusts the CA was refused: %v", err)
	}
	if err := get(other); err == nil {
		t.Error("a client that trusts another CA was not refused")
	}
}

func TestClient_IsValidInTheTimeOfItsOptions(t *testing.T) {
	now := time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)
	ca := newCA(t, "clients")
	for name, test := range map[string]struct {
		// option is given to Client.
		option simtls.ClientOption
		// good is whether the certificate verifies now.
		good bool
	}{
		"valid":         {simtls.Valid(now.Add(-time.Hour), now.Add(time.Hour)), true},
		"expired":       {simtls.Expired(now), false},
		"not yet valid": {simtls.NotYetValid(now), false},
	} {
		t.Run(name, func(t *testing.T) {
			certPEM, keyPEM, err := ca.Client("npe", test.option)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
				t.Fatalf("certificate and key do not match: %v", err)
			}
			cert, err := simtls.ParseCertificate(certPEM)
			if err != nil {
				t.Fatal(err)
			}
			_, err = cert.Verify(x509.VerifyOptions{
				Roots: ca.Pool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			})
			if (err == nil) != test.good {
				t.Errorf("verify at %s: %v, want good %v", now, err, test.good)
			}
		})
	}
}
