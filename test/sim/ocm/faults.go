package ocm

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/test/contract"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// FaultKind is a kind of fault.
type FaultKind string

const (
	// Empty401 is a 401 without a body.
	Empty401 FaultKind = "Empty401"
	// Error401 is a 401 with an error object for a valid token.
	Error401 FaultKind = "Error401"
	// Error403 is a 403 with an error object.
	Error403 FaultKind = "Error403"
	// RateLimited is a 429 with Retry-After when Fault.RetryAfter is set.
	RateLimited FaultKind = "RateLimited"
	// Error500 is a 500 with an error object.
	Error500 FaultKind = "Error500"
	// HTML502 is a gateway's page.
	HTML502 FaultKind = "HTML502"
	// HTML200 is a page with status 200, like that of a captive portal or a login page.
	HTML200 FaultKind = "HTML200"
	// Answer is Fault.Status (200 by default) with Fault.Body as JSON, whatever it is; the request has no effect.
	Answer FaultKind = "Answer"
	// LostAnswer lets the request take effect and closes the connection without a response.
	LostAnswer FaultKind = "LostAnswer"
	// Dropped closes the connection before anything takes effect.
	Dropped FaultKind = "Dropped"
	// Hang never responds, and nothing takes effect.
	Hang FaultKind = "Hang"
	// Slow responds normally after Fault.Delay.
	Slow FaultKind = "Slow"
	// Lagging responds as a replica that stopped following when the fault was added: with the previous credentials
	// and lists. It is for operations that read, including POST access_token.
	Lagging FaultKind = "Lagging"
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{Empty401, Error401, Error403, RateLimited, Error500, HTML502, HTML200, Answer, LostAnswer, Dropped, Hang,
		Slow, Lagging}
}

// Fault makes some requests fail.
type Fault struct {
	// Endpoint is an operation (OpToken, OpPostRotation ...) or OpAny.
	Endpoint string    `json:"endpoint"`
	Kind     FaultKind `json:"kind"`
	// Auth limits it to requests with this scheme of Authorization: Bearer, a person's, or AccessToken, a cluster's own.
	Auth string `json:"auth,omitempty"`
	// Skip lets as many requests pass first.
	Skip int `json:"skip,omitempty"`
	// Every hits only each n-th of the remaining requests, like one server of several behind a load balancer; 0 hits all.
	Every int `json:"every,omitempty"`
	// Times limits how many requests are hit; 0: until the faults are cleared.
	Times      int             `json:"times,omitempty"`
	RetryAfter simctl.Duration `json:"retryAfter,omitempty"` // of RateLimited
	Delay      simctl.Duration `json:"delay,omitempty"`      // of Slow, in real time
	Status     int             `json:"status,omitempty"`     // of Answer
	Body       string          `json:"body,omitempty"`       // of Answer

	replica *replica // of Lagging
}

// Check returns an error for an invalid fault.
func (f Fault) Check() error {
	if err := simctl.CheckKind("kind of fault", f.Kind, FaultKinds()); err != nil {
		return err
	}
	if err := simctl.CheckKind("endpoint", f.Endpoint, append(Operations(), OpAny)); err != nil {
		return err
	}
	switch {
	case f.Auth != "" && f.Auth != "Bearer" && f.Auth != "AccessToken":
		return fmt.Errorf("unknown auth %q; known are Bearer and AccessToken", f.Auth)
	case f.Kind == Lagging && !slices.Contains(reading, f.Endpoint):
		return fmt.Errorf("a fault of kind %s is for operations that read, which are %q", f.Kind, reading)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("a status must be from 200 to 599")
	case f.Delay < 0 || f.RetryAfter < 0:
		return fmt.Errorf("delay and retryAfter must not be negative")
	}
	return nil
}

// Limits of the fault.
func (f Fault) Limits() simctl.Limits {
	return simctl.Limits{Skip: f.Skip, Every: f.Every, Times: f.Times}
}

func (f Fault) fits(op, auth string) bool {
	return (f.Endpoint == op || f.Endpoint == OpAny) && (f.Auth == "" || f.Auth == auth)
}

// Break adds a fault; the first that matches a request hits it. An invalid fault is a mistake in the test.
func (s *Sim) Break(f Fault) {
	if err := s.addFault(f); err != nil {
		panic("the OCM simulator: " + err.Error())
	}
}

func (s *Sim) addFault(f Fault) error {
	if f.Kind == Lagging {
		f.replica = s.stale()
	}
	return s.faults.Add(f)
}

// Mend ends all faults; hanging requests hang until their clients give up.
func (s *Sim) Mend() { s.faults.Clear() }

// withFaults adds faults and held requests to a handler.
func (s *Sim) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := operation(r)
		auth, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		s.holds.Wait(r, op, BeforeEffect)
		fault, hit := s.faults.Take(func(f Fault) bool { return f.fits(op, auth) })
		lost := false
		if hit {
			switch fault.Kind {
			case Slow:
				if !simctl.Wait(r, time.Duration(fault.Delay)) {
					simctl.Disconnect()
				}
			case LostAnswer:
				lost = true
			case Lagging:
				fault.replica.serve(s, w, r)
				return
			default:
				contract.Excuse(r)
				fault.answer(w, r)
				return
			}
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if lost {
			simctl.Disconnect()
		}
		s.holds.Wait(r, op, AfterEffect)
		if slices.Contains(looking, op) {
			s.looked()
		}
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // the client has gone away
	})
}

// answer writes the faulty response, or none.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) {
	page := func(status int, title string) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n", title, title)
	}
	switch f.Kind {
	case Empty401:
		w.WriteHeader(http.StatusUnauthorized)
	case Error401:
		writeError(w, unauthenticated())
	case Error403:
		writeError(w, newError(http.StatusForbidden, 4, "Forbidden to perform this action"))
	case RateLimited:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(time.Duration(f.RetryAfter).Seconds())))
		}
		writeError(w, newError(http.StatusTooManyRequests, 429, "Too many requests"))
	case Error500:
		writeError(w, newError(http.StatusInternalServerError, 9, "Unspecified error"))
	case HTML502:
		page(http.StatusBadGateway, "502 Bad Gateway")
	case HTML200:
		page(http.StatusOK, "Log in to your account")
	case Answer:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(max(f.Status, http.StatusOK))
		_, _ = io.WriteString(w, f.Body)
	case Hang:
		simctl.Hang(r)
	default: // Dropped
		simctl.Disconnect()
	}
}
