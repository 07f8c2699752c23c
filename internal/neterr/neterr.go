// Package neterr says in words why a request got no answer.
//
// The text of a network error may hold what must not reach a status or a log: a proxy's password (in the error about an invalid proxy URL), a
// query, a piece of an answer. So only the error's types are used, and of its content only host names.
package neterr

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Describe says why a request got no answer, as the second half of a sentence: "the name api.example.com does not
// resolve". It never repeats the error's own text.
func Describe(err error) string {
	if err == nil {
		return "no error"
	}
	if words := describeTLS(err); words != "" {
		return words
	}
	var dns *net.DNSError
	var operation *net.OpError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &dns):
		if dns.IsTimeout {
			return "the name server did not answer about " + printable(dns.Name)
		}
		return "the name " + printable(dns.Name) + " does not resolve"
	case errors.Is(err, context.Canceled):
		return "the request was cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &operation) && operation.Op == "proxyconnect":
		return "the proxy cannot be reached"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection was refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no route to the host"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before the answer was complete"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	default:
		return "the connection failed"
	}
}

// IsTLS is true if the connection failed because of TLS: a certificate that is not trusted, out of date or for another name, a refused handshake,
// or a peer that does not speak TLS.
func IsTLS(err error) bool {
	return describeTLS(err) != ""
}

func describeTLS(err error) string {
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var roots x509.SystemRootsError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unknown):
		return "the server's certificate is signed by an unknown authority"
	case errors.As(err, &hostname):
		return "the server's certificate is for another host name"
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return "the server's certificate has expired or is not valid yet by this cluster's clock"
		}
		return "the server's certificate is not valid for this use"
	case errors.As(err, &roots):
		return "the system's certificate authorities cannot be read"
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch): // the latter for an answer in plain HTTP
		return "the server does not speak TLS"
	case errors.As(err, &verification):
		return "the server's certificate could not be verified"
	case errors.As(err, &alert):
		return "the server refused the TLS handshake"
	default:
		return ""
	}
}

// longestHost is the length of the longest DNS name with a port.
const longestHost = 253 + len(":65535")

// printable keeps the characters of host names. The name may come from a server, in a redirect or a challenge.
func printable(host string) string {
	host = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == ':', r == '_', r == '[', r == ']':
			return r
		}
		return -1
	}, host)
	return host[:min(len(host), longestHost)]
}

// Host is a host name, with or without a port, that is safe to show.
func Host(host string) string { return printable(host) }
