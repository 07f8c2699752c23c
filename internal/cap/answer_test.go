package cap

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// canned is CAP without a network: one answer, again and again.
type canned struct {
	status       int
	header       http.Header
	body         string
	closed, idle int
}

func (a *canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: a.header, Body: &counted{strings.NewReader(a.body), a}}, nil
}

func (a *canned) CloseIdleConnections() { a.idle++ }

// counted is a body that counts how often it is closed.
type counted struct {
	io.Reader
	of *canned
}

func (b *counted) Close() error {
	b.of.closed++
	return nil
}

func (a *canned) client(t *testing.T) *Client {
	t.Helper()
	c, err := configured(t, func(c *Config) {
		c.Clock, c.Transport = clocktesting.NewFakePassiveClock(noon), func(*tls.Config, *url.URL) http.RoundTripper { return a }
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The date of a page may come from a web server in front of CAP, and so tells nothing about CAP's clock.
func TestSkew_IsLearnedFromAnswersOfTheAPI(t *testing.T) {
	late := http.Header{"Date": {noon.Add(3 * time.Hour).Format(http.TimeFormat)}, "Content-Type": {jsonType}}
	page := late.Clone()
	page.Set("Content-Type", "text/html")
	for name, row := range map[string]struct {
		answer canned
		known  bool
	}{
		"a credential":                {canned{status: 200, header: late, body: good("")}, true},
		"an answer without one":       {canned{status: 200, header: late, body: "{}"}, true},
		"a page":                      {canned{status: 200, header: page, body: "<html>"}, false},
		"an error":                    {canned{status: 403, header: late, body: "{}"}, false},
		"a credential without a date": {canned{status: 200, header: http.Header{"Content-Type": {jsonType}}, body: good("")}, false},
	} {
		c := row.answer.client(t)
		_, _ = c.fetch(t.Context(), "r")
		if skew, known := c.Skew(); known != row.known || known && skew != 3*time.Hour {
			t.Errorf("%s: CAP's clock is %s ahead, known %v", name, skew, known)
		}
		if row.answer.closed == 0 {
			t.Errorf("%s: the body is left open, and the connection with it", name)
		}
	}
}

func TestClose_ClosesEachConnection(t *testing.T) {
	a := &canned{}
	if c := a.client(t); c.older == nil {
		t.Fatal("there is only one connection")
	} else if c.Close(); a.idle != 2 {
		t.Errorf("%d connections are closed", a.idle)
	}
}

// A round asks for all its roles over the connections of its first, and an answer's size is limited before it is unpacked.
func TestConnection_IsKeptForARound(t *testing.T) {
	c, _ := configured(t, nil)
	if n := c.usual.http.Transport.(*http.Transport); n.IdleConnTimeout != 30*time.Second || !n.DisableCompression || n.MaxResponseHeaderBytes != 64<<10 {
		t.Errorf("it is kept for %s, compressed %v, with %d bytes of headers", n.IdleConnTimeout, !n.DisableCompression, n.MaxResponseHeaderBytes)
	}
}
