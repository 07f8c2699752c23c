package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

const target = "quay.io:443"

// newRig starts a TLS server that is called quay.io, a proxy that leads there, and a client that uses the proxy.
func newRig(t *testing.T) (*Proxy, *simctl.Server, *http.Client) {
	t.Helper()
	ca, err := simtls.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	config, err := ca.ServerConfig("quay.io")
	if err != nil {
		t.Fatal(err)
	}
	server := simctl.NewServer("127.0.0.1:0", config, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello "+r.Host)
	}))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	p := New(map[string]string{target: server.Address()})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	proxyURL, err := url.Parse(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		Proxy:             http.ProxyURL(proxyURL),
		TLSClientConfig:   &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	return p, server, &http.Client{Transport: transport}
}

func get(client *http.Client, target string) (string, error) {
	resp, err := client.Get(target)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	return string(raw), err
}

func TestProxy_LeadsARealNameToASimulator(t *testing.T) {
	p, _, client := newRig(t)
	body, err := get(client, "https://quay.io/")
	if err != nil || body != "hello quay.io" {
		t.Fatalf("got %q, %v", body, err)
	}
	if p.Count(target) != 1 {
		t.Errorf("%d tunnels counted, want 1", p.Count(target))
	}
}

func TestProxy_RefusesWhatIsNotOnItsList(t *testing.T) {
	p, _, client := newRig(t)
	if _, err := get(client, "https://example.com/"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("an unknown name: %v", err)
	}
	if body, err := get(client, "http://quay.io/"); err != nil || strings.Contains(body, "hello") {
		t.Errorf("plain HTTP: %q, %v; want a refusal", body, err)
	}
	if want := []string{"example.com:443", "GET http://quay.io/"}; !slices.Equal(p.Refused(), want) {
		t.Errorf("refused %v, want %v", p.Refused(), want)
	}
}

func TestProxy_BlocksAndAllowsAgain(t *testing.T) {
	p, _, client := newRig(t)
	p.Block(target, true)
	if _, err := get(client, "https://quay.io/"); err == nil {
		t.Error("a blocked target was reached")
	}
	p.Block(target, false)
	if _, err := get(client, "https://quay.io/"); err != nil {
		t.Errorf("after the block: %v", err)
	}
	if p.Count(target) != 2 {
		t.Errorf("%d tunnels counted, want 2", p.Count(target))
	}
}

func TestProxy_ReportsThatATargetIsDown(t *testing.T) {
	_, server, client := newRig(t)
	server.Stop()
	if _, err := get(client, "https://quay.io/"); err == nil || !strings.Contains(err.Error(), "Bad Gateway") {
		t.Errorf("got %v", err)
	}
}

func TestControlPort_ShowsAndChangesRoutes(t *testing.T) {
	p, server, client := newRig(t)
	post := func(path, body string) {
		t.Helper()
		resp, err := http.Post(p.ControlURL()+path, "application/json", strings.NewReader(body))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("POST %s: %v", path, err)
		}
		_ = resp.Body.Close()
	}
	post("/routes", `{"target":"registry.redhat.io:443","address":"`+server.Address()+`"}`)
	post("/block", `{"target":"quay.io:443","block":true}`)
	if _, err := get(client, "https://quay.io/"); err == nil {
		t.Error("a target blocked at the control port was reached")
	}
	raw, err := get(http.DefaultClient, p.ControlURL()+"/state")
	var state State
	if err != nil || json.NewDecoder(bytes.NewBufferString(raw)).Decode(&state) != nil {
		t.Fatalf("state %q, %v", raw, err)
	}
	if state.Routes["registry.redhat.io:443"] != server.Address() || !state.Blocked[target] || state.Counts[target] != 1 {
		t.Errorf("state: %+v", state)
	}
}
