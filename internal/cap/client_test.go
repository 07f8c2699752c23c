package cap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// portal is a CAP that wants client certificates, with a client that it accepts.
type portal struct {
	server *httptest.Server
	config Config
}

// startPortal serves the handler. change, where given, alters the server before it starts.
func startPortal(t *testing.T, handler http.HandlerFunc, change ...func(*httptest.Server)) portal {
	t.Helper()
	ca, key := newAuthority(t, "client CA"), newKey(t)
	cert, bad := LoadClientCertificate(map[string][]byte{
		"cap.pem": ca.client(t, key, noon.AddDate(-40, 0, 0), noon.AddDate(40, 0, 0)), "cap.key": keyPEM(t, key),
	}, noon)
	if bad != nil {
		t.Fatal(bad)
	}
	// The server asks for certificates of an authority that is not the client's, as portals with incomplete lists do.
	listed := x509.NewCertPool()
	listed.AddCert(newAuthority(t, "somebody else's CA").cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", noon.Format(http.TimeFormat)) // the portal lives in the time of the tests
		handler(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: listed}
	server.Config.ErrorLog = discard() // broken connections are part of the tests
	for _, c := range change {
		c(server)
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return portal{server: server, config: Config{
		URL: server.URL + "/CAP/api/v1/credentials", Agency: "A&B", Mission: "a mission+more", Certificate: cert.TLS, RootCAs: roots,
		Clock: clocktesting.NewFakePassiveClock(noon), Timeout: 10 * time.Second,
	}}
}

func (p portal) client(t *testing.T) *Client {
	t.Helper()
	c, err := New(p.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// fetch expects an *Error, and that it shows neither the body nor the query.
func (p portal) fetch(t *testing.T, ctx context.Context) *Error {
	t.Helper()
	c, err := p.client(t).Fetch(ctx, "role-"+canary)
	var bad *Error
	if err != nil && !errors.As(err, &bad) {
		t.Fatalf("the error is a %T", err)
	}
	if err != nil && c.AccessKeyID != "" {
		t.Error("a credential comes with an error")
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, secret := range []string{canary, "a mission", "a%20mission", "?"} {
			if shown := fmt.Sprintf("%v %+v", e, e); strings.Contains(shown, secret) {
				t.Errorf("%q shows in %q", secret, shown)
			}
		}
	}
	return bad
}

func serve(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestFetch_AsksInBothDialectsWithTheCertificateAndCorrectEncoding(t *testing.T) {
	for _, test := range []struct {
		dialect Dialect
		want    url.Values
	}{
		{"", url.Values{"agency": {"A&B"}, "mission": {"a mission+more"}, "role": {"WLR-x y/é"}, "extra": {"1=2"}}},
		{C2S, url.Values{"agency": {"A&B"}, "mission": {"a mission+more"}, "role": {"WLR-x y/é"}, "extra": {"1=2"}}},
		{SC2S, url.Values{"agency": {"A&B"}, "accountName": {"a mission+more"}, "roleName": {"WLR-x y/é"}, "extra": {"1=2"}}},
	} {
		t.Run("dialect "+string(test.dialect), func(t *testing.T) {
			var got *http.Request
			p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
				got = r
				serve(200, jsonType, good(`"2026-11-20T13:00:00Z"`))(w, r)
			})
			p.config.Dialect, p.config.ExtraParameters = test.dialect, map[string]string{"extra": "1=2"}
			c, err := p.client(t).Fetch(context.Background(), "WLR-x y/é")
			if err != nil {
				t.Fatal(err)
			}
			if c.SessionToken != "t/+"+canary+"==" || c.Expiry != awscreds.ToldExpiry(noon.Add(time.Hour)) {
				t.Error("the credential is not that of the answer")
			}
			if got.Method != "GET" || got.URL.Path != "/CAP/api/v1/credentials" || got.Header.Get("Accept") != jsonType {
				t.Errorf("asked %s %s, Accept %q", got.Method, got.URL.Path, got.Header.Get("Accept"))
			}
			if strings.Contains(got.URL.RawQuery, "+") {
				t.Errorf("a blank is written as +: %s", got.URL.RawQuery)
			}
			if fmt.Sprint(got.URL.Query()) != fmt.Sprint(test.want) {
				t.Errorf("asked with %v, want %v", got.URL.Query(), test.want)
			}
			if len(got.TLS.PeerCertificates) != 1 || got.TLS.PeerCertificates[0].Subject.CommonName != "npe.cluster.example" {
				t.Error("asked without the client certificate although the server's list of authorities lacks its issuer")
			}
		})
	}
}

func TestFetch_RefusesWhatIsNoGoodAnswer(t *testing.T) {
	var redirected atomic.Int32
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    Class
		status  int
		says    string
	}{
		{"a page with 200", serve(200, "text/html", "<html>"+canary), AuthenticationRefused, 200, "client certificate"},
		{"400 with JSON", serve(400, jsonType, canary), RequestRejected, 400, "rejects"},
		{"a body with an expired credential", serve(200, jsonType, good(`"2026-11-20T11:00:00Z"`)), Expired, 200, "expired"},
		{"20 MB", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			_, _ = io.WriteString(w, good("")+strings.Repeat(" ", 20<<20))
		}, Malformed, 200, "larger"},
		{"a body cut off before its length", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			w.Header().Set("Content-Length", "5000")
			_, _ = io.WriteString(w, good(""))
		}, Malformed, 200, "is incomplete"},
		{"a chunked body that ends early", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			_, _ = io.WriteString(w, good(""))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, Malformed, 200, "is incomplete"},
		{"a body that only begins like a compressed one", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			serve(200, jsonType, "\x1f\x8b"+r.Header.Get("Accept-Encoding"))(w, r)
		}, Malformed, 200, "not the JSON"},
		{"a page of 403", serve(403, "text/html", "<html>"+canary), AuthenticationRefused, 403, "page"},
		{"a redirect to another place", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/login" {
				redirected.Add(1)
				serve(200, jsonType, good(""))(w, r)
				return
			}
			http.Redirect(w, r, "/login?"+canary, http.StatusFound)
		}, AuthenticationRefused, 302, "redirect"},
		{"no answer at all", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Unavailable, 0, "closed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := startPortal(t, test.handler).fetch(t, context.Background())
			if bad == nil || bad.Class != test.want || bad.Status != test.status || !strings.Contains(bad.Message, test.says) {
				t.Errorf("Fetch gives %+v, want %s, status %d, that says %q", bad, test.want, test.status, test.says)
			}
		})
	}
	if redirected.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestFetch_ReadsNoMoreThanTheLimitOfAnEndlessAnswer(t *testing.T) {
	written := make(chan int, 1)
	p := startPortal(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		total, chunk := 0, []byte(strings.Repeat(" ", 64<<10))
		for r.Context().Err() == nil {
			n, err := w.Write(chunk)
			if total += n; err != nil {
				break
			}
		}
		written <- total
	})
	if bad := p.fetch(t, context.Background()); bad == nil || bad.Class != Malformed {
		t.Errorf("Fetch gives %+v, want %s", bad, Malformed)
	}
	p.server.CloseClientConnections()
	if total := <-written; total > 16*MaxBody { // what the kernel's buffers hold comes on top of the limit
		t.Errorf("%d bytes were taken from the portal", total)
	}
}

func TestNew_RefusesAConfigurationThatCannotBeAsked(t *testing.T) {
	valid := Config{URL: "https://cap.example:8443/CAP/api/v1/credentials", Agency: "A", Mission: "M"}
	if _, err := New(valid); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"http":                       func(c *Config) { c.URL = "http://cap.example/" + canary },
		"no scheme":                  func(c *Config) { c.URL = "cap.example/" + canary },
		"no host":                    func(c *Config) { c.URL = "https:///" + canary },
		"a port alone":               func(c *Config) { c.URL = "https://:8443/" + canary },
		"a query":                    func(c *Config) { c.URL += "?role=" + canary },
		"an empty query":             func(c *Config) { c.URL += "?" },
		"a fragment":                 func(c *Config) { c.URL += "#" + canary },
		"a user":                     func(c *Config) { c.URL = "https://u:" + canary + "@cap.example/" },
		"a URL that does not parse":  func(c *Config) { c.URL = "https://cap.example/%zz" + canary },
		"an unknown dialect":         func(c *Config) { c.Dialect = "C3S" },
		"no agency":                  func(c *Config) { c.Agency = "" },
		"no mission":                 func(c *Config) { c.Mission = "" },
		"an extra role":              func(c *Config) { c.ExtraParameters = map[string]string{"role": canary} },
		"an extra role of the other": func(c *Config) { c.ExtraParameters = map[string]string{"roleName": canary} },
	} {
		cfg := valid
		change(&cfg)
		if _, err := New(cfg); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: error %v, want one without the value", name, err)
		}
	}
}
