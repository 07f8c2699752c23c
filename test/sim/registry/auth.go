package registry

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// grant is what a token allows.
type grant struct {
	user    string
	pull    map[string]bool // repositories
	expires time.Time
}

// handler is one registry.
func (s *Sim) handler(h *host) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", h.ping)
	mux.HandleFunc("GET "+h.habits.realm, h.token)
	mux.HandleFunc("/v2/", h.content)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		endpoint := h.endpoint(r.URL.Path)
		s.mu.Lock()
		h.counts[endpoint]++
		s.mu.Unlock()
		if fault, hit := s.takeFault(h.name, endpoint); hit {
			fault.answer(w, r)
			return
		}
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		mux.ServeHTTP(w, r)
	})
}

func (h *host) endpoint(path string) string {
	switch {
	case path == h.habits.realm:
		return EndpointToken
	case strings.Contains(path, "/manifests/"):
		return EndpointManifest
	case strings.Contains(path, "/blobs/"):
		return EndpointBlob
	case strings.HasSuffix(path, "/tags/list"):
		return EndpointTags
	}
	return EndpointPing
}

// challenge tells a client where to get a token, and with which scope.
func (h *host) challenge(w http.ResponseWriter, repository string) {
	value := fmt.Sprintf(`Bearer realm="https://%s%s",service="%s"`, h.name, h.habits.realm, h.habits.service)
	if repository != "" {
		value += fmt.Sprintf(`,scope="repository:%s:pull"`, repository)
	}
	w.Header().Set("WWW-Authenticate", value)
}

// writeError writes the error document of the distribution protocol.
func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client has gone away
		"errors": []any{map[string]any{"code": code, "message": message, "detail": map[string]any{}}},
	})
}

func (h *host) ping(w http.ResponseWriter, r *http.Request) {
	if _, ok := h.bearer(r); !ok {
		h.challenge(w, "")
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte("true")) // the client has gone away
}

// bearer returns the rights of the request's token; false without a valid token.
func (h *host) bearer(r *http.Request) (grant, bool) {
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	g, ok := h.tokens[token]
	return g, ok && h.sim.opts.Clock.Now().Before(g.expires)
}

// token is the realm. Credentials are checked whenever they are sent; without any, the response depends on the registry.
func (h *host) token(w http.ResponseWriter, r *http.Request) {
	user, password, sent := r.BasicAuth()
	if r.Header.Get("Authorization") != "" && !sent {
		user = "?" // an Authorization header of another kind is a bad login, not an anonymous one
	}
	scopes := r.URL.Query()["scope"]
	switch {
	case r.Header.Get("Authorization") != "":
		if !h.login(user, password) {
			message := h.habits.badLogin
			if strings.Contains(message, "%s") {
				message = fmt.Sprintf(message, user)
			}
			h.challenge(w, "")
			writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", message)
			return
		}
	case !h.habits.anonymous:
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", h.habits.badLogin)
		return
	case len(scopes) == 0:
		h.challenge(w, "")
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "access to the requested resource is not authorized")
		return
	}
	text := h.issue(user, scopes)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client has gone away
		"token": text, "access_token": text, "expires_in": int(h.habits.tokenLife.Seconds()),
		"issued_at": h.sim.opts.Clock.Now().UTC().Format(time.RFC3339),
	})
}

// login checks Basic credentials and records the attempt.
func (h *host) login(user, password string) bool {
	alive := h.accepts(user, password)
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	now := h.sim.opts.Clock.Now()
	accepted := alive && h.spread.arrived(user, now)
	if len(h.logins) == maxLogins {
		h.logins = append(h.logins[:0], h.logins[maxLogins/2:]...)
	}
	h.logins = append(h.logins, Login{User: user, Accepted: accepted, At: now})
	return accepted
}

// maxLogins limits the log of a long-running demo.
const maxLogins = 1000

// issue creates a token for those of the requested rights that the user has.
func (h *host) issue(user string, scopes []string) string {
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	g := grant{user: user, pull: map[string]bool{}, expires: h.sim.opts.Clock.Now().Add(h.habits.tokenLife)}
	for _, scope := range strings.Fields(strings.Join(scopes, " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		repository, actions, _ := strings.Cut(rest, ":")
		if kind == "repository" && strings.Contains(actions, "pull") && h.store.mayPull(user, repository) {
			g.pull[repository] = true
		}
	}
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // never fails: see crypto/rand
	text := "CANARY." + hex.EncodeToString(raw)
	h.tokens[text] = g
	h.sim.canaries = append(h.sim.canaries, text)
	return text
}

// content serves manifests and blobs: it checks the client's rights first, then whether the content exists.
func (h *host) content(w http.ResponseWriter, r *http.Request) {
	repository, ok := repositoryOf(r.URL.Path)
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeError(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
		return
	}
	g, ok := h.bearer(r)
	if !ok {
		h.challenge(w, repository)
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	if h.habits.unknown != "" && !h.knows(repository) {
		writeError(w, http.StatusNotFound, "NAME_UNKNOWN", h.habits.unknown)
		return
	}
	if !g.pull[repository] {
		if h.habits.notCovered == http.StatusUnauthorized {
			h.challenge(w, repository)
		}
		writeError(w, h.habits.notCovered, h.habits.notCoveredCode, "access to the requested resource is not authorized")
		return
	}
	h.store.images.ServeHTTP(w, r)
}

func (h *host) knows(repository string) bool {
	h.sim.mu.Lock()
	defer h.sim.mu.Unlock()
	_, known := h.store.access[repository]
	return known
}

// repositoryOf returns the repository of /v2/<repository>/manifests/<reference>, and the same for blobs and tags.
func repositoryOf(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return "", false
	}
	for _, kind := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if i := strings.LastIndex(rest, kind); i > 0 {
			return rest[:i], true
		}
	}
	return "", false
}
