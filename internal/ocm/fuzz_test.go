package ocm

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/internal/echo"
)

// What OCM sends is somebody else's data: whatever it is, it is read within limits, and what is kept of it can be shown.

const fuzzSecret = "k8Qz4TnV7xW1mB6yR3pL9dJ2fH5sG0cA"

// presentable fails for a text that a status must not hold.
func presentable(t *testing.T, what, text string, longest int) {
	t.Helper()
	if utf8.RuneCountInString(text) > longest || !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Fatalf("%s is %q", what, text)
	}
}

func FuzzError(f *testing.F) {
	f.Add(403, "application/json", []byte(`{"code":"ACCT-MGMT-11","operation_id":"op-1","reason":"denied access `+fuzzSecret+`"}`))
	f.Add(401, "application/json", []byte(`{"code":"`+fuzzSecret+`","operation_id":"`+fuzzSecret+`"}`))
	f.Add(200, "text/html", []byte("<html>"))
	f.Add(500, "application/problem+json", []byte(`{"reason":1}`))
	f.Add(429, "", []byte{})
	f.Fuzz(func(t *testing.T, status int, contentType string, body []byte) {
		c := &Client{transport: &transport{clock: clock.RealClock{}}, leaks: func(text string) bool { return echo.Repeats(text, fuzzSecret) }}
		for _, e := range []*Error{
			c.classify(call{doing: "asking", accept: []int{200}}, &answer{status: status, contentType: contentType, body: body, sent: true}),
			c.transport.judgeExchange(&answer{status: status, contentType: contentType, body: body, sent: true}),
		} {
			if e == nil {
				continue
			}
			presentable(t, "the message", e.Message, 400)
			if echo.Repeats(e.Message+" "+e.Code+" "+e.OperationID, fuzzSecret) {
				t.Fatalf("it repeats the secret: %s", e.Message)
			}
		}
	})
}

func FuzzLists(f *testing.F) {
	f.Add([]byte(`{"id":"2Ju1","created_at":"2026-11-20T00:00:00Z","status":"Pending"}`))
	f.Add([]byte(`{"id":"s1","external_cluster_id":"a1b2","display_name":"na\u202eme\u200b","status":"Active"}`))
	f.Add([]byte(`{"id":"t1","cluster_uuid":"a1b2","status":"Accepted","pull_secret_rotation_id":"2Ju1","expiration_date":"2026-11-20T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, problem := decodeRotation(raw); problem == "" {
			presentable(t, "the id", r.ID, 64)
			presentable(t, "the status", r.Status, 32)
			if _, err := json.Marshal(r.CreatedAt); err != nil || r.ID == "" {
				t.Fatalf("a rotation %+v: %v", r, err)
			}
		}
		if s, id, problem := decodeSubscription(raw); problem == "" {
			presentable(t, "the id", id, 64)
			presentable(t, "the cluster", s.ClusterID, 64)
			presentable(t, "the name", s.DisplayName, maxName)
		}
		if r, problem := decodeTransfer(raw); problem == "" {
			presentable(t, "the rotation", r.RotationID, 64)
			presentable(t, "the status", r.Status, 32)
		}
	})
}

func FuzzClaims(f *testing.F) {
	f.Add("e30.eyJpYXQiOjE3MDAwMDAwMDAsInR5cCI6Ik9mZmxpbmUifQ.x")
	f.Add("a.eyJpYXQiOjFlMzAwfQ.b")
	f.Add("a.eyJpYXQiOi0xfQ.b")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		c := Credential{Token: token}
		_ = c.check()
		if at := c.IssuedAt(); at.Year() > 9999 || !at.IsZero() && at.Before(time.Unix(0, 0)) {
			t.Fatalf("%q was issued at %s", token, at)
		}
	})
}
