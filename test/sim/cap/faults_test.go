package cap_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

func TestFault_EachKindChangesTheResponse(t *testing.T) {
	// each kind's check gets the response with the fault.
	checks := map[cap.FaultKind]func(t *testing.T, p *portal, a answer){
		cap.FaultHTML:       func(t *testing.T, _ *portal, a answer) { a.expect(t, 200, "text/html") },
		cap.FaultBadRequest: func(t *testing.T, _ *portal, a answer) { a.expect(t, 400, "application/json") },
		cap.FaultForbidden:  func(t *testing.T, _ *portal, a answer) { a.expect(t, 403, "application/json") },
		cap.FaultDisabled:   func(t *testing.T, _ *portal, a answer) { a.expect(t, 404, "application/json") },
		cap.FaultEmpty: func(t *testing.T, _ *portal, a answer) {
			a.expect(t, 200, "application/json")
			if len(a.body) != 0 {
				t.Errorf("a body of %d bytes", len(a.body))
			}
		},
		cap.FaultRedirect: func(t *testing.T, _ *portal, a answer) {
			if a.status != http.StatusFound || !strings.Contains(a.header.Get("Location"), cap.C2SPath) {
				t.Errorf("status %d to %q", a.status, a.header.Get("Location"))
			}
		},
		cap.FaultRateLimited: func(t *testing.T, _ *portal, a answer) {
			a.expect(t, 429, "application/json")
			if a.header.Get("Retry-After") != "17" {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
		},
		cap.FaultServerError: func(t *testing.T, _ *portal, a answer) { a.expect(t, 500, "application/json") },
		cap.FaultBadGateway:  func(t *testing.T, _ *portal, a answer) { a.expect(t, 502, "text/html") },
		cap.FaultAnswer: func(t *testing.T, _ *portal, a answer) {
			a.expect(t, 418, "text/x-tea")
			if string(a.body) != "short and stout" {
				t.Errorf("body %q", a.body)
			}
		},
		cap.FaultDisconnect: func(t *testing.T, p *portal, a answer) {
			if !isUnexpectedEnd(a.err) || len(p.Keys()) != 0 {
				t.Errorf("error %v, %d keys", a.err, len(p.Keys()))
			}
		},
		cap.FaultDelay: func(t *testing.T, _ *portal, a answer) { a.credential(t) },
		cap.FaultLostAnswer: func(t *testing.T, p *portal, a answer) {
			if !isUnexpectedEnd(a.err) || len(p.Keys()) != 1 {
				t.Errorf("error %v, %d keys", a.err, len(p.Keys()))
			}
		},
		cap.FaultHuge: func(t *testing.T, _ *portal, a answer) {
			if a.credential(t); len(a.body) < 20<<20 {
				t.Errorf("%d bytes", len(a.body))
			}
		},
		cap.FaultTruncated: func(t *testing.T, _ *portal, a answer) {
			if !isUnexpectedEnd(a.err) || len(a.body) == 0 || json.Valid(a.body) {
				t.Errorf("error %v after %d bytes", a.err, len(a.body))
			}
		},
		cap.FaultExpired: func(t *testing.T, p *portal, a answer) {
			c := a.credential(t)
			if want := start.Add(-time.Minute).Format(time.RFC3339); *c.Expiration != want {
				t.Errorf("expiration %s, want %s", *c.Expiration, want)
			}
			if _, _, _, expires, _ := p.Lookup(c.AccessKeyID); !expires.Before(start) {
				t.Errorf("the directory says %s", expires)
			}
		},
		cap.FaultAbsurdExpiry: func(t *testing.T, _ *portal, a answer) {
			if got := *a.credential(t).Expiration; !strings.HasPrefix(got, "9999-") {
				t.Errorf("expiration %s", got)
			}
		},
		cap.FaultUnreadableExpiry: func(t *testing.T, _ *portal, a answer) {
			if _, err := time.Parse(time.RFC3339, *a.credential(t).Expiration); err == nil {
				t.Error("the expiration is a time")
			}
		},
		cap.FaultNewline: func(t *testing.T, _ *portal, a answer) {
			if !strings.Contains(a.credential(t).SecretAccessKey, "\naws_session_token = ") {
				t.Error("no injected line")
			}
		},
		cap.FaultWrongShape: func(t *testing.T, _ *portal, a answer) {
			a.expect(t, 200, "application/json")
			if !bytes.Contains(a.body, []byte(`"Credentials":[{`)) {
				t.Error("Credentials is not a list")
			}
		},
		cap.FaultNullKeys: func(t *testing.T, _ *portal, a answer) {
			a.expect(t, 200, "application/json")
			if !bytes.Contains(a.body, []byte(`"AccessKeyId":null`)) || !bytes.Contains(a.body, []byte(`"SecretAccessKey":null`)) {
				t.Error("the keys are not null")
			}
		},
		cap.FaultEmptyKeys: func(t *testing.T, _ *portal, a answer) {
			if c := a.credential(t); c.AccessKeyID != "" || c.SecretAccessKey != "" {
				t.Error("the keys are not empty")
			}
		},
		cap.FaultNoToken: func(t *testing.T, _ *portal, a answer) {
			if c := a.credential(t); c.SessionToken != nil || !strings.HasPrefix(c.AccessKeyID, "ASIA") {
				t.Errorf("key %s, has token %t", c.AccessKeyID, c.SessionToken != nil)
			}
		},
		cap.FaultOtherToken: func(t *testing.T, _ *portal, a answer) {
			if c := a.credential(t); c.SessionToken != nil || !bytes.Contains(a.body, []byte(`"Token":"`)) {
				t.Error("the token is not only under the other name")
			}
		},
		cap.FaultNoExpiration: func(t *testing.T, _ *portal, a answer) {
			if c := a.credential(t); c.Expiration != nil {
				t.Errorf("expiration %s", *c.Expiration)
			}
		},
		cap.FaultTextPlain: func(t *testing.T, _ *portal, a answer) { a.expect(t, 200, "text/plain") },
		cap.FaultDeadKeys: func(t *testing.T, p *portal, a answer) {
			if _, _, _, _, ok := p.Lookup(a.credential(t).AccessKeyID); ok {
				t.Error("the directory knows the key")
			}
		},
	}
	for _, kind := range cap.FaultKinds() {
		if kind == cap.FaultHang {
			continue // has a test of its own
		}
		t.Run(string(kind), func(t *testing.T) {
			check := checks[kind]
			if check == nil {
				t.Fatal("no check for this kind")
			}
			p := newPortal(t)
			fault := cap.Fault{Kind: kind, Role: role, Times: 1, Delay: simctl.Duration(time.Millisecond), RetryAfter: "17"}
			if kind == cap.FaultAnswer {
				fault.Status, fault.ContentType, fault.Body = 418, "text/x-tea", "short and stout"
			}
			if err := p.Break(fault); err != nil {
				t.Fatal(err)
			}
			a := p.ask(cap.C2S, role)
			check(t, p, a)
			if got := p.Counts().ByOutcome[cap.Outcome("fault:"+string(kind))]; got != 1 {
				t.Errorf("outcomes %v", p.Counts().ByOutcome)
			}
			if len(p.Faults()) != 0 {
				t.Errorf("the fault is not used up: %+v", p.Faults())
			}
			p.ask(cap.C2S, role).credential(t)
		})
	}
}

func TestFault_HangEndsWithTheClientOrTheSimulator(t *testing.T) {
	p := newPortal(t)
	if err := p.Break(cap.Fault{Kind: cap.FaultHang}); err != nil {
		t.Fatal(err)
	}
	target := p.Endpoint(cap.C2S) + "?" + p.Query(cap.C2S, role).Encode()
	hang := func(ctx context.Context) <-chan answer {
		got := make(chan answer, 1)
		r := p.request(target).WithContext(ctx)
		go func() { got <- send(p.client, r) }()
		return got
	}
	until := func(condition func() bool) {
		for !condition() {
			time.Sleep(time.Millisecond)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := hang(ctx)
	until(func() bool { return p.Counts().InFlight == 1 })
	cancel()
	if a := <-got; a.err == nil {
		t.Errorf("answered %d", a.status)
	}
	until(func() bool { return p.Counts().InFlight == 0 })

	got = hang(t.Context())
	until(func() bool { return p.Counts().InFlight == 1 })
	p.Stop()
	if a := <-got; a.err == nil {
		t.Errorf("answered %d", a.status)
	}
	until(func() bool { return p.Counts().InFlight == 0 })
}

func TestFault_LateKindsHitOnlyAcceptedRequests(t *testing.T) {
	p := newPortal(t)
	if err := p.Break(cap.Fault{Kind: cap.FaultNullKeys, Times: 1}); err != nil {
		t.Fatal(err)
	}
	p.ask(cap.C2S, "nobody").expect(t, http.StatusForbidden, "application/json")
	if len(p.Faults()) != 1 {
		t.Error("a refused request used up the fault")
	}
}

func TestFault_OfOneRoleDoesNotAffectOthers(t *testing.T) {
	p := newPortal(t)
	if err := p.Break(cap.Fault{Kind: cap.FaultServerError, Role: role}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p.ask(cap.C2S, role).expect(t, 500, "application/json")
		p.ask(cap.C2S, "second-role").credential(t)
	}
	p.Heal()
	p.ask(cap.C2S, role).credential(t)
}

func TestBreak_RefusesAnInvalidFault(t *testing.T) {
	p := newPortal(t)
	for _, fault := range []cap.Fault{
		{Kind: "htlm"}, {Kind: cap.FaultAnswer}, {Kind: cap.FaultNewline, Field: "Secret"}, {Kind: cap.FaultHTML, Times: -1},
	} {
		if p.Break(fault) == nil {
			t.Errorf("%+v was accepted", fault)
		}
	}
	if len(p.Faults()) != 0 {
		t.Errorf("%+v", p.Faults())
	}
}

// TestFaults_CanAlternateWithSuccesses simulates a portal with one bad server of several.
func TestFaults_CanAlternateWithSuccesses(t *testing.T) {
	p := newPortal(t)
	if err := p.Break(cap.Fault{Kind: cap.FaultServerError, Skip: 1, Every: 2, Times: 2}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{200, 200, 500, 200, 500, 200, 200, 200} {
		if got := p.ask(cap.C2S, role).status; got != want {
			t.Errorf("request %d: %d, want %d", i+1, got, want)
		}
	}
}

// TestExpiration_IsWrittenInTheLayoutAndZoneOfTheSettings covers formats other than RFC 3339 in UTC.
func TestExpiration_IsWrittenInTheLayoutAndZoneOfTheSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		settings cap.Settings
		want     string
	}{
		"a zone of its own":    {cap.Settings{NumericZone: true, ExpirationZone: simctl.Duration(-4 * time.Hour)}, `"2026-11-21T09:00:00-04:00"`},
		"local without a zone": {cap.Settings{ExpirationLayout: "2006-01-02T15:04:05", ExpirationZone: simctl.Duration(9 * time.Hour)}, `"2026-11-21T22:00:00"`},
		"words":                {cap.Settings{ExpirationLayout: time.RFC1123}, `"Sat, 21 Nov 2026 13:00:00 `},
		"seconds":              {cap.Settings{ExpirationLayout: "unix"}, "1795266000"},
		"milliseconds":         {cap.Settings{ExpirationLayout: "unix-milliseconds"}, "1795266000000"},
	} {
		p := newPortal(t)
		p.Configure(func(s *cap.Settings) { *s = tc.settings })
		if a := p.ask(cap.C2S, role); !bytes.Contains(a.body, []byte(`"Expiration":`+tc.want)) {
			t.Errorf("%s: no %s in the response with status %d", name, tc.want, a.status)
		}
	}
}
