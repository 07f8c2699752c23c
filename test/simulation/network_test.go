package simulation

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"syscall"
	"time"

	"maps"

	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// network leads requests to the simulated services' handlers. Nothing listens.
type network struct {
	w        *world
	handlers map[string]http.Handler
	down     map[string]bool // hosts that refuse connections
	expired  map[string]bool // hosts whose certificate has expired
}

func newNetwork(w *world) *network {
	n := &network{w: w, handlers: w.ocm.Handlers(), down: map[string]bool{}, expired: map[string]bool{}}
	maps.Copy(n.handlers, w.registries.Handlers())
	return n
}

// carrier carries the requests of one replica.
type carrier struct {
	network *network
	replica *replica
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	n, w := c.network, c.network.w
	if request.Body != nil {
		defer func() { _ = request.Body.Close() }()
	}
	name := request.Method + " " + request.URL.Host + request.URL.Path
	c.replica.requested(w)
	if err := c.replica.before(name, request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/pull_secret_rotation")); err != nil {
		return nil, err
	}
	time.Sleep(time.Duration(1+w.chance.IntN(400)) * time.Millisecond)
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if err := n.reach(request.URL.Hostname()); err != nil {
		w.say("%s: %s: %v", c.replica, name, err)
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	posts := len(w.ocm.Rotations(w.account.ID))
	response, err := n.serve(request)
	if len(w.ocm.Rotations(w.account.ID)) > posts {
		w.posted(c.replica)
	}
	status := 0
	if response != nil {
		status = response.StatusCode
	}
	w.say("%s: %s: %d", c.replica, name, status)
	if err := c.replica.after(name); err != nil {
		return nil, err
	}
	return response, err
}

// reach is why a host cannot be.
func (n *network) reach(host string) error {
	switch {
	case n.handlers[host] == nil:
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	case n.down[host]:
		return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case n.expired[host]:
		return fmt.Errorf("tls: failed to verify certificate: %w", x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired})
	}
	return nil
}

// serve lets a handler answer. One that closes the connection gives no answer.
func (n *network) serve(request *http.Request) (response *http.Response, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); !ok || !errors.Is(e, http.ErrAbortHandler) {
				panic(r)
			}
			if err = request.Context().Err(); err == nil {
				err = io.ErrUnexpectedEOF
			}
			response = nil
		}
	}()
	inner := request.Clone(request.Context())
	inner.RequestURI, inner.Host = request.URL.RequestURI(), request.URL.Host
	if inner.Body == nil {
		inner.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	n.handlers[request.URL.Hostname()].ServeHTTP(recorder, inner)
	response = recorder.Result()
	response.Request = request
	if request.Method == http.MethodHead {
		response.Body = http.NoBody
	}
	return response, nil
}

var services = []string{simocm.APIHost, simocm.SSOHost, simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect}
