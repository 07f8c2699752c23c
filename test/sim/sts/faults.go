package sts

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// FaultKind is a way to go wrong.
type FaultKind string

const (
	// FaultHang never answers.
	FaultHang FaultKind = "hang"
	// FaultDelay answers as it should, after Delay.
	FaultDelay FaultKind = "delay"
	// FaultDisconnect closes the connection without an answer.
	FaultDisconnect FaultKind = "disconnect"
	// FaultServerError is 500 InternalFailure.
	FaultServerError FaultKind = "server-error"
	// FaultUnavailable is 503 ServiceUnavailable.
	FaultUnavailable FaultKind = "unavailable"
	// FaultThrottling is 400 Throttling.
	FaultThrottling FaultKind = "throttling"
	// FaultBadGateway is 502 with a proxy's HTML page.
	FaultBadGateway FaultKind = "bad-gateway"
	// FaultError is an error with Status and Code, such as 403 AccessDenied.
	FaultError FaultKind = "error"
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return []FaultKind{FaultHang, FaultDelay, FaultDisconnect, FaultServerError, FaultUnavailable, FaultThrottling,
		FaultBadGateway, FaultError}
}

// Fault is something that goes wrong from now on. For connection refused see Stop.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Count is how many requests it spoils; zero means all until it is cleared. The AWS SDK repeats a request that ended
	// in a fault twice unless told otherwise.
	Count int `json:"count,omitempty"`
	// Delay passes, in the time of the machine, before the answer; any kind may have it.
	Delay simctl.Duration `json:"delay,omitempty"`
	// Status and Code are those of FaultError.
	Status int    `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
}

// Break adds faults. The one that was added first comes first.
func (s *Sim) Break(faults ...Fault) error {
	for _, f := range faults {
		switch {
		case !slices.Contains(FaultKinds(), f.Kind):
			return fmt.Errorf("unknown kind of fault %q; known are %v", f.Kind, FaultKinds())
		case f.Kind == FaultError && (f.Status < 400 || f.Status > 599 || f.Code == ""):
			return fmt.Errorf("a fault of kind %q needs a code and a status from 400 to 599", f.Kind)
		case f.Count < 0 || f.Delay < 0:
			return fmt.Errorf("count and delay must not be negative")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
	return nil
}

// Heal ends all faults.
func (s *Sim) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Faults returns those that are still to come, with what is left of their counts.
func (s *Sim) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.faults)
}

func (s *Sim) takeFault() (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return Fault{}, false
	}
	taken := s.faults[0]
	if taken.Count > 0 {
		if s.faults[0].Count--; s.faults[0].Count == 0 {
			s.faults = slices.Delete(s.faults, 0, 1)
		}
	}
	return taken, true
}

// wait passes the delay. It returns false when the client or the simulator has gone meanwhile.
func (f Fault) wait(r *http.Request) bool {
	if f.Delay == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(f.Delay))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// answer returns false when the request is to be answered as it should be.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) bool {
	switch f.Kind {
	case FaultHang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // net/http's own way to close a connection; it prints nothing
	case FaultDisconnect:
		panic(http.ErrAbortHandler)
	case FaultServerError:
		(&refusal{500, "InternalFailure", "The request processing has failed because of an unknown error."}).write(w)
	case FaultUnavailable:
		(&refusal{503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server."}).write(w)
	case FaultThrottling:
		(&refusal{400, "Throttling", "Rate exceeded"}).write(w)
	case FaultBadGateway:
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head></html>\n"))
	case FaultError:
		(&refusal{f.Status, f.Code, "A fault of the simulator."}).write(w)
	default:
		return false
	}
	return true
}
