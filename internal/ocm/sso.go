package ocm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/httpheader"
)

// ssoRefusal is an error answer of the SSO (RFC 6749, section 5.2).
type ssoRefusal struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// judgeExchange says what is wrong with the SSO's answer to a token exchange; nil if it returned a usable token.
func (t *transport) judgeExchange(got *answer) *Error {
	switch {
	case got.err != nil:
		return unanswered("the SSO", got)
	case got.status == http.StatusTooManyRequests:
		return &Error{Kind: OCMRateLimited, Status: got.status, RetryAfter: got.retryAfter,
			Message: "the SSO is rate limiting requests (429)"}
	case got.status >= 500:
		return &Error{Kind: OCMUnavailable, Status: got.status, RetryAfter: got.retryAfter,
			Message: fmt.Sprintf("the SSO answers with an error of its own (%d)", got.status)}
	case httpheader.IsHTML(got.contentType):
		return &Error{Kind: OCMUnavailable, Status: got.status,
			Message: fmt.Sprintf("a web page answers instead of the SSO (%d): check the token URL and the proxy", got.status)}
	case got.status == http.StatusOK:
		return t.judgeToken(got)
	case got.status == http.StatusNotFound:
		return &Error{Kind: OCMUnavailable, Status: got.status, Message: "the SSO has no token endpoint at this URL (404): check the token URL"}
	default:
		return t.judgeRefusal(got)
	}
}

// judgeRefusal distinguishes the SSO's refusals by the texts of Keycloak, which Red Hat's SSO is.
func (t *transport) judgeRefusal(got *answer) *Error {
	var refusal ssoRefusal
	_ = json.Unmarshal(got.body, &refusal) // a refusal without a text is judged by its status below
	code := refusal.Error
	if !slices.Contains(ssoCodes, code) {
		code = ""
	}
	words := strings.ToLower(refusal.Description)
	e := &Error{Status: got.status, Code: code}
	switch {
	case code == "not_allowed" || strings.Contains(words, "offline") && mentionsProhibition(words):
		e.Kind = OCMOfflineTokensForbidden
		e.Message = "the SSO forbids offline tokens for this account: use a service account's client id and secret"
	case code == "invalid_grant" && strings.Contains(words, "client") && strings.Contains(words, "match"):
		e.Kind = OCMClientRefused
		e.Message = "the SSO refuses the offline token because it was issued to another client id"
	case code == "invalid_grant" && !t.client:
		e.Kind = OCMTokenExpired
		e.Message = "the SSO no longer knows the offline token: it expires after 30 days without use, and with its owner's account"
	case t.client || code == "invalid_client" || code == "unauthorized_client" || got.status == http.StatusUnauthorized:
		e.Kind = OCMClientRefused
		e.Message = "the SSO refuses the client id or its secret"
	default:
		e.Kind = OCMUnavailable
		e.Message = fmt.Sprintf("the SSO refuses the token exchange with an unexpected answer (%d)", got.status)
	}
	if code != "" {
		e.Message += fmt.Sprintf(" (%d, %s)", got.status, code)
	}
	return e
}

// mentionsProhibition recognises "Offline tokens not allowed for the user or client" (Keycloak) and similar texts, but not "Offline user session
// not found".
func mentionsProhibition(words string) bool {
	for _, word := range []string{"not allowed", "forbid", "restrict", "disabled", "not permitted"} {
		if strings.Contains(words, word) {
			return true
		}
	}
	return false
}

// renewBefore is the remaining life of a token below which the SDK requests a new one.
const renewBefore = time.Minute

// judgeToken checks a token of the SSO. One that has expired on receipt would be renewed for every request, so it counts as a failure, caused by
// a wrong clock.
func (t *transport) judgeToken(got *answer) *Error {
	var given struct {
		AccessToken string `json:"access_token"`
	}
	if json.Unmarshal(got.body, &given) != nil || given.AccessToken == "" {
		return &Error{Kind: MalformedAnswer, Status: got.status, Message: "the SSO's answer holds no access token"}
	}
	token, ok := claimsOf(given.AccessToken)
	if !ok {
		return &Error{Kind: MalformedAnswer, Status: got.status, Message: "the SSO's access token is not a JSON web token"}
	}
	t.bearer.Store(given.AccessToken)
	t.offline.Store(strings.Contains(" "+token.Scope+" ", " offline_access "))
	if token.Expires == 0 {
		return nil
	}
	left := time.Unix(int64(token.Expires), 0).Sub(t.clock.Now())
	life := time.Duration(token.Expires-token.Issued) * time.Second
	if left <= 0 || token.Issued > 0 && left < renewBefore && life > renewBefore+skewTolerance {
		return &Error{Kind: ClockSkew, Status: got.status, Message: fmt.Sprintf(
			"the access token that the SSO has just issued has already expired by this machine's clock%s: correct the clock", t.describeSkew())}
	}
	return nil
}

// skewTolerance is how far two clocks may differ before the difference counts as the cause of a refused token. Access tokens live for 5 to 15
// minutes, so a smaller difference explains nothing; the Date header is exact to a second.
const skewTolerance = 2 * time.Minute

// skew is how far the services' clocks are ahead of this machine's, whichever differs more.
func (t *transport) skew() time.Duration {
	sso, api := time.Duration(t.ssoSkew.Load()), time.Duration(t.apiSkew.Load())
	if sso.Abs() > api.Abs() {
		return sso
	}
	return api
}

// skewed is true if this machine's clock and a service's disagree.
func (t *transport) skewed() bool { return t.skew().Abs() > skewTolerance }

// describeSkew is ", which is 12m0s behind the service's", or empty if the clocks agree.
func (t *transport) describeSkew() string {
	skew := t.skew().Round(time.Second)
	switch {
	case !t.skewed():
		return ""
	case skew > 0:
		return fmt.Sprintf(", which is %s behind the service's", skew)
	default:
		return fmt.Sprintf(", which is %s ahead of the service's", -skew)
	}
}
