package registry

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/httpheader"
)

const (
	// maxBody limits how much of an answer is read. A ping, a token and a manifest's head are far below it.
	maxBody = 1 << 20
	// maxRedirects is how many redirects a manifest's head may take to a registry's storage.
	maxRedirects = 5
)

var (
	errPlainHTTP = errors.New("the request would have been sent without TLS")
	errRedirects = errors.New("too many redirects, or one into a private network")
)

// seen is the last answer, and the kind of its request.
type seen struct {
	host string
	// scheme of the Authorization header: "Basic", "Bearer" or empty.
	scheme     string
	status     int
	html       bool
	retryAfter time.Duration
}

// wire is the transport of one check. It sends nothing without TLS, unlike go-containerregistry for hosts that look local, and records what it
// sees.
type wire struct {
	inner http.RoundTripper

	mu   sync.Mutex
	last seen
	// challenged is true if a request without a credential was refused: the registry does not serve everybody.
	challenged bool
	// basic is true if the user name and password were sent and answered with success.
	basic bool
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != "https" {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, errPlainHTTP
	}
	scheme, _, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	response, err := w.inner.RoundTrip(request)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = seen{host: request.URL.Host, scheme: scheme}
	if err != nil {
		return nil, err
	}
	w.last.status = response.StatusCode
	w.last.html = httpheader.IsHTML(response.Header.Get("Content-Type"))
	if scheme == "" && response.StatusCode == http.StatusUnauthorized {
		w.challenged = true
	}
	w.last.retryAfter = httpheader.RetryAfter(response.Header, time.Time{}, maxRetryAfter)
	if scheme == "Basic" && response.StatusCode >= 200 && response.StatusCode < 300 {
		w.basic = true
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxBody), response.Body}
	return response, nil
}

// look returns the last answer, and whether a login took place: the registry asked for one, and the user name and password were sent and
// accepted. A registry that accepts everybody proves nothing.
func (w *wire) look() (last seen, loggedIn bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last, w.challenged && w.basic
}

// checkRedirect follows a manifest's head to a registry's storage, but not from a public host to a private address. Credentials do not follow:
// go-containerregistry sends them only to the registry's own host.
func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return errRedirects
	}
	if request.URL.Host == via[0].URL.Host {
		return nil
	}
	if ip, err := netip.ParseAddr(request.URL.Hostname()); err == nil && !ip.IsGlobalUnicast() || err == nil && ip.IsPrivate() {
		return errRedirects
	}
	return nil
}

// maxRetryAfter limits Retry-After: a wrong header must not silence the operator for longer than a day.
const maxRetryAfter = 24 * time.Hour
