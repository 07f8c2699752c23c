package registry_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	ggcr "github.com/google/go-containerregistry/pkg/logs"

	"github.com/openshift/credential-rotation-operator/internal/registry"
)

const (
	user = "openshift-release-dev+ocm_access_1"
	// password, token and body are canaries: no message may hold them.
	password = "CANARY-password"
	token    = "CANARY-token"
	body     = "CANARY-body"
)

// fake is a registry that a test bends by replacing its handlers.
type fake struct {
	*httptest.Server
	ping, token, manifest http.HandlerFunc

	mu  sync.Mutex
	log []string
}

// newFake is a registry like quay.io: a Bearer challenge, a token endpoint that wants Basic, one image.
func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		f.log = append(f.log, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.Path, scheme)))
		f.mu.Unlock()
		switch {
		case r.URL.Path == "/v2/":
			f.ping(w, r)
		case r.URL.Path == "/v2/auth":
			f.token(w, r)
		default:
			f.manifest(w, r)
		}
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	f.ping = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			f.challenge(w)
		}
	}
	f.token = func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			refuse(w, http.StatusUnauthorized)
			return
		}
		give(w)
	}
	f.manifest = func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+token:
			f.challenge(w)
		case r.Method != http.MethodHead || !strings.Contains(r.Header.Get("Accept"), "manifest"):
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path != "/v2/ocp/release/manifests/4.20":
			refuse(w, http.StatusNotFound)
		}
	}
	return f
}

func (f *fake) host() string { return strings.TrimPrefix(f.URL, "https://") }

func (f *fake) challenge(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/v2/auth",service="quay.io"`, f.URL))
	refuse(w, http.StatusUnauthorized)
}

func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"errors":[{"code":"UNAUTHORIZED","message":%q}]}`, body)
}

func give(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"token":%q}`, token)
}

func (f *fake) requests() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.log, "\n")
}

// check asks about the good credential, and makes sure that the answer holds no secret.
func (f *fake) check(t *testing.T, bend func(*registry.Check)) registry.Result {
	t.Helper()
	check := registry.Check{Registry: f.host(), Username: user, Password: password}
	if bend != nil {
		bend(&check)
	}
	prober := &registry.Prober{Transport: f.Client().Transport, Timeout: 5 * time.Second, UserAgent: "test"}
	result := prober.Check(context.Background(), check)
	if strings.Contains(fmt.Sprintf("%+v", result), "CANARY") {
		t.Errorf("the result holds a secret: %+v", result)
	}
	if result.Message == "" {
		t.Error("the result has no message")
	}
	return result
}

func image(f *fake, name string) func(*registry.Check) {
	return func(c *registry.Check) { c.Image = f.host() + "/" + name }
}

func TestCheck(t *testing.T) {
	status := func(code int, contentType string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		}
	}
	const html, text = "text/html", "application/json"
	tests := []struct {
		name string
		// world bends the registry; nil leaves it good.
		world func(f *fake)
		// image to pull; empty to log in only.
		image string
		// bend changes the check.
		bend func(*registry.Check)
		want registry.Outcome
		// words that the message must hold.
		words string
	}{
		{name: "a good login", want: registry.Accepted, words: "accepts the login"},
		{name: "a good login under a key with a path", bend: func(c *registry.Check) { c.Registry += "/org" }, want: registry.Accepted},
		{name: "a good pull by tag", image: "ocp/release:4.20", want: registry.Accepted, words: "serves"},
		{name: "an image that does not exist", image: "ocp/release:4.99", want: registry.NotFound, words: "4.99"},
		{name: "a wrong password", bend: func(c *registry.Check) { c.Password = "CANARY-wrong" }, want: registry.Unauthorized, words: "user name and password"},
		{name: "a wrong password for a pull", image: "ocp/release:4.20", bend: func(c *registry.Check) { c.Password = "CANARY-wrong" }, want: registry.Unauthorized},
		{name: "an entry without a password", bend: func(c *registry.Check) { c.Password = "" }, want: registry.Unauthorized, words: "holds no user name and password"},

		{name: "a login that may not pull, said with 403", image: "ocp/release:4.20",
			world: func(f *fake) { f.manifest = status(403, text) }, want: registry.Denied, words: "accepts the login and refuses the pull"},
		{name: "a login that may not pull, said with 401 as quay.io does for a down-scoped token", image: "ocp/release:4.20",
			world: func(f *fake) { f.manifest = func(w http.ResponseWriter, _ *http.Request) { f.challenge(w) } }, want: registry.Denied},
		{name: "an account under an export hold", world: func(f *fake) { f.token = status(403, text) }, want: registry.Denied},
		{name: "a token that is worth nothing", world: func(f *fake) {
			f.ping = func(w http.ResponseWriter, _ *http.Request) { f.challenge(w) }
		}, want: registry.Unauthorized},

		{name: "a challenge with a body that does not end", world: func(f *fake) {
			f.ping = func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					return
				}
				f.challenge(w)
				for r.Context().Err() == nil {
					if _, err := io.WriteString(w, strings.Repeat(body, 1<<10)); err != nil {
						return
					}
				}
			}
		}, want: registry.Accepted},
		{name: "Basic as challenge", world: basicOnly, want: registry.Accepted},
		{name: "Basic as challenge and a wrong password", world: basicOnly, bend: func(c *registry.Check) { c.Password = "CANARY-wrong" }, want: registry.Unauthorized},
		{name: "Basic as challenge for a pull", world: basicOnly, image: "ocp/release:4.20", want: registry.Accepted},

		{name: "a 403 before any credential was sent is no evidence", world: func(f *fake) { f.ping = status(403, html) }, want: registry.Unreachable, words: "before any credential"},
		{name: "a 403 of a proxy's page is no evidence", world: func(f *fake) { f.token = status(403, html) }, want: registry.Unreachable, words: "web page"},
		{name: "a portal that says yes to everything has proven nothing", world: func(f *fake) { f.ping = status(200, html) }, want: registry.Unreachable, words: "never asked"},
		{name: "a portal that says yes to everything has proven nothing for a pull", image: "ocp/release:4.20", world: func(f *fake) {
			f.ping, f.manifest = status(200, html), status(200, html)
		}, want: registry.Unreachable},
		{name: "a token that was given to nobody in particular proves nothing", world: func(f *fake) {
			f.token = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("anonymous") == "" {
					// another host, which httptest's client finds here: the password does not travel along
					http.Redirect(w, r, "https://example.com/v2/auth?anonymous=1", http.StatusFound)
					return
				}
				give(w)
			}
		}, want: registry.Unreachable, words: "never asked"},
		{name: "patience asked for at the ping", world: func(f *fake) { f.ping = patience }, want: registry.RateLimited},
		{name: "patience asked for at the login", world: func(f *fake) { f.token = patience }, want: registry.RateLimited},
		{name: "patience asked for at the pull", image: "ocp/release:4.20", world: func(f *fake) { f.manifest = patience }, want: registry.RateLimited},
		{name: "patience asked for with another status", world: func(f *fake) {
			f.token = func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(503)
				_, _ = io.WriteString(w, `{"errors":[{"code":"TOOMANYREQUESTS"}]}`)
			}
		}, want: registry.RateLimited},
		{name: "an error of the registry", world: func(f *fake) { f.ping = status(500, text) }, want: registry.Unreachable, words: "500"},
		{name: "an error of the login", world: func(f *fake) { f.token = status(502, html) }, want: registry.Unreachable, words: "502"},
		{name: "an error of the pull", image: "ocp/release:4.20", world: func(f *fake) { f.manifest = status(503, text) }, want: registry.Unreachable, words: "503"},
		{name: "a login that answers without a token", world: func(f *fake) { f.token = status(200, text) }, want: registry.Unreachable, words: "unlike a registry"},
		{name: "a challenge without a realm", world: func(f *fake) {
			f.ping = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", `Bearer service="x"`)
				w.WriteHeader(401)
			}
		}, want: registry.Unreachable},
		{name: "a challenge that sends the password into the private network", world: func(f *fake) {
			f.ping = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="https://169.254.169.254/token",service="x"`)
				w.WriteHeader(401)
			}
		}, want: registry.Unreachable},
		{name: "a redirect to plain HTTP", world: func(f *fake) {
			f.token = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, strings.Replace(f.URL, "https", "http", 1)+"/v2/auth", http.StatusFound)
			}
		}, want: registry.Unreachable},
		{name: "a connection that is dropped", world: func(f *fake) {
			f.token = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}, want: registry.Unreachable},
		{name: "a registry of that name does not exist", bend: func(c *registry.Check) { c.Registry = "not a host" }, want: registry.Unreachable, words: "not a host name"},
		{name: "no registry at all", bend: func(c *registry.Check) { c.Registry = "" }, want: registry.Unreachable},
		{name: "an image of another registry is not asked for with this credential",
			bend: func(c *registry.Check) { c.Image = "mirror.example.com/ocp/release:4.20" }, want: registry.Unreachable, words: "name an image of that registry"},
		{name: "an image that is none", bend: func(c *registry.Check) { c.Image = "CANARY::" }, want: registry.Unreachable, words: "cannot be parsed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			if test.world != nil {
				test.world(f)
			}
			got := f.check(t, func(c *registry.Check) {
				if test.image != "" {
					image(f, test.image)(c)
				}
				if test.bend != nil {
					test.bend(c)
				}
			})
			if got.Outcome != test.want || !strings.Contains(got.Message, test.words) {
				t.Errorf("got %s: %s\nwant %s with %q; requests:\n%s", got.Outcome, got.Message, test.want, test.words, f.requests())
			}
			if refused := test.want == registry.Unauthorized || test.want == registry.Denied; got.Outcome.Refused() != refused {
				t.Errorf("Refused of %s: got %v", got.Outcome, !refused)
			}
			if got.Outcome == registry.RateLimited && strings.HasPrefix(test.name, "patience asked for at") && got.RetryAfter != time.Minute {
				t.Errorf("RetryAfter: got %s", got.RetryAfter)
			}
		})
	}
}

func patience(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "60")
	w.WriteHeader(http.StatusTooManyRequests)
}

// basicOnly makes a registry that wants the password with every request, as small mirrors do.
func basicOnly(f *fake) {
	f.ping = func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="mirror"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	f.manifest = f.ping
}

func TestCheck_ByDigestSendsEachRequestOnce(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	f := newFake(t)
	f.manifest = func(http.ResponseWriter, *http.Request) {}
	if got := f.check(t, image(f, "ocp/release@"+digest)); got.Outcome != registry.Accepted {
		t.Errorf("got %+v", got)
	}
	want := "GET /v2/\nGET /v2/auth Basic\nHEAD /v2/ocp/release/manifests/" + digest + " Bearer"
	if got := f.requests(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheck_FollowsARedirectOfTheManifestWithoutTheToken(t *testing.T) {
	f := newFake(t)
	f.manifest = func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/storage/") {
			return
		}
		http.Redirect(w, r, "https://example.com/storage/manifest", http.StatusTemporaryRedirect)
	}
	if got := f.check(t, image(f, "ocp/release:4.20")); got.Outcome != registry.Accepted {
		t.Errorf("got %+v", got)
	}
	if last := f.requests()[strings.LastIndex(f.requests(), "\n")+1:]; last != "HEAD /storage/manifest" {
		t.Errorf("the storage got %q", last)
	}
}

func TestCheck_DoesNotFollowARedirectIntoThePrivateNetwork(t *testing.T) {
	f := newFake(t)
	f.manifest = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://169.254.169.254/latest", http.StatusTemporaryRedirect)
	}
	if got := f.check(t, image(f, "ocp/release:4.20")); got.Outcome != registry.Unreachable {
		t.Errorf("got %+v", got)
	}
}

func TestCheck_ARegistryThatIsNotTrustedIsATLSErrorAndGetsNoCredential(t *testing.T) {
	f := newFake(t)
	result := (&registry.Prober{Transport: &http.Transport{}}).Check(context.Background(),
		registry.Check{Registry: f.host(), Username: user, Password: password})
	if result.Outcome != registry.TLSError || !strings.Contains(result.Message, "unknown authority") {
		t.Errorf("got %+v", result)
	}
	if f.requests() != "" {
		t.Errorf("the registry was sent %s", f.requests())
	}
}

func TestCheck_ARegistryWithoutTLSGetsNoCredential(t *testing.T) {
	var requests sync.Map
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { requests.Store(r.URL.Path, true) }))
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer plain.Close()
	result := (&registry.Prober{Transport: &http.Transport{}}).Check(context.Background(),
		registry.Check{Registry: strings.TrimPrefix(plain.URL, "http://"), Username: user, Password: password})
	if result.Outcome != registry.TLSError && result.Outcome != registry.Unreachable {
		t.Errorf("got %+v", result)
	}
	requests.Range(func(path, _ any) bool {
		t.Errorf("%s was sent without TLS", path)
		return true
	})
}

func TestCheck_ARegistryThatDoesNotAnswerIsUnreachableInTime(t *testing.T) {
	f := newFake(t)
	f.ping = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	result := (&registry.Prober{Transport: f.Client().Transport, Timeout: 50 * time.Millisecond}).Check(context.Background(),
		registry.Check{Registry: f.host(), Username: user, Password: password})
	if result.Outcome != registry.Unreachable || !strings.Contains(result.Message, "no answer in time") {
		t.Errorf("got %+v", result)
	}
}

func TestCheck_ARegistryThatIsDownIsUnreachable(t *testing.T) {
	f := newFake(t)
	f.Close()
	if got := f.check(t, nil); got.Outcome != registry.Unreachable || !strings.Contains(got.Message, "connection was refused") {
		t.Errorf("got %+v", got)
	}
}

func TestCheck_ANameThatDoesNotResolveIsUnreachable(t *testing.T) {
	result := (&registry.Prober{}).Check(context.Background(),
		registry.Check{Registry: "registry.invalid", Username: user, Password: password})
	if result.Outcome != registry.Unreachable {
		t.Errorf("got %+v", result)
	}
}

func TestLogs_OfGoContainerregistryAreDiscarded(t *testing.T) {
	if ggcr.Enabled(ggcr.Debug) || ggcr.Enabled(ggcr.Warn) || ggcr.Enabled(ggcr.Progress) {
		t.Error("a log of go-containerregistry is enabled; its debug log prints answers")
	}
}
