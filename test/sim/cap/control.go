package cap

import (
	"cmp"
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

// KeyAnswer is the response of GET /keys/{id}, the only operation that shows a key's secrets.
type KeyAnswer struct {
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	RoleARN         string    `json:"roleArn"`
	Expires         time.Time `json:"expires"`
}

// ControlHandler serves the control interface that the package comment describes.
func (s *Sim) ControlHandler() http.Handler {
	mux := http.NewServeMux()
	simctl.HandleCommon(mux, func() any { return s.State() }, s.CAPEM())
	simctl.HandleAdvance(mux, s.clock)
	simctl.HandleFaults(mux, func(f Fault) error { return s.Break(f) }, s.Heal)
	simctl.HandleService(mux, s.service)
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) {
		simctl.WriteJSON(w, http.StatusOK, s.Requests())
	})
	simctl.HandleControl(mux, "POST /reset-counts", func(struct{}) (any, error) { s.ResetCounts(); return nil, nil })
	mux.HandleFunc("POST /settings", func(w http.ResponseWriter, r *http.Request) {
		settings := s.State().Settings // a field that the body omits stays unchanged
		if simctl.ReadJSON(w, r, &settings) {
			s.Configure(func(current *Settings) { *current = settings })
			simctl.WriteJSON(w, http.StatusOK, settings)
		}
	})
	simctl.HandleControl(mux, "POST /kill", func(in struct {
		Role string `json:"role"`
	}) (any, error) {
		s.Kill(in.Role)
		return nil, nil
	})
	s.handleCertificates(mux)
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

func (s *Sim) handleCertificates(mux *http.ServeMux) {
	simctl.HandleControl(mux, "POST /client-certificate", func(in struct {
		CommonName string    `json:"commonName"`
		NotBefore  time.Time `json:"notBefore"`
		NotAfter   time.Time `json:"notAfter"`
	}) (any, error) {
		var options []simtls.ClientOption
		if !in.NotBefore.IsZero() || !in.NotAfter.IsZero() {
			options = append(options, simtls.Valid(in.NotBefore, in.NotAfter))
		}
		cert, key, err := s.ClientCertificate(cmp.Or(in.CommonName, "npe"), options...)
		return map[string]string{"certificate": string(cert), "key": string(key)}, err
	})
	simctl.HandleControl(mux, "POST /revoke", func(in struct {
		Certificate string `json:"certificate"`
		CommonName  string `json:"commonName"`
		Active      bool   `json:"active"`
	}) (any, error) {
		if in.CommonName != "" {
			s.Deactivate(in.CommonName, !in.Active)
			return nil, nil
		}
		return nil, s.Revoke([]byte(in.Certificate))
	})
}
