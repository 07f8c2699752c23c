package cap

import (
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// State is what GET /state shows.
type State struct {
	Now       time.Time          `json:"now"`
	Running   bool               `json:"running"`
	Endpoints map[Dialect]string `json:"endpoints"`
	Agency    string             `json:"agency"`
	Mission   string             `json:"mission"`
	Roles     map[string]string  `json:"roles"`
	Settings  Settings           `json:"settings"`
	Faults    []Fault            `json:"faults"`
	Counts    Counts             `json:"counts"`
	Keys      []Key              `json:"keys"`
}

// State returns everything about the simulator except secrets.
func (s *Sim) State() State {
	state := State{
		Now: s.clock.Now(), Running: s.service.Running(),
		Endpoints: map[Dialect]string{C2S: s.Endpoint(C2S), SC2S: s.Endpoint(SC2S)},
		Agency:    s.options.Agency, Mission: s.options.Mission, Roles: map[string]string{},
		Faults: s.Faults(), Counts: s.Counts(), Keys: s.Keys(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state.Settings = s.settings
	for role, account := range s.roles {
		state.Roles[role] = account
	}
	return state
}

// KeyAnswer is what GET /keys/{id} answers: the only place of the control interface that shows a secret of a key.
type KeyAnswer struct {
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	RoleARN         string    `json:"roleArn"`
	Expires         time.Time `json:"expires"`
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
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		simctl.WriteJSON(w, http.StatusOK, s.Requests())
	})
	mux.HandleFunc("POST /reset-counts", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetCounts()
		done(w, nil)
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
	mux.HandleFunc("POST /settings", func(w http.ResponseWriter, r *http.Request) {
		settings := s.State().Settings // a field that the body leaves out stays
		if simctl.ReadJSON(w, r, &settings) {
			s.Configure(func(current *Settings) { *current = settings })
			done(w, nil)
		}
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
	s.handleCertificates(mux, done)
	mux.HandleFunc("GET /keys/{id}", func(w http.ResponseWriter, r *http.Request) {
		secret, token, role, expires, ok := s.Lookup(r.PathValue("id"))
		if !ok {
			simctl.WriteJSON(w, http.StatusNotFound, map[string]string{"error": "no such key"})
			return
		}
		simctl.WriteJSON(w, http.StatusOK, KeyAnswer{secret, token, role, expires})
	})
	return mux
}

func (s *Sim) handleCertificates(mux *http.ServeMux, done func(http.ResponseWriter, error)) {
	mux.HandleFunc("GET /ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(s.CAPEM())
	})
	mux.HandleFunc("POST /client-certificate", func(w http.ResponseWriter, r *http.Request) {
		request := struct {
			CommonName string    `json:"commonName"`
			NotBefore  time.Time `json:"notBefore"`
			NotAfter   time.Time `json:"notAfter"`
		}{CommonName: "npe"}
		if !simctl.ReadJSON(w, r, &request) {
			return
		}
		var options []simtls.ClientOption
		if !request.NotBefore.IsZero() || !request.NotAfter.IsZero() {
			options = append(options, simtls.Valid(request.NotBefore, request.NotAfter))
		}
		cert, key, err := s.ClientCertificate(request.CommonName, options...)
		if err != nil {
			done(w, err)
			return
		}
		simctl.WriteJSON(w, http.StatusOK, map[string]string{"certificate": string(cert), "key": string(key)})
	})
	mux.HandleFunc("POST /revoke", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			Certificate string `json:"certificate"`
			CommonName  string `json:"commonName"`
		}
		if !simctl.ReadJSON(w, r, &request) {
			return
		}
		if request.CommonName != "" {
			s.Deactivate(request.CommonName, true)
			done(w, nil)
			return
		}
		done(w, s.Revoke([]byte(request.Certificate)))
	})
}
