package cap

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Class says what kind of bad answer the portal gave. It is used as a condition reason, event reason and metric label.
type Class string

const (
	// AuthenticationRefused: the portal does not accept the client certificate, which it says with 200 and an HTML page.
	AuthenticationRefused Class = "AuthenticationRefused"
	// RequestRejected: 400 and its like: agency, mission or another parameter is wrong.
	RequestRejected Class = "RequestRejected"
	// RoleRefused: 403: the role is unknown or not allowed.
	RoleRefused Class = "RoleRefused"
	// APIDisabled: 404 and its like: the API is off, or the URL's path is wrong.
	APIDisabled Class = "APIDisabled"
	// Unavailable: the portal cannot be reached, is too slow, or answers 429 or 5xx.
	Unavailable Class = "CAPUnavailable"
	// ProxyUnavailable: the proxy on the way to the portal cannot be reached, is not trusted or does not let the operator through.
	ProxyUnavailable Class = "ProxyUnavailable"
	// HandshakeFailed: the portal and the operator have no version or cipher of TLS in common, or the portal speaks no TLS.
	HandshakeFailed Class = "HandshakeFailed"
	// Untrusted: the portal's server certificate is not trusted.
	Untrusted Class = "CAPUntrusted"
	// Malformed: the answer is no credential: truncated, too large, not JSON, a key missing.
	Malformed Class = "MalformedCredential"
	// Expired: the credential in the answer has expired already.
	Expired Class = "CredentialExpired"
	// Unsafe: the credential holds control characters or others that could inject into the credentials file.
	Unsafe Class = "UnsafeCredential"
)

// Classes are all classes, for metrics that start at zero and for tests.
func Classes() []Class {
	return []Class{AuthenticationRefused, RequestRejected, RoleRefused, APIDisabled, Unavailable, ProxyUnavailable, HandshakeFailed, Untrusted, Malformed, Expired, Unsafe}
}

// Rhythm is how long to wait between tries after an answer of this class.
func (c Class) Rhythm() schedule.RetryRhythm {
	switch c {
	case RequestRejected, RoleRefused, APIDisabled:
		// The portal has understood and says no: a person or the portal's administrators must act. A changed spec is tried at
		// once in any case, so this only has to notice within minutes that the other side changed.
		return schedule.RetryRhythm{Base: 30 * time.Second, Max: 10 * time.Minute, Patient: true}
	case AuthenticationRefused, HandshakeFailed, Untrusted, Unsafe:
		// Certificates and proxies are repaired by people too, but a portal behind a load balancer also answers so when one
		// of its machines is broken, so the first retries come soon.
		return schedule.RetryRhythm{Base: 15 * time.Second, Max: 5 * time.Minute, Patient: true}
	default:
		// Unavailable, ProxyUnavailable, Malformed, Expired: faults that pass by themselves.
		return schedule.DefaultRetryRhythm
	}
}

// Everywhere says that the class speaks of the portal or of the way to it, and not of the role that was asked for: every other
// role would get the same answer.
func (c Class) Everywhere() bool {
	return c == AuthenticationRefused || c == Unavailable || c == ProxyUnavailable || c == HandshakeFailed || c == Untrusted
}

// Cause tells apart what one class has several of, where what to do differs. Most answers have none.
type Cause string

const (
	// CauseNotAsked: the portal turned the client away and had not asked for its certificate.
	CauseNotAsked Cause = "NotAsked"
	// CauseProxyInvalid: the proxy's URL does not parse.
	CauseProxyInvalid Cause = "ProxyInvalid"
	// CauseProxyAuthentication: the proxy asks for a user and a password, or refuses those it got.
	CauseProxyAuthentication Cause = "ProxyAuthentication"
	// CauseProxyRefuses: the proxy does not connect to the portal.
	CauseProxyRefuses Cause = "ProxyRefuses"
	// CauseProxyUntrusted: the certificate of the proxy is not trusted.
	CauseProxyUntrusted Cause = "ProxyUntrusted"
	// CauseNoTLS: there is no TLS at the other end.
	CauseNoTLS Cause = "NoTLS"
)

// Error is a bad answer of the portal, or none. It holds no byte of the answer's body and nothing of the URL's query.
type Error struct {
	Class Class
	// Status of the HTTP answer, 0 when there was none.
	Status int
	// Cause where the class has several.
	Cause Cause
	// RetryAfter is what the portal asked for, 0 when it asked for nothing. At most schedule.MaxRetryAfter.
	RetryAfter time.Duration
	// Message says in a sentence or two what is.
	Message string

	// page is true of an answer that is not JSON, closed of a connection that ended without an answer.
	page, closed bool

	// cause is the caller's own context error, so that a shutdown can be told from a slow portal.
	cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("%s (status %d): %s", e.Class, e.Status, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Class, e.Message)
}

// Unwrap gives context.Canceled or context.DeadlineExceeded of the caller's context, and nothing of the network's errors:
// those hold the URL with its query.
func (e *Error) Unwrap() error { return e.cause }
