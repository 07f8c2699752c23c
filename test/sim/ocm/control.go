package ocm

import (
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// State is what the control port shows. It holds no secret.
type State struct {
	Now        time.Time      `json:"now"`
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
	st := State{Counts: s.Counts(), Requests: s.Requests(), Violations: s.Violations()}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Now, st.NextBatch = s.virtual(), s.nextBatch
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
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		simctl.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /state", s.showState)
	mux.HandleFunc("GET /ca", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(s.opts.CA.PEM()) // the caller has gone away
	})
	mux.HandleFunc("GET /pull-secret", func(w http.ResponseWriter, r *http.Request) {
		if id, ok := s.knownAccount(w, r.URL.Query().Get("account")); ok {
			simctl.WriteJSON(w, http.StatusOK, rawJSON(s.PullSecret(id)))
		}
	})
	control(mux, "POST /accounts", func(in struct {
		Username       string `json:"username"`
		ServiceAccount bool   `json:"serviceAccount"`
	}) any {
		a := s.AddAccount(AccountSpec{Username: in.Username, ServiceAccount: in.ServiceAccount})
		id, secret := s.ServiceAccountCredential(a.ID)
		return map[string]string{"id": a.ID, "username": a.Username, "offlineToken": s.OfflineToken(a.ID),
			"clientID": id, "clientSecret": secret}
	})
	mux.HandleFunc("POST /clusters", s.controlAddCluster)
	control(mux, "POST /advance", func(in struct {
		By simctl.Duration `json:"by"`
	}) any {
		s.Advance(time.Duration(in.By))
		return map[string]time.Time{"now": s.Now()}
	})
	control(mux, "POST /batch", func(struct{}) any { s.RunBatch(); return nil })
	control(mux, "POST /telemetry", func(in struct {
		Cluster string `json:"cluster"`
		Auth    string `json:"auth"`
	}) any {
		if err := s.Telemetry(in.Cluster, in.Auth); err != nil {
			return map[string]string{"error": err.Error()}
		}
		return nil
	})
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Account string `json:"account"`
		}
		if !simctl.ReadJSON(w, r, &in) {
			return
		}
		if id, ok := s.knownAccount(w, in.Account); ok {
			simctl.WriteJSON(w, http.StatusOK, map[string]string{"id": s.StartRotationElsewhere(id)})
		}
	})
	control(mux, "POST /complete", func(struct{}) any { s.CompleteEverything(); return nil })
	control(mux, "POST /faults", func(in Fault) any { s.Break(in); return nil })
	control(mux, "DELETE /faults", func(struct{}) any { s.Mend(); return nil })
	control(mux, "POST /clock-skew", func(in struct {
		SSO simctl.Duration `json:"sso"`
		API simctl.Duration `json:"api"`
	}) any {
		s.SetClockSkew(time.Duration(in.SSO), time.Duration(in.API))
		return nil
	})
	return mux
}

// control adds an operation that reads one JSON object and answers with another, or with {} when there is nothing to say.
func control[T any](mux *http.ServeMux, pattern string, do func(T) any) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var in T
		if !simctl.ReadJSON(w, r, &in) {
			return
		}
		out := do(in)
		if out == nil {
			out = struct{}{}
		}
		simctl.WriteJSON(w, http.StatusOK, out)
	})
}

func (s *Sim) showState(w http.ResponseWriter, _ *http.Request) {
	simctl.WriteJSON(w, http.StatusOK, s.State())
}

func (s *Sim) controlAddCluster(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Account string `json:"account"`
		ID      string `json:"id"`
		Name    string `json:"name"`
		Mode    Mode   `json:"mode"`
	}
	if !simctl.ReadJSON(w, r, &in) {
		return
	}
	if account, ok := s.knownAccount(w, in.Account); ok {
		id := s.AddCluster(account, ClusterSpec{ID: in.ID, Name: in.Name, Mode: in.Mode})
		simctl.WriteJSON(w, http.StatusOK, map[string]string{"id": id})
	}
}

// knownAccount answers 404 itself when there is no such account.
func (s *Sim) knownAccount(w http.ResponseWriter, id string) (string, bool) {
	s.mu.Lock()
	known := s.account(id) != nil
	s.mu.Unlock()
	if !known {
		simctl.WriteJSON(w, http.StatusNotFound, map[string]string{"error": "no such account"})
	}
	return id, known
}
