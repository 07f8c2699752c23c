package cap_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/simtls"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const (
	role    = "openshift-machine-api"
	account = "123456789012"
)

// portal is a running simulator with a client that it accepts.
type portal struct {
	*cap.Sim
	t      *testing.T
	clock  *clocktesting.FakePassiveClock
	client *http.Client
}

func newPortal(t *testing.T, change ...func(*cap.Options)) *portal {
	t.Helper()
	clock := clocktesting.NewFakePassiveClock(start)
	options := cap.Options{Clock: clock, Agency: "SHIFT", Mission: "Gov Cloud & Co", Roles: map[string]string{
		role: account, "second-role": account,
	}}
	for _, c := range change {
		c(&options)
	}
	sim, err := cap.New(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sim.Close)
	p := &portal{Sim: sim, t: t, clock: clock}
	p.client = p.clientWith(p.certificate("npe"))
	return p
}

func (p *portal) certificate(cn string, opts ...simtls.ClientOption) (certPEM, keyPEM []byte) {
	p.t.Helper()
	certPEM, keyPEM, err := p.ClientCertificate(cn, opts...)
	if err != nil {
		p.t.Fatal(err)
	}
	return certPEM, keyPEM
}

// clientWith returns a client with a certificate, or without one if it is nil.
func (p *portal) clientWith(certPEM, keyPEM []byte) *http.Client {
	p.t.Helper()
	config := &tls.Config{RootCAs: p.CA().Pool(), MinVersion: tls.VersionTLS12}
	if certPEM != nil {
		pair, err := tls.X509KeyPair(certPEM, keyPEM)
		if err != nil {
			p.t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is the response as the client saw it.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of the request, or of reading the body
}

func send(client *http.Client, r *http.Request) answer {
	response, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body, err}
}

func (p *portal) request(url string) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// ask sends a valid request for a role, changed by change.
func (p *portal) ask(dialect cap.Dialect, role string, change ...func(url.Values)) answer {
	p.t.Helper()
	query := p.Query(dialect, role)
	for _, c := range change {
		c(query)
	}
	return send(p.client, p.request(p.Endpoint(dialect)+"?"+query.Encode()))
}

// credential returns the credential of a successful response.
type credential struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    *string
	Expiration      *string
}

func (a answer) credential(t *testing.T) credential {
	t.Helper()
	if a.err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
		t.Fatalf("no credential: status %d, %q, error %v, body %.200q", a.status, a.header.Get("Content-Type"), a.err, a.body)
	}
	var document struct{ Credentials credential }
	if err := json.Unmarshal(a.body, &document); err != nil {
		t.Fatalf("%v in %.200q", err, a.body)
	}
	return document.Credentials
}

// expect compares status and the start of the content type.
func (a answer) expect(t *testing.T, status int, contentType string) {
	t.Helper()
	if a.err != nil || a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), contentType) {
		t.Errorf("status %d, content type %q, error %v; want %d, %q", a.status, a.header.Get("Content-Type"), a.err, status, contentType)
	}
}

func isUnexpectedEnd(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}
