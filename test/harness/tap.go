package harness

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// Tap is a TLS reverse proxy that records each request to a service and can hold it, before the service gets it or after the service has
// handled it. Credentials are not read; bodies are counted, but never stored.
type Tap struct {
	// URL of the proxy.
	URL string
	// CAPEM is the certificate of its own throw-away CA.
	CAPEM []byte

	server *http.Server
	done   chan struct{}

	mu       sync.Mutex
	requests []*Recorded
	holds    []*Hold
	faults   []*Fault
	bytesOut int64
}

// Recorded is a request that has passed.
type Recorded struct {
	APIRequest
	// Started is when it arrived.
	Started time.Time
	// Status of the response; 0 without one.
	Status int
	// ContentType of the request's body.
	ContentType string
	// BytesIn is the length of the request's body; except for writes it is taken from the headers, -1 if they have none.
	BytesIn int64
	// BytesOut is the size of the response's body on the wire so far. That of a watch grows.
	BytesOut int64
	// Versions are those of a write's object.
	Versions
}

// StartTap starts a proxy in front of the service at target, which is trusted by the given roots.
func StartTap(target string, roots *x509.CertPool) (*Tap, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("the proxy's target: %w", err)
	}
	ca, err := simtls.NewCA("harness tap")
	if err != nil {
		return nil, err
	}
	config, err := ca.ServerConfig()
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the proxy cannot listen: %w", err)
	}
	t := &Tap{URL: "https://" + listener.Addr().String(), CAPEM: ca.PEM(), done: make(chan struct{})}
	quiet := log.New(io.Discard, "", 0)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u) },
		// HTTP/2 carries any number of watches over one connection.
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		FlushInterval: -1,
		// Clients that die during a request are expected.
		ErrorLog:       quiet,
		ModifyResponse: t.answered,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	t.server = &http.Server{Handler: t.handler(proxy), ErrorLog: quiet, TLSConfig: config, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(t.done)
		if err := t.server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close()
		}
	}()
	return t, nil
}

// StartAPIProxy starts a proxy in front of the control plane's API server.
func StartAPIProxy(cp *ControlPlane) (*Tap, error) {
	config, err := rest.TLSConfigFor(&rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: cp.Admin.CAData, CAFile: cp.Admin.CAFile}})
	if err != nil {
		return nil, err
	}
	return StartTap(cp.Admin.Host, config.RootCAs)
}

// Close closes the proxy and breaks its connections.
func (t *Tap) Close() error {
	err := t.server.Close()
	<-t.done
	return err
}

func (t *Tap) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r := &Recorded{APIRequest: parseAPIRequest(req), Started: time.Now(), ContentType: req.Header.Get("Content-Type"), BytesIn: req.ContentLength}
		if r.IsWrite() {
			// Read to the end, because only then does net/http notice that an HTTP/1 client is gone.
			body, err := io.ReadAll(req.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			req.Body, req.ContentLength, r.BytesIn = io.NopCloser(bytes.NewReader(body)), int64(len(body)), int64(len(body))
			r.expects(body)
		}
		t.mu.Lock()
		t.requests = append(t.requests, r)
		hold, fault := t.matching(r.APIRequest, Before), t.faulty(r.APIRequest)
		t.mu.Unlock()
		if hold != nil && !hold.wait(req.Context()) {
			// The client is gone: its request is dropped.
			panic(http.ErrAbortHandler)
		}
		fault.apply(next, w, req.WithContext(context.WithValue(req.Context(), recordKey{}, r)))
	})
}

type recordKey struct{}

// answered runs when the service has responded, and so has handled the request.
func (t *Tap) answered(resp *http.Response) error {
	ctx := resp.Request.Context()
	r, ok := ctx.Value(recordKey{}).(*Recorded)
	if !ok {
		return nil
	}
	version, err := answeredVersion(r.APIRequest, resp)
	if err != nil {
		return err
	}
	t.mu.Lock()
	r.Status, r.Version, r.Ended = resp.StatusCode, version, time.Now()
	hold := t.matching(r.APIRequest, After)
	t.mu.Unlock()
	resp.Body = &countedBody{ReadCloser: resp.Body, tap: t, of: r}
	if hold != nil && !hold.wait(ctx) {
		return errors.New("the client is gone")
	}
	return nil
}

// countedBody counts the bytes read of a response.
type countedBody struct {
	io.ReadCloser
	tap *Tap
	of  *Recorded
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tap.mu.Lock()
	defer b.tap.mu.Unlock()
	b.of.BytesOut += int64(n)
	b.tap.bytesOut += int64(n)
	return n, err
}

// BytesOut is the size of all responses' bodies since the start, including forgotten requests and watches.
func (t *Tap) BytesOut() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytesOut
}

// Requests returns the matching requests in order of arrival; all if match is nil.
func (t *Tap) Requests(match func(Recorded) bool) []Recorded {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Recorded
	for _, r := range t.requests {
		if match == nil || match(*r) {
			out = append(out, *r)
		}
	}
	return out
}

// Writes returns the requests that may change something as effects of the operator's work, without Leases and events.
func (t *Tap) Writes() []Recorded {
	return t.Requests(func(r Recorded) bool { return r.IsWrite() && !r.IsBookkeeping() })
}

// Forget clears the records, so that later requests can be counted.
func (t *Tap) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = nil
}
