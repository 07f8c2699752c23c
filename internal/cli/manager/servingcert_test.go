package manager

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	certutil "k8s.io/client-go/util/cert"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// put writes a new certificate for host into dir, as the service CA's Secret is mounted.
func put(t *testing.T, dir, host string) {
	t.Helper()
	cert, key, err := certutil.GenerateSelfSignedCertKey(host, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "tls.crt", cert)
	write(t, dir, "tls.key", key)
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// names are those of the certificate that is served.
func names(t *testing.T, s *servingCertificate) []string {
	t.Helper()
	c, err := s.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return leaf.DNSNames
}

func TestServingCertificate_FollowsTheFiles(t *testing.T) {
	dir := t.TempDir()
	logged := 0
	s, err := newServingCertificate(dir, funcr.New(func(string, string) { logged++ }, funcr.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	// The steps come one after the other.
	for _, step := range []struct {
		name string
		// change is what happens to the files.
		change func()
		// want is the name in the certificate after that.
		want string
		// logs is how many lines that gives, over two handshakes.
		logs int
	}{
		{"nothing is there yet: self-signed", func() {}, "localhost", 1},
		{"the service CA has made one after the start", func() { put(t, dir, "first") }, "first", 1},
		{"nothing has changed", func() {}, "first", 0},
		{"it is renewed", func() { put(t, dir, "second") }, "second", 1},
		{"the certificate is written half", func() { write(t, dir, "tls.crt", []byte("-----BEGIN")) }, "second", 1},
		{"the files are gone", func() { _ = os.RemoveAll(dir) }, "second", 1},
		{"they are back", func() { _ = os.Mkdir(dir, 0o700); put(t, dir, "third") }, "third", 1},
		{"they are gone once more", func() { _ = os.RemoveAll(dir) }, "third", 1},
	} {
		t.Run(step.name, func(t *testing.T) {
			logged = 0
			step.change()
			for range 2 {
				if got := names(t, s); got[0] != step.want {
					t.Errorf("the certificate of %v is served, want %s", got, step.want)
				}
			}
			if logged != step.logs {
				t.Errorf("%d lines were logged, want %d", logged, step.logs)
			}
		})
	}
}

func TestServingCertificate_NeedsNoDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, ".", "somebody-else")
	s, err := newServingCertificate("", logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); got[0] != "localhost" {
		t.Errorf("without a directory the certificate of %v is served, want a self-signed one", got)
	}
}

// TestMetricsEndpoint_TakesACertificateThatAppearsAfterTheStart asks the server that the manager starts.
func TestMetricsEndpoint_TakesACertificateThatAppearsAfterTheStart(t *testing.T) {
	dir := t.TempDir()
	o := options{metricsAddress: "127.0.0.1:0", metricsSecure: true, metricsCertDir: dir}
	m, err := o.metricsOptions(newTLSFollower())
	if err != nil {
		t.Fatal(err)
	}
	if m.FilterProvider == nil {
		t.Error("everybody may read the metrics")
	}
	m.FilterProvider = nil // It asks an API server.
	server, err := metricsserver.NewServer(m, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Start(t.Context()) }()
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	bound := server.(interface{ GetBindAddr() string })
	for bound.GetBindAddr() == "" {
		select {
		case err := <-ended:
			t.Fatalf("the server ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	served := func() string {
		conn, err := tls.Dial("tcp", bound.GetBindAddr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if protocol := conn.ConnectionState().NegotiatedProtocol; protocol != "http/1.1" {
			t.Errorf("the protocol is %q, want HTTP/1.1 alone", protocol)
		}
		return conn.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	if got := served(); got != "localhost" {
		t.Errorf("before there are files the certificate is for %s, want a self-signed one", got)
	}
	put(t, dir, "metrics.svc")
	if got := served(); got != "metrics.svc" {
		t.Errorf("the certificate that appeared is not served, but one for %s", got)
	}
}
