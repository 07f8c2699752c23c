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
	simctl.HandleAdvance(mux, s.clock)
	done := func(w http.ResponseWriter, err error) {
		if err != nil {
			simctl.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		simctl.WriteJSON(w, http.StatusOK, map[string]string{"result": "done"})
	}
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		simctl.WriteJSON(w, http.StatusOK, s.State())
	})
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(s.CAPEM())
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var fault Fault
		if simctl.ReadJSON(w, r, &fault) {
			done(w, s.Break(fault))
		}
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Heal()
		done(w, nil)
	})
	mux.HandleFunc("POST /reset-counts", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetCounts()
		done(w, nil)
	})
	mux.HandleFunc("POST /service", func(w http.ResponseWriter, r *http.Request) {
		request := struct {
			Running bool `json:"running"`
		}{Running: true}
		if !simctl.ReadJSON(w, r, &request) {
			return
		}
		if request.Running {
			done(w, s.service.Start())
			return
		}
		s.Stop()
		done(w, nil)
	})
	return mux
}
