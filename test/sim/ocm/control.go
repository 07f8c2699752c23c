package ocm

import (
	"net/http"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// State is what the control port shows. It contains no secret.
type State struct {
	Now        time.Time      `json:"now"`
	Habits     Habits         `json:"habits"`
	Faults     []Fault        `json:"faults"`
	NextBatch  time.Time      `json:"nextBatch"`
	Accounts   []Account      `json:"accounts"`
	Clusters   []ClusterState `json:"clusters"`
	Rotations  []Rotation     `json:"rotations"`
	Transfers  []Transfer     `json:"transfers"`
	Counts     map[string]int `json:"counts"`
	Requests   []Request      `json:"requests"`
	Violations []string       `json:"violations"`
}

// ClusterState is what the control port shows of a cluster.
type ClusterState struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Account       string    `json:"account"`
	Mode          Mode      `json:"mode,omitempty"`
	Subscription  string    `json:"subscription"`
	LastTelemetry time.Time `json:"lastTelemetry"`
}

// State returns a snapshot of everything but the secrets.
func (s *Sim) State() State {
	st := State{Faults: s.faults.Active(), Counts: s.Counts(), Requests: s.Requests(), Violations: s.Violations()}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Now, st.NextBatch, st.Habits = s.virtual(), s.nextBatch, s.opts.Habits
	for _, a := range s.accounts {
		st.Accounts = append(st.Accounts, Account{ID: a.id, Username: a.username, Email: a.email, ServiceAccount: a.serviceAccount})
	}
	for _, c := range s.clusters {
		st.Clusters = append(st.Clusters, ClusterState{ID: c.id, Name: c.name, Account: c.account.id, Mode: c.mode,
			Subscription: c.status, LastTelemetry: c.lastTelemetry})
	}
	for _, r := range s.rotations {
		st.Rotations = append(st.Rotations, r.view())
	}
	for _, t := range s.transfers {
		st.Transfers = append(st.Transfers, t.view())
	}
	return st
}

// controlMux is the control port; doc.go lists it.
func (s *Sim) controlMux() http.Handler {
	mux := http.NewServeMux()
	simctl.HandleCommon(mux, func() any { return s.State() }, s.opts.CA.PEM())
	simctl.HandleFaults(mux, s.addFault, s.Mend)
	s.controlTime(mux)
	s.controlAccounts(mux)
	s.controlCredentials(mux)
	s.controlRotations(mux)
	return mux
}

func (s *Sim) controlTime(mux *http.ServeMux) {
	simctl.HandleControl(mux, "POST /advance", func(in struct {
		By simctl.Duration `json:"by"`
	}) (any, error) {
		s.Advance(time.Duration(in.By))
		return map[string]time.Time{"now": s.Now()}, nil
	})
	simctl.HandleControl(mux, "POST /batch", func(struct{}) (any, error) { s.RunBatch(); return nil, nil })
	simctl.HandleControl(mux, "POST /complete", func(struct{}) (any, error) { s.CompleteEverything(); return nil, nil })
	simctl.HandleControl(mux, "POST /clock-skew", func(in struct {
		SSO simctl.Duration `json:"sso"`
		API simctl.Duration `json:"api"`
	}) (any, error) {
		s.SetClockSkew(time.Duration(in.SSO), time.Duration(in.API))
		return nil, nil
	})
	mux.HandleFunc("POST /habits", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		habits := s.opts.Habits // a field that the body omits stays unchanged
		s.mu.Unlock()
		if simctl.ReadJSON(w, r, &habits) {
			s.Configure(func(current *Habits) { *current = habits })
			simctl.WriteJSON(w, http.StatusOK, habits)
		}
	})
}

func (s *Sim) controlAccounts(mux *http.ServeMux) {
	mux.HandleFunc("GET /pull-secret", func(w http.ResponseWriter, r *http.Request) {
		if id := r.URL.Query().Get("account"); s.knows(id) == nil {
			simctl.WriteJSON(w, http.StatusOK, rawJSON(s.PullSecret(id)))
		} else {
			simctl.WriteJSON(w, http.StatusNotFound, map[string]string{"error": s.knows(id).Error()})
		}
	})
	simctl.HandleControl(mux, "POST /accounts", func(in struct {
		Username       string `json:"username"`
		Organization   string `json:"organization"`
		ServiceAccount bool   `json:"serviceAccount"`
	}) (any, error) {
		a := s.AddAccount(AccountSpec{Username: in.Username, Organization: in.Organization, ServiceAccount: in.ServiceAccount})
		id, secret := s.ServiceAccountCredential(a.ID)
		return map[string]string{"id": a.ID, "username": a.Username, "offlineToken": s.OfflineToken(a.ID),
			"clientID": id, "clientSecret": secret}, nil
	})
	simctl.HandleControl(mux, "POST /clusters", func(in struct {
		Account      string          `json:"account"`
		ID           string          `json:"id"`
		Name         string          `json:"name"`
		Mode         Mode            `json:"mode"`
		TransferLife simctl.Duration `json:"transferLife"`
	}) (any, error) {
		if err := s.knows(in.Account); err != nil {
			return nil, err
		}
		if err := simctl.CheckKind("mode", in.Mode, Modes()); err != nil {
			return nil, err
		}
		id := s.AddCluster(in.Account, ClusterSpec{ID: in.ID, Name: in.Name, Mode: in.Mode, TransferLife: time.Duration(in.TransferLife)})
		return map[string]string{"id": id}, nil
	})
}

// controlCredentials has the operations on registry credentials and telemetry.
func (s *Sim) controlCredentials(mux *http.ServeMux) {
	simctl.HandleControl(mux, "POST /delete-credentials", func(in ofAccount) (any, error) {
		if err := s.knows(in.Account); err != nil {
			return nil, err
		}
		s.DeleteCredentials(in.Account)
		return nil, nil
	})
	simctl.HandleControl(mux, "POST /revoke", func(in struct {
		ofAccount
		Set        int      `json:"set"`
		Registries []string `json:"registries"`
	}) (any, error) {
		if err := s.knows(in.Account); err != nil {
			return nil, err
		}
		if all := len(s.PullSecrets(in.Account)); in.Set < -all || in.Set >= all {
			return nil, simctl.Unknown("set: 0 is the oldest, -1 the newest")
		}
		for _, registry := range in.Registries {
			if err := simctl.CheckKind("registry", registry, Registries); err != nil {
				return nil, err
			}
		}
		s.Revoke(in.Account, in.Set, in.Registries...)
		return nil, nil
	})
	simctl.HandleControl(mux, "POST /revocation", func(in struct {
		Late       simctl.Duration `json:"late"`
		Forgotten  bool            `json:"forgotten"`
		Registries []string        `json:"registries"`
	}) (any, error) {
		for _, registry := range in.Registries {
			if err := simctl.CheckKind("registry", registry, Registries); err != nil {
				return nil, err
			}
		}
		by := time.Duration(in.Late)
		if in.Forgotten {
			by = Forgotten
		}
		s.RevokeLate(by, in.Registries...)
		return nil, nil
	})
	simctl.HandleControl(mux, "POST /telemetry", func(in struct {
		Cluster string `json:"cluster"`
		Auth    string `json:"auth"`
	}) (any, error) {
		return nil, s.Telemetry(in.Cluster, in.Auth)
	})
}

func (s *Sim) controlRotations(mux *http.ServeMux) {
	simctl.HandleControl(mux, "POST /rotate", func(in ofAccount) (any, error) {
		if err := s.knows(in.Account); err != nil {
			return nil, err
		}
		return map[string]string{"id": s.StartRotationElsewhere(in.Account)}, nil
	})
	simctl.HandleControl(mux, "POST /records", func(in struct {
		ofAccount
		Record
	}) (any, error) {
		if err := s.knows(in.Account); err != nil {
			return nil, err
		}
		return map[string]string{"id": s.AddRecord(in.Account, in.Record)}, nil
	})
	simctl.HandleControl(mux, "POST /abandon", func(in struct {
		Rotation string `json:"rotation"`
		Status   string `json:"status"`
	}) (any, error) {
		if !s.hasRotation(in.Rotation) {
			return nil, simctl.Unknown("rotation")
		}
		s.Abandon(in.Rotation, in.Status)
		return nil, nil
	})
	simctl.HandleControl(mux, "POST /transfer-end", func(in struct {
		Cluster string          `json:"cluster"`
		In      simctl.Duration `json:"in"`
	}) (any, error) {
		if !s.hasCluster(in.Cluster) {
			return nil, simctl.Unknown("cluster")
		}
		s.SetTransferEnd(in.Cluster, s.Now().Add(time.Duration(in.In)))
		return nil, nil
	})
}

// ofAccount has the account of a control request.
type ofAccount struct {
	Account string `json:"account"`
}

func (s *Sim) knows(accountID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account(accountID) == nil {
		return simctl.Unknown("account")
	}
	return nil
}

func (s *Sim) hasCluster(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cluster(id) != nil
}

func (s *Sim) hasRotation(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.rotations, func(r *rotation) bool { return r.id == id })
}
