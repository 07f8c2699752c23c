package cap

import (
	"maps"
	"slices"
	"time"
)

// Outcome is the outcome of a request.
type Outcome string

// The outcomes. That of a request that a fault hit is "fault:" and its kind.
const (
	OutcomeIssued             Outcome = "issued"
	OutcomeCertificateRefused Outcome = "certificate-refused"
	OutcomeMethodRefused      Outcome = "method-refused"
	OutcomeNotAcceptable      Outcome = "not-acceptable"
	OutcomeDisabled           Outcome = "disabled"
	OutcomeRejected           Outcome = "rejected"
	OutcomeRoleRefused        Outcome = "role-refused"
	OutcomeNotFound           Outcome = "not-found"
	OutcomeDisconnected       Outcome = "disconnected"
)

func faultOutcome(kind FaultKind) Outcome {
	return Outcome("fault:" + string(kind))
}

// Counts are the requests since the start or since ResetCounts.
type Counts struct {
	// Requests are all requests, whatever their outcome.
	Requests int `json:"requests"`
	// ByRole are the requests for each role, whatever their outcome.
	ByRole map[string]int `json:"byRole"`
	// ByOutcome are the completed requests by outcome.
	ByOutcome map[Outcome]int `json:"byOutcome"`
	// Connections are the TLS handshakes that clients began.
	Connections int `json:"connections"`
	// InFlight are the requests that have not ended, and MostInFlight their largest number.
	InFlight     int `json:"inFlight"`
	MostInFlight int `json:"mostInFlight"`
}

func newCounts() Counts {
	return Counts{ByRole: map[string]int{}, ByOutcome: map[Outcome]int{}}
}

// Request is a completed request.
type Request struct {
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Dialect   Dialect   `json:"dialect,omitempty"`
	Role      string    `json:"role,omitempty"`
	Client    string    `json:"client,omitempty"`
	UserAgent string    `json:"userAgent,omitempty"`
	Outcome   Outcome   `json:"outcome"`
}

// keptRequests limits the list of requests to several refreshes of the tests' largest set.
const keptRequests = 10000

// begin counts a request on its arrival.
func (s *Sim) begin(r *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Requests++
	if r.Role != "" {
		s.counts.ByRole[r.Role]++
	}
	s.counts.InFlight++
	s.counts.MostInFlight = max(s.counts.MostInFlight, s.counts.InFlight)
}

// end counts its outcome.
func (s *Sim) end(r Request, outcome Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Outcome = outcome
	s.counts.InFlight--
	s.counts.ByOutcome[outcome]++
	s.requests = append(s.requests, r)
	if extra := len(s.requests) - keptRequests; extra > 0 {
		s.requests = slices.Delete(s.requests, 0, extra)
	}
}

// Counts returns the counters.
func (s *Sim) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.counts
	counts.ByRole, counts.ByOutcome = maps.Clone(counts.ByRole), maps.Clone(counts.ByOutcome)
	return counts
}

// Requests returns the last requests that ended, oldest first.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ResetCounts sets the counters to zero, except that of requests in flight, and forgets the requests.
func (s *Sim) ResetCounts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	inFlight := s.counts.InFlight
	s.counts = newCounts()
	s.counts.InFlight, s.counts.MostInFlight = inFlight, inFlight
	s.requests = nil
}
