package pullsecret

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"time"

	"maps"

	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
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

// carrier carries the requests of one process.
type carrier struct {
	cluster *cluster
	life    *stage.Life
}

// RoundTrip implements http.RoundTripper.
func (c *carrier) RoundTrip(request *http.Request) (*http.Response, error) {
	w, l := c.cluster.w, c.life
	if request.Body != nil {
		defer func() { _ = request.Body.Close() }()
	}
	name := request.Method + " " + request.URL.Host + request.URL.Path
	if l.Dead() {
		return nil, stage.ErrDead
	}
	if n := c.cluster.traffic.Add(); n > maxRequests {
		w.Violate("%s sends %d requests within an hour", c.cluster.Name, n)
	}
	if err := l.Before(name, request.Method == http.MethodPost && strings.HasSuffix(request.URL.Path, "/pull_secret_rotation")); err != nil {
		return nil, err
	}
	time.Sleep(w.Delay(l.ID+name, 400*time.Millisecond))
	if err := request.Context().Err(); err != nil {
		return nil, err
	}
	if err := w.network.reach(request.URL.Hostname()); err != nil {
		w.Say("%s: %s: %v", l, name, err)
		return nil, err
	}
	if trace := httptrace.ContextClientTrace(request.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	response, err := c.serve(request)
	status := 0
	if response != nil {
		status = response.StatusCode
	}
	w.Say("%s: %s: %d", l, name, status)
	if err := l.After(); err != nil {
		return nil, err
	}
	return response, err
}

// serve lets a service answer. A rotation that begins is judged.
func (c *carrier) serve(request *http.Request) (*http.Response, error) {
	w := c.cluster.w
	before := len(w.ocm.Rotations(w.account.ID))
	response, err := stage.Serve(w.network.handlers[request.URL.Hostname()], request, nil)
	if len(w.ocm.Rotations(w.account.ID)) > before {
		c.cluster.posted(c.life)
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

var services = []string{simocm.APIHost, simocm.SSOHost, simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect}
