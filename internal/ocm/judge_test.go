package ocm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

const (
	asJSON = "application/json"
	asPage = "text/html; charset=utf-8"
)

// client is one that has made no request yet; its transport's state is the test's to set.
func client(byCluster bool) *Client {
	return &Client{transport: &transport{clock: clock.RealClock{}}, byCluster: byCluster, leaks: func(string) bool { return false }}
}

// same fails unless an error is as wanted in all its parts, those that only this package sees included.
func same(t *testing.T, got, want *Error) {
	t.Helper()
	if got == nil || want == nil {
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		return
	}
	if *got != *want {
		t.Errorf("got  %+v\nwant %+v", *got, *want)
	}
}

// What a person reads about each answer of OCM, and whether a rotation that was requested may exist.
func TestJudge_SaysWhatOCMAnswers(t *testing.T) {
	const minute = time.Minute
	person, cluster, behind, ahead, offline := client(false), client(true), client(false), client(false), client(false)
	behind.transport.apiSkew.Store(int64(12 * minute))
	ahead.transport.apiSkew.Store(int64(-12*minute - 400*time.Millisecond))
	offline.transport.offline.Store(true)
	says := func(kind Kind, status int, message string) *Error {
		return &Error{Kind: kind, Status: status, Message: message}
	}
	open := func(e *Error) *Error {
		e.ambiguous = true
		return e
	}
	for name, row := range map[string]struct {
		c     *Client
		posts bool
		got   answer
		want  *Error
	}{
		"JSON":                      {person, false, answer{status: 200, contentType: asJSON, body: []byte("{}")}, nil},
		"JSON that says it is not":  {person, true, answer{status: 200, contentType: "text/plain", body: []byte("[]")}, nil},
		"nothing, in so many words": {person, false, answer{status: 204}, nil},
		"no JSON": {person, false, answer{status: 200, contentType: asJSON, body: []byte("{")},
			says(MalformedAnswer, 200, "OCM's answer cannot be understood (asking: 200): it is not JSON")},
		"no JSON to a POST": {person, true, answer{status: 200, contentType: asJSON},
			open(says(MalformedAnswer, 200, "OCM's answer cannot be understood (asking: 200): it is not JSON"))},
		"a page": {person, true, answer{status: 200, contentType: asPage, body: []byte("<html>")},
			open(says(OCMUnavailable, 200, "a web page answers instead of OCM: check the URL and the proxy (asking: 200)"))},
		"a page that refuses": {person, true, answer{status: 403, contentType: asPage},
			open(says(OCMUnavailable, 403, "a web page answers instead of OCM: check the URL and the proxy (asking: 403)"))},
		"a limit": {person, true, answer{status: 429, contentType: asPage, retryAfter: minute},
			&Error{Kind: OCMRateLimited, Status: 429, RetryAfter: minute, Message: "OCM is rate limiting requests (asking: 429)"}},
		"an error of its own": {person, true, answer{status: 500, contentType: asJSON, retryAfter: minute, body: []byte(`{"reason":"banned"}`)},
			&Error{Kind: OCMUnavailable, Status: 500, RetryAfter: minute, ambiguous: true, Message: "OCM answers with an error of its own (asking: 500)"}},
		"an error of its own that is cut off": {person, false, answer{status: 502, contentType: asPage, err: io.ErrUnexpectedEOF},
			says(OCMUnavailable, 502, "OCM answers with an error of its own (asking: 502)")},
		"a refusal that is cut off": {person, true, answer{status: 400, contentType: asJSON, err: io.ErrUnexpectedEOF},
			says(OCMUnavailable, 400, "OCM refuses the request with an unexpected answer (asking: 400)")},
		"a timeout": {person, true, answer{status: 408, contentType: asJSON},
			open(says(OCMUnavailable, 408, "OCM refuses the request with an unexpected answer (asking: 408)"))},
		"a status of none": {person, false, answer{status: 300}, says(OCMUnavailable, 300, "OCM refuses the request with an unexpected answer (asking: 300)")},
		"another success": {person, true, answer{status: 202, contentType: asJSON, body: []byte("{}")},
			open(says(MalformedAnswer, 202, "OCM answers with a status that it does not document for this request (asking: 202)"))},
		"what is gone": {person, false, answer{status: 404, contentType: asJSON, body: []byte(`{"code":"ACCT-MGMT-7"}`)},
			&Error{Kind: NotFound, Status: 404, Code: "ACCT-MGMT-7", Message: "OCM does not know it (asking: 404, ACCT-MGMT-7)"}},
		"a refusal with all that OCM tells": {person, true,
			answer{status: 403, contentType: asJSON, body: []byte(`{"code":"ACCT-MGMT-11","operation_id":"op-1","reason":"Not permitted"}`)},
			&Error{Kind: OCMForbidden, Status: 403, Code: "ACCT-MGMT-11", OperationID: "op-1",
				Message: "OCM does not allow it (asking: 403, ACCT-MGMT-11, operation op-1): it says that the account lacks the right"}},
		"a refusal that is no JSON": {person, false, answer{status: 403, contentType: "text/plain", body: []byte(`{"code":"ACCT-MGMT-11","reason":"banned"}`)},
			says(OCMForbidden, 403, "OCM does not allow it (asking: 403)")},
		"a code in another form": {person, false, answer{status: 403, contentType: asJSON, body: []byte(`{"code":"no","operation_id":"op 1"}`)},
			says(OCMForbidden, 403, "OCM does not allow it (asking: 403)")},
		"offline tokens that are forbidden": {person, false, answer{status: 403, contentType: asJSON, body: []byte(`{"reason":"OFFLINE tokens: Not Allowed"}`)},
			says(OCMOfflineTokensForbidden, 403, "the organisation forbids offline tokens: use a service account's client id and secret (asking: 403)")},
		"what is not allowed offline or online": {person, false, answer{status: 403, contentType: asJSON, body: []byte(`{"reason":"not allowed"}`)},
			says(OCMForbidden, 403, "OCM does not allow it (asking: 403)")},
		"what is offline": {person, false, answer{status: 403, contentType: asJSON, body: []byte(`{"reason":"the service is offline"}`)},
			says(OCMForbidden, 403, "OCM does not allow it (asking: 403)")},

		"a cluster's token that is refused": {cluster, false, answer{status: 401, contentType: asJSON, body: []byte(`{"reason":"offline tokens not allowed"}`)},
			says(OCMUnauthorized, 401, "OCM refuses the cluster's own token (asking: 401)")},
		"a token that is refused": {person, true, answer{status: 401, contentType: asJSON},
			says(OCMUnauthorized, 401, "OCM refuses the access token although the SSO issued it (asking: 401)")},
		"a token that is refused by a clock ahead": {behind, false, answer{status: 401, contentType: asJSON},
			says(ClockSkew, 401, "OCM refuses the access token (asking: 401): check this machine's clock, which is 12m0s behind the service's")},
		"a token that is refused by a clock behind": {ahead, false, answer{status: 401, contentType: asJSON},
			says(ClockSkew, 401, "OCM refuses the access token (asking: 401): check this machine's clock, which is 12m0s ahead of the service's")},
		"a token that is too new": {person, false, answer{status: 401, contentType: asJSON, body: []byte(`{"reason":"Token used before issued"}`)},
			says(ClockSkew, 401, "OCM refuses the access token (asking: 401): check this machine's clock")},
		"a token that is too new, in other words": {person, false, answer{status: 401, contentType: asJSON, body: []byte(`{"reason":"Token is not valid yet"}`)},
			says(ClockSkew, 401, "OCM refuses the access token (asking: 401): check this machine's clock")},
		"an offline token whose refusal says nothing": {offline, false, answer{status: 401, contentType: asJSON}, says(OCMOfflineTokensForbidden, 401,
			"OCM refuses a token that was issued for an offline token, which happens if the organisation forbids offline tokens (asking: 401): use a service account's client id and secret")},
		"an offline token, in so many words": {person, false, answer{status: 401, contentType: asJSON, body: []byte(`{"reason":"offline tokens are restricted"}`)},
			says(OCMOfflineTokensForbidden, 401,
				"OCM refuses a token that was issued for an offline token, which happens if the organisation forbids offline tokens (asking: 401): use a service account's client id and secret")},
		"an offline token whose refusal says something": {offline, false, answer{status: 401, contentType: asJSON, body: []byte(`{}`)},
			says(OCMUnauthorized, 401, "OCM refuses the access token although the SSO issued it (asking: 401)")},
		"an offline token that something else refuses": {offline, false, answer{status: 401},
			says(OCMUnauthorized, 401, "OCM refuses the access token although the SSO issued it (asking: 401)")},

		"a redirect": {person, true, answer{status: 307, err: errRedirect},
			open(says(OCMUnavailable, 307, "OCM answers with a redirect (307), which is not followed: the credential would go elsewhere"))},
		"more than is read": {person, true, answer{status: 200, err: errTooLarge}, open(says(MalformedAnswer, 200, "the answer of OCM is larger than 4 MiB"))},
		"silence": {person, true, answer{err: context.DeadlineExceeded},
			open(&Error{Kind: OCMUnavailable, Message: "OCM cannot be reached: no answer in time", cause: context.DeadlineExceeded})},
		"a caller that gives up": {person, false, answer{status: 200, retryAfter: minute, err: context.Canceled},
			&Error{Kind: OCMUnavailable, Status: 200, RetryAfter: minute, Message: "OCM cannot be reached: the request was cancelled", cause: context.Canceled}},
		"a lost connection": {person, false, answer{err: io.EOF},
			says(OCMUnavailable, 0, "OCM cannot be reached: the connection was closed before the answer was complete")},
	} {
		t.Run(name, func(t *testing.T) {
			method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[row.posts]
			row.got.sent = true
			got, failure := row.c.judge(call{doing: "asking", method: method, accept: []int{200, 204}}, &row.got)
			same(t, failure, row.want)
			if (got == &row.got) != (failure == nil) {
				t.Errorf("the answer is %+v", got)
			}
		})
	}
	_, failure := person.judge(call{doing: "asking", method: http.MethodPost}, &answer{err: io.EOF})
	same(t, failure, says(OCMUnavailable, 0, "OCM cannot be reached: the connection was closed before the answer was complete")) // it never left
}

func TestError_IsRecognisedInsideAnother(t *testing.T) {
	plain, open := &Error{Kind: NotFound, Message: "gone"}, &Error{Kind: OCMUnavailable, ambiguous: true, cause: context.Canceled}
	for _, row := range []struct {
		err             error
		kind, ambiguous bool
	}{
		{nil, false, false}, {errors.New("x"), false, false}, {plain, true, false}, {fmt.Errorf("x: %w", plain), true, false},
		{open, false, true}, {fmt.Errorf("x: %w", open), false, true},
	} {
		if IsKind(row.err, NotFound) != row.kind || Ambiguous(row.err) != row.ambiguous {
			t.Errorf("%v: kind %t, ambiguous %t", row.err, IsKind(row.err, NotFound), Ambiguous(row.err))
		}
	}
	if plain.Error() != "gone" || errors.Is(plain, context.Canceled) || !errors.Is(open, context.Canceled) {
		t.Errorf("%v, %v", plain, open)
	}
}

func TestPhrases_AreTheFirstThatFits(t *testing.T) {
	for reason, want := range map[string]string{
		"": "", "nothing known": "", "The account is BANNED": "it says that the account is banned", "Export control hold": "it says that the account is under export control",
		"accept the Terms": "it asks for its terms to be accepted", "pending already": "it says that there is one already", "one is in progress": "it says that one is in progress",
		"Denied access": "it says that the account lacks the right", "is not authorized": "it says that the account lacks the right", "it expired": "it says that something has expired",
	} {
		if got := phrase(reason); got != want {
			t.Errorf("%q: got %q, want %q", reason, got, want)
		}
	}
}
