package sts_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/sts"
)

// do sends a request as it is and returns status and body.
func do(t *testing.T, roots *x509.CertPool, client *tls.Certificate, r *http.Request) (int, string) {
	t.Helper()
	config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if client != nil {
		config.Certificates = []tls.Certificate{*client}
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func request(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fetchFrom requests a credential from the CAP simulator.
func fetchFrom(t *testing.T, portal *cap.Sim, certificate, key []byte) caller {
	t.Helper()
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	target := portal.Endpoint(cap.C2S) + "?" + portal.Query(cap.C2S, "machine-api").Encode()
	_, body := do(t, portal.CA().Pool(), &pair, request(t, http.MethodGet, target, ""))
	var answer struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %.200q", err, body)
	}
	c := answer.Credentials
	return caller{"us-iso-east-1", c.AccessKeyID, c.SecretAccessKey, c.SessionToken}
}

func TestService_RefusesMalformedRequests(t *testing.T) {
	sim := newService(t)
	const action = "Action=GetCallerIdentity&Version=2011-06-15"
	for name, test := range map[string]struct {
		path, authorization string
		status              int
		code                string
	}{
		"not signed":      {"/", "", 403, "MissingAuthenticationToken"},
		"half signed":     {"/", "AWS4-HMAC-SHA256 Credential=ASIASESSION/20261121/us-iso-east-1/sts/aws4_request", 400, "IncompleteSignature"},
		"another scheme":  {"/", "Bearer abc", 400, "IncompleteSignature"},
		"an unknown path": {"/sts", "Bearer abc", 404, "UnknownOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(t, http.MethodPost, sim.URL()+test.path, action)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.authorization != "" {
				r.Header.Set("Authorization", test.authorization)
			}
			status, body := do(t, sim.CA().Pool(), nil, r)
			if status != test.status || !strings.Contains(body, "<Code>"+test.code+"</Code>") {
				t.Errorf("status %d, body %s; want %d, %s", status, body, test.status, test.code)
			}
		})
	}
}

func TestService_VerifiesTheSignatureBeforeTheAction(t *testing.T) {
	sim := newService(t)
	// The real client signs, and the test then changes the request.
	for name, test := range map[string]struct {
		body string
		code string
	}{
		"unchanged":       {signedBody, ""},
		"changed body":    {signedBody + "&x=y", "SignatureDoesNotMatch"},
		"another action":  {"Action=GetSessionToken&Version=2011-06-15", "InvalidAction"},
		"another version": {"Action=GetCallerIdentity&Version=2010-01-01", "InvalidAction"},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.body
			if name == "changed body" {
				before = signedBody
			}
			r := signed(t, http.MethodPost, sim.URL()+"/", before)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.body)), int64(len(test.body))
			status, body := do(t, sim.CA().Pool(), nil, r)
			if test.code == "" && status != 200 || test.code != "" && !strings.Contains(body, "<Code>"+test.code+"</Code>") {
				t.Errorf("status %d, body %s; want %q", status, body, test.code)
			}
		})
	}
}

func TestService_TakesTheActionFromTheQueryOfAGET(t *testing.T) {
	sim := newService(t)
	for name, test := range map[string]struct{ asked, code string }{
		"unchanged":     {signedBody, ""},
		"other order":   {"Version=2011-06-15&Action=GetCallerIdentity", ""},
		"changed query": {signedBody + "&x=a%20b", "SignatureDoesNotMatch"},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t, http.MethodGet, sim.URL()+"/?"+signedBody, "")
			r.URL.RawQuery = test.asked
			status, body := do(t, sim.CA().Pool(), nil, r)
			if test.code == "" && status != 200 || test.code != "" && !strings.Contains(body, "<Code>"+test.code+"</Code>") {
				t.Errorf("status %d, body %s; want %q", status, body, test.code)
			}
		})
	}
}

func TestControl_DrivesTheServiceOverPlainHTTP(t *testing.T) {
	sim := newService(t, func(o *sts.Options) { o.ControlAddress = "127.0.0.1:0" })
	control := func(method, path, body string) (int, string) {
		return do(t, nil, nil, request(t, method, sim.ControlURL()+path, body))
	}
	if status, body := control("POST", "/faults", `{"kind": "error", "status": 403, "code": "AccessDenied", "times": 1}`); status != 200 {
		t.Fatalf("status %d: %s", status, body)
	}
	if _, code, err := good.identity(t.Context(), sim); code != "AccessDenied" {
		t.Errorf("%v", err)
	}
	control("POST", "/faults", `{"kind": "hang"}`)
	control("DELETE", "/faults", "")
	if _, _, err := good.identity(t.Context(), sim); err != nil {
		t.Errorf("after the faults: %v", err)
	}
	control("POST", "/advance", `{"by": "61m"}`)
	if _, code, err := good.identity(t.Context(), sim); code != "ExpiredToken" {
		t.Errorf("an hour later: %v", err)
	}
	var state sts.State
	if _, body := control("GET", "/state", ""); json.Unmarshal([]byte(body), &state) != nil ||
		state.Counts.Requests != 3 || state.Counts.ByOutcome["ExpiredToken"] != 1 || !state.Running || state.URL != sim.URL() {
		t.Errorf("%+v", state)
	}
	if _, body := control("GET", "/ca.pem", ""); body != string(sim.CAPEM()) {
		t.Errorf("not the CA: %s", body)
	}
	control("POST", "/reset-counts", "")
	if sim.Counts().Requests != 0 {
		t.Error("the counters were not reset")
	}
	control("POST", "/service", `{"running": false}`)
	if _, _, err := good.identity(t.Context(), sim); err == nil {
		t.Error("it responds although it was stopped")
	}
	control("POST", "/service", `{"running": true}`)
	if status, _ := control("POST", "/faults", `{"knid": "hang"}`); status != 400 {
		t.Errorf("an unknown field: status %d", status)
	}
}
