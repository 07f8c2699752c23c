package cap_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

// control sends a request to the control port and decodes the response.
func (p *portal) control(method, path, body string, into any) int {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.ControlURL()+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			p.t.Fatalf("%s %s: %v in %.200q", method, path, err, raw)
		}
	}
	return response.StatusCode
}

func withControl(o *cap.Options) { o.ControlAddress = "127.0.0.1:0" }

func TestControl_DrivesThePortalOverPlainHTTP(t *testing.T) {
	p := newPortal(t, withControl, func(o *cap.Options) { o.Canary = "CANARY-control" })

	p.control("POST", "/advance", `{"by": "30m"}`, nil)
	if got := p.Clock().Now(); !got.Equal(start.Add(30 * time.Minute)) {
		t.Errorf("the clock shows %s", got)
	}
	p.control("POST", "/settings", `{"lifetime": "15m"}`, nil)
	c := p.ask(cap.C2S, role).credential(t)
	if want := start.Add(45 * time.Minute).Format(time.RFC3339); *c.Expiration != want {
		t.Errorf("expiration %s, want %s", *c.Expiration, want)
	}
	if status := p.control("POST", "/faults", `{"kind": "server-error", "role": "`+role+`", "times": 2, "delay": "1ms"}`, nil); status != 200 {
		t.Errorf("status %d", status)
	}
	p.ask(cap.C2S, role).expect(t, 500, "application/json")

	var state cap.State
	p.control("GET", "/state", "", &state)
	if len(state.Faults) != 1 || state.Faults[0].Times != 2 || state.Counts.ByRole[role] != 2 || len(state.Keys) != 1 ||
		state.Keys[0].AccessKeyID != c.AccessKeyID || state.Endpoints[cap.C2S] != p.Endpoint(cap.C2S) || !state.Running {
		t.Errorf("%+v", state)
	}
	p.control("DELETE", "/faults", "", nil)
	p.ask(cap.C2S, role).credential(t)
	p.control("POST", "/kill", `{"role": "`+role+`"}`, nil)
	if _, _, _, _, alive := p.Lookup(c.AccessKeyID); alive {
		t.Error("AWS knows a key whose sessions were revoked")
	}

	var requests []cap.Request
	p.control("GET", "/requests", "", &requests)
	if len(requests) != 3 {
		t.Errorf("%+v", requests)
	}
	p.control("POST", "/reset-counts", "", nil)
	if p.Counts().Requests != 0 {
		t.Error("the counters were not reset")
	}
	p.control("POST", "/service", `{"running": false}`, nil)
	if p.ask(cap.C2S, role).err == nil {
		t.Error("the portal responds although it was stopped")
	}
	p.control("POST", "/service", `{"running": true}`, nil)
	p.ask(cap.C2S, role).credential(t)
}

func TestControl_IssuesAndRevokesClientCertificates(t *testing.T) {
	p := newPortal(t, withControl)
	var issued struct{ Certificate, Key string }
	p.control("POST", "/client-certificate", `{"commonName": "robot"}`, &issued)
	client := p.clientWith([]byte(issued.Certificate), []byte(issued.Key))
	target := p.Endpoint(cap.C2S) + "?" + p.Query(cap.C2S, role).Encode()
	send(client, p.request(target)).credential(t)

	body, err := json.Marshal(map[string]string{"certificate": issued.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	p.control("POST", "/revoke", string(body), nil)
	send(client, p.request(target)).expect(t, 200, "text/html")

	p.control("POST", "/revoke", `{"commonName": "npe"}`, nil)
	p.ask(cap.C2S, role).expect(t, 200, "text/html")

	p.control("POST", "/client-certificate", `{"notBefore": "2020-01-01T00:00:00Z", "notAfter": "2020-02-01T00:00:00Z"}`, &issued)
	cert, err := simtls.ParseCertificate([]byte(issued.Certificate))
	if err != nil || cert.NotAfter.Year() != 2020 {
		t.Errorf("%v, not after %s", err, cert.NotAfter)
	}
}

func TestControl_RefusesUnknownOrInvalidFields(t *testing.T) {
	p := newPortal(t, withControl)
	for path, body := range map[string]string{
		"/faults": `{"kind": "html", "rolle": "r"}`, "/settings": `{"lifetime": 900}`, "/revoke": `{"certificate": "no PEM"}`,
	} {
		if status := p.control("POST", path, body, nil); status != http.StatusBadRequest {
			t.Errorf("POST %s %s: status %d, want 400", path, body, status)
		}
	}
}

func TestControl_ShowsSecretsOnlyForASingleKey(t *testing.T) {
	p := newPortal(t, withControl, func(o *cap.Options) { o.Canary = "CANARY-control" })
	c := p.ask(cap.C2S, role).credential(t)
	for _, path := range []string{"/state", "/requests"} {
		var raw json.RawMessage
		if p.control("GET", path, "", &raw); strings.Contains(string(raw), "CANARY") {
			t.Errorf("GET %s shows a secret", path)
		}
	}
	var key cap.KeyAnswer
	p.control("GET", "/keys/"+c.AccessKeyID, "", &key)
	if key.SecretAccessKey != c.SecretAccessKey || key.SessionToken != *c.SessionToken {
		t.Error("GET /keys/{id} is not the issued key")
	}
	if status := p.control("GET", "/keys/ASIAUNKNOWN", "", nil); status != http.StatusNotFound {
		t.Errorf("an unknown key: status %d", status)
	}
}
