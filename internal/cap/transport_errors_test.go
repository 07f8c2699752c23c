package cap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

func TestFetch_ClassifiesWhatComesBeforeAnAnswer(t *testing.T) {
	t.Run("a server that is not trusted", func(t *testing.T) {
		p := startPortal(t, serve(200, jsonType, good("")))
		p.config.RootCAs = x509.NewCertPool()
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Untrusted || !strings.Contains(bad.Message, "unknown authority") {
			t.Errorf("Fetch gives %+v, want %s", bad, Untrusted)
		}
	})
	t.Run("a server with another name", func(t *testing.T) {
		p := startPortal(t, serve(200, jsonType, good("")))
		p.config.URL = strings.Replace(p.config.URL, "127.0.0.1", "localhost", 1)
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Untrusted || !strings.Contains(bad.Message, "another host name") {
			t.Errorf("Fetch gives %+v, want %s", bad, Untrusted)
		}
	})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run("a server that refuses the certificate in the handshake of "+tls.VersionName(version), func(t *testing.T) {
			p := startPortal(t, serve(200, jsonType, good("")), func(s *httptest.Server) {
				s.TLS.ClientAuth, s.TLS.MinVersion, s.TLS.MaxVersion = tls.RequireAndVerifyClientCert, version, version
			})
			if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != AuthenticationRefused || !strings.Contains(bad.Message, "handshake") {
				t.Errorf("Fetch gives %+v, want %s", bad, AuthenticationRefused)
			}
		})
	}
	t.Run("a server that has no certificate for the name", func(t *testing.T) {
		p := startPortal(t, serve(200, jsonType, good("")), func(s *httptest.Server) {
			s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("x") } // internal error
		})
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Unavailable || !strings.Contains(bad.Message, "aborts the TLS handshake") {
			t.Errorf("Fetch gives %+v, want %s", bad, Unavailable)
		}
	})
	t.Run("nothing listens", func(t *testing.T) {
		p := startPortal(t, serve(200, jsonType, good("")))
		p.server.Close()
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Unavailable || !strings.Contains(bad.Message, "refused") {
			t.Errorf("Fetch gives %+v, want %s", bad, Unavailable)
		}
	})
	t.Run("a name that does not resolve", func(t *testing.T) {
		p := startPortal(t, serve(200, jsonType, good("")))
		p.config.URL = "https://cap.invalid/api"
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Unavailable {
			t.Errorf("Fetch gives %+v, want %s", bad, Unavailable)
		}
	})
	t.Run("no role", func(t *testing.T) {
		var bad *Error
		if _, err := startPortal(t, serve(200, jsonType, good(""))).client(t).Fetch(context.Background(), ""); !errors.As(err, &bad) || bad.Class != RequestRejected {
			t.Errorf("Fetch gives %v, want %s", err, RequestRejected)
		}
	})
}

func TestFetch_EndsAtItsTimeLimitAndAtTheCallersEnd(t *testing.T) {
	for _, phase := range []string{"before the header", "within the body"} {
		t.Run(phase, func(t *testing.T) {
			release := make(chan struct{})
			var once sync.Once
			reached := make(chan struct{})
			p := startPortal(t, func(w http.ResponseWriter, _ *http.Request) {
				if phase == "within the body" {
					w.Header().Set("Content-Type", jsonType)
					_, _ = io.WriteString(w, good("")[:20])
					_ = http.NewResponseController(w).Flush()
				}
				once.Do(func() { close(reached) })
				<-release
			})
			t.Cleanup(func() { close(release) })

			ctx, cancel := context.WithCancel(context.Background())
			go func() { <-reached; cancel() }()
			if bad := p.fetch(t, ctx); bad == nil || bad.Class != Unavailable || !errors.Is(bad, context.Canceled) {
				t.Errorf("after the caller's end Fetch gives %+v, want %s that is context.Canceled", bad, Unavailable)
			}
			p.config.Timeout = 100 * time.Millisecond
			if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Unavailable || !strings.Contains(bad.Message, "within 100ms") || errors.Unwrap(bad) != nil {
				t.Errorf("after the time limit Fetch gives %+v, want %s", bad, Unavailable)
			}
		})
	}
}

func TestFetch_ReportsWhatThePortalSaysAboutTime(t *testing.T) {
	for _, test := range []struct {
		header string
		want   time.Duration
	}{
		{"", 0}, {"120", 2 * time.Minute}, {" 5 ", 5 * time.Second}, {"-5", 0}, {"1.5", 1500 * time.Millisecond}, {"NaN", 0}, {"soon " + canary, 0},
		{"899", 899 * time.Second}, {"900", schedule.MaxRetryAfter}, {"3600", schedule.MaxRetryAfter}, {"99999999999999999999999", schedule.MaxRetryAfter}, {strings.Repeat("9", 400), schedule.MaxRetryAfter},
		{noon.Add(time.Hour).Format(http.TimeFormat), schedule.MaxRetryAfter},
		{"999999999999", schedule.MaxRetryAfter}, {strconv.Itoa(1 << 62), schedule.MaxRetryAfter},
		{noon.Add(time.Minute).Format(http.TimeFormat), time.Minute}, {noon.Add(-time.Minute).Format(http.TimeFormat), 0},
		{noon.AddDate(1, 0, 0).Format(http.TimeFormat), schedule.MaxRetryAfter},
	} {
		p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", test.header)
			serve(503, "text/html", canary)(w, r)
		})
		if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Unavailable || bad.RetryAfter != test.want {
			t.Errorf("Retry-After %q gives %+v, want to wait %v", test.header, bad, test.want)
		}
	}
	for _, test := range []struct {
		portal  time.Time
		expires string // dead by both clocks
		says    string
		hint    bool
	}{
		{noon.Add(-5 * time.Hour), "2026-11-20T06:00:00Z", "5h0m0s behind", true},
		{noon.Add(5 * time.Hour), "2026-11-20T11:00:00Z", "5h0m0s ahead of", true},
		{noon.Add(time.Minute), "2026-11-20T11:00:00Z", "clock is", false},
	} {
		p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", test.portal.Format(http.TimeFormat))
			serve(200, jsonType, good(`"`+test.expires+`"`))(w, r)
		})
		if bad := p.fetch(t, context.Background()); bad == nil || strings.Contains(bad.Message, test.says) != test.hint {
			t.Errorf("with the portal's clock at %v Fetch gives %+v; says %q: want %v", test.portal, bad, test.says, test.hint)
		}
	}
}

func TestFetch_GoesThroughTheProxyAndShowsNothingOfItsPassword(t *testing.T) {
	var asked atomic.Value
	p := startPortal(t, serve(200, jsonType, good("")))
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		if r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
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
	}))
	defer proxy.Close()
	through := func(user *url.Userinfo) func(*http.Request) (*url.URL, error) {
		u, err := url.Parse(proxy.URL)
		if err != nil {
			t.Fatal(err)
		}
		u.User = user
		return http.ProxyURL(u)
	}
	p.config.Proxy = through(url.UserPassword("u", canary))
	if bad := p.fetch(t, context.Background()); bad != nil {
		t.Errorf("through the proxy: %v", bad)
	}
	if want := "CONNECT " + strings.TrimPrefix(p.server.URL, "https://"); asked.Load() != want {
		t.Errorf("the proxy was asked %q, want %q", asked.Load(), want)
	}
	p.config.Proxy = through(nil)
	name := strings.TrimPrefix(proxy.URL, "http://")
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != ProxyUnavailable || bad.Cause != CauseProxyAuthentication || !strings.Contains(bad.Message, name) {
		t.Errorf("a proxy that wants a password gives %+v, want %s that names it", bad, ProxyUnavailable)
	}
	proxy.Close()
	p.config.Proxy = through(url.UserPassword("u", canary))
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != ProxyUnavailable || !strings.Contains(bad.Message, "The proxy "+name+" cannot be reached") {
		t.Errorf("a proxy that is away gives %+v, want %s that names the proxy", bad, ProxyUnavailable)
	}
	p.config.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New(canary) }
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != ProxyUnavailable || bad.Cause != CauseProxyInvalid {
		t.Errorf("a proxy whose URL does not parse gives %+v, want %s", bad, ProxyUnavailable)
	}
}
