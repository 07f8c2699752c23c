package cap

// What goes wrong before there is an answer, in words of our own: the network's errors hold the URL with its query.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/internal/neterr"
)

// maxRetryAfter bounds what a portal may ask for: a quarter of the one hour that a credential commonly lives.
const maxRetryAfter = 15 * time.Minute

// transportError classifies a request that got no answer. ctx is the caller's, without the client's own time limit.
func (c *Client) transportError(ctx context.Context, err error) *Error {
	e := &Error{Class: Unavailable, cause: ctx.Err()}
	switch alert := remoteAlert(err); {
	case alert != "" && aboutClientCertificate(alert):
		e.Class, e.Message = AuthenticationRefused, "CAP refuses the client certificate in the TLS handshake ("+alert+")"
	case alert != "":
		e.Message = "CAP breaks the TLS handshake off (" + alert + ")"
	case neterr.IsTLS(err):
		e.Class, e.Message = Untrusted, neterr.Describe(err)
	case e.cause == nil && errors.Is(err, context.DeadlineExceeded):
		e.Message = fmt.Sprintf("CAP did not answer within %s", c.timeout)
	default:
		e.Message = neterr.Describe(err)
	}
	return e
}

// bodyError classifies a body that broke off: by its sender it is an answer that is no credential, by a time limit or by the
// network the portal is not available.
func (c *Client) bodyError(ctx context.Context, status int, err error) *Error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &Error{Class: Malformed, Status: status, Message: "CAP's answer breaks off before its end"}
	}
	e := c.transportError(ctx, err)
	e.Status = status
	return e
}

// alerts are the words of crypto/tls for what a peer says when it ends a handshake.
var alerts = []struct {
	words             string
	clientCertificate bool
}{
	{"certificate required", true},
	{"bad certificate", true},
	{"unsupported certificate", true},
	{"revoked certificate", true},
	{"expired certificate", true},
	{"unknown certificate authority", true},
	{"unknown certificate", true},
	{"access denied", true},
	{"handshake failure", false},
	{"protocol version not supported", false},
	{"insufficient security level", false},
	{"unrecognized name", false},
	{"internal error", false},
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

func aboutClientCertificate(words string) bool {
	for _, alert := range alerts {
		if alert.words == words {
			return alert.clientCertificate
		}
	}
	return false
}

// retryAfter reads the header in both its forms, seconds and a date; now is the portal's.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.Atoi(strings.TrimSpace(header)); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, maxRetryAfter))
}
