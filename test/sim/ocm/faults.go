package ocm

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/openshift/credential-rotation-operator/test/contract"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// FaultKind is a kind of bad day.
type FaultKind string

const (
	// Empty401 is a 401 without a body.
	Empty401 FaultKind = "Empty401"
	// Error401 is a 401 with an error object, for a token that is good.
	Error401 FaultKind = "Error401"
	// Error403 is a 403 with an error object.
	Error403 FaultKind = "Error403"
	// RateLimited is a 429 with Retry-After when Fault.RetryAfter is set.
	RateLimited FaultKind = "RateLimited"
	// Error500 is a 500 with an error object.
	Error500 FaultKind = "Error500"
	// HTML502 is a gateway's page.
	HTML502 FaultKind = "HTML502"
	// HTML200 is a page with status 200, as a captive portal or a login page gives.
	HTML200 FaultKind = "HTML200"
	// Answer is Fault.Status (200 by default) with Fault.Body as JSON, whatever it is; the request has no effect.
	Answer FaultKind = "Answer"
	// LostAnswer lets the request take effect and closes the connection without an answer.
	LostAnswer FaultKind = "LostAnswer"
	// Dropped closes the connection before anything takes effect.
	Dropped FaultKind = "Dropped"
	// Hang never answers, and nothing takes effect.
	Hang FaultKind = "Hang"
	// Slow answers well, after Fault.Delay.
	Slow FaultKind = "Slow"
)

// Fault is a bad day of some requests.
type Fault struct {
	// Endpoint is an operation (OpToken, OpPostRotation ...) or OpAny.
	Endpoint string    `json:"endpoint"`
	Kind     FaultKind `json:"kind"`
	// Skip lets as many requests pass first.
	Skip int `json:"skip,omitempty"`
	// Times limits how many requests are hit; 0: until the faults are cleared.
	Times      int             `json:"times,omitempty"`
	RetryAfter simctl.Duration `json:"retryAfter,omitempty"` // of RateLimited
	Delay      simctl.Duration `json:"delay,omitempty"`      // of Slow, in real time
	Status     int             `json:"status,omitempty"`     // of Answer
	Body       string          `json:"body,omitempty"`       // of Answer
}

// Moment is a point in the life of a request.
type Moment string

const (
	// BeforeEffect: the request has arrived and nothing has happened yet.
	BeforeEffect Moment = "BeforeEffect"
	// AfterEffect: everything has happened and the client does not know yet.
	AfterEffect Moment = "AfterEffect"
)

// Held is one request that is kept at a moment until the test has done something, such as killing the client.
type Held struct {
	endpoint string
	moment   Moment
	arrived  chan struct{}
	release  chan bool // true: go on, false: close the connection
	once     sync.Once
}

// Arrived is closed when the request has reached the moment.
func (h *Held) Arrived() <-chan struct{} { return h.arrived }

// Release lets the request go on. A request that has not come yet will not be held.
func (h *Held) Release() { h.once.Do(func() { h.release <- true }) }

// Drop closes the connection: before the effect nothing happens, after it the answer is lost.
func (h *Held) Drop() { h.once.Do(func() { h.release <- false }) }

type faults struct {
	mu     sync.Mutex
	active []*Fault
	holds  []*Held
}

// Break adds a fault; the first that fits a request hits it.
func (s *Sim) Break(f Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(s.faults.active, &f)
}

// Mend ends all faults; requests that hang go on hanging until their clients give up.
func (s *Sim) Mend() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = nil
}

// Hold keeps the next request for the operation at the moment. A held request whose client goes away ends there: before
// the effect nothing happens.
func (s *Sim) Hold(operation string, moment Moment) *Held {
	h := &Held{endpoint: operation, moment: moment, arrived: make(chan struct{}), release: make(chan bool, 1)}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.holds = append(s.faults.holds, h)
	return h
}

// takeFault finds the fault that hits a request and counts it.
func (f *faults) takeFault(op string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, fault := range f.active {
		if fault.Endpoint != op && fault.Endpoint != OpAny {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		hit := *fault
		if fault.Times--; fault.Times == 0 {
			f.active = append(f.active[:i:i], f.active[i+1:]...)
		}
		return &hit
	}
	return nil
}

func (f *faults) takeHold(op string, moment Moment) *Held {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, h := range f.holds {
		if h.moment == moment && (h.endpoint == op || h.endpoint == OpAny) {
			f.holds = append(f.holds[:i:i], f.holds[i+1:]...)
			return h
		}
	}
	return nil
}

// wait keeps a request; it does not return when the connection is to be closed.
func (h *Held) wait(r *http.Request) {
	if h == nil {
		return
	}
	close(h.arrived)
	select {
	case goOn := <-h.release:
		if goOn {
			return
		}
	case <-r.Context().Done(): // the client has gone, or the Sim ends
	}
	panic(http.ErrAbortHandler)
}

// withFaults puts bad days and held requests in front of a handler.
func (s *Sim) withFaults(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := operation(r)
		s.faults.takeHold(op, BeforeEffect).wait(r)
		fault := s.faults.takeFault(op)
		if fault != nil && fault.Kind != Slow && fault.Kind != LostAnswer {
			contract.Excuse(r)
			fault.answer(w, r)
			return
		}
		if fault != nil && fault.Kind == Slow {
			fault.sleep(r)
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if fault != nil && fault.Kind == LostAnswer {
			panic(http.ErrAbortHandler)
		}
		s.faults.takeHold(op, AfterEffect).wait(r)
		for key, values := range answer.Header() {
			w.Header()[key] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // the client has gone away
	})
}

// sleep delays a request in real time: the client's patience is real too.
func (f *Fault) sleep(r *http.Request) {
	timer := time.NewTimer(time.Duration(f.Delay))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

// answer gives the wrong answer, or none.
func (f *Fault) answer(w http.ResponseWriter, r *http.Request) {
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
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	default: // Dropped, and a kind that nobody knows: closing the connection is hard to overlook
		panic(http.ErrAbortHandler)
	}
}
