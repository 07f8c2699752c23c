package ocm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	sdk "github.com/openshift-online/ocm-sdk-go"

	"github.com/openshift/credential-rotation-operator/internal/neterr"
)

// call is one request to OCM.
type call struct {
	// doing describes its purpose: "listing the rotations".
	doing string
	// method is POST, or GET if empty.
	method string
	// template is the path with names instead of ids, for counting; path has the ids.
	template, path string
	// query holds names and values alternately.
	query []string
	// body of a POST; nil for none.
	body []byte
	// accept are the statuses of success.
	accept []int
}

// send makes one call: at most one token exchange and one request, within the timeout. The answer has one of the accepted statuses and, unless
// that is 204, a JSON body. Any failure is an *Error.
func (c *Client) send(ctx context.Context, call call) (*answer, *Error) {
	c.calls.RLock()
	defer c.calls.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer context.AfterFunc(c.open, cancel)()
	if c.open.Err() != nil {
		return nil, &Error{Kind: OCMUnavailable, Message: "the OCM client was closed", cause: context.Canceled}
	}

	record := &record{template: call.template}
	// The SDK's answer and its error are about the form of OCM's answer, which is judged here.
	_, _ = c.request(call).SendContext(withRecord(ctx, record))
	switch {
	case record.token != nil:
		return nil, record.token
	case record.api != nil:
		return c.judge(call, record.api)
	case ctx.Err() != nil:
		return nil, unanswered("OCM", &answer{err: ctx.Err()})
	case record.exchanged:
		return nil, &Error{Kind: MalformedAnswer, Status: http.StatusOK, Message: "the SSO's answer holds no usable access token"}
	default:
		// Nothing was sent: the SDK has judged the token by its own expiry.
		return nil, &Error{Kind: OCMTokenExpired, Message: "the token in the OCM credential has expired by this machine's clock"}
	}
}

func (c *Client) request(call call) *sdk.Request {
	request := c.conn.Get()
	if call.method == http.MethodPost {
		request = c.conn.Post()
	}
	request = request.Path(call.path).Bytes(call.body)
	for pair := range slices.Chunk(call.query, 2) {
		request = request.Parameter(pair[0], pair[1])
	}
	return request
}

// succeeded is true if the status is one of the accepted ones.
func (c call) succeeded(status int) bool { return slices.Contains(c.accept, status) }

// unanswered is the error for a request that got no complete answer.
func unanswered(who string, got *answer) *Error {
	e := &Error{Kind: OCMUnavailable, Status: got.status, RetryAfter: got.retryAfter}
	switch {
	case errors.Is(got.err, errRedirect):
		e.Message = fmt.Sprintf("%s answers with a redirect (%d), which is not followed: the credential would go elsewhere", who, got.status)
	case errors.Is(got.err, errTooLarge):
		e.Kind = MalformedAnswer
		e.Message = fmt.Sprintf("the answer of %s is larger than %d MiB", who, maxBody>>20)
	default:
		e.Message = fmt.Sprintf("%s cannot be reached: %s", who, neterr.Describe(got.err))
	}
	switch {
	case errors.Is(got.err, context.Canceled):
		e.cause = context.Canceled
	case errors.Is(got.err, context.DeadlineExceeded):
		e.cause = context.DeadlineExceeded
	}
	return e
}
