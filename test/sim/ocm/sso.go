package ocm

import (
	"errors"
	"net/http"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// PublicClient is the client that offline tokens are issued to, and that exchanges them without a secret.
const PublicClient = "cloud-services"

// Types of tokens in their typ claim.
const (
	typeBearer  = "Bearer"
	typeRefresh = "Refresh"
	typeOffline = "Offline"
)

const issuer = "https://" + SSOHost + "/auth/realms/redhat-external"

// session is the session of a refresh or offline token.
type session struct {
	id       string
	account  *account
	typ      string
	lastUsed time.Time // virtual
	revoked  bool
}

// OfflineToken returns a new offline token of the account, as console.redhat.com/openshift/token shows it.
func (s *Sim) OfflineToken(accountID string) string { return s.newSession(accountID, typeOffline) }

// RefreshToken returns a new refresh token of the account, as a browser login ends with.
func (s *Sim) RefreshToken(accountID string) string { return s.newSession(accountID, typeRefresh) }

func (s *Sim) newSession(accountID, typ string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	se := &session{id: newUUID(), account: s.mustAccount(accountID), typ: typ, lastUsed: s.virtual()}
	s.sessions[se.id] = se
	return s.sessionToken(se)
}

func (s *Sim) sessionToken(se *session) string {
	now := s.ssoNow()
	c := claims{Type: se.typ, ID: newUUID(), IssuedAt: now.Unix(), Issuer: issuer, Audience: issuer, Subject: se.account.id,
		Client: PublicClient, Session: se.id, Scope: "openid offline_access"}
	if se.typ == typeRefresh {
		c.Expires, c.Scope = now.Add(s.opts.RefreshTokenLife).Unix(), "openid"
	}
	return s.sign(c)
}

// ServiceAccountCredential returns a client id and a new secret for the account; an earlier secret is then invalid.
func (s *Sim) ServiceAccountCredential(accountID string) (clientID, clientSecret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.mustAccount(accountID)
	if a.clientID == "" {
		a.clientID = newUUID()
		s.clients[a.clientID] = a
	}
	a.secret = Canary + random(40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
	s.canary(a.secret)
	return a.clientID, a.secret
}

// EndSessions invalidates every offline and refresh token of the account, as a password change or an administrator does.
func (s *Sim) EndSessions(accountID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, se := range s.sessions {
		if se.account.id == accountID {
			se.revoked = true
		}
	}
}

// ForbidOfflineTokens forbids them as an organisation can (capability.organization.restrict_offline_tokens).
func (s *Sim) ForbidOfflineTokens(accountID string, forbid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustAccount(accountID).forbidsOffline = forbid
}

// SetClockSkew moves the clocks of the two servers against Options.Clock, and so against the client's. With different values
// the API refuses tokens that the single sign-on has just issued.
func (s *Sim) SetClockSkew(sso, api time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ssoSkew, s.apiSkew = sso, api
}

func (s *Sim) ssoNow() time.Time { return s.opts.Clock.Now().Add(s.ssoSkew) }

func (s *Sim) ssoMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+TokenPath, s.serveToken)
	return mux
}

// oauthError is the body of a refusal, with Keycloak's texts.
type oauthError struct {
	status      int
	Name        string `json:"error"`
	Description string `json:"error_description"`
}

type tokenAnswer struct {
	AccessToken      string `json:"access_token"`
	ExpiresIn        int    `json:"expires_in"`
	RefreshExpiresIn int    `json:"refresh_expires_in"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	TokenType        string `json:"token_type"`
	NotBeforePolicy  int    `json:"not-before-policy"`
	SessionState     string `json:"session_state,omitempty"`
	Scope            string `json:"scope"`
}

func (s *Sim) serveToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer tokenAnswer
	var refusal *oauthError
	switch grant := r.PostFormValue("grant_type"); grant {
	case "client_credentials":
		answer, refusal = s.clientCredentials(r)
	case "refresh_token":
		answer, refusal = s.refresh(r)
	case "":
		refusal = &oauthError{http.StatusBadRequest, "invalid_request", "Missing form parameter: grant_type"}
	default:
		refusal = &oauthError{http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type"}
	}
	w.Header().Set("Cache-Control", "no-store")
	if refusal != nil {
		simctl.WriteJSON(w, refusal.status, refusal)
		return
	}
	simctl.WriteJSON(w, http.StatusOK, answer)
}

func (s *Sim) clientCredentials(r *http.Request) (tokenAnswer, *oauthError) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	a := s.clients[id]
	switch {
	case a == nil:
		return tokenAnswer{}, &oauthError{http.StatusUnauthorized, "invalid_client", "Invalid client or Invalid client credentials"}
	case a.secret != secret:
		return tokenAnswer{}, &oauthError{http.StatusUnauthorized, "unauthorized_client", "Invalid client or Invalid client credentials"}
	}
	return s.accessToken(a, id, ""), nil
}

func (s *Sim) refresh(r *http.Request) (tokenAnswer, *oauthError) {
	grantError := func(description string) (tokenAnswer, *oauthError) {
		return tokenAnswer{}, &oauthError{http.StatusBadRequest, "invalid_grant", description}
	}
	if id := r.PostFormValue("client_id"); id != PublicClient {
		return tokenAnswer{}, &oauthError{http.StatusUnauthorized, "invalid_client", "Invalid client or Invalid client credentials"}
	}
	c, err := s.verify(r.PostFormValue("refresh_token"), s.ssoNow())
	se := s.sessions[c.Session]
	switch {
	case errors.Is(err, errTokenExpired):
		return grantError("Token is not active")
	case err != nil && !errors.Is(err, errTokenEarly), c.Type == typeBearer, se == nil:
		return grantError("Invalid refresh token")
	case se.typ == typeOffline && (se.revoked || s.virtual().Sub(se.lastUsed) > s.opts.OfflineTokenIdle):
		return grantError("Offline user session not found")
	case se.revoked:
		return grantError("Session not active")
	case se.typ == typeOffline && se.account.forbidsOffline:
		return tokenAnswer{}, &oauthError{http.StatusBadRequest, "not_allowed", "Offline tokens not allowed for the user or client"}
	}
	se.lastUsed = s.virtual()
	answer := s.accessToken(se.account, PublicClient, se.id)
	answer.RefreshToken = s.sessionToken(se)
	if se.typ == typeRefresh {
		answer.RefreshExpiresIn = int(s.opts.RefreshTokenLife.Seconds())
	}
	return answer, nil
}

func (s *Sim) accessToken(a *account, client, session string) tokenAnswer {
	now := s.ssoNow()
	token := s.sign(claims{Type: typeBearer, ID: newUUID(), IssuedAt: now.Unix(), Expires: now.Add(s.opts.AccessTokenLife).Unix(),
		Issuer: issuer, Subject: a.id, Client: client, Session: session, Scope: "openid", Username: a.username})
	return tokenAnswer{AccessToken: token, ExpiresIn: int(s.opts.AccessTokenLife.Seconds()), TokenType: typeBearer,
		SessionState: session, Scope: "openid"}
}
