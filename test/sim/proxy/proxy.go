// Package proxy simulates a cluster's HTTPS proxy, with CONNECT and a list of names only.
//
// With HTTPS_PROXY set to its URL, a program under test talks to quay.io and api.openshift.com by their real names and
// reaches the simulators; every other target is refused and recorded. TLS is end to end, so the proxy sees only
// names.
//
// The control port (plain HTTP, JSON) is ControlURL:
//
//	GET    /state                          routes, blocked names, counters and refused targets
//	POST   /routes  {"target","address"}   leads target ("quay.io:443") to an address
//	POST   /block   {"target","block"}     refuses a target that has a route, or allows it again
package proxy

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// Proxy is one proxy. All methods are safe for concurrent use.
type Proxy struct {
	server, control *simctl.Server

	mu      sync.Mutex
	routes  map[string]string
	blocked map[string]bool
	counts  map[string]int
	refused []string
}

// New creates a proxy that does not listen yet. Routes map targets of CONNECT such as "quay.io:443" to addresses.
func New(routes ...map[string]string) *Proxy {
	p := &Proxy{routes: map[string]string{}, blocked: map[string]bool{}, counts: map[string]int{}}
	for _, r := range routes {
		maps.Copy(p.routes, r)
	}
	p.server = simctl.NewServer("127.0.0.1:0", nil, http.HandlerFunc(p.serve))
	p.control = simctl.NewServer("127.0.0.1:0", nil, p.controlMux())
	return p
}

// Start listens on 127.0.0.1 until Close.
func (p *Proxy) Start() error {
	if err := p.server.Start(); err != nil {
		return err
	}
	return p.control.Start()
}

// Close closes the proxy and every tunnel.
func (p *Proxy) Close() {
	p.server.Stop()
	p.control.Stop()
}

// URL is the value for HTTPS_PROXY. Go never uses a proxy for 127.0.0.1 and localhost, so an API server there stays direct.
func (p *Proxy) URL() string { return p.server.URL() }

// ControlURL returns the base URL of the control port.
func (p *Proxy) ControlURL() string { return p.control.URL() }

// Route leads a target to an address from now on.
func (p *Proxy) Route(target, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routes[target] = address
}

// Block refuses a target although it has a route, as a firewall does, or allows it again. Existing tunnels stay.
func (p *Proxy) Block(target string, block bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked[target] = block
}

// Count returns how many tunnels to a target were requested, including refused ones.
func (p *Proxy) Count(target string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[target]
}

// Refused returns the targets without a route, in the order in which they were first requested, and "METHOD url" of
// requests other than CONNECT, for an HTTP URL instead of HTTPS.
func (p *Proxy) Refused() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.refused)
}

// lookup counts a request and finds its address.
func (p *Proxy) lookup(target string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[target]++
	if p.blocked[target] {
		return "", false
	}
	address, ok := p.routes[target]
	if !ok && !slices.Contains(p.refused, target) {
		p.refused = append(p.refused, target)
	}
	return address, ok
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	target := r.Host
	if r.Method != http.MethodConnect {
		target = r.Method + " " + r.URL.String()
	}
	address, ok := p.lookup(target)
	if !ok || r.Method != http.MethodConnect {
		http.Error(w, "the proxy does not allow this target", http.StatusForbidden)
		return
	}
	var dialer net.Dialer
	server, err := dialer.DialContext(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, "the proxy cannot reach this target", http.StatusBadGateway)
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = server.Close()
		http.Error(w, "the proxy cannot take over the connection", http.StatusInternalServerError)
		return
	}
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err == nil {
		tunnel(r.Context(), client, buffered, server)
	}
	_ = client.Close()
	_ = server.Close()
}

// tunnel copies in both directions until either side, or the proxy, ends. The client may have sent bytes together with its
// request: they are in fromClient.
func tunnel(ctx context.Context, client net.Conn, fromClient io.Reader, server net.Conn) {
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, fromClient) // an end of either side is the normal end
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
	_ = client.Close()
	<-done
}

// State is what the control port shows.
type State struct {
	Routes  map[string]string `json:"routes"`
	Blocked map[string]bool   `json:"blocked"`
	Counts  map[string]int    `json:"counts"`
	Refused []string          `json:"refused"`
}

func (p *Proxy) controlMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		simctl.WriteJSON(w, http.StatusOK, State{Routes: p.routes, Blocked: p.blocked, Counts: p.counts, Refused: p.refused})
	})
	mux.HandleFunc("POST /routes", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Target  string `json:"target"`
			Address string `json:"address"`
		}
		if simctl.ReadJSON(w, r, &in) {
			p.Route(in.Target, in.Address)
			simctl.WriteJSON(w, http.StatusOK, struct{}{})
		}
	})
	mux.HandleFunc("POST /block", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Target string `json:"target"`
			Block  bool   `json:"block"`
		}
		if simctl.ReadJSON(w, r, &in) {
			p.Block(in.Target, in.Block)
			simctl.WriteJSON(w, http.StatusOK, struct{}{})
		}
	})
	return mux
}
