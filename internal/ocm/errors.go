package ocm

import (
	"errors"
	"time"
)

// Kind is why a call failed. The values are the condition reasons of the API, so that a kind is a reason, except NotFound,
// which only the caller can give a meaning.
type Kind string

const (
	// InvalidSpec: the URLs or ids given to this package cannot be used.
	InvalidSpec Kind = "InvalidSpec"
	// HostNotAllowed: a credential was meant for a host that the installation does not allow.
	HostNotAllowed Kind = "HostNotAllowed"
	// OCMCredentialMissing: there is no credential, or none of a known form.
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
	// MalformedAnswer: the answer is not what OCM publishes.
	MalformedAnswer Kind = "MalformedAnswer"
	// NotFound: there is no such object, or the account may not know of it.
	NotFound Kind = "NotFound"
)

// Error is the only error that the calls of Client return. It holds no secret and nothing of an answer's body except
// OCM's own code and operation id, as far as they have that form and repeat no credential. What the answer says in words is put
// into our own (phrases).
type Error struct {
	// Kind says what went wrong.
	Kind Kind
	// Status is that of the HTTP answer, of OCM or of the SSO; 0 without an answer.
	Status int
	// Code is OCM's, such as ACCT-MGMT-11, or the SSO's, such as invalid_grant; empty when there is none.
	Code string
	// OperationID is what Red Hat's support asks for; empty when there is none.
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

// Unwrap lets a caller recognise its own cancelled context.
func (e *Error) Unwrap() error { return e.cause }

// Ambiguous tells that the service may have done what was asked although the call failed: the request was sent, and the
// answer was lost, unreadable, or an error of the service. A POST that failed like this must not be repeated before the
// service was asked what is there.
func (e *Error) Ambiguous() bool { return e.ambiguous }

// IsKind tells whether err is an *Error of this kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// Ambiguous tells whether err is an *Error that leaves open whether the request had its effect.
func Ambiguous(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Ambiguous()
}
