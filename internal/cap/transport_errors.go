package cap

// Failures before there is an answer, in our own words: network errors hold the URL with its query.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/openshift/credential-rotation-operator/internal/neterr"
)

// transportError classifies a request that got no answer. ctx is the caller's context, without the client's own time limit.
func (c *Client) transportError(ctx context.Context, err error) *Error {
	e := &Error{Class: Unavailable, cause: ctx.Err()}
	var refusal *proxyRefusal
	var record tls.RecordHeaderError
	alert := remoteAlert(err)
	switch {
	case errors.As(err, &refusal):
		e.Class, e.Cause, e.Message = ProxyUnavailable, refusal.cause(), c.proxyName()+refusal.message()
	case atProxy(err):
		return c.proxyError(e, err)
	case e.cause == nil && timedOut(err):
		e.Message = fmt.Sprintf("CAP did not answer within %s.", c.timeout)
	case alert != "":
		c.alertError(e, alert)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		e.Class, e.Cause, e.Message = HandshakeFailed, CauseNoTLS, "What answers at CAP's address does not speak TLS."
	case neterr.IsTLS(err):
		e.Class, e.Message = Untrusted, "CAP is not trusted: "+neterr.Describe(err)+"."
		if c.roots != "" {
			e.Message += " It was checked against " + c.roots + "."
		}
	default:
		e.closed = errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		e.Message = "CAP did not answer: " + neterr.Describe(err) + "."
	}
	return e
}

// alertError classifies an alert with which CAP ends the handshake.
func (c *Client) alertError(e *Error, alert string) {
	switch {
	case aboutClientCertificate(alert):
		e.Class, e.Message = AuthenticationRefused, "CAP refuses the client certificate in the TLS handshake ("+alert+")."
	case aboutVersions(alert):
		e.Class, e.Message = HandshakeFailed, "CAP aborts the TLS handshake ("+alert+"): the operator offers no version or cipher that CAP accepts."
		if c.deniedByFIPS {
			e.Message += " FIPS mode does not allow RSA key exchange; GODEBUG=fips140=off in the operator's environment turns it off."
		}
	default:
		e.Message = "CAP aborts the TLS handshake (" + alert + ")."
	}
}

// timedOut is true if the time limit of the request or of the connection was reached, but not if a name server did not answer.
func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	var dns *net.DNSError
	return errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &dns) && errors.As(err, &timeout) && timeout.Timeout()
}

// bodyError classifies an incomplete body: Malformed if the sender ended it, Unavailable after a time limit or a network failure.
func (c *Client) bodyError(ctx context.Context, status int, err error) *Error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Class: Malformed, Status: status, Message: "CAP's answer is incomplete."}
	}
	e := c.transportError(ctx, err)
	e.Status = status
	return e
}

// about is the subject of an alert.
type about int

const (
	anything about = iota
	clientCertificate
	versions
)

// alerts are the words of crypto/tls for the alerts with which a peer ends a handshake.
var alerts = []struct {
	words string
	about about
}{
	{"certificate required", clientCertificate},
	{"bad certificate", clientCertificate},
	{"unsupported certificate", clientCertificate},
	{"revoked certificate", clientCertificate},
	{"expired certificate", clientCertificate},
	{"unknown certificate authority", clientCertificate},
	{"unknown certificate", clientCertificate},
	{"access denied", clientCertificate},
	{"handshake failure", versions},
	{"protocol version not supported", versions},
	{"insufficient security level", versions},
	{"unrecognized name", anything},
	{"internal error", anything},
}

// remoteAlert is the TLS alert by which the peer ended the connection, in words of crypto/tls, or empty.
func remoteAlert(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return ""
	}
	text := op.Err.Error()
	for _, alert := range alerts {
		if strings.Contains(text, alert.words) {
			return alert.words
		}
	}
	return "alert"
}

func aboutClientCertificate(words string) bool { return isAbout(words, clientCertificate) }

func aboutVersions(words string) bool { return isAbout(words, versions) }

func isAbout(words string, what about) bool {
	for _, alert := range alerts {
		if alert.words == words {
			return alert.about == what
		}
	}
	return false
}
