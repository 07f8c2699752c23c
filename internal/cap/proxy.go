package cap

// The proxy in front of CAP. Its failures are reported as the proxy's own, so that nobody looks for them at CAP.

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"github.com/openshift/credential-rotation-operator/internal/neterr"
)

// proxyRefusal is the answer of a proxy that refuses to connect.
type proxyRefusal struct{ status int }

// Error implements error.
func (e *proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy answers with status %d", e.status)
}

func (e *proxyRefusal) cause() Cause {
	if e.status == http.StatusProxyAuthRequired {
		return CauseProxyAuthentication
	}
	return CauseProxyRefuses
}

// message continues after the proxy's name.
func (e *proxyRefusal) message() string {
	if e.status == http.StatusProxyAuthRequired {
		return " asks for a user and a password, or does not accept the given ones (status 407)."
	}
	return fmt.Sprintf(" does not connect to CAP (status %d).", e.status)
}

// judgeProxy looks at a proxy's answer to CONNECT.
func judgeProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return &proxyRefusal{answer.StatusCode}
}

// atProxy is true for an error between the operator and the proxy.
func atProxy(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "proxyconnect"
}

// proxyError says what is wrong between the operator and the proxy.
func (c *Client) proxyError(e *Error, err error) *Error {
	e.Class = ProxyUnavailable
	var op *net.OpError
	errors.As(err, &op)
	switch inner := op.Err; {
	case neterr.IsTLS(inner):
		e.Cause, e.Message = CauseProxyUntrusted, c.proxyName()+" is not trusted: "+neterr.Describe(inner)+"."
	case inner == nil:
		e.Message = c.proxyName() + " cannot be reached."
	default:
		e.Message = c.proxyName() + " cannot be reached: " + neterr.Describe(inner) + "."
	}
	return e
}

// proxyName is the proxy's host and port, without its user.
func (c *Client) proxyName() string {
	if c.proxy == nil {
		return "The proxy"
	}
	return "The proxy " + neterr.Host(c.proxy.Host)
}
