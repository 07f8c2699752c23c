package sts

import (
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// State is what GET /state shows.
type State struct {
	Now     time.Time `json:"now"`
	Running bool      `json:"running"`
	URL     string    `json:"url"`
	Region  string    `json:"region"`
	Faults  []Fault   `json:"faults"`
	Counts  Counts    `json:"counts"`
}

// State returns what the simulator is doing.
func (s *Sim) State() State {
	return State{s.clock.Now(), s.service.Running(), s.URL(), s.options.Region, s.Faults(), s.Counts()}
}

// ControlHandler serves the control interface that the package comment describes.
func (s *Sim) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	simctl.HandleCommon(mux, func() any { return s.State() }, s.CAPEM())
	simctl.HandleAdvance(mux, s.clock)
	simctl.HandleFaults(mux, func(f Fault) error { return s.Break(f) }, s.Heal)
	simctl.HandleService(mux, s.service)
	simctl.HandleControl(mux, "POST /reset-counts", func(struct{}) (any, error) { s.ResetCounts(); return nil, nil })
	return mux
}
