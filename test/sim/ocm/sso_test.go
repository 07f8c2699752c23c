package ocm

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestToken_RefusalsHaveKeycloaksTexts covers each refusal that needs its own action.
func TestToken_RefusalsHaveKeycloaksTexts(t *testing.T) {
	for _, tc := range []struct {
		// name is the sentence that the case proves.
		name string
		// prepare changes the service and returns the form to send.
		prepare func(*rig) url.Values
		// status, code and description are the response; an empty code is success.
		status            int
		code, description string
	}{
		{"a valid offline token is exchanged", func(r *rig) url.Values { return refreshForm(r.offline) }, 200, "", ""},
		{"a refresh token is exchanged", func(r *rig) url.Values { return refreshForm(r.RefreshToken(r.account.ID)) }, 200, "", ""},
		{"an offline token that was not used for 30 days is dead", func(r *rig) url.Values {
			r.Advance(30*day + time.Second)
			return refreshForm(r.offline)
		}, 400, "invalid_grant", "Offline user session not found"},
		{"use keeps an offline token alive", func(r *rig) url.Values {
			for range 3 {
				r.Advance(29 * day)
				r.login()
			}
			return refreshForm(r.offline)
		}, 200, "", ""},
		{"a revoked offline token is dead", func(r *rig) url.Values {
			r.EndSessions(r.account.ID)
			return refreshForm(r.offline)
		}, 400, "invalid_grant", "Offline user session not found"},
		{"a revoked refresh token has another text", func(r *rig) url.Values {
			token := r.RefreshToken(r.account.ID)
			r.EndSessions(r.account.ID)
			return refreshForm(token)
		}, 400, "invalid_grant", "Session not active"},
		{"a refresh token expires by the clock", func(r *rig) url.Values {
			token := r.RefreshToken(r.account.ID)
			r.clock.Step(11 * time.Hour)
			return refreshForm(token)
		}, 400, "invalid_grant", "Token is not active"},
		{"a forged token is invalid", func(r *rig) url.Values { return refreshForm(r.offline + "x") },
			400, "invalid_grant", "Invalid refresh token"},
		{"an organisation can forbid offline tokens", func(r *rig) url.Values {
			r.ForbidOfflineTokens(r.account.ID, true)
			return refreshForm(r.offline)
		}, 400, "not_allowed", "Offline tokens not allowed for the user or client"},
		{"an unknown client is refused", func(*rig) url.Values {
			return url.Values{"grant_type": {"client_credentials"}, "client_id": {"nobody"}, "client_secret": {"x"}}
		}, 401, "invalid_client", "Invalid client or Invalid client credentials"},
		{"a wrong client secret is refused", func(r *rig) url.Values {
			id, _ := r.ServiceAccountCredential(r.account.ID)
			return url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {"x"}}
		}, 401, "unauthorized_client", "Invalid client or Invalid client credentials"},
		{"another grant is not supported", func(*rig) url.Values { return url.Values{"grant_type": {"password"}} },
			400, "unsupported_grant_type", "Unsupported grant_type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, Options{})
			form := tc.prepare(r)
			before := r.Count(OpToken)
			a := r.exchange(form)
			if a.status != tc.status || text(a.json["error"]) != tc.code || text(a.json["error_description"]) != tc.description {
				t.Errorf("got %d %v %v, want %d %s %s", a.status, a.json["error"], a.json["error_description"], tc.status, tc.code, tc.description)
			}
			if got := r.Count(OpToken) - before; got != 1 {
				t.Errorf("%d exchanges counted, want 1", got)
			}
		})
	}
}

// TestToken_ClientCredentialsByBasicHeader covers the SDK's request; the response has no refresh token.
func TestToken_ClientCredentialsByBasicHeader(t *testing.T) {
	r := newRig(t, Options{})
	id, secret := r.ServiceAccountCredential(r.account.ID)
	req, _ := http.NewRequest(http.MethodPost, r.TokenURL(), nil)
	req.SetBasicAuth(id, secret)
	a := r.do(http.MethodPost, r.TokenURL(), req.Header.Get("Authorization"), "application/x-www-form-urlencoded",
		url.Values{"grant_type": {"client_credentials"}, "client_id": {id}}.Encode())
	if a.status != http.StatusOK || a.json["refresh_token"] != nil || a.json["access_token"] == nil {
		t.Fatalf("got %d with tokens %v %v", a.status, a.json["access_token"] != nil, a.json["refresh_token"] != nil)
	}
	r.bearer = a.json["access_token"].(string)
	if got := r.call(http.MethodGet, "/current_account"); got.json["id"] != r.account.ID {
		t.Errorf("the token belongs to %v", got.json["id"])
	}
}

// TestAccessToken_IsCheckedByTheAPI covers expiry, skew and forgery: all are a 401 with an error object.
func TestAccessToken_IsCheckedByTheAPI(t *testing.T) {
	for _, tc := range []struct {
		// name is the sentence that the case proves.
		name string
		// before runs before the token is issued, after between issue and use.
		before, after func(*rig)
		want          int
	}{
		{"a fresh token is accepted", nil, nil, 200},
		{"a token expires after its life", nil, func(r *rig) { r.clock.Step(5*time.Minute + time.Second) }, 401},
		{"virtual time does not expire a token", nil, func(r *rig) { r.Advance(10 * day) }, 200},
		{"both servers ahead of the client agree with each other", func(r *rig) { r.SetClockSkew(time.Hour, time.Hour) }, nil, 200},
		{"a token from the API's future is refused", func(r *rig) { r.SetClockSkew(time.Hour, 0) }, nil, 401},
		{"a token that has expired for the API is refused", func(r *rig) { r.SetClockSkew(-time.Hour, 0) }, nil, 401},
		{"a forged token is refused", nil, func(r *rig) { r.bearer += "x" }, 401},
		{"an offline token is not an access token", nil, func(r *rig) { r.bearer = r.offline }, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, Options{})
			if tc.before != nil {
				tc.before(r)
			}
			r.login()
			if tc.after != nil {
				tc.after(r)
			}
			a := r.call(http.MethodGet, "/current_account")
			if a.status != tc.want || (tc.want == 401) != (a.json["code"] == "ACCT-MGMT-15") {
				t.Errorf("got %d %v, want %d", a.status, a.json["code"], tc.want)
			}
		})
	}
}

// TestClockSkew_ShowsInTheDateHeader covers how a client can distinguish skew from a dead token.
func TestClockSkew_ShowsInTheDateHeader(t *testing.T) {
	r := newRig(t, Options{})
	r.SetClockSkew(-2*time.Hour, 3*time.Hour)
	for target, want := range map[string]time.Duration{r.TokenURL(): -2 * time.Hour, r.URL(): 3 * time.Hour} {
		shown, err := http.ParseTime(r.do(http.MethodGet, target, "", "", "").header.Get("Date"))
		if err != nil || shown.Sub(r.clock.Now()) != want {
			t.Errorf("Date differs by %v (%v), want %v", shown.Sub(r.clock.Now()), err, want)
		}
	}
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
