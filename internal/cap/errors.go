package cap

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Class is the kind of a failed request. It is used as a condition reason, event reason and metric label.
type Class string

const (
	// AuthenticationRefused: CAP does not accept the client certificate, which it shows by a 200 with an HTML page.
	AuthenticationRefused Class = "AuthenticationRefused"
	// RequestRejected: 400 or similar: agency, mission or another parameter is wrong.
	RequestRejected Class = "RequestRejected"
	// RoleRefused: 403: the role is unknown or not allowed.
	RoleRefused Class = "RoleRefused"
	// APIDisabled: 404 or similar: the API is off, or the URL's path is wrong.
	APIDisabled Class = "APIDisabled"
	// Unavailable: CAP cannot be reached, is too slow, or answers 429 or 5xx.
	Unavailable Class = "CAPUnavailable"
	// ProxyUnavailable: the proxy in front of CAP cannot be reached, is not trusted or refuses the operator.
	ProxyUnavailable Class = "ProxyUnavailable"
	// HandshakeFailed: CAP and the operator have no TLS version or cipher in common, or CAP does not speak TLS.
	HandshakeFailed Class = "HandshakeFailed"
	// Untrusted: CAP's server certificate is not trusted.
	Untrusted Class = "CAPUntrusted"
	// Malformed: the answer is not a credential: it is truncated, too large, not JSON, or lacks a key.
	Malformed Class = "MalformedCredential"
	// Expired: the credential in the answer has expired already.
	Expired Class = "CredentialExpired"
	// Unsafe: the credential holds characters that could inject lines into the credentials file.
	Unsafe Class = "UnsafeCredential"
)

// Classes returns all classes, for metrics that start at zero and for tests.
func Classes() []Class {
	return []Class{AuthenticationRefused, RequestRejected, RoleRefused, APIDisabled, Unavailable, ProxyUnavailable, HandshakeFailed, Untrusted, Malformed, Expired, Unsafe}
}

// Rhythm is how to retry after a failure of this class.
func (c Class) Rhythm() schedule.RetryRhythm {
	switch c {
	case RequestRejected, RoleRefused, APIDisabled:
		// CAP understood the request and refuses it: somebody must act. A changed spec is tried at once anyway, so these retries only have to
		// notice within minutes that CAP's side changed.
		return schedule.RetryRhythm{Base: 30 * time.Second, Max: 10 * time.Minute, Patient: true}
	case AuthenticationRefused, HandshakeFailed, Untrusted, Unsafe:
		// People repair certificates and proxies too, but a portal behind a load balancer also fails like this if one of its machines is broken,
		// so the first retries come soon.
		return schedule.RetryRhythm{Base: 15 * time.Second, Max: 5 * time.Minute, Patient: true}
	default:
		// Unavailable, ProxyUnavailable, Malformed, Expired: faults that go away by themselves.
		return schedule.DefaultRetryRhythm
	}
}

// Everywhere is true if the failure concerns CAP or the way to it rather than the role: every other role would get the same answer.
func (c Class) Everywhere() bool {
	return c == AuthenticationRefused || c == Unavailable || c == ProxyUnavailable || c == HandshakeFailed || c == Untrusted
}

// Cause distinguishes failures of one class that need different actions. Most have none.
type Cause string

const (
	// CauseNotAsked: CAP rejected the client without having asked for its certificate.
	CauseNotAsked Cause = "NotAsked"
	// CauseProxyInvalid: the proxy's URL does not parse.
	CauseProxyInvalid Cause = "ProxyInvalid"
	// CauseProxyAuthentication: the proxy asks for a user and a password, or refuses the given ones.
	CauseProxyAuthentication Cause = "ProxyAuthentication"
	// CauseProxyRefuses: the proxy does not connect to CAP.
	CauseProxyRefuses Cause = "ProxyRefuses"
	// CauseProxyUntrusted: the certificate of the proxy is not trusted.
	CauseProxyUntrusted Cause = "ProxyUntrusted"
	// CauseNoTLS: the other end does not speak TLS.
	CauseNoTLS Cause = "NoTLS"
)

// Error is a bad or missing answer of CAP. It holds nothing of the answer's body or of the URL's query.
type Error struct {
	Class Class
	// Status of the HTTP answer, 0 if there was none.
	Status int
	// Cause, if the class has several.
	Cause Cause
	// RetryAfter is how long CAP asks to wait, at most schedule.MaxRetryAfter; 0 if it does not say.
	RetryAfter time.Duration
	// Message describes the failure in a sentence or two.
	Message string

	// page is true for an answer that is not JSON, closed for a connection that ended without an answer.
	page, closed bool

	// cause is the caller's own context error, which distinguishes a shutdown from a slow portal.
	cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("%s (status %d): %s", e.Class, e.Status, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Class, e.Message)
}

// Unwrap returns context.Canceled or context.DeadlineExceeded of the caller's context, and never a network error, which would hold the URL with
// its query.
func (e *Error) Unwrap() error { return e.cause }
