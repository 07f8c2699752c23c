package registry

import (
	"encoding/json"
	"log/slog"
	"time"
)

// Outcome of a check. The strings are shown in the status of a PullSecretRotation.
type Outcome string

const (
	// Accepted: the registry accepts the credential, and serves the image if one was named.
	Accepted Outcome = "Accepted"
	// Unauthorized: the registry refuses the login.
	Unauthorized Outcome = "Unauthorized"
	// Denied: the login is good, and the registry refuses to serve the image, or anything at all.
	Denied Outcome = "Denied"
	// NotFound: the login is good, and there is no such image.
	NotFound Outcome = "NotFound"
	// Unreachable: the registry could not be reached, or its answer says nothing about the credential.
	Unreachable Outcome = "Unreachable"
	// RateLimited: the registry is rate limiting requests.
	RateLimited Outcome = "RateLimited"
	// TLSError: the connection failed because of TLS, such as a certificate authority that is not trusted.
	TLSError Outcome = "TLSError"
)

// Refused is true if the outcome is evidence against the credential.
func (o Outcome) Refused() bool { return o == Unauthorized || o == Denied }

// Result of a check.
type Result struct {
	Outcome Outcome
	// Message is a sentence for a person. It names hosts and images, and holds neither the credential nor a token nor
	// anything of an answer's body.
	Message string
	// RetryAfter is how long a RateLimited registry asks to wait; 0 if it does not say.
	RetryAfter time.Duration
}

// Check describes one check. Printing, marshalling or logging it omits the password.
type Check struct {
	// Registry as the pull secret names it: a host with or without port, possibly with a path ("quay.io/org"), or the
	// legacy key of Docker Hub ("https://index.docker.io/v1/").
	Registry string
	// Image whose manifest to pull, by tag or digest, on the same registry; empty to log in only.
	Image string
	// Username and Password of the entry.
	Username, Password string
}

func (c Check) String() string {
	if c.Image == "" {
		return "login at " + c.Registry
	}
	return "pull of " + c.Image + " from " + c.Registry
}

// GoString keeps the password out of logs.
func (c Check) GoString() string { return c.String() }

// MarshalJSON keeps the password out of logs.
func (c Check) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// LogValue keeps the password out of logs.
func (c Check) LogValue() slog.Value { return slog.StringValue(c.String()) }
