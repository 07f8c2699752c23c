package cap

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// FaultKind is a kind of fault.
type FaultKind string

// Faults that apply before the request is checked.
const (
	// FaultHTML is 200 with the page that refuses a client certificate.
	FaultHTML FaultKind = "html"
	// FaultBadRequest is 400 with the portal's JSON.
	FaultBadRequest FaultKind = "bad-request"
	// FaultForbidden is 403 with the portal's JSON.
	FaultForbidden FaultKind = "forbidden"
	// FaultDisabled is 404 "API not enabled.".
	FaultDisabled FaultKind = "disabled"
	// FaultEmpty is 200 application/json without a body.
	FaultEmpty FaultKind = "empty"
	// FaultRedirect is 302 to Location.
	FaultRedirect FaultKind = "redirect"
	// FaultRateLimited is 429 with Retry-After.
	FaultRateLimited FaultKind = "rate-limited"
	// FaultServerError is 500 with JSON.
	FaultServerError FaultKind = "server-error"
	// FaultBadGateway is 502 with a proxy's HTML page.
	FaultBadGateway FaultKind = "bad-gateway"
	// FaultAnswer is any answer: Status, ContentType and Body.
	FaultAnswer FaultKind = "answer"
	// FaultHang never responds.
	FaultHang FaultKind = "hang"
	// FaultDisconnect closes the connection without a response; no credential is issued. Go's client repeats a GET
	// if this happens on a reused connection, so that with Times 1 it may have no effect.
	FaultDisconnect FaultKind = "disconnect"
)

// Faults that change a successful response; a refused request does not use them up.
const (
	// FaultDelay responds normally after Delay.
	FaultDelay FaultKind = "delay"
	// FaultLostAnswer issues a credential and closes the connection without a response; see FaultDisconnect.
	FaultLostAnswer FaultKind = "lost-answer"
	// FaultHuge is a valid credential in a body of 20 MB.
	FaultHuge FaultKind = "huge"
	// FaultTruncated ends in the middle of the body, short of its Content-Length.
	FaultTruncated FaultKind = "truncated"
	// FaultExpired is a credential that expired a minute ago.
	FaultExpired FaultKind = "expired"
	// FaultAbsurdExpiry is one that expires in the year 9999.
	FaultAbsurdExpiry FaultKind = "absurd-expiry"
	// FaultUnreadableExpiry is one whose Expiration is not a time.
	FaultUnreadableExpiry FaultKind = "unreadable-expiry"
	// FaultNewline has a newline and a line of ini after the value of Field.
	FaultNewline FaultKind = "newline"
	// FaultWrongShape is JSON in which Credentials is a list.
	FaultWrongShape FaultKind = "wrong-shape"
	// FaultNullKeys has null for both keys.
	FaultNullKeys FaultKind = "null-keys"
	// FaultEmptyKeys has "" for both keys.
	FaultEmptyKeys FaultKind = "empty-keys"
	// FaultTextPlain is a valid body with Content-Type text/plain.
	FaultTextPlain FaultKind = "text-plain"
	// FaultDeadKeys is a well-formed credential that AWS does not know.
	FaultDeadKeys FaultKind = "dead-keys"
	// FaultNoToken is a temporary key (ASIA...) without its session token, which makes it useless.
	FaultNoToken FaultKind = "no-token"
	// FaultOtherToken has the session token under the name Token, as in instance metadata.
	FaultOtherToken FaultKind = "other-token"
	// FaultNoExpiration omits Expiration.
	FaultNoExpiration FaultKind = "no-expiration"
)

var (
	earlyFaults = []FaultKind{FaultHTML, FaultBadRequest, FaultForbidden, FaultDisabled, FaultEmpty, FaultRedirect,
		FaultRateLimited, FaultServerError, FaultBadGateway, FaultAnswer, FaultHang, FaultDisconnect}
	lateFaults = []FaultKind{FaultDelay, FaultLostAnswer, FaultHuge, FaultTruncated, FaultExpired, FaultAbsurdExpiry,
		FaultUnreadableExpiry, FaultNewline, FaultWrongShape, FaultNullKeys, FaultEmptyKeys, FaultTextPlain, FaultDeadKeys,
		FaultNoToken, FaultOtherToken, FaultNoExpiration}
)

// FaultKinds lists every kind.
func FaultKinds() []FaultKind {
	return slices.Concat(earlyFaults, lateFaults)
}

// Fault makes requests fail from now on.
type Fault struct {
	Kind FaultKind `json:"kind"`
	// Role limits the fault to requests for one role; empty means all.
	Role string `json:"role,omitempty"`
	// Skip lets as many requests pass first; Every hits only each n-th of the remaining ones, so that failures and successes
	// alternate; Times is how many fail, zero all until it is cleared.
	Skip  int `json:"skip,omitempty"`
	Every int `json:"every,omitempty"`
	Times int `json:"times,omitempty"`
	// Delay passes in the machine's time before the response; any kind may have it.
	Delay simctl.Duration `json:"delay,omitempty"`
	// RetryAfter is the value of that header with FaultRateLimited and FaultAnswer: seconds or an HTTP date.
	RetryAfter string `json:"retryAfter,omitempty"`
	// Location is the target of FaultRedirect; the same path on the same host, with moved=1, when empty.
	Location string `json:"location,omitempty"`
	// Field is what FaultNewline changes: AccessKeyId, SecretAccessKey (when empty) or SessionToken.
	Field string `json:"field,omitempty"`
	// Status, ContentType and Body are those of FaultAnswer. Body also replaces the text of the other early faults that
	// have one.
	Status      int    `json:"status,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	Body        string `json:"body,omitempty"`
}

// Check returns an error for an invalid fault.
func (f Fault) Check() error {
	if err := simctl.CheckKind("kind of fault", f.Kind, FaultKinds()); err != nil {
		return err
	}
	switch {
	case f.Kind == FaultAnswer && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("a fault of kind %q needs a status from 200 to 599", f.Kind)
	case f.Field != "":
		return simctl.CheckKind("field", f.Field, []string{"AccessKeyId", "SecretAccessKey", "SessionToken"})
	case f.Delay < 0:
		return errors.New("delay must not be negative")
	}
	return nil
}

// Limits of the fault.
func (f Fault) Limits() simctl.Limits {
	return simctl.Limits{Skip: f.Skip, Every: f.Every, Times: f.Times}
}

// Break adds faults. If several apply to a request, the one that was added first hits it.
func (s *Sim) Break(faults ...Fault) error { return s.faults.Add(faults...) }

// Heal ends all faults.
func (s *Sim) Heal() { s.faults.Clear() }

// Faults returns the remaining faults.
func (s *Sim) Faults() []Fault { return s.faults.Active() }

// takeFault returns the fault of one of the kinds that hits a request for a role.
func (s *Sim) takeFault(kinds []FaultKind, role string) (Fault, bool) {
	return s.faults.Take(func(f Fault) bool { return (f.Role == "" || f.Role == role) && slices.Contains(kinds, f.Kind) })
}

// answerEarly responds with an early fault.
func (f Fault) answerEarly(w http.ResponseWriter, r *http.Request) {
	text := func(otherwise string) string { return cmp.Or(f.Body, otherwise) }
	switch f.Kind {
	case FaultHTML:
		answerHTML(w, http.StatusOK, text(dashboardErrorPage))
	case FaultBadRequest:
		answerError(w, http.StatusBadRequest, text("Invalid request"))
	case FaultForbidden:
		answerError(w, http.StatusForbidden, text("Access denied"))
	case FaultDisabled:
		answerDisabled(w)
	case FaultEmpty:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
	case FaultRedirect:
		http.Redirect(w, r, cmp.Or(f.Location, r.URL.RequestURI()+"&moved=1"), http.StatusFound)
	case FaultRateLimited:
		setHeader(w, "Retry-After", f.RetryAfter)
		answerError(w, http.StatusTooManyRequests, text("Too many requests"))
	case FaultServerError:
		answerError(w, http.StatusInternalServerError, text("Internal server error"))
	case FaultBadGateway:
		answerHTML(w, http.StatusBadGateway, text(badGatewayPage))
	case FaultAnswer:
		setHeader(w, "Content-Type", f.ContentType)
		setHeader(w, "Retry-After", f.RetryAfter)
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
	case FaultHang:
		simctl.Hang(r)
	case FaultDisconnect:
		simctl.Disconnect()
	}
}

func setHeader(w http.ResponseWriter, name, value string) {
	if value != "" {
		w.Header().Set(name, value)
	}
}

// injectedLine is what FaultNewline appends to a value: in a credentials file without quoting it becomes a line.
const injectedLine = "\naws_session_token = injected"

// hugeSize is the approximate size of FaultHuge's body in bytes.
const hugeSize = 20 << 20
