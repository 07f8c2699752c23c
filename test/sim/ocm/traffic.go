package ocm

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/openshift/credential-rotation-operator/test/contract"
)

// The operations, as counters and faults name them: the method and the contract's path template below /api/accounts_mgmt/v1,
// or the token endpoint.
const (
	OpToken          = "POST token"
	OpCurrentAccount = "GET current_account"
	OpAccount        = "GET accounts/{id}"
	OpAccessToken    = "POST access_token"
	OpListRotations  = "GET accounts/{id}/pull_secret_rotation"
	OpPostRotation   = "POST accounts/{id}/pull_secret_rotation"
	OpGetRotation    = "GET accounts/{id}/pull_secret_rotation/{rotationId}"
	OpDeleteRotation = "DELETE accounts/{id}/pull_secret_rotation/{rotationId}"
	OpTransfers      = "GET cluster_transfers"
	OpSubscriptions  = "GET subscriptions"
	OpCredentials    = "GET registry_credentials"
	// OpRegistration is what telemetry calls.
	OpRegistration = "POST cluster_registrations"
	// OpAny stands for every operation in a fault or a hold.
	OpAny = "*"
)

// Operations lists all operations of the Sim, without OpAny.
func Operations() []string {
	return []string{OpToken, OpCurrentAccount, OpAccount, OpAccessToken, OpListRotations, OpPostRotation, OpGetRotation, OpDeleteRotation,
		OpTransfers, OpSubscriptions, OpCredentials, OpRegistration}
}

// reading are the operations that Lagging may hit.
var reading = []string{OpCurrentAccount, OpAccount, OpAccessToken, OpListRotations, OpGetRotation, OpTransfers, OpSubscriptions}

// looking are those with which a client polls a rotation.
var looking = []string{OpListRotations, OpGetRotation, OpAccessToken}

func operation(r *http.Request) string {
	if r.URL.Path == TokenPath {
		return r.Method + " token"
	}
	if op, ok := contract.Operation(r); ok {
		return strings.Replace(op, " "+apiRoot+"/", " ", 1)
	}
	return r.Method + " " + strings.TrimPrefix(strings.TrimSuffix(r.URL.Path, "/"), apiRoot+"/")
}

// Request is one request to the Sim. It contains no secret.
type Request struct {
	Operation string `json:"operation"`
	// Path with its ids and query.
	Path string `json:"path"`
	// Auth is the scheme of the Authorization header: Bearer, AccessToken, Basic or empty.
	Auth string `json:"auth,omitempty"`
	// Status of the response; 0 if the connection was closed without one.
	Status int `json:"status"`
	// At is the virtual time of its arrival.
	At time.Time `json:"at"`
	// UserAgent names the client.
	UserAgent string `json:"userAgent,omitempty"`
}

// traffic counts requests on arrival and logs them when they are done.
type traffic struct {
	mu     sync.Mutex
	counts map[string]int
	log    []Request
}

// maxLogged limits the log of a long-running demo. The counters continue.
const maxLogged = 10000

// counted counts requests and sets the header Date to the server's own clock.
func (s *Sim) counted(next http.Handler, skew *time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		at, date := s.virtual(), s.opts.Clock.Now().Add(*skew)
		s.mu.Unlock()

		entry := Request{Operation: operation(r), Path: r.URL.RequestURI(), At: at, UserAgent: r.UserAgent()}
		entry.Auth, _, _ = strings.Cut(r.Header.Get("Authorization"), " ")
		s.traffic.arrived(entry.Operation)

		// The whole body is read first, because only then the server notices that a client has gone away.
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))

		w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		watched := &statusWriter{ResponseWriter: w}
		defer func() {
			entry.Status = watched.status
			s.traffic.answered(entry)
		}()
		next.ServeHTTP(watched, r)
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

func (t *traffic) arrived(op string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[op]++
}

func (t *traffic) answered(r Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.log) == maxLogged {
		t.log = append(t.log[:0], t.log[maxLogged/2:]...)
	}
	t.log = append(t.log, r)
}

// Count returns how many requests for an operation have arrived; OpAny counts all but token exchanges.
func (s *Sim) Count(operation string) int {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	if operation != OpAny {
		return s.traffic.counts[operation]
	}
	total := 0
	for op, n := range s.traffic.counts {
		if op != OpToken {
			total += n
		}
	}
	return total
}

// Counts returns all counters.
func (s *Sim) Counts() map[string]int {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return maps.Clone(s.traffic.counts)
}

// ResetCounts sets all counters to zero and empties the log.
func (s *Sim) ResetCounts() {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	s.traffic.counts, s.traffic.log = nil, nil
}

// Requests returns the latest requests in the order of their responses.
func (s *Sim) Requests() []Request {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return append([]Request(nil), s.traffic.log...)
}
