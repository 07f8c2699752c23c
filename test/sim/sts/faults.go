package sts

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// FaultKind is a kind of fault.
type FaultKind string

const (
	// FaultHang never responds.
	FaultHang FaultKind = "hang"
	// FaultDelay responds normally after Delay.
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

// Fault makes requests fail from now on. For connection refused see Stop.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Skip lets as many requests pass first; Every hits only each n-th of the remaining ones; Times is how many fail,
	// zero all until it is cleared. The AWS SDK repeats a request that ended in a fault twice unless told otherwise.
	Skip  int `json:"skip,omitempty"`
	Every int `json:"every,omitempty"`
	Times int `json:"times,omitempty"`
	// Delay passes in the machine's time before the response; any kind may have it.
	Delay simctl.Duration `json:"delay,omitempty"`
	// Status and Code are those of FaultError.
	Status int    `json:"status,omitempty"`
	Code   string `json:"code,omitempty"`
}

// Check returns an error for an invalid fault.
func (f Fault) Check() error {
	if err := simctl.CheckKind("kind of fault", f.Kind, FaultKinds()); err != nil {
		return err
	}
	switch {
	case f.Kind == FaultError && (f.Status < 400 || f.Status > 599 || f.Code == ""):
		return fmt.Errorf("a fault of kind %q needs a code and a status from 400 to 599", f.Kind)
	case f.Delay < 0:
		return errors.New("delay must not be negative")
	}
	return nil
}

// Limits of the fault.
func (f Fault) Limits() simctl.Limits {
	return simctl.Limits{Skip: f.Skip, Every: f.Every, Times: f.Times}
}

// Break adds faults. The one that was added first comes first.
func (s *Sim) Break(faults ...Fault) error { return s.faults.Add(faults...) }

// Heal ends all faults.
func (s *Sim) Heal() { s.faults.Clear() }

// Faults returns those that are still active.
func (s *Sim) Faults() []Fault { return s.faults.Active() }

func (s *Sim) takeFault() (Fault, bool) { return s.faults.Take(func(Fault) bool { return true }) }

// answer returns false if the request should get the normal response.
func (f Fault) answer(w http.ResponseWriter, r *http.Request) bool {
	switch f.Kind {
	case FaultHang:
		simctl.Hang(r)
	case FaultDisconnect:
		simctl.Disconnect()
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
