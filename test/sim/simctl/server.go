package simctl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server serves one handler at one address. It can be stopped, which clients see as connection refused, and started
// again at the same port.
type Server struct {
	handler http.Handler
	config  *tls.Config

	mu      sync.Mutex
	address string
	running *http.Server
	cancel  context.CancelFunc
	done    chan struct{}
}

// NewServer returns a server that speaks TLS, or plain HTTP when config is nil. The address is host:port, where port 0 is
// replaced by a free port at the first start.
func NewServer(address string, config *tls.Config, handler http.Handler) *Server {
	return &Server{address: address, config: config, handler: handler}
}

// Start listens. It does nothing when the server runs already.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return nil
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.address, err)
	}
	s.address = listener.Addr().String()
	if s.config != nil {
		listener = tls.NewListener(listener, s.config)
	}
	// The context ends with the server, so that a handler that hangs on purpose does not outlive it.
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{
		Handler: s.handler,
		// Long: it only ends forgotten connections eventually.
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		// Refused handshakes are expected and not logged.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	s.running, s.cancel, s.done = server, cancel, done
	go func() {
		defer close(done)
		// Serve returns when Stop closes the listener; clients see any other end as connection refused.
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close()
		}
	}()
	return nil
}

// Stop closes the listener and every connection. Clients are refused until the next Start.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil {
		return
	}
	_ = s.running.Close() // first, so that a handler that the cancellation wakes can no longer respond
	s.cancel()
	<-s.done
	s.running = nil
}

// Running reports whether the server listens.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil
}

// Address returns host:port; the port is known after the first Start.
func (s *Server) Address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// URL returns the address with its scheme.
func (s *Server) URL() string {
	if s.config != nil {
		return "https://" + s.Address()
	}
	return "http://" + s.Address()
}
