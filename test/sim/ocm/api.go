package ocm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

const apiRoot = "/api/accounts_mgmt/v1"

// caller is the sender of a request.
type caller struct {
	account *account
	// cluster and generation are set when the request came with a cluster's own token.
	cluster    *cluster
	generation *generation
}

// endpoint handles one operation and returns a status and a body, or an error. It runs with the Sim locked.
type endpoint func(caller, *http.Request) (status int, body any, refusal *apiError)

// apiMux has the contract's operations that a rotation needs, each with the contract's security.
func (s *Sim) apiMux() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, bearerOnly bool, e endpoint) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+apiRoot+path, s.authenticated(bearerOnly, e))
	}
	handle("GET /current_account", false, s.getCurrentAccount)
	handle("GET /accounts/{id}", true, s.getAccount)
	handle("POST /access_token", true, s.postAccessToken)
	handle("GET /accounts/{id}/pull_secret_rotation", false, s.listRotations)
	handle("POST /accounts/{id}/pull_secret_rotation", true, s.postRotation)
	handle("GET /accounts/{id}/pull_secret_rotation/{rotationId}", true, s.getRotation)
	handle("DELETE /accounts/{id}/pull_secret_rotation/{rotationId}", true, s.deleteOneRotation)
	handle("GET /cluster_transfers", false, s.listTransfers)
	handle("GET /subscriptions", false, s.listSubscriptions)
	handle("GET /registry_credentials", true, func(c caller, r *http.Request) (int, any, *apiError) {
		return 0, nil, denied(c.account.id, "list", "RegistryCredential", r) // a right of Red Hat's SREs only
	})
	handle("GET /organizations/{id}", true, s.getOrganization)
	handle("GET /role_bindings", true, s.listRoleBindings)
	mux.HandleFunc("POST "+apiRoot+"/cluster_registrations", s.postRegistration)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, newError(http.StatusNotFound, 7, "The requested resource '%s' doesn't exist", r.URL.Path))
	})
	// A slash at the end is the same operation: insights-operator's configuration has one.
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, apiRoot) {
			r = r.Clone(r.Context())
			r.URL.Path, r.URL.RawPath = strings.TrimSuffix(r.URL.Path, "/"), ""
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Sim) authenticated(bearerOnly bool, e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.expire()
		who, ok := s.identify(r.Header.Get("Authorization"), bearerOnly)
		if !ok {
			writeError(w, unauthenticated())
			return
		}
		if who.account.banned {
			writeError(w, newError(http.StatusForbidden, 4, "Account %s is banned", who.account.username))
			return
		}
		if r.Header.Get("Impersonate-User") != "" { // a right of Red Hat's own accounts
			writeError(w, denied(who.account.id, "impersonate", "Account", r))
			return
		}
		status, body, refusal := e(who, r)
		switch {
		case refusal != nil:
			writeError(w, refusal)
		case body == nil:
			w.WriteHeader(status)
		default:
			simctl.WriteJSON(w, status, alphabetic(body))
		}
	}
}

// identify returns the owner of the credential in an Authorization header.
func (s *Sim) identify(header string, bearerOnly bool) (caller, bool) {
	scheme, value, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		c, err := s.verify(value, s.opts.Clock.Now().Add(s.apiSkew))
		if err != nil || c.Type != typeBearer {
			return caller{}, false
		}
		a := s.account(c.Subject)
		return caller{account: a}, a != nil
	case scheme == "AccessToken" && !bearerOnly:
		clusterID, auth, _ := strings.Cut(value, ":")
		g, cl := s.byCloudAuth(auth), s.cluster(clusterID)
		// A cluster that is unknown or of another account is not a valid caller.
		if g == nil || cl == nil || cl.account != g.account || s.opts.RefuseUnregistered && !g.registered {
			return caller{}, false
		}
		if s.opts.AccessTokenCompletes {
			s.switched(cl, g)
		}
		return caller{account: g.account, cluster: cl, generation: g}, true
	}
	return caller{}, false
}

// ref is an ObjectReference.
type ref struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Href string `json:"href"`
}

type apiOrganization struct {
	ref
	Name       string `json:"name"`
	ExternalID string `json:"external_id"`
}

type apiAccount struct {
	ref
	Username       string          `json:"username"`
	Email          string          `json:"email"`
	FirstName      string          `json:"first_name"`
	LastName       string          `json:"last_name"`
	Banned         bool            `json:"banned"`
	ServiceAccount bool            `json:"service_account"`
	Organization   apiOrganization `json:"organization"`
	CreatedAt      time.Time       `json:"created_at"`
	UpdatedAt      time.Time       `json:"updated_at"`
}

func (a *account) api() apiAccount {
	return apiAccount{
		ref:      ref{a.id, "Account", apiRoot + "/accounts/" + a.id},
		Username: a.username, Email: a.email, FirstName: "Sam", LastName: a.lastName,
		Banned: a.banned, ServiceAccount: a.serviceAccount,
		Organization: apiOrganization{ref{a.organization, "Organization", apiRoot + "/organizations/" + a.organization},
			"Simulated", "1234567"},
		CreatedAt: a.created, UpdatedAt: a.created,
	}
}

func (s *Sim) getCurrentAccount(c caller, _ *http.Request) (int, any, *apiError) {
	return http.StatusOK, c.account.api(), nil
}

func (s *Sim) getAccount(c caller, r *http.Request) (int, any, *apiError) {
	if r.PathValue("id") != c.account.id {
		return 0, nil, denied(c.account.id, "get", "Account", r)
	}
	return http.StatusOK, c.account.api(), nil
}

func (s *Sim) postAccessToken(c caller, _ *http.Request) (int, any, *apiError) {
	if c.account.current().dead() {
		s.issue(c.account)
	}
	return http.StatusOK, rawJSON(c.account.current().document()), nil
}

// rawJSON is a body that is already rendered.
type rawJSON []byte

// MarshalJSON returns the bytes.
func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

// alphabetic renders a body with sorted keys, as the service does.
func alphabetic(body any) rawJSON {
	raw, _ := json.Marshal(body) // the Sim's own types always marshal
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var tree any
	_ = decoder.Decode(&tree)   // it was just marshalled
	raw, _ = json.Marshal(tree) // maps marshal with sorted keys
	return raw
}

// list is a List of the contract.
type list struct {
	Kind  string `json:"kind"`
	Page  int    `json:"page"`
	Size  int    `json:"size"`
	Total int    `json:"total"`
	Items []any  `json:"items"`
}

// record is one row of a list: its fields for search and orderBy, and its rendering.
type record struct {
	fields map[string]string
	body   any
}

// page filters, orders and cuts a list by the query parameters of the contract.
func page(kind string, rows []record, r *http.Request) (list, *apiError) {
	q := r.URL.Query()
	if search := q.Get("search"); search != "" {
		match, err := parseSearch(search)
		if err != nil {
			return list{}, newError(http.StatusBadRequest, 23, "Failed to parse search query: %s", err)
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(row record) bool { return !match(row.fields) })
	}
	for _, key := range slices.Backward(strings.Split(q.Get("orderBy"), ",")) {
		field, direction, _ := strings.Cut(strings.TrimSpace(key), " ")
		if field == "" {
			continue
		}
		sign := 1
		if strings.EqualFold(strings.TrimSpace(direction), "desc") {
			sign = -1
		}
		slices.SortStableFunc(rows, func(a, b record) int { return sign * cmp.Compare(a.fields[field], b.fields[field]) })
	}
	number, size := atoi(q.Get("page"), 1), atoi(q.Get("size"), 100)
	out := list{Kind: kind, Page: number, Total: len(rows), Items: []any{}}
	first := min((max(number, 1)-1)*size, len(rows))
	for _, row := range rows[first:min(first+size, len(rows))] {
		out.Items = append(out.Items, row.body)
	}
	out.Size = len(out.Items)
	return out, nil
}

func atoi(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return n
	}
	return fallback
}
