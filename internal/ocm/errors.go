package ocm

import (
	"errors"
	"time"
)

// Kind is why a call failed. The values are condition reasons of the API, except NotFound, whose meaning only the caller knows.
type Kind string

const (
	// InvalidSpec: the URLs or ids given to this package cannot be used.
	InvalidSpec Kind = "InvalidSpec"
	// HostNotAllowed: the credential would be sent to a host that the installation does not allow.
	HostNotAllowed Kind = "HostNotAllowed"
	// OCMCredentialMissing: there is no credential, or it has no known form.
	OCMCredentialMissing Kind = "OCMCredentialMissing"
	// OCMTokenExpired: the SSO no longer knows the offline or refresh token.
	OCMTokenExpired Kind = "OCMTokenExpired"
	// OCMClientRefused: the SSO refuses the client id or its secret.
	OCMClientRefused Kind = "OCMClientRefused"
	// OCMOfflineTokensForbidden: the organisation forbids offline tokens.
	OCMOfflineTokensForbidden Kind = "OCMOfflineTokensForbidden"
	// OCMUnauthorized: OCM refuses an access token that the SSO gave, or the cluster's token.
	OCMUnauthorized Kind = "OCMUnauthorized"
	// OCMForbidden: the account may not do this.
	OCMForbidden Kind = "OCMForbidden"
	// OCMUnavailable: OCM or the SSO cannot be reached, answers with an error of its own, or something in front of it
	// answers with a web page.
	OCMUnavailable Kind = "OCMUnavailable"
	// OCMRateLimited: OCM or the SSO is rate limiting requests.
	OCMRateLimited Kind = "OCMRateLimited"
	// ClockSkew: tokens are useless because this machine's clock and the service's disagree.
	ClockSkew Kind = "ClockSkew"
	// MalformedAnswer: the answer does not match OCM's published API.
	MalformedAnswer Kind = "MalformedAnswer"
	// NotFound: there is no such object, or the account may not see it.
	NotFound Kind = "NotFound"
)

// Error is the only error that the calls of Client return. It holds no secret and nothing of an answer's body except OCM's code and operation id,
// if they have the right form and repeat no credential. Known phrases of the answer are translated into our own words (phrases).
type Error struct {
	// Kind says what went wrong.
	Kind Kind
	// Status is that of the HTTP answer, of OCM or of the SSO; 0 without an answer.
	Status int
	// Code is OCM's, such as ACCT-MGMT-11, or the SSO's, such as invalid_grant; empty if there is none.
	Code string
	// OperationID is the id that Red Hat's support asks for; empty if there is none.
	OperationID string
	// RetryAfter is how long the service asks to wait; 0 when it does not say.
	RetryAfter time.Duration
	// Message is a sentence for a person.
	Message string

	// ambiguous is what Ambiguous returns.
	ambiguous bool
	// cause is context.Canceled or context.DeadlineExceeded, and nothing else: other errors may hold secrets.
	cause error
}

func (e *Error) Error() string { return e.Message }

// Unwrap lets a caller recognise that its own context was cancelled.
func (e *Error) Unwrap() error { return e.cause }

// Ambiguous is true if the service may have carried out the request although the call failed: the request was sent, and the answer was lost,
// unreadable, or an error of the service. Such a POST must not be repeated before its effect was looked up.
func (e *Error) Ambiguous() bool { return e.ambiguous }

// IsKind is true if err is an *Error of this kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// Ambiguous is true if err is an *Error that leaves open whether the request had its effect.
func Ambiguous(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Ambiguous()
}
