package registry

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openshift/credential-rotation-operator/internal/echo"
)

// A registry's answers are somebody else's data: its challenge names the server that gets the password, and every step may be
// answered with anything.

const fuzzPassword = "k8Qz4TnV7xW1mB6yR3pL9dJ2fH5sG0cA"

// hostile is a network in which every host gives the same answers: the first to requests without a credential, the second to a login, the third
// to a token.
type hostile struct {
	t         testing.TB
	statuses  [3]int
	challenge string
	location  string
	body      []byte

	requests   int
	turnedAway bool // by a 401, without a credential
	loggedIn   bool // a user name and password were accepted
}

func (h *hostile) RoundTrip(request *http.Request) (*http.Response, error) {
	h.requests++
	scheme, _, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if request.URL.Scheme != "https" {
		h.t.Fatalf("a request to %s is sent without TLS", request.URL.Redacted())
	}
	if echo.Repeats(request.URL.String(), fuzzPassword) && !echo.Repeats(h.challenge+h.location, fuzzPassword) {
		h.t.Fatal("the password is in a URL")
	}
	status := h.statuses[0]
	switch scheme {
	case "Basic":
		status = h.statuses[1]
		h.loggedIn = h.loggedIn || status >= 200 && status < 300
	case "Bearer":
		status = h.statuses[2]
	default:
		h.turnedAway = h.turnedAway || status == http.StatusUnauthorized
	}
	header := http.Header{}
	header.Set("WWW-Authenticate", h.challenge)
	header.Set("Location", h.location)
	header.Set("Retry-After", h.challenge)
	header.Set("Content-Type", h.location)
	return &http.Response{
		StatusCode: status, Header: header, Request: request, Body: io.NopCloser(strings.NewReader(string(h.body))), ContentLength: -1,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

var outcomes = []Outcome{Accepted, Unauthorized, Denied, NotFound, Unreachable, RateLimited, TLSError}

// FuzzChallenge: whatever a registry answers, the check ends, the password travels by TLS alone, nothing of it or of the answer's words is
// shown, and only a login that was asked for and accepted counts as one.
func FuzzChallenge(f *testing.F) {
	token := []byte(`{"token":"T"}`)
	f.Add(401, 200, 200, `Bearer realm="https://quay.io/v2/auth",service="quay.io"`, "", token, true)
	f.Add(401, 401, 403, `Basic realm="registry"`, "", []byte(`{"errors":[{"code":"UNAUTHORIZED"}]}`), false)
	f.Add(401, 200, 307, `Bearer realm="https://auth.example.com/token?a=b"`, "https://cdn.example.com/x", token, true)
	f.Add(401, 200, 200, `Bearer realm="http://quay.io/v2/auth"`, "", token, false)
	f.Add(401, 200, 200, `Bearer realm="https://127.0.0.1/v2/auth"`, "http://10.0.0.1/", token, true)
	f.Add(401, 500, 200, `Bearer realm="https://`+fuzzPassword+`.example.com/auth"`, "", token, false)
	f.Add(401, 500, 200, "Bearer realm=\"https://a%E2%80%AEb.example.com/auth\"", "", token, false)
	f.Add(401, 200, 200, `Bearer realm="`, "", []byte(`{"token":""}`), true)
	f.Add(401, 200, 200, "bearer,realm=,,=\",Basic\x00", "://", []byte(`{"access_token":1}`), true)
	f.Add(429, 429, 429, "3600", "text/html", []byte(`{"errors":[{"code":"TOOMANYREQUESTS","message":"`+fuzzPassword+`"}]}`), false)
	f.Add(200, 200, 200, "", "", []byte{}, true)
	f.Fuzz(func(t *testing.T, first, second, third int, challenge, location string, body []byte, withImage bool) {
		network := &hostile{t: t, statuses: [3]int{statusOf(first), statusOf(second), statusOf(third)}, challenge: challenge, location: location, body: body}
		check := Check{Registry: "quay.io", Username: "openshift-release-dev+x", Password: fuzzPassword}
		if withImage {
			check.Image = "quay.io/org/app:1"
		}
		result := (&Prober{Transport: network, Timeout: time.Minute}).Check(t.Context(), check)
		switch message := result.Message; {
		case !slices.Contains(outcomes, result.Outcome):
			t.Fatalf("the outcome is %q", result.Outcome)
		case message == "" || utf8.RuneCountInString(message) > 600 || !utf8.ValidString(message) || strings.ContainsFunc(message, func(r rune) bool { return !unicode.IsPrint(r) }):
			t.Fatalf("the message is %q", message)
		case echo.Repeats(message, fuzzPassword):
			t.Fatalf("the message repeats the password: %s", message)
		case result.Outcome == Accepted && !(network.turnedAway && network.loggedIn):
			t.Fatalf("it is %s without a login that was asked for and accepted", result.Outcome)
		case result.RetryAfter < 0 || result.RetryAfter > 24*time.Hour:
			t.Fatalf("it asks to wait for %s", result.RetryAfter)
		case network.requests > 20:
			t.Fatalf("it takes %d requests", network.requests)
		}
	})
}

// statusOf is a status that an HTTP client lets through.
func statusOf(n int) int { return 200 + ((n-200)%400+400)%400 }
