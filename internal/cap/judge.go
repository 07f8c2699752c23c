package cap

// Judging an answer: nothing reaches a Secret without passing here. The public sources are the documentation of the Sequoia Combine emulator and
// the code of other CAP clients. Real error bodies are not public, so only the status, the content type and the shape count.

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/httpheader"
)

// MaxBody is how many bytes of an answer are read. Usual answers have 1 to 4 KiB; session tokens have no documented limit.
const MaxBody = 1 << 20

// Judge turns an answer into a credential that may be written, or into the reason why not. It refuses a body longer than MaxBody, so callers read
// at most one byte more. now is the time by this cluster's clock, as is the credential's Expiry; portal is that time by CAP's clock, zero if
// unknown.
func Judge(status int, contentType string, body []byte, now, portal time.Time) (awscreds.Credential, *Error) {
	if status != http.StatusOK {
		return awscreds.Credential{}, judgeStatus(status, httpheader.IsJSON(contentType))
	}
	body = plain(body)
	if !httpheader.IsJSON(contentType) && isPage(contentType, body) {
		return awscreds.Credential{}, &Error{Class: AuthenticationRefused, Status: status, page: true,
			Message: "CAP answered with a page instead of JSON, which is how it refuses a client certificate that is unknown, revoked or not authorised."}
	}
	return judgeBody(status, body, now, portal)
}

// verdict is what a status says.
type verdict struct {
	class   Class
	message string
}

// verdicts are those of single statuses, whatever comes with them.
var verdicts = map[int]verdict{
	301: {APIDisabled, permanentRedirect},
	308: {APIDisabled, permanentRedirect},
	401: {AuthenticationRefused, "CAP does not accept the client certificate."},
	404: {APIDisabled, noSuchAPI},
	405: {APIDisabled, noSuchAPI},
	407: {ProxyUnavailable, "A proxy in front of CAP asks for a user and a password (status 407)."},
	408: {Unavailable, notNow},
	410: {APIDisabled, noSuchAPI},
	425: {Unavailable, notNow},
	429: {Unavailable, "CAP, or a proxy in front of it, is rate limiting requests."},
	501: {APIDisabled, noSuchAPI},
}

const (
	permanentRedirect = "CAP answered with a permanent redirect, which is not followed: the URL is not the API's own."
	noSuchAPI         = "CAP has no such API: it is not enabled, or the URL's path is wrong."
	notNow            = "CAP, or a proxy in front of it, cannot answer now."
)

// judgeStatus classifies an answer other than 200 by its status and by whether it claims to be JSON.
func judgeStatus(status int, json bool) *Error {
	e := &Error{Status: status, page: !json}
	if v, ok := verdicts[status]; ok {
		if e.Class, e.Message = v.class, v.message; status == 407 {
			e.Cause = CauseProxyAuthentication
		}
		return e
	}
	switch {
	case status >= 300 && status < 400:
		e.Class, e.Message = AuthenticationRefused, "CAP answered with a redirect, which is not followed: portals send clients whose certificate they do not accept to a login page."
	case status == 403 && !json:
		e.Class, e.Message = AuthenticationRefused, "CAP, or a web server in front of it, refused the request with a page instead of JSON, which is how web servers refuse a client certificate."
	case status == 403:
		e.Class, e.Message = RoleRefused, "CAP does not provide this role: it is unknown, or the client certificate is not authorised for it."
	case status >= 500:
		e.Class, e.Message = Unavailable, notNow
	case status == 400 && !json:
		e.Class, e.Message = RequestRejected, "CAP rejects the request with a page instead of JSON: a parameter is wrong, or a web server in front of it refuses the client certificate."
	case status >= 400:
		e.Class, e.Message = RequestRejected, "CAP rejects the request: agency, mission, account name, role or another parameter is wrong."
	default:
		e.Class, e.Message = Malformed, "CAP answered with a status that holds no credential."
	}
	return e
}

// isPage is true for a 200 whose body is a page for people and not JSON. The content type alone does not show that: many frameworks label
// everything text/html, and earlier CAP clients never looked at it.
func isPage(contentType string, body []byte) bool {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return contentType != ""
	}
	return body[0] != '{' && body[0] != '['
}

// plain removes what some servers add to a body unasked: gzip, and the byte order mark of UTF-8. A body that cannot be unpacked is judged as it
// is.
func plain(body []byte) []byte {
	if bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		if r, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			if unpacked, err := io.ReadAll(io.LimitReader(r, MaxBody+1)); err == nil {
				body = unpacked
			}
		}
	}
	return bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
}

// answer holds the relevant fields of an answer with 200. All others are ignored.
type answer struct {
	Credentials *struct {
		AccessKeyID     *string         `json:"AccessKeyId"`
		SecretAccessKey *string         `json:"SecretAccessKey"`
		SessionToken    *string         `json:"SessionToken"`
		Token           *string         `json:"Token"` // the field's name in AWS's metadata services
		Expiration      json.RawMessage `json:"Expiration"`
	} `json:"Credentials"`
	// Status appears in error bodies, {"status":400,"message":"..."}, which some installations send with 200.
	Status json.RawMessage `json:"status"`
}

// judgeBody judges the body of a 200 of the right content type.
func judgeBody(status int, body []byte, now, portal time.Time) (awscreds.Credential, *Error) {
	malformed := func(message string) (awscreds.Credential, *Error) {
		return awscreds.Credential{}, &Error{Class: Malformed, Status: status, Message: message}
	}
	if len(body) > MaxBody {
		return malformed(fmt.Sprintf("CAP's answer is larger than %d KiB.", MaxBody>>10))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return malformed("CAP's answer is empty.")
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil { // the error quotes the body and stays here
		return malformed("CAP's answer is not the JSON of a credential, or is truncated.")
	}
	if a.Credentials == nil {
		if inner, err := strconv.Atoi(string(a.Status)); err == nil && inner >= 300 && inner <= 599 {
			e := judgeStatus(inner, true)
			e.Message += " The body of the answer says so."
			e.Status = status
			return awscreds.Credential{}, e
		}
		return malformed("CAP's answer has no Credentials.")
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
		return malformed("CAP's answer lacks AccessKeyId or SecretAccessKey.")
	case errors.Is(err, awscreds.ErrNoToken):
		return malformed("CAP's answer holds a temporary key (ASIA...) without its SessionToken, and AWS accepts no such key.")
	case errors.Is(err, awscreds.ErrUnsafe):
		return awscreds.Credential{}, &Error{Class: Unsafe, Status: status,
			Message: "CAP's answer holds control characters or others that no AWS credential has and that could change the meaning of the credentials file."}
	case err != nil:
		return malformed("CAP's answer holds a value that is longer than any AWS credential.")
	}
	c.Expiry = localExpiry(expiry(a.Credentials.Expiration), portal, now).Plausible(now)
	if c.Expiry.Provenance == awscreds.Told && !c.Expiry.At.After(now) {
		return awscreds.Credential{}, &Error{Class: Expired, Status: status,
			Message: "CAP returned a credential that has already expired by this cluster's clock."}
	}
	return c, nil
}

// present returns the string, or an empty one for JSON's null and for the word null, which shell scripts make of it.
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
