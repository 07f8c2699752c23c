package neterr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

func TestDescribe(t *testing.T) {
	tests := []struct {
		name string
		err  error
		// want is the sentence's second half, tls whether it counts as trouble with TLS.
		want string
		tls  bool
	}{
		{"a name that does not resolve is named", &net.DNSError{Name: "api.example.com", IsNotFound: true}, "the name api.example.com does not resolve", false},
		{"a silent name server is told apart", &net.DNSError{Name: "api.example.com", IsTimeout: true}, "the name server did not answer about api.example.com", false},
		{"a deadline", context.DeadlineExceeded, "no answer in time", false},
		{"a cancelled request", context.Canceled, "the request was cancelled", false},
		{"a proxy that is down", &net.OpError{Op: "proxyconnect", Err: syscall.ECONNREFUSED}, "the proxy cannot be reached", false},
		{"a closed port", &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "the connection was refused", false},
		{"no route", &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}, "there is no route to the host", false},
		{"a reset", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, "the connection was reset", false},
		{"a connection that ends early", io.ErrUnexpectedEOF, "the connection was closed before the answer was complete", false},
		{"an unknown authority", x509.UnknownAuthorityError{}, "the server's certificate is signed by an unknown authority", true},
		{"a certificate for another name", x509.HostnameError{Certificate: &x509.Certificate{}, Host: "x"}, "the server's certificate is for another host name", true},
		{"a certificate out of date points at the clock", x509.CertificateInvalidError{Reason: x509.Expired}, "the server's certificate has expired or is not valid yet by this cluster's clock", true},
		{"a certificate for another use", x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, "the server's certificate is not valid for this use", true},
		{"plain HTTP at the other end, as net/http tells it", http.ErrSchemeMismatch, "the server does not speak TLS", true},
		{"plain HTTP at the other end", tls.RecordHeaderError{}, "the server does not speak TLS", true},
		{"a refused handshake", tls.AlertError(40), "the server refused the TLS handshake", true},
		{"no authorities at all", x509.SystemRootsError{}, "the system's certificate authorities cannot be read", true},
		{"a certificate that is refused for another reason", &tls.CertificateVerificationError{Err: errors.New("hunter2")}, "the server's certificate could not be verified", true},
		{"anything else", errors.New("password=hunter2"), "the connection failed", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wrapped := &url.Error{Op: "Get", URL: "https://user:hunter2@api.example.com", Err: fmt.Errorf("hunter2: %w", test.err)}
			if got := Describe(wrapped); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := IsTLS(wrapped); got != test.tls {
				t.Errorf("IsTLS: got %v, want %v", got, test.tls)
			}
		})
	}
}

func TestDescribe_OfNoErrorAndOfSilence(t *testing.T) {
	if got := Describe(nil); got != "no error" || IsTLS(nil) {
		t.Errorf("got %q", got)
	}
	silent := &url.Error{Op: "Get", URL: "https://api.example.com", Err: &net.OpError{Op: "dial", Err: syscall.ETIMEDOUT}}
	if got := Describe(silent); got != "no answer in time" {
		t.Errorf("an address that does not answer: %q", got)
	}
}

func TestDescribe_RecognisesAnUntrustedServerAsTheStandardLibraryReportsIt(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{}}
	response, err := client.Get(server.URL)
	if err == nil {
		_ = response.Body.Close()
		t.Fatal("the server's certificate was trusted")
	}
	if !IsTLS(err) || !strings.Contains(Describe(err), "unknown authority") {
		t.Errorf("got IsTLS %v, %q for %T", IsTLS(err), Describe(err), err)
	}
}

func TestHost_KeepsTheCharactersOfNamesAndNoMoreOfThemThanANameHas(t *testing.T) {
	const name = "azAZ09.-:_[]"
	if got := Host(name); got != name {
		t.Errorf("%s is shown as %s", name, got)
	}
	if got := Host("a/b;c{d`e@f\u202eg^h\nß "); got != "abcdefgh" {
		t.Errorf("got %q", got)
	}
	longest := strings.Repeat("a", 253) + ":65535"
	if got := Host(longest + "0"); got != longest {
		t.Errorf("of %d characters %d are shown", len(longest)+1, len(got))
	}
}
