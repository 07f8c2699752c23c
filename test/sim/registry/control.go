package registry

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// State is what the control port shows. It contains no secret.
type State struct {
	Counts map[string]map[string]int    `json:"counts"` // by registry and endpoint
	Logins map[string][]Login           `json:"logins"` // by registry
	Images map[string]map[string]Access `json:"images"` // by registry and repository
	Faults []Fault                      `json:"faults"`
	// Running lists whether each registry can be reached.
	Running map[string]bool `json:"running"`
}

// State returns a snapshot of everything but the secrets.
func (s *Sim) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := State{Counts: s.allCounts(), Logins: map[string][]Login{}, Images: map[string]map[string]Access{},
		Faults: s.faults.Active(), Running: map[string]bool{}}
	for name, h := range s.hosts {
		st.Logins[name] = append([]Login(nil), h.logins...)
		st.Images[name], st.Running[name] = map[string]Access{}, h.server.Running()
		for repository, access := range h.store.access {
			st.Images[name][repository] = access
		}
	}
	return st
}

// controlMux is the control port; doc.go lists it.
func (s *Sim) controlMux() http.Handler {
	mux := http.NewServeMux()
	simctl.HandleCommon(mux, func() any { return s.State() }, s.opts.CA.PEM())
	simctl.HandleFaults(mux, func(f Fault) error { return s.faults.Add(f) }, s.Mend)
	s.controlContent(mux)
	s.controlCredentials(mux)
	control(mux, "POST /certificate", func(in struct {
		at
		Certificate Certificate `json:"certificate"`
	}) (any, error) {
		if err := simctl.CheckKind("certificate", in.Certificate, Certificates()); err != nil {
			return nil, err
		}
		s.Present(in.Registry, in.Certificate)
		return nil, nil
	})
	control(mux, "POST /service", func(in struct {
		at
		Running *bool `json:"running"`
	}) (any, error) {
		return nil, s.SetReachable(in.Registry, in.Running == nil || *in.Running)
	})
	return mux
}

// controlContent has the operations on images and access to them.
func (s *Sim) controlContent(mux *http.ServeMux) {
	control(mux, "POST /images", func(in struct {
		at
		Repository string `json:"repository"`
		Tag        string `json:"tag"`
		Access     Access `json:"access"`
	}) (any, error) {
		if err := simctl.CheckKind("access", in.Access, []Access{Subscribers, Public, Nobody}); err != nil {
			return nil, err
		}
		digest, err := s.AddImage(in.Registry, in.Repository, in.Tag, in.Access)
		return map[string]string{"digest": digest}, err
	})
	control(mux, "POST /deny-pull", func(in struct {
		at
		User       string `json:"user"`
		Repository string `json:"repository"`
		Deny       bool   `json:"deny"`
	}) (any, error) {
		s.DenyPull(in.Registry, in.User, in.Repository, in.Deny)
		return nil, nil
	})
}

// controlCredentials has the operations on logins.
func (s *Sim) controlCredentials(mux *http.ServeMux) {
	control(mux, "POST /refuse", func(in struct {
		at
		User   string `json:"user"`
		Refuse bool   `json:"refuse"`
	}) (any, error) {
		s.Refuse(in.Registry, in.User, in.Refuse)
		return nil, nil
	})
	control(mux, "POST /spread", func(in struct {
		at
		Attempts int             `json:"attempts"`
		After    simctl.Duration `json:"after"`
	}) (any, error) {
		s.Spread(in.Registry, in.Attempts, time.Duration(in.After))
		return nil, nil
	})
	control(mux, "POST /revocation", func(in struct {
		at
		Late      simctl.Duration `json:"late"`
		Forgotten bool            `json:"forgotten"`
	}) (any, error) {
		by := time.Duration(in.Late)
		if in.Forgotten {
			by = Forgotten
		}
		s.RevokeLate(in.Registry, by)
		return nil, nil
	})
}

// at returns the registry of a control request.
type at struct {
	Registry string `json:"registry"`
}

func (a at) registry() string { return a.Registry }

// control adds an operation on one registry.
func control[T interface{ registry() string }](mux *http.ServeMux, pattern string, do func(T) (any, error)) {
	simctl.HandleControl(mux, pattern, func(in T) (any, error) {
		if !slices.Contains(Hosts, in.registry()) {
			return nil, simctl.Unknown(fmt.Sprintf("registry %q; there are %v", in.registry(), Hosts))
		}
		return do(in)
	})
}
