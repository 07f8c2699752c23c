package cap

// Judging an answer: nothing reaches a Secret that did not pass here. What is public about the answers, good and bad, is in
// the documentation of the Sequoia Combine emulator and in the code of the portal's other clients; real bodies of errors are not
// public, so only the status, the content type and the shape count.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
)

// MaxBody is the most bytes of an answer that are read. An answer has 1 to 4 KiB; session tokens have no documented limit.
const MaxBody = 1 << 20

// Judge says what an answer is worth: a credential that may be written, or the reason why not. A body longer than MaxBody is
// refused, so a caller reads one byte more than that and no further. The credential's Expiry is by the clock that now is of. portal is
// the time of the answer by the portal's clock; zero where that is not known.
func Judge(status int, contentType string, body []byte, now, portal time.Time) (awscreds.Credential, *Error) {
	if status != 200 {
		return awscreds.Credential{}, judgeStatus(status, contentType)
	}
	if !isJSON(contentType) {
		return awscreds.Credential{}, &Error{Class: AuthenticationRefused, Status: status,
			Message: "CAP answered 200 with a page instead of JSON, which is how it refuses a client certificate: it is unknown, revoked or not authorised"}
	}
	return judgeBody(status, body, now, portal)
}

// judgeStatus classifies an answer that is not 200 by its status alone.
func judgeStatus(status int, contentType string) *Error {
	e := &Error{Status: status}
	switch {
	case status == 401:
		e.Class, e.Message = AuthenticationRefused, "CAP does not accept the client certificate"
	case status == 301 || status == 308:
		e.Class, e.Message = APIDisabled, "CAP answered with a permanent redirect, which is not followed: the URL is not the API's own"
	case status >= 300 && status < 400:
		e.Class, e.Message = AuthenticationRefused, "CAP answered with a redirect, which is not followed: portals send those whose client certificate they do not accept to a login page"
	case status == 403:
		e.Class, e.Message = RoleRefused, "CAP does not give out this role: it is unknown, or the client certificate is not authorised for it"
	case status == 404 || status == 405 || status == 410 || status == 501:
		e.Class, e.Message = APIDisabled, "CAP has no such API: it is not enabled, or the URL's path is wrong"
	case status == 407:
		e.Class, e.Message = Unavailable, "the proxy wants authentication"
	case status == 408 || status == 425 || status == 429 || status >= 500:
		e.Class, e.Message = Unavailable, "CAP or a proxy before it cannot answer now"
	case status >= 400:
		e.Class, e.Message = RequestRejected, "CAP rejects the request: agency, mission, account name, role or another parameter is wrong"
	default:
		e.Class, e.Message = Malformed, "CAP answered with a status that holds no credential"
	}
	if (status == 400 || status == 403) && !isJSON(contentType) {
		e.Message += "; the answer is not JSON, so it may come from a web server before CAP that refuses the client certificate"
	}
	return e
}

func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && mediaType == "application/json"
}

// answer is what counts of an answer with 200. Everything else in it is passed over.
type answer struct {
	Credentials *struct {
		AccessKeyID     *string         `json:"AccessKeyId"`
		SecretAccessKey *string         `json:"SecretAccessKey"`
		SessionToken    *string         `json:"SessionToken"`
		Token           *string         `json:"Token"` // what AWS's metadata services call it
		Expiration      json.RawMessage `json:"Expiration"`
	} `json:"Credentials"`
	// Status is in the bodies of errors, {"status":400,"message":"..."}, which some set-ups send with 200.
	Status json.RawMessage `json:"status"`
}

// judgeBody judges the body of a 200 of the right content type.
func judgeBody(status int, body []byte, now, portal time.Time) (awscreds.Credential, *Error) {
	malformed := func(message string) (awscreds.Credential, *Error) {
		return awscreds.Credential{}, &Error{Class: Malformed, Status: status, Message: message}
	}
	if len(body) > MaxBody {
		return malformed(fmt.Sprintf("CAP's answer is larger than %d KiB", MaxBody>>10))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return malformed("CAP's answer is empty")
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil { // the error quotes the body and stays here
		return malformed("CAP's answer is not the JSON of a credential, or is cut off")
	}
	if a.Credentials == nil {
		if inner, err := strconv.Atoi(string(a.Status)); err == nil && inner >= 300 && inner <= 599 {
			e := judgeStatus(inner, "application/json")
			e.Message += " (CAP says so in the body of its answer)"
			e.Status = status
			return awscreds.Credential{}, e
		}
		return malformed("CAP's answer has no Credentials")
	}
	c := awscreds.Credential{
		AccessKeyID:     present(a.Credentials.AccessKeyID),
		SecretAccessKey: present(a.Credentials.SecretAccessKey),
		SessionToken:    present(a.Credentials.SessionToken),
	}
	if c.SessionToken == "" {
		c.SessionToken = present(a.Credentials.Token)
	}
	switch err := c.Validate(); {
	case errors.Is(err, awscreds.ErrIncomplete):
		return malformed("CAP's answer lacks AccessKeyId or SecretAccessKey")
	case errors.Is(err, awscreds.ErrNoToken):
		return malformed("CAP's answer holds a temporary key (ASIA...) without its SessionToken, and AWS accepts no such key")
	case errors.Is(err, awscreds.ErrUnsafe):
		return awscreds.Credential{}, &Error{Class: Unsafe, Status: status,
			Message: "CAP's answer holds control characters or others that no AWS credential has and that could change the credentials file"}
	case err != nil:
		return malformed("CAP's answer holds a value that is longer than any AWS credential")
	}
	c.Expiry = localExpiry(expiry(a.Credentials.Expiration), portal, now).Plausible(now)
	if c.Expiry.Provenance == awscreds.Told && !c.Expiry.At.After(now) {
		return awscreds.Credential{}, &Error{Class: Expired, Status: status,
			Message: "CAP gave out a credential that has expired already by this cluster's clock"}
	}
	return c, nil
}

// present is the string, and empty for JSON's null and for the word that shell scripts make of it.
func present(s *string) string {
	if s == nil || *s == "null" {
		return ""
	}
	return *s
}

// expiry reads the field in any form of JSON.
func expiry(raw json.RawMessage) awscreds.Expiry {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return awscreds.ReadExpiry(text)
}
