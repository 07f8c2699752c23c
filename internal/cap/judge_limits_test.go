package cap

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// What a status says is the same for its whole range, and an answer may be as large as is read.
func TestJudge_AtTheLimits(t *testing.T) {
	if _, bad := Judge(200, jsonType, []byte(good("")+strings.Repeat(" ", MaxBody-len(good("")))), noon, time.Time{}); bad != nil {
		t.Errorf("the largest answer that is read is refused: %v", bad)
	}
	for inner, want := range map[int]Class{299: Malformed, 300: AuthenticationRefused, 399: AuthenticationRefused, 400: RequestRejected, 500: Unavailable, 599: Unavailable, 600: Malformed} {
		if _, bad := Judge(200, jsonType, []byte(`{"status":`+strconv.Itoa(inner)+`}`), noon, time.Time{}); bad == nil || bad.Class != want {
			t.Errorf("status %d within a 200: %v, want %s", inner, bad, want)
		}
	}
	for status, want := range map[int]Class{299: Malformed, 300: AuthenticationRefused, 399: AuthenticationRefused, 400: RequestRejected, 499: RequestRejected, 500: Unavailable, 599: Unavailable} {
		if _, bad := Judge(status, jsonType, nil, noon, time.Time{}); bad == nil || bad.Class != want {
			t.Errorf("status %d: %v, want %s", status, bad, want)
		}
	}
}

// Whether something in front of CAP has answered shows in its pages, and whether that is a proxy in the status.
func TestJudge_TellsAPageFromAnAnswerOfTheAPI(t *testing.T) {
	for status := 400; status < 600; status++ {
		for contentType, page := range map[string]bool{jsonType: false, "text/html": true} {
			_, bad := Judge(status, contentType, nil, noon, time.Time{})
			if bad == nil || bad.page != page {
				t.Errorf("%d, %s: a page: %v", status, contentType, bad)
				continue
			}
			if want := map[bool]Cause{true: CauseProxyAuthentication}[status == 407]; bad.Cause != want {
				t.Errorf("%d, %s: the cause is %q, want %q", status, contentType, bad.Cause, want)
			}
		}
	}
}

// What concerns CAP or the way to it is tried with one role; what concerns a role is not held against the others.
func TestEverywhere_IsWhatEachRoleWouldMeet(t *testing.T) {
	everywhere := map[Class]bool{AuthenticationRefused: true, Unavailable: true, ProxyUnavailable: true, HandshakeFailed: true, Untrusted: true}
	for _, class := range Classes() {
		if class.Everywhere() != everywhere[class] {
			t.Errorf("%s concerns all roles: %v", class, class.Everywhere())
		}
	}
	for want, e := range map[string]Error{
		"RoleRefused (status 403): m.": {Class: RoleRefused, Status: 403, Message: "m."}, "CAPUnavailable: m.": {Class: Unavailable, Message: "m."},
	} {
		if got := e.Error(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
