package contract

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestMiddleware_ReportsWhatTheDocumentDoesNotAllow sends one exchange each through the middleware.
func TestMiddleware_ReportsWhatTheDocumentDoesNotAllow(t *testing.T) {
	const rotations = "/api/accounts_mgmt/v1/accounts/a1/pull_secret_rotation"
	const list = `{"kind":"PullSecretRotationList","page":1,"size":1,"total":1,"items":[{"id":"r1","kind":"PullSecretRotation",` +
		`"status":"pending","account_id":"a1","created_at":"2026-01-05T12:19:41.614369Z"}]}`
	const transfers = `{"kind":"ClusterTransferList","page":1,"size":1,"total":1,"items":[{"id":"t1","status":"STATUS","secret":"s3cret"}]}`

	for _, tc := range []struct {
		// name is the rule that the case checks.
		name string
		// method, path, auth and reqBody are the request; the default is GET of the rotations with a Bearer token.
		method, path, auth, reqBody string
		// status and body are the response; the default is the list above.
		status int
		body   string
		// excuse makes the handler declare its response as wrong on purpose.
		excuse bool
		// want is part of the violation; empty means none.
		want string
	}{
		{name: "a list as documented passes"},
		{name: "the cluster's own token may list rotations", auth: "AccessToken c1:token"},
		{name: "no rotation at all is a 204 without a body", status: 204, body: "-"},
		{name: "a 204 with a body is reported", status: 204, want: "has a body"},
		{name: "an undeclared status is reported", status: 418, body: "{}", want: "status is not supported"},
		{name: "an undeclared status that is excused passes", status: 418, body: "{}", excuse: true},
		{name: "a missing member of a list is reported", body: `{"kind":"x","page":1,"size":1,"items":[]}`, want: "required"},
		{name: "an invalid time is reported", body: strings.Replace(list, "2026-01-05T", "5 January ", 1), want: "created_at"},
		{name: "a misspelt query parameter is reported", path: rotations + "?order=id", want: `"order" is not in the document`},
		{name: "a page that is not a number is reported", path: rotations + "?page=first", want: "page"},
		{name: "an unknown path is reported", path: "/api/accounts_mgmt/v1/rotations", want: "no such operation"},
		{name: "an undocumented method is reported", method: http.MethodPut, want: "no such operation"},
		{name: "no Authorization header is reported", auth: "-", want: "security requirements failed"},
		{name: "the cluster's own token may not request a rotation", method: http.MethodPost, auth: "AccessToken c1:token",
			status: 201, body: `{"id":"r1"}`, want: "security requirements failed"},
		{name: "a request body of the wrong type is reported", method: http.MethodPost, reqBody: `[]`, status: 201,
			body: `{"id":"r1"}`, want: "request body has an error"},
		{name: "a request without a body is fine", method: http.MethodPost, status: 201, body: `{"id":"r1"}`},
		{name: "a lower-case transfer status is a known deviation", path: "/api/accounts_mgmt/v1/cluster_transfers",
			body: strings.Replace(transfers, "STATUS", "accepted", 1)},
		{name: "another transfer status is reported", path: "/api/accounts_mgmt/v1/cluster_transfers",
			body: strings.Replace(transfers, "STATUS", "finished", 1), want: "status"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var violations []string
			handler := Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tc.excuse {
					Excuse(r)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(or(tc.status, 200))
				_, _ = io.WriteString(w, strings.TrimPrefix(or(tc.body, list), "-"))
			}), func(v string) { violations = append(violations, v) })

			r := httptest.NewRequest(or(tc.method, http.MethodGet), or(tc.path, rotations), strings.NewReader(tc.reqBody))
			if tc.reqBody == "" {
				r.Body, r.ContentLength = http.NoBody, 0
			} else {
				r.Header.Set("Content-Type", "application/json")
			}
			if auth := or(tc.auth, "Bearer x.y.z"); auth != "-" {
				r.Header.Set("Authorization", auth)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)

			if w.Code != or(tc.status, 200) {
				t.Errorf("the middleware changed the status to %d", w.Code)
			}
			got := strings.Join(violations, "\n")
			if tc.want == "" && got != "" {
				t.Errorf("unexpected violation: %s", got)
			}
			if !strings.Contains(got, tc.want) {
				t.Errorf("violations %q do not contain %q", got, tc.want)
			}
			if strings.Contains(got, "s3cret") {
				t.Errorf("the violation repeats the response: %s", got)
			}
		})
	}
}

// TestDeviations_AreExplained requires a reason for each deviation.
func TestDeviations_AreExplained(t *testing.T) {
	for _, d := range Deviations() {
		if d.Where == "" || len(d.Why) < 20 {
			t.Errorf("deviation %q is not explained: %q", d.Where, d.Why)
		}
	}
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
