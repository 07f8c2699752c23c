package ocm

import (
	"encoding/json"
	"net/http"
	"strings"
)

// This file has operations that are not in the contract's published document, for telemetry and for the ocm command line. They are
// not checked against it.

// unjudged are their paths below apiRoot; one that ends in a slash is a prefix.
var unjudged = []string{"/cluster_registrations", "/organizations/", "/role_bindings"}

func isUnjudged(r *http.Request) bool {
	path, ok := strings.CutPrefix(strings.TrimSuffix(r.URL.Path, "/"), apiRoot)
	if !ok {
		return false
	}
	for _, p := range unjudged {
		if path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

type apiRegistration struct {
	AccountID string `json:"account_id"`
	ClusterID string `json:"cluster_id"`
	Token     string `json:"authorization_token"`
	ExpiresAt string `json:"expires_at"`
}

// postRegistration is telemetry: a cluster reports with the token of its pull secret, which completes its transfer. It needs no
// other credential. An unknown cluster is added to the token's account (201).
func (s *Sim) postRegistration(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ClusterID string `json:"cluster_id"`
		Token     string `json:"authorization_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.ClusterID == "" || in.Token == "" {
		writeError(w, newError(http.StatusBadRequest, 21, "cluster_id and authorization_token are required"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.byCloudAuth(in.Token)
	if g == nil || g.account.banned {
		writeError(w, newError(http.StatusForbidden, 4, "Registry credential token is invalid"))
		return
	}
	status, c := http.StatusOK, s.cluster(in.ClusterID)
	if c == nil {
		if limit := s.opts.RegistrationLimit; limit > 0 && g.account.registered >= limit {
			writeError(w, newError(http.StatusTooManyRequests, 429, "Too many clusters have been associated with this user recently"))
			return
		}
		g.account.registered++
		status, c = http.StatusCreated, s.addCluster(g.account, ClusterSpec{ID: in.ClusterID})
	}
	if err := s.telemetry(c, in.Token); err != nil {
		writeError(w, newError(http.StatusForbidden, 4, "Registry credential token is invalid"))
		return
	}
	raw, _ := json.Marshal(apiRegistration{AccountID: g.account.id, ClusterID: c.id, Token: in.Token,
		ExpiresAt: timeText(s.stamp().Add(telemetryInterval))}) // strings always marshal
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // the client has gone away
}

func (s *Sim) getOrganization(c caller, r *http.Request) (int, any, *apiError) {
	if r.PathValue("id") != c.account.organization {
		return 0, nil, denied(c.account.id, "get", "Organization", r)
	}
	return http.StatusOK, c.account.api().Organization, nil
}

type apiRoleBinding struct {
	ref
	Account ref    `json:"account"`
	Role    ref    `json:"role"`
	Type    string `json:"type"`
}

// listRoleBindings shows the one that every account has.
func (s *Sim) listRoleBindings(c caller, r *http.Request) (int, any, *apiError) {
	body := apiRoleBinding{
		ref:     ref{"binding-" + c.account.id, "RoleBinding", apiRoot + "/role_bindings/binding-" + c.account.id},
		Account: ref{c.account.id, "Account", apiRoot + "/accounts/" + c.account.id},
		Role:    ref{"AuthenticatedUser", "Role", apiRoot + "/roles/AuthenticatedUser"}, Type: "Application",
	}
	rows := []record{{body: body, fields: map[string]string{"id": body.ID, "account.id": c.account.id, "account_id": c.account.id,
		"role.id": body.Role.ID, "role_id": body.Role.ID, "type": body.Type}}}
	l, refusal := page("RoleBindingList", rows, r)
	return http.StatusOK, l, refusal
}
