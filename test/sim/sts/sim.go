package sts

import (
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// Options configure a simulator. Only Keys is required.
type Options struct {
	// Address and ControlAddress are host:port. The service listens on a free port of 127.0.0.1 when Address is empty;
	// there is no control port when ControlAddress is empty.
	Address, ControlAddress string
	// Hosts are the names and addresses in the server's certificate; those of this machine when empty.
	Hosts []string
	// CA signs the server's certificate; a new one when nil.
	CA *simtls.CA
	// Clock is the time in which keys expire; the machine's when nil. A *simctl.Clock is shared, not copied.
	Clock clock.PassiveClock
	// Keys are the valid keys.
	Keys KeyDirectory
	// Region is the only one that a request may be signed for; any when empty.
	Region string
	// CheckClockSkew refuses signatures whose time is more than five minutes off, as AWS does. It is off by default
	// because clients sign with the machine's time, which is often not the simulator's.
	CheckClockSkew bool
	// SessionName is that of the assumed roles; "cap" when empty.
	SessionName string
}

// Sim is a running service. Its methods may be called from several goroutines.
type Sim struct {
	options Options
	clock   *simctl.Clock
	service *simctl.Server
	control *simctl.Server

	mu     sync.Mutex
	faults simctl.Faults[Fault]
	counts Counts
}

// Counts are the simulator's requests since its start or since ResetCounts.
type Counts struct {
	// Requests are all requests, whatever the outcome.
	Requests int `json:"requests"`
	// ByKey are the requests that were signed with each access key id, whatever the outcome.
	ByKey map[string]int `json:"byKey"`
	// ByOutcome are the responses by outcome: "ok", the code of a refusal, or "fault:" and its kind.
	ByOutcome map[string]int `json:"byOutcome"`
}

func newCounts() Counts {
	return Counts{ByKey: map[string]int{}, ByOutcome: map[string]int{}}
}

// New prepares a simulator; Start makes it listen.
func New(options Options) (*Sim, error) {
	if options.Keys == nil {
		return nil, fmt.Errorf("STS simulator: Options.Keys is missing")
	}
	if options.CA == nil {
		ca, err := simtls.NewCA("STS simulator")
		if err != nil {
			return nil, err
		}
		options.CA = ca
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.SessionName == "" {
		options.SessionName = "cap"
	}
	config, err := options.CA.ServerConfig(options.Hosts...)
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"http/1.1"} // as STS does
	s := &Sim{options: options, clock: simctl.NewClock(options.Clock), counts: newCounts()}
	s.service = simctl.NewServer(options.Address, config, http.HandlerFunc(s.serve))
	if options.ControlAddress != "" {
		s.control = simctl.NewServer(options.ControlAddress, nil, s.ControlHandler())
	}
	return s, nil
}

// Start listens, and listens again after Stop.
func (s *Sim) Start() error {
	if err := s.service.Start(); err != nil {
		return fmt.Errorf("STS simulator: %w", err)
	}
	if s.control != nil {
		if err := s.control.Start(); err != nil {
			return fmt.Errorf("control port of the STS simulator: %w", err)
		}
	}
	return nil
}

// Stop makes the service refuse connections; Start brings it back at the same address. The control port stays.
func (s *Sim) Stop() { s.service.Stop() }

// Close ends the simulator and its control port.
func (s *Sim) Close() {
	s.service.Stop()
	if s.control != nil {
		s.control.Stop()
	}
}

// URL returns the endpoint.
func (s *Sim) URL() string { return s.service.URL() }

// ControlURL returns the URL of the control port, empty when there is none.
func (s *Sim) ControlURL() string {
	if s.control == nil {
		return ""
	}
	return s.control.URL()
}

// CA returns the CA that signed the server's certificate.
func (s *Sim) CA() *simtls.CA { return s.options.CA }

// CAPEM returns that CA's certificate.
func (s *Sim) CAPEM() []byte { return s.options.CA.PEM() }

// Advance moves that time.
func (s *Sim) Advance(d time.Duration) { s.clock.Advance(d) }

// Counts returns the counters.
func (s *Sim) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Counts{s.counts.Requests, maps.Clone(s.counts.ByKey), maps.Clone(s.counts.ByOutcome)}
}

// ResetCounts sets the counters to zero.
func (s *Sim) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = newCounts()
}

func (s *Sim) countRequest(accessKeyID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Requests++
	if accessKeyID != "" {
		s.counts.ByKey[accessKeyID]++
	}
}

func (s *Sim) countOutcome(outcome string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.ByOutcome[outcome]++
}
