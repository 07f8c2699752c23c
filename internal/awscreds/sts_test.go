package awscreds

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/proxy"
)

const callerIdentity = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws-iso:sts::123456789012:assumed-role/machine-api/session</Arn><UserId>AROA:session</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`

func stsError(code, message string) string {
	return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>` + code +
		`</Code><Message>` + message + `</Message></Error><RequestId>1</RequestId></ErrorResponse>`
}

// startSTS is an STS endpoint that answers with the handler, and a checker that trusts it and uses no proxy.
func startSTS(t *testing.T, h http.HandlerFunc) (*httptest.Server, STSChecker) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are part of the tests
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server, STSChecker{Region: "us-iso-east-1", Endpoint: server.URL, RootCAs: pool, Proxy: noProxy}
}

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

func answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestCheck_SignsForItsRegionWithExactlyTheGivenCredential(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "FROMENVIRONMENT")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "FROMENVIRONMENT")
	t.Setenv("AWS_REGION", "eu-central-1")
	var authorization, token, body string
	_, checker := startSTS(t, func(w http.ResponseWriter, r *http.Request) {
		authorization, token = r.Header.Get("Authorization"), r.Header.Get("X-Amz-Security-Token")
		b, _ := io.ReadAll(r.Body)
		body = string(b)
		answer(200, "text/xml", callerIdentity)(w, r)
	})
	result, err := checker.Check(context.Background(), example)
	if err != nil || result.Outcome != STSAccepted {
		t.Fatalf("Check = %+v, %v; want Accepted", result, err)
	}
	if want := "arn:aws-iso:sts::123456789012:assumed-role/machine-api/session"; result.ARN != want {
		t.Errorf("ARN %q, want %q", result.ARN, want)
	}
	if !strings.Contains(authorization, "Credential="+example.AccessKeyID+"/") || !strings.Contains(authorization, "/us-iso-east-1/sts/aws4_request") {
		t.Errorf("signed with another key or for another region: %q", authorization)
	}
	if token != example.SessionToken {
		t.Error("the session token is not the given one")
	}
	if !strings.Contains(body, "Action=GetCallerIdentity") {
		t.Errorf("asked %q", body)
	}
}

func TestCheck_TellsRefusedFromUnknown(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		// outcome and code that Check must return.
		outcome STSOutcome
		code    string
		// inError must be part of the error.
		inError string
	}{
		{"an expired token is refused", answer(403, "text/xml", stsError("ExpiredToken", canary)), STSRefused, "ExpiredToken", ""},
		{"an unknown access key is refused", answer(403, "text/xml", stsError("InvalidClientTokenId", canary)), STSRefused, "InvalidClientTokenId", ""},
		{"a wrong secret key is refused", answer(403, "text/xml", stsError("SignatureDoesNotMatch", canary)), STSRefused, "SignatureDoesNotMatch", ""},
		{"a wrong clock says nothing about the credential",
			answer(403, "text/xml", stsError("SignatureDoesNotMatch", "Signature expired: 2026 is now earlier than "+canary)), STSUnknown, "", "clock"},
		{"access denied says nothing about the credential, it may be a VPC endpoint's policy",
			answer(403, "text/xml", stsError("AccessDenied", canary)), STSUnknown, "", "status 403"},
		{"throttling says nothing about the credential", answer(400, "text/xml", stsError("Throttling", canary)), STSUnknown, "", "status 400"},
		{"an unknown code says nothing about the credential", answer(400, "text/xml", stsError(canary, canary)), STSUnknown, "", "status 400"},
		{"a proxy's page says nothing about the credential", answer(403, "text/html", "<html>"+canary+"</html>"), STSUnknown, "", "status 403"},
		{"a page with 200 is no acceptance", answer(200, "text/html", "<html>"+canary+"</html>"), STSUnknown, "", "could not be asked"},
		{"an empty answer with 200 is no acceptance", answer(200, "text/xml", ""), STSUnknown, "", "could not be asked"},
		{"an endless answer is cut off", endless, STSUnknown, "", "could not be asked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, checker := startSTS(t, test.handler)
			result, err := checker.Check(context.Background(), example)
			if result.Outcome != test.outcome || result.Code != test.code {
				t.Errorf("Check = %+v, %v; want %s %s", result, err, test.outcome, test.code)
			}
			if (err != nil) != (test.outcome == STSUnknown) {
				t.Errorf("error %v with outcome %s: an error explains Unknown and nothing else", err, test.outcome)
			}
			if err != nil && !strings.Contains(err.Error(), test.inError) {
				t.Errorf("error %q does not say %q", err, test.inError)
			}
			if shown := fmt.Sprintf("%+v %v", result, err); strings.Contains(shown, canary) {
				t.Errorf("a secret or a part of the answer shows in %q", shown)
			}
		})
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/xml")
	chunk := []byte(strings.Repeat("<a>", 10000))
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestCheck_FollowsNoRedirectBecauseTheHeadersCarryTheToken(t *testing.T) {
	var reached atomic.Int32
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		answer(200, "text/xml", callerIdentity)(w, r)
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 307, 308} {
		_, checker := startSTS(t, http.RedirectHandler(other.URL, status).ServeHTTP)
		checker.RootCAs.AddCert(other.Certificate())
		if result, err := checker.Check(context.Background(), example); result.Outcome != STSUnknown || err == nil {
			t.Errorf("status %d: %+v, %v; want Unknown", status, result, err)
		}
	}
	if reached.Load() != 0 {
		t.Error("the request went to where the redirect pointed")
	}
}

func TestCheck_IsUnknownWhenSTSCannotBeAsked(t *testing.T) {
	hang := make(chan struct{})
	slow, slowChecker := startSTS(t, func(http.ResponseWriter, *http.Request) { <-hang })
	defer close(hang)
	slowChecker.Timeout = 50 * time.Millisecond
	closed, closedChecker := startSTS(t, answer(200, "text/xml", callerIdentity))
	closed.Close()
	_, untrusting := startSTS(t, answer(200, "text/xml", callerIdentity))
	untrusting.RootCAs = x509.NewCertPool()
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()

	for _, test := range []struct {
		name    string
		ctx     context.Context
		checker STSChecker
		cred    Credential
		inError string
	}{
		{"it does not answer", context.Background(), slowChecker, example, "no answer in time"},
		{"nothing listens", context.Background(), closedChecker, example, "cannot be reached"},
		{"its certificate is not trusted", context.Background(), untrusting, example, "not trusted"},
		{"the caller gives up", cancelled, STSChecker{Region: "us-iso-east-1", Endpoint: slow.URL, Proxy: noProxy}, example, "cancelled"},
		{"the region is of no known partition", context.Background(), STSChecker{Region: "us-isog-east-1"}, example, "us-isog-east-1"},
		{"no region is given", context.Background(), STSChecker{Endpoint: slow.URL}, example, "no region"},
		{"the endpoint is not https", context.Background(), STSChecker{Region: "us-iso-east-1", Endpoint: "http://sts.example"}, example, "https"},
		{"the endpoint has a password", context.Background(), STSChecker{Region: "us-iso-east-1", Endpoint: "https://u:" + canary + "@sts.example"}, example, "https"},
		{"the credential is not even complete", context.Background(), slowChecker, Credential{AccessKeyID: canary}, "missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			result, err := test.checker.Check(test.ctx, test.cred)
			if result.Outcome != STSUnknown || err == nil || !strings.Contains(err.Error(), test.inError) {
				t.Errorf("Check = %+v, %v; want Unknown and an error that says %q", result, err, test.inError)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("a secret shows in %q", err)
			}
		})
	}
}

func TestSTSEndpoint_KnowsEveryPartitionAndGuessesNone(t *testing.T) {
	for region, want := range map[string]string{
		"us-iso-east-1":   "https://sts.us-iso-east-1.c2s.ic.gov",
		"us-iso-west-1":   "https://sts.us-iso-west-1.c2s.ic.gov",
		"us-isob-east-1":  "https://sts.us-isob-east-1.sc2s.sgov.gov",
		"us-isof-south-1": "https://sts.us-isof-south-1.csp.hci.ic.gov",
		"eu-isoe-west-1":  "https://sts.eu-isoe-west-1.cloud.adc-e.uk",
		"us-gov-west-1":   "https://sts.us-gov-west-1.amazonaws.com",
		"eu-central-1":    "https://sts.eu-central-1.amazonaws.com",
		"cn-north-1":      "https://sts.cn-north-1.amazonaws.com.cn",
		"eusc-de-east-1":  "https://sts.eusc-de-east-1.amazonaws.eu",
		"us-isog-east-1":  "",
		"us-isobx-east-1": "",
		"eu-isox-west-1":  "",
		"us-iso":          "",
		"mars-north-1":    "",
		"":                "",
	} {
		got, err := STSEndpoint(context.Background(), region)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("STSEndpoint(%q) = %q, %v; want %q", region, got, err, want)
		}
	}
}

func TestCheckedEndpoint_IsHTTPSAndNothingMoreThanAHost(t *testing.T) {
	for _, endpoint := range []string{
		"https://", "http://sts.example", "https://u@sts.example", "https://sts.example?x=1", "https://sts.example#x", "https://sts example", "sts.example",
	} {
		if got, err := checkedEndpoint(t.Context(), "us-iso-east-1", endpoint); err == nil {
			t.Errorf("%q is asked as %s", endpoint, got)
		}
	}
	if got, err := checkedEndpoint(t.Context(), "us-iso-east-1", "https://sts.example:8443/path"); err != nil || got != "https://sts.example:8443/path" {
		t.Errorf("got %s, %v", got, err)
	}
}

// unending answers with a body that does not end.
type unending struct{}

func (unending) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(zeros{})}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestBoundedTransport_EndsAnAnswerThatDoesNot(t *testing.T) {
	response, err := boundedTransport{unending{}}.RoundTrip(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if n, err := io.Copy(io.Discard, io.LimitReader(response.Body, 2*maxSTSAnswer)); err != nil || n != maxSTSAnswer {
		t.Errorf("%d bytes are read, %v", n, err)
	}
}

func TestHTTPClient_GoesThroughTheProxyThatItIsGivenOrTheClusters(t *testing.T) {
	given := func(*http.Request) (*url.URL, error) { return nil, nil }
	for name, want := range map[string]func(*http.Request) (*url.URL, error){"given": given, "the cluster's": proxy.For} {
		checker := STSChecker{}
		if name == "given" {
			checker.Proxy = given
		}
		got := checker.httpClient().Transport.(boundedTransport).next.(*http.Transport).Proxy
		if reflect.ValueOf(got).Pointer() != reflect.ValueOf(want).Pointer() {
			t.Errorf("%s: another one is asked", name)
		}
	}
}

func TestDescribeSTSError_NamesAHostThatIsNotKnown(t *testing.T) {
	if got := describeSTSError(&net.DNSError{Name: "sts.example", IsNotFound: true}); got != "its host name is not known" {
		t.Errorf("got %q", got)
	}
}
