package ocm

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"testing"
	"time"

	"k8s.io/utils/clock"
	testingclock "k8s.io/utils/clock/testing"
)

// accessToken is the SSO's answer with an access token of these claims.
func accessToken(claims string) []byte {
	return fmt.Appendf(nil, `{"access_token":%q,"token_type":"Bearer"}`, unsigned(claims))
}

// unsigned is a JSON web token; only the service verifies signatures.
func unsigned(claims string) string {
	return "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// What a person reads about each refusal of the SSO, and what kind it is.
func TestExchange_SaysWhatTheSSOAnswers(t *testing.T) {
	const (
		another   = "the SSO refuses the offline token because it was issued to another client id"
		dead      = "the SSO no longer knows the offline token: it expires after 30 days without use, and with its owner's account"
		forbidden = "the SSO forbids offline tokens for this account: use a service account's client id and secret"
		refused   = "the SSO refuses the client id or its secret"
		odd       = "the SSO refuses the token exchange with an unexpected answer (400)"
	)
	refusal := func(code, words string) answer {
		return answer{status: 400, contentType: asJSON, body: fmt.Appendf(nil, `{"error":%q,"error_description":%q}`, code, words)}
	}
	says := func(kind Kind, code, message string) Error {
		return Error{Kind: kind, Status: 400, Code: code, Message: message}
	}
	for name, row := range map[string]struct {
		client bool
		got    answer
		want   Error
	}{
		"silence": {false, answer{err: context.DeadlineExceeded}, Error{Kind: OCMUnavailable, Message: "the SSO cannot be reached: no answer in time", cause: context.DeadlineExceeded}},
		"a redirect": {false, answer{status: 302, err: errRedirect},
			Error{Kind: OCMUnavailable, Status: 302, Message: "the SSO answers with a redirect (302), which is not followed: the credential would go elsewhere"}},
		"an answer that is cut off": {false, answer{status: 200, err: io.ErrUnexpectedEOF},
			Error{Kind: OCMUnavailable, Status: 200, Message: "the SSO cannot be reached: the connection was closed before the answer was complete"}},
		"a limit": {true, answer{status: 429, retryAfter: time.Minute},
			Error{Kind: OCMRateLimited, Status: 429, RetryAfter: time.Minute, Message: "the SSO is rate limiting requests (429)"}},
		"an error of its own": {true, answer{status: 500, contentType: asPage, retryAfter: time.Minute},
			Error{Kind: OCMUnavailable, Status: 500, RetryAfter: time.Minute, Message: "the SSO answers with an error of its own (500)"}},
		"a page": {true, answer{status: 200, contentType: asPage},
			Error{Kind: OCMUnavailable, Status: 200, Message: "a web page answers instead of the SSO (200): check the token URL and the proxy"}},
		"no endpoint": {true, answer{status: 404, contentType: asJSON},
			Error{Kind: OCMUnavailable, Status: 404, Message: "the SSO has no token endpoint at this URL (404): check the token URL"}},

		"offline tokens that are not allowed":       {false, refusal("not_allowed", ""), says(OCMOfflineTokensForbidden, "not_allowed", forbidden+" (400, not_allowed)")},
		"offline tokens that are forbidden":         {false, refusal("invalid_request", "Offline tokens are forbidden"), says(OCMOfflineTokensForbidden, "invalid_request", forbidden+" (400, invalid_request)")},
		"offline tokens, by a code that is unknown": {false, refusal("no", "Offline access is disabled"), says(OCMOfflineTokensForbidden, "", forbidden)},
		"what is not allowed":                       {false, refusal("invalid_request", "This is not allowed"), says(OCMUnavailable, "invalid_request", odd+" (400, invalid_request)")},
		"an offline session that is gone":           {false, refusal("invalid_grant", "Offline user session not found"), says(OCMTokenExpired, "invalid_grant", dead+" (400, invalid_grant)")},
		"another client":                            {false, refusal("invalid_grant", "Token client and authorized client don't match"), says(OCMClientRefused, "invalid_grant", another+" (400, invalid_grant)")},
		"a client":                                  {false, refusal("invalid_grant", "Token of no client"), says(OCMTokenExpired, "invalid_grant", dead+" (400, invalid_grant)")},
		"no match":                                  {false, refusal("invalid_grant", "Token does not match"), says(OCMTokenExpired, "invalid_grant", dead+" (400, invalid_grant)")},
		"another client, by another code":           {false, refusal("invalid_request", "The client does not match"), says(OCMUnavailable, "invalid_request", odd+" (400, invalid_request)")},
		"a grant of a service account":              {true, refusal("invalid_grant", ""), says(OCMClientRefused, "invalid_grant", refused+" (400, invalid_grant)")},
		"a service account":                         {true, refusal("invalid_request", ""), says(OCMClientRefused, "invalid_request", refused+" (400, invalid_request)")},
		"an unknown client":                         {false, refusal("invalid_client", ""), says(OCMClientRefused, "invalid_client", refused+" (400, invalid_client)")},
		"a client without the right":                {false, refusal("unauthorized_client", ""), says(OCMClientRefused, "unauthorized_client", refused+" (400, unauthorized_client)")},
		"no code":                                   {false, refusal("", ""), says(OCMUnavailable, "", odd)},
		"a code that is no code of an SSO":          {false, refusal("Realm does not exist", ""), says(OCMUnavailable, "", odd)},
		"a 401 that says nothing":                   {false, answer{status: 401}, Error{Kind: OCMClientRefused, Status: 401, Message: refused}},
	} {
		t.Run(name, func(t *testing.T) {
			same(t, (&transport{clock: clock.RealClock{}, client: row.client}).judgeExchange(&row.got), &row.want)
		})
	}
}

// A token without time left would be exchanged for a new one before every request: the clock is wrong, and that is told.
func TestExchange_ATokenMustHaveTimeLeft(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	const (
		none   = "the SSO's answer holds no access token"
		opaque = "the SSO's access token is not a JSON web token"
		late   = "the access token that the SSO has just issued has already expired by this machine's clock: correct the clock"
	)
	lives := func(left, life int64) []byte {
		return accessToken(fmt.Sprintf(`{"exp":%d,"iat":%d}`, now.Unix()+left, now.Unix()+left-life))
	}
	for name, row := range map[string]struct {
		body []byte
		kind Kind
		says string
	}{
		"no JSON":                                 {[]byte(`{`), MalformedAnswer, none},
		"no token":                                {[]byte(`{"access_token":""}`), MalformedAnswer, none},
		"a token of two parts":                    {[]byte(`{"access_token":"e30.e30"}`), MalformedAnswer, opaque},
		"a token that is no base64":               {[]byte(`{"access_token":"e30.!!!.x"}`), MalformedAnswer, opaque},
		"a token that is no JSON":                 {[]byte(`{"access_token":"e30.e30x.x"}`), MalformedAnswer, opaque},
		"no end":                                  {accessToken(`{"iat":1}`), "", ""},
		"an end that no calendar has":             {accessToken(`{"exp":253402300800}`), "", ""},
		"an end before all times":                 {accessToken(`{"exp":-1}`), "", ""},
		"a quarter of an hour":                    {lives(900, 900), "", ""},
		"the end is now":                          {accessToken(fmt.Sprintf(`{"exp":%d}`, now.Unix())), ClockSkew, late},
		"the end is past":                         {lives(-1, 10), ClockSkew, late},
		"a second, of we do not know how many":    {accessToken(fmt.Sprintf(`{"exp":%d,"iat":0}`, now.Unix()+1)), "", ""},
		"less than the SDK needs, of much":        {lives(59, 181), ClockSkew, late},
		"as much as the SDK needs":                {lives(60, 900), "", ""},
		"less than the SDK needs, of little":      {lives(59, 180), "", ""},
		"less than the SDK needs, of no more yet": {lives(59, 60), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tr := &transport{clock: testingclock.NewFakePassiveClock(now)}
			failure := tr.judgeExchange(&answer{status: 200, contentType: asJSON, body: row.body})
			if row.kind == "" {
				same(t, failure, nil)
				if given, _ := tr.bearer.Load().(string); given == "" {
					t.Error("what OCM must not repeat is not known")
				}
				return
			}
			same(t, failure, &Error{Kind: row.kind, Status: 200, Message: row.says})
		})
	}
	tr := &transport{clock: testingclock.NewFakePassiveClock(now)}
	tr.ssoSkew.Store(int64(-time.Hour))
	if failure := tr.judgeExchange(&answer{status: 200, body: lives(-1, 900)}); failure == nil || failure.Message !=
		"the access token that the SSO has just issued has already expired by this machine's clock, which is 1h0m0s ahead of the service's: correct the clock" {
		t.Errorf("got %v", failure)
	}
}

func TestExchange_KnowsATokenThatWasIssuedForAnOfflineToken(t *testing.T) {
	tr := &transport{clock: clock.RealClock{}}
	for scope, want := range map[string]bool{"": false, "openid": false, "offline_access": true, "openid offline_access": true, "offline_access openid": true, "no_offline_access": false} {
		same(t, tr.judgeExchange(&answer{status: 200, body: accessToken(fmt.Sprintf(`{"scope":%q}`, scope))}), nil)
		if tr.offline.Load() != want {
			t.Errorf("scope %q: got %t", scope, !want)
		}
	}
}

func TestSkew_IsOfTheClockThatDiffersMore(t *testing.T) {
	const minute = time.Minute
	for _, row := range []struct {
		sso, api time.Duration
		want     string
	}{
		{0, 0, ""},
		{2 * minute, -2 * minute, ""},
		{2*minute + 1, 0, ", which is 2m0s behind the service's"},
		{-2*minute - 1, minute, ", which is 2m0s ahead of the service's"},
		{minute, 3*minute + 600*time.Millisecond, ", which is 3m1s behind the service's"},
		{-5 * minute, 3 * minute, ", which is 5m0s ahead of the service's"},
		{-3 * minute, 3 * minute, ", which is 3m0s behind the service's"}, // OCM's own counts when both differ alike
	} {
		tr := &transport{}
		tr.ssoSkew.Store(int64(row.sso))
		tr.apiSkew.Store(int64(row.api))
		if got := tr.describeSkew(); got != row.want || tr.skewed() != (row.want != "") {
			t.Errorf("%s and %s: got %q, skewed %t, want %q", row.sso, row.api, got, tr.skewed(), row.want)
		}
	}
}
