package ocm

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/openshift/credential-rotation-operator/internal/httpheader"
)

// apiError is OCM's error object. AMS calls its codes ACCT-MGMT-<id>.
type apiError struct {
	Code        string `json:"code"`
	Reason      string `json:"reason"`
	OperationID string `json:"operation_id"`
}

// judge turns an answer of OCM into a success or the reason of the failure.
func (c *Client) judge(call call, got *answer) (*answer, *Error) {
	e := c.classify(call, got)
	if e == nil {
		return got, nil
	}
	// A failed POST may have had its effect unless it was never sent or was plainly refused.
	e.ambiguous = call.method == http.MethodPost && got.sent && !refusedPlainly(got)
	return nil, e
}

// refusedPlainly is true if the service itself refused: a 4xx that is neither a timeout nor a page of something in front of the service.
func refusedPlainly(got *answer) bool {
	if got.status == http.StatusTooManyRequests {
		return true // a 429 is sent before the request is processed
	}
	return got.status >= 400 && got.status < 500 && got.status != http.StatusRequestTimeout && !httpheader.IsHTML(got.contentType)
}

func (c *Client) classify(call call, got *answer) *Error {
	if got.err != nil && got.status < 400 {
		return unanswered("OCM", got)
	}
	if call.succeeded(got.status) {
		return checkBody(call, got)
	}
	e := c.told(call, got)
	switch {
	case got.status == http.StatusTooManyRequests:
		e.Kind = OCMRateLimited
		e.Message = "OCM is rate limiting requests" + e.Message
	case got.status >= 500:
		e.Kind = OCMUnavailable
		e.Message = "OCM answers with an error of its own" + e.Message
	case httpheader.IsHTML(got.contentType):
		e.Kind = OCMUnavailable
		e.Message = "a web page answers instead of OCM: check the URL and the proxy" + e.Message
	case got.status == http.StatusUnauthorized:
		e.Kind, e.Message = c.unauthorized(got, e.Message)
	case got.status == http.StatusForbidden && mentionsOfflineProhibition(got):
		e.Kind = OCMOfflineTokensForbidden
		e.Message = "the organisation forbids offline tokens: use a service account's client id and secret" + e.Message
	case got.status == http.StatusForbidden:
		e.Kind = OCMForbidden
		e.Message = "OCM does not allow it" + e.Message
	case got.status == http.StatusNotFound:
		e.Kind = NotFound
		e.Message = "OCM does not know it" + e.Message
	case got.status < 300:
		e.Kind = MalformedAnswer
		e.Message = "OCM answers with a status that it does not document for this request" + e.Message
	default:
		e.Kind = OCMUnavailable
		e.Message = "OCM refuses the request with an unexpected answer" + e.Message
	}
	return e
}

// told starts an error with the details of the answer. Its message is the end of a sentence.
func (c *Client) told(call call, got *answer) *Error {
	var body apiError
	if httpheader.IsJSON(got.contentType) {
		_ = json.Unmarshal(got.body, &body) // an error without a body is still an error
	}
	e := &Error{
		Status:      got.status,
		Code:        c.harmless(codePattern, body.Code),
		OperationID: c.harmless(operationPattern, body.OperationID),
		RetryAfter:  got.retryAfter,
	}
	message := fmt.Sprintf(" (%s: %d", call.doing, got.status)
	if e.Code != "" {
		message += ", " + e.Code
	}
	if e.OperationID != "" {
		message += ", operation " + e.OperationID
	}
	message += ")"
	if meaning := phrase(body.Reason); meaning != "" && got.status < 500 {
		message += ": " + meaning
	}
	e.Message = message
	return e
}

// harmless returns a code or an id of the service if it has the right form and holds nothing of the credential.
func (c *Client) harmless(form *regexp.Regexp, text string) string {
	if c.leaks(text) {
		return ""
	}
	return matching(form, text)
}

// unauthorized says why OCM may refuse a token of the SSO. For an organisation that forbids offline tokens, OCM sends a 401 with an empty JSON
// body: OCM's services check the offline_access scope of the token against such organisations in a middleware that writes nothing but the status
// (ocm-common, token scope validation).
func (c *Client) unauthorized(got *answer, told string) (Kind, string) {
	switch words := strings.ToLower(string(got.body)); {
	case c.byCluster:
		return OCMUnauthorized, "OCM refuses the cluster's own token" + told
	case c.transport.skewed(), strings.Contains(words, "used before issued"), strings.Contains(words, "not valid yet"):
		return ClockSkew, "OCM refuses the access token" + told + ": check this machine's clock" + c.transport.describeSkew()
	case mentionsOfflineProhibition(got), len(got.body) == 0 && httpheader.IsJSON(got.contentType) && c.transport.offline.Load():
		return OCMOfflineTokensForbidden,
			"OCM refuses a token that was issued for an offline token, which happens if the organisation forbids offline tokens" + told +
				": use a service account's client id and secret"
	default:
		return OCMUnauthorized, "OCM refuses the access token although the SSO issued it" + told
	}
}

func mentionsOfflineProhibition(got *answer) bool {
	words := strings.ToLower(string(got.body))
	return strings.Contains(words, "offline") && mentionsProhibition(words)
}

// checkBody makes sure that a successful answer holds JSON, unless it should be empty.
func checkBody(call call, got *answer) *Error {
	switch {
	case got.status == http.StatusNoContent:
		return nil
	case httpheader.IsHTML(got.contentType):
		return &Error{Kind: OCMUnavailable, Status: got.status, Message: fmt.Sprintf(
			"a web page answers instead of OCM: check the URL and the proxy (%s: %d)", call.doing, got.status)}
	case !json.Valid(got.body):
		return malformed(call, got.status, "it is not JSON")
	default:
		return nil
	}
}

// malformed is the error for an answer that does not match OCM's published API. problem must not quote the answer.
func malformed(call call, status int, problem string) *Error {
	return &Error{Kind: MalformedAnswer, Status: status, ambiguous: call.method == http.MethodPost,
		Message: fmt.Sprintf("OCM's answer cannot be understood (%s: %d): %s", call.doing, status, problem)}
}
