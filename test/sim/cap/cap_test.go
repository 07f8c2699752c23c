package cap_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

func TestPortal_IssuesATemporaryCredentialInBothDialects(t *testing.T) {
	p := newPortal(t)
	for dialect, arn := range map[cap.Dialect]string{
		cap.C2S:  "arn:aws-iso:iam::123456789012:role/openshift-machine-api",
		cap.SC2S: "arn:aws-iso-b:iam::123456789012:role/openshift-machine-api",
	} {
		c := p.ask(dialect, role).credential(t)
		if !strings.HasPrefix(c.AccessKeyID, "ASIA") || len(c.AccessKeyID) != 20 || len(c.SecretAccessKey) != 40 {
			t.Errorf("%s: key id %q, secret of %d characters", dialect, c.AccessKeyID, len(c.SecretAccessKey))
		}
		if c.SessionToken == nil || *c.SessionToken == "" {
			t.Errorf("%s: no session token", dialect)
		}
		if want := start.Add(time.Hour).Format(time.RFC3339); c.Expiration == nil || *c.Expiration != want {
			t.Errorf("%s: expiration %v, want %s", dialect, c.Expiration, want)
		}
		secret, token, roleARN, expires, ok := p.Lookup(c.AccessKeyID)
		if !ok || secret != c.SecretAccessKey || token != *c.SessionToken || roleARN != arn || !expires.Equal(start.Add(time.Hour)) {
			t.Errorf("%s: the directory differs from the issued key: found %v, role %s, expires %s", dialect, ok, roleARN, expires)
		}
	}
}

func TestPortal_IssuesANewCredentialForEachRequestUnlessReuseIsSet(t *testing.T) {
	p := newPortal(t)
	one, other := p.ask(cap.C2S, role).credential(t), p.ask(cap.C2S, role).credential(t)
	if one.AccessKeyID == other.AccessKeyID {
		t.Error("two requests got the same credential")
	}
	p.Configure(func(s *cap.Settings) { s.ReuseUntilPercent = 50 })
	first := p.ask(cap.C2S, role).credential(t).AccessKeyID
	p.Advance(20 * time.Minute)
	if p.ask(cap.C2S, role).credential(t).AccessKeyID != first {
		t.Error("a third of the lifetime later there is another credential")
	}
	if p.ask(cap.C2S, "second-role").credential(t).AccessKeyID == first {
		t.Error("two roles share a credential")
	}
	p.Advance(20 * time.Minute)
	if p.ask(cap.C2S, role).credential(t).AccessKeyID == first {
		t.Error("two thirds of the lifetime later it is still the same credential")
	}
}

func TestPortal_CanBehaveLikeItsEmulators(t *testing.T) {
	p := newPortal(t)
	p.Configure(func(s *cap.Settings) { s.OmitExpiration, s.OmitSessionToken = true, true })
	c := p.ask(cap.C2S, role).credential(t)
	if c.Expiration != nil || c.SessionToken != nil || !strings.HasPrefix(c.AccessKeyID, "AKIA") {
		t.Errorf("key %s, expiration %v, has token %v", c.AccessKeyID, c.Expiration, c.SessionToken != nil)
	}
	p.Configure(func(s *cap.Settings) {
		*s = cap.Settings{NumericZone: true, AssumeRoleShape: true, Lifetime: simctl.Duration(15 * time.Minute), ContentType: "application/json;charset=UTF-8"}
	})
	answer := p.ask(cap.C2S, role)
	if want := "2026-11-21T12:15:00+00:00"; *answer.credential(t).Expiration != want {
		t.Errorf("expiration %s, want %s", *answer.credential(t).Expiration, want)
	}
	answer.expect(t, http.StatusOK, "application/json;charset=UTF-8")
	var document map[string]any
	if err := json.Unmarshal(answer.body, &document); err != nil || document["AssumedRoleUser"] == nil {
		t.Errorf("no AssumedRoleUser beside Credentials: %v", err)
	}
}

func TestPortal_CertificateByPathWorksOnlyOverTLS12(t *testing.T) {
	p := newPortal(t)
	p.Configure(func(s *cap.Settings) { s.CertificateByPath = true })
	target := p.Endpoint(cap.C2S) + "?" + p.Query(cap.C2S, role).Encode()
	for version, want := range map[uint16]int{tls.VersionTLS12: 200, tls.VersionTLS13: 403} {
		client := p.clientWith(p.certificate("npe"))
		client.Transport.(*http.Transport).TLSClientConfig.MaxVersion = version
		if got := send(client, p.request(target)); got.err != nil || got.status != want {
			t.Errorf("over %s the status is %d, %v; want %d", tls.VersionName(version), got.status, got.err, want)
		}
	}
}

func TestPortal_RefusesAClientCertificateWith200AndAPage(t *testing.T) {
	p := newPortal(t)
	stranger, err := simtls.NewCA("another CA")
	if err != nil {
		t.Fatal(err)
	}
	strangeCert, strangeKey, err := stranger.Client("npe")
	if err != nil {
		t.Fatal(err)
	}
	expiredCert, expiredKey := p.certificate("npe", simtls.Expired(start))
	earlyCert, earlyKey := p.certificate("npe", simtls.NotYetValid(start))
	revokedCert, revokedKey := p.certificate("npe")
	revokedClient := p.clientWith(revokedCert, revokedKey)
	inactiveClient := p.clientWith(p.certificate("left-the-agency"))
	target := p.Endpoint(cap.C2S) + "?" + p.Query(cap.C2S, role).Encode()
	// Both are valid at first, and the connection stays open.
	send(revokedClient, p.request(target)).credential(t)
	send(inactiveClient, p.request(target)).credential(t)
	if err := p.Revoke(revokedCert); err != nil {
		t.Fatal(err)
	}
	p.Deactivate("left-the-agency", true)
	p.ResetCounts()

	for name, client := range map[string]*http.Client{
		"none":          p.clientWith(nil, nil),
		"of another CA": p.clientWith(strangeCert, strangeKey),
		"expired":       p.clientWith(expiredCert, expiredKey),
		"not yet valid": p.clientWith(earlyCert, earlyKey),
		"revoked":       revokedClient,
		"inactive user": inactiveClient,
	} {
		t.Run(name, func(t *testing.T) {
			answer := send(client, p.request(target))
			answer.expect(t, http.StatusOK, "text/html")
			if !strings.Contains(string(answer.body), "Combine Dashboard Error") {
				t.Errorf("not the page: %.100q", answer.body)
			}
		})
	}
	if got := p.Counts().ByOutcome[cap.OutcomeCertificateRefused]; got != 6 || len(p.Counts().ByOutcome) != 1 {
		t.Errorf("outcomes %v, want 6 refused certificates", p.Counts().ByOutcome)
	}
	p.Advance(2 * 365 * 24 * time.Hour)
	send(p.client, p.request(target)).expect(t, http.StatusOK, "text/html")
}

func TestPortal_RefusesWrongParametersWithItsErrorFormat(t *testing.T) {
	p := newPortal(t, func(o *cap.Options) { o.RequiredParams = map[string]string{"node": "7"} })
	with := func(name, value string) func(url.Values) {
		return func(q url.Values) { q.Set(name, value) }
	}
	without := func(name string) func(url.Values) {
		return func(q url.Values) { q.Del(name) }
	}
	for name, test := range map[string]struct {
		dialect cap.Dialect
		role    string
		// change makes a valid query invalid.
		change func(url.Values)
		status int
	}{
		"missing agency":                 {cap.C2S, role, without("agency"), 400},
		"wrong agency":                   {cap.SC2S, role, with("agency", "other"), 400},
		"wrong mission":                  {cap.C2S, role, with("mission", "other"), 400},
		"wrong account name":             {cap.SC2S, role, with("accountName", "other"), 400},
		"missing role":                   {cap.C2S, role, without("role"), 400},
		"missing further parameter":      {cap.C2S, role, without("node"), 400},
		"the other dialect's names":      {cap.C2S, role, func(q url.Values) { q.Del("mission"); q.Set("accountName", "Gov Cloud & Co") }, 400},
		"a mission that was not escaped": {cap.C2S, role, with("mission", "Gov Cloud "), 400},
		"unknown role":                   {cap.C2S, "nobody", with("", ""), 403},
		"a role in another case":         {cap.SC2S, "OpenShift-Machine-API", with("", ""), 403},
	} {
		t.Run(name, func(t *testing.T) {
			answer := p.ask(test.dialect, test.role, test.change)
			answer.expect(t, test.status, "application/json")
			var document struct {
				Status  int
				Message string
			}
			if err := json.Unmarshal(answer.body, &document); err != nil || document.Status != test.status || document.Message == "" {
				t.Errorf("body %s: %v", answer.body, err)
			}
		})
	}
	if len(p.Keys()) != 0 {
		t.Errorf("a refused request issued %v", p.Keys())
	}
}

func TestPortal_RefusesWrongPathsMethodsAndAcceptHeaders(t *testing.T) {
	p := newPortal(t)
	query := "?" + p.Query(cap.C2S, role).Encode()

	send(p.client, p.request(p.URL()+"/api/v1/credential"+query)).expect(t, http.StatusNotFound, "text/html")
	send(p.client, p.request(p.URL()+"/gxCAP/getTemporaryCredentials?"+p.Query(cap.SC2S, role).Encode())).credential(t)

	post := p.request(p.Endpoint(cap.C2S) + query)
	post.Method = http.MethodPost
	send(p.client, post).expect(t, http.StatusMethodNotAllowed, "application/json")

	for accept, status := range map[string]int{
		"text/html": 406, "application/json": 200, "*/*": 200, "text/html, application/json;q=0.5": 200,
	} {
		r := p.request(p.Endpoint(cap.C2S) + query)
		r.Header.Set("Accept", accept)
		if got := send(p.client, r).status; got != status {
			t.Errorf("Accept: %s: status %d, want %d", accept, got, status)
		}
	}

	p.Configure(func(s *cap.Settings) { s.APIDisabled = true })
	disabled := p.ask(cap.C2S, role)
	disabled.expect(t, http.StatusNotFound, "application/json")
	if want := `{"message":"API not enabled.","success":false}`; string(disabled.body) != want {
		t.Errorf("body %s, want %s", disabled.body, want)
	}
}

func TestPortal_CanHaveAPathPrefix(t *testing.T) {
	p := newPortal(t, func(o *cap.Options) { o.PathPrefix = "/CAP" })
	if !strings.HasSuffix(p.Endpoint(cap.C2S), "/CAP/api/v1/credentials") {
		t.Errorf("endpoint %s", p.Endpoint(cap.C2S))
	}
	p.ask(cap.C2S, role).credential(t)
	send(p.client, p.request(p.URL()+cap.C2SPath)).expect(t, http.StatusNotFound, "text/html")
}

func TestPortal_CountsRequestsPerRoleAndOutcome(t *testing.T) {
	p := newPortal(t)
	p.ask(cap.C2S, role).credential(t)
	p.ask(cap.SC2S, role).credential(t)
	p.ask(cap.C2S, "nobody").expect(t, http.StatusForbidden, "application/json")
	counts := p.Counts()
	if counts.Requests != 3 || counts.ByRole[role] != 2 || counts.ByRole["nobody"] != 1 ||
		counts.ByOutcome[cap.OutcomeIssued] != 2 || counts.ByOutcome[cap.OutcomeRoleRefused] != 1 ||
		counts.InFlight != 0 || counts.MostInFlight != 1 {
		t.Errorf("%+v", counts)
	}
	requests := p.Requests()
	if len(requests) != 3 || requests[1].Dialect != cap.SC2S || requests[1].Client != "npe" || requests[2].Outcome != cap.OutcomeRoleRefused {
		t.Errorf("%+v", requests)
	}
	p.ResetCounts()
	if p.Counts().Requests != 0 || len(p.Requests()) != 0 {
		t.Error("counts stay after the reset")
	}
}

func TestPortal_KillsOnlyTheKeysOfARole(t *testing.T) {
	p := newPortal(t)
	killed := p.ask(cap.C2S, role).credential(t).AccessKeyID
	kept := p.ask(cap.C2S, "second-role").credential(t).AccessKeyID
	p.Kill(role)
	if _, _, _, _, ok := p.Lookup(killed); ok {
		t.Error("a killed key is still known")
	}
	if _, _, _, _, ok := p.Lookup(kept); !ok {
		t.Error("a key of another role was killed too")
	}
}

func TestPortal_PutsTheCanaryIntoEverySecret(t *testing.T) {
	p := newPortal(t, func(o *cap.Options) { o.Canary = "CANARY-7f3a" })
	c := p.ask(cap.C2S, role).credential(t)
	for _, secret := range []string{c.SecretAccessKey, *c.SessionToken} {
		if !strings.Contains(secret, "CANARY-7f3a") {
			t.Error("a secret without the canary")
		}
	}
	if got := p.IssuedSecrets(); len(got) != 2 {
		t.Errorf("%d issued secrets, want 2", len(got))
	}
}

func TestPortal_RefusesConnectionsWhileStopped(t *testing.T) {
	p := newPortal(t)
	p.ask(cap.C2S, role).credential(t)
	p.Stop()
	if got := p.ask(cap.C2S, role); got.err == nil {
		t.Errorf("status %d while stopped", got.status)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.ask(cap.C2S, role).credential(t)
}
