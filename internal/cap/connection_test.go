package cap

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// byPath is a server that asks for the client certificate on some paths only: over TLS 1.3 it cannot ask a client in Go, and refuses with
// refusal; over TLS 1.2 it asks, which here it does at once.
func byPath(refusal http.HandlerFunc, count *atomic.Int32) (http.HandlerFunc, func(*httptest.Server)) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		if len(r.TLS.PeerCertificates) == 0 {
			refusal(w, r)
			return
		}
		serve(200, jsonType, good(""))(w, r)
	}
	return handler, func(s *httptest.Server) {
		s.TLS.ClientAuth = tls.NoClientCert
		asking := s.TLS.Clone()
		asking.ClientAuth, asking.MaxVersion = tls.RequestClientCert, tls.VersionTLS12
		s.TLS.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if hello.SupportedVersions[0] >= tls.VersionTLS13 {
				return nil, nil // the configuration of the server
			}
			asking.Certificates = s.TLS.Certificates
			return asking, nil
		}
	}
}

func TestFetch_IsRecognisedByAServerThatAsksForTheCertificateOnSomePathsOnly(t *testing.T) {
	for name, refusal := range map[string]http.HandlerFunc{
		"403 with a page":            serve(403, "text/html", "<html>"+canary),
		"403 that does not say what": serve(403, "", ""),
		"200 with a page":            serve(200, "text/html", "<html>"+canary),
		"401":                        serve(401, jsonType, "{}"),
		"403 of a program behind it": serve(403, jsonType, `{"status":403}`),
		"400 with a page":            serve(400, "text/html", "No required SSL certificate was sent"),
		"a redirect to a login page": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"the end of the connection":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"403 of JSON within a 200":   serve(200, jsonType, `{"status":403}`),
	} {
		t.Run(name, func(t *testing.T) {
			var count atomic.Int32
			handler, change := byPath(refusal, &count)
			client := startPortal(t, handler, change).client(t)
			if _, err := client.Fetch(context.Background(), "r"); err != nil {
				t.Fatalf("with TLS 1.2 left to try: %v", err)
			}
			first := count.Swap(0)
			if _, err := client.Fetch(context.Background(), "r"); err != nil || count.Load() != 1 {
				t.Errorf("what worked is not remembered: %d requests after %d, %v", count.Load(), first, err)
			}
		})
	}
}

func TestFetch_SaysThatItWasNotAskedForTheCertificate(t *testing.T) {
	never := func(s *httptest.Server) { s.TLS.ClientAuth = tls.NoClientCert }
	var count atomic.Int32
	refuse := func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		serve(403, "text/html", "<html>"+canary)(w, r)
	}
	p := startPortal(t, refuse, never)
	now := clocktesting.NewFakePassiveClock(noon)
	p.config.Clock = now
	client := p.client(t)
	for _, step := range []struct {
		what     string
		after    time.Duration
		requests int32
	}{
		{"the first time", 0, 2}, {"right after that", 0, 1}, {"minutes later", tryOlderEvery - time.Second, 1},
		{"when the server may have been repaired", 2 * time.Second, 2}, {"after the clock was set back", -24 * time.Hour, 2},
	} {
		now.SetTime(now.Now().Add(step.after))
		count.Store(0)
		_, bad := client.fetch(context.Background(), "r")
		if bad == nil || bad.Class != AuthenticationRefused || bad.Cause != CauseNotAsked || !strings.Contains(bad.Message, "did not ask for the client certificate, neither over TLS 1.3 nor over TLS 1.2") {
			t.Errorf("%s: %+v", step.what, bad)
		}
		if count.Load() != step.requests {
			t.Errorf("%s it takes %d requests, want %d", step.what, count.Load(), step.requests)
		}
	}

	p.config.TLS.MinVersion = tls.VersionTLS13
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Cause != CauseNotAsked || !strings.Contains(bad.Message, "can do so only over TLS 1.2") {
		t.Errorf("where TLS 1.2 is not allowed: %+v", bad)
	}
	p.config.TLS = TLS{MaxVersion: tls.VersionTLS12}
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Cause != CauseNotAsked || !strings.Contains(bad.Message, "(TLS 1.2)") {
		t.Errorf("where TLS 1.3 is not allowed: %+v", bad)
	}
}

func TestFetch_AsksOnceWhereTheCertificateWasAskedForAndRefused(t *testing.T) {
	var count atomic.Int32
	p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
		count.Add(1)
		serve(200, "text/html", "<html>"+canary)(w, r)
	})
	bad := p.fetch(t, context.Background())
	if bad == nil || bad.Class != AuthenticationRefused || bad.Cause != "" || count.Load() != 1 {
		t.Errorf("%d requests, %+v", count.Load(), bad)
	}
}

func TestFetch_FindsItsWayAgainWhenAServerStopsToSpeakTLS12(t *testing.T) {
	var count atomic.Int32
	var modern atomic.Bool
	handler, change := byPath(serve(403, "text/html", "<html>"), &count)
	p := startPortal(t, handler, func(s *httptest.Server) {
		change(s)
		older := s.TLS.GetConfigForClient
		s.TLS.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if modern.Load() {
				return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert}, nil
			}
			return older(hello)
		}
	})
	client := p.client(t)
	if _, err := client.Fetch(context.Background(), "r"); err != nil {
		t.Fatal(err)
	}
	modern.Store(true)
	client.Close() // its connections are from before
	if _, bad := client.fetch(context.Background(), "r"); bad == nil || bad.Class != HandshakeFailed {
		t.Errorf("TLS 1.2 is gone: %+v", bad)
	}
	if _, err := client.Fetch(context.Background(), "r"); err != nil {
		t.Errorf("the time after that: %v", err)
	}
}

func TestFetch_SpeaksTheTLSThatItIsToldTo(t *testing.T) {
	rsaOnly := func(s *httptest.Server) {
		s.TLS.MaxVersion, s.TLS.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	}
	modern := func(s *httptest.Server) { s.TLS.MinVersion = tls.VersionTLS13 }
	old := func(s *httptest.Server) { s.TLS.MaxVersion = tls.VersionTLS12 }
	for _, test := range []struct {
		name   string
		server func(*httptest.Server)
		tls    TLS
		works  bool
	}{
		{"RSA key exchange is not offered", rsaOnly, TLS{}, false},
		{"unless it is wanted, and FIPS mode is off", rsaOnly, TLS{RSAKeyExchange: true}, !fips140.Enabled()},
		{"which takes nothing away from others", modern, TLS{RSAKeyExchange: true}, true},
		{"a server with TLS 1.3 alone", modern, TLS{}, true},
		{"a server with TLS 1.3 alone, and 1.2 at most", modern, TLS{MaxVersion: tls.VersionTLS12}, false},
		{"a server with only TLS 1.2", old, TLS{}, true},
		{"a server with only TLS 1.2, and 1.3 at least", old, TLS{MinVersion: tls.VersionTLS13}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startPortal(t, serve(200, jsonType, good("")), test.server)
			p.config.TLS = test.tls
			switch bad := p.fetch(t, context.Background()); {
			case test.works && bad != nil:
				t.Error(bad)
			case !test.works && (bad == nil || bad.Class != HandshakeFailed || !strings.Contains(bad.Message, "no version or cipher")):
				t.Errorf("Fetch gives %+v, want %s", bad, HandshakeFailed)
			case bad != nil && strings.Contains(bad.Message, "fips140=off") != test.tls.RSAKeyExchange:
				t.Errorf("that FIPS mode is the reason is told where it is not, or the other way round: %s", bad.Message)
			}
		})
	}
	t.Run("no TLS at all", func(t *testing.T) {
		p := startPortal(t, serve(200, jsonType, good("")))
		plain := httptest.NewServer(http.NotFoundHandler())
		defer plain.Close()
		p.config.URL = "https://" + strings.TrimPrefix(plain.URL, "http://")
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != HandshakeFailed || bad.Cause != CauseNoTLS {
			t.Errorf("Fetch gives %+v, want %s", bad, HandshakeFailed)
		}
	})
}

// tunnel is a proxy that connects, or answers with a status.
func tunnel(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if status != http.StatusOK {
			w.WriteHeader(status)
			return
		}
		up, err := net.Dial("tcp", r.Host)
		if err != nil {
			return
		}
		down, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
		go func() { _, _ = io.Copy(down, up); _ = down.Close() }()
	}
}

func TestFetch_ChecksAProxyAgainstItsOwnAuthoritiesAndShowsItNoCertificate(t *testing.T) {
	var shown atomic.Int32
	proxy := httptest.NewUnstartedServer(nil)
	proxy.Config.ErrorLog = discard()
	proxy.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown.Add(int32(len(r.TLS.PeerCertificates)))
		tunnel(http.StatusOK)(w, r)
	})
	ca := newAuthority(t, "the proxy's own CA")
	proxy.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{ca.server(t)}}
	proxy.StartTLS()
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := startPortal(t, serve(200, jsonType, good("")))
	p.config.Proxy, p.config.ProxyRootCAs = http.ProxyURL(at), x509.NewCertPool()
	p.config.ProxyRootCAs.AddCert(ca.cert)
	if bad := p.fetch(t, context.Background()); bad != nil {
		t.Errorf("a proxy that is trusted: %v", bad)
	}
	if shown.Load() != 0 {
		t.Error("the proxy was shown the client certificate")
	}
	p.config.ProxyRootCAs = x509.NewCertPool()
	bad := p.fetch(t, context.Background())
	if bad == nil || bad.Class != ProxyUnavailable || bad.Cause != CauseProxyUntrusted || !strings.Contains(bad.Message, at.Host) || !strings.Contains(bad.Message, "unknown authority") {
		t.Errorf("a proxy that is not trusted: %+v", bad)
	}
	p.config.ProxyRootCAs.AddCert(ca.cert)
	p.config.RootCAs = x509.NewCertPool()
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Untrusted {
		t.Errorf("CAP is not trusted behind a proxy that is: %+v", bad)
	}
}

func TestFetch_TellsWhatAProxyRefusesAsTheProxys(t *testing.T) {
	for status, want := range map[int]Cause{403: CauseProxyRefuses, 502: CauseProxyRefuses, 503: CauseProxyRefuses, 407: CauseProxyAuthentication, 204: CauseProxyRefuses} {
		proxy := httptest.NewServer(tunnel(status))
		at, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		p := startPortal(t, serve(200, jsonType, good("")))
		p.config.Proxy = http.ProxyURL(at)
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != ProxyUnavailable || bad.Cause != want || !strings.Contains(bad.Message, "The proxy "+at.Host) {
			t.Errorf("%d of the proxy gives %+v, want %s", status, bad, want)
		}
		proxy.Close()
	}
}

func TestValidRole_TakesWhatCanBeShown(t *testing.T) {
	for _, role := range []string{"r", "WLR-x y/é", "arn:aws-iso:iam::123456789012:role/a+b=c,d.e@f", strings.Repeat("r", 512)} {
		if !ValidRole(role) {
			t.Errorf("%q is refused", role)
		}
	}
	for _, role := range []string{"", " ", strings.Repeat("r", 513), "a\nb", "a\x7f", "a\u009bb", "a\u202eb", "a\u200bb", "a\u2066b", "\ufeffa", "a\u00adb", "a\u2028b", "a\xffb", "a\ufffdb", "a\u00a0b"} {
		if ValidRole(role) {
			t.Errorf("%q is taken", role)
		}
		if _, bad := (&Client{}).fetch(context.Background(), role); bad == nil || bad.Class != RequestRejected {
			t.Errorf("%q is asked for", role)
		}
	}
}
