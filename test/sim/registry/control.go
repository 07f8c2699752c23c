package registry

import (
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// State is what the control port shows. It holds no secret.
type State struct {
	Counts map[string]map[string]int    `json:"counts"` // by registry and endpoint
	Logins map[string][]Login           `json:"logins"` // by registry
	Images map[string]map[string]Access `json:"images"` // by registry and repository
}

// State returns a snapshot of everything but the secrets.
func (s *Sim) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{Counts: s.allCounts(), Logins: map[string][]Login{}, Images: map[string]map[string]Access{}}
	for name, h := range s.hosts {
		st.Logins[name] = append([]Login(nil), h.logins...)
		st.Images[name] = map[string]Access{}
		for repository, access := range h.store.access {
			st.Images[name][repository] = access
		}
	}
	return st
}

// controlMux is the control port; doc.go lists it.
func (s *Sim) controlMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		simctl.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		simctl.WriteJSON(w, http.StatusOK, s.State())
	})
	control(s, mux, "POST /images", func(in struct {
		at
		Repository string `json:"repository"`
		Tag        string `json:"tag"`
		Access     Access `json:"access"`
	}) (any, error) {
		digest, err := s.AddImage(in.Registry, in.Repository, in.Tag, in.Access)
		return map[string]string{"digest": digest}, err
	})
	control(s, mux, "POST /refuse", func(in struct {
		at
		User   string `json:"user"`
		Refuse bool   `json:"refuse"`
	}) (any, error) {
		s.Refuse(in.Registry, in.User, in.Refuse)
		return struct{}{}, nil
	})
	control(s, mux, "POST /spread", func(in struct {
		at
		Attempts int             `json:"attempts"`
		After    simctl.Duration `json:"after"`
	}) (any, error) {
		s.Spread(in.Registry, in.Attempts, time.Duration(in.After))
		return struct{}{}, nil
	})
	control(s, mux, "POST /certificate", func(in struct {
		at
		Certificate Certificate `json:"certificate"`
	}) (any, error) {
		s.Present(in.Registry, in.Certificate)
		return struct{}{}, nil
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		if simctl.ReadJSON(w, r, &f) {
			s.Break(f)
			simctl.WriteJSON(w, http.StatusOK, struct{}{})
		}
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Mend()
		simctl.WriteJSON(w, http.StatusOK, struct{}{})
	})
	return mux
}

// at is the registry that a control request is about.
type at struct {
	Registry string `json:"registry"`
}

func (a at) registry() string { return a.Registry }

// control adds an operation on one registry that reads a JSON object and answers with another.
func control[T interface{ registry() string }](s *Sim, mux *http.ServeMux, pattern string, do func(T) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in T
		if !simctl.ReadJSON(w, r, &in) {
			return
		}
		if s.hosts[in.registry()] == nil {
			simctl.WriteJSON(w, http.StatusNotFound, map[string]string{"error": "no such registry"})
			return
		}
		out, err := do(in)
		if err != nil {
			simctl.WriteJSON(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
			return
		}
		simctl.WriteJSON(w, http.StatusOK, out)
	})
}
