package registry

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/openshift/credential-rotation-operator/internal/neterr"
)

// findings of a check are what judge needs.
type findings struct {
	stage stage
	// err is why the last step failed; its text may hold an answer's body and is never used.
	err error
	// last is the last answer, with status 0 if there was none.
	last seen
	// loggedIn is true if the registry asked for a login and accepted the user name and password.
	loggedIn bool
}

// judge turns the findings into an outcome.
func judge(target target, f findings) Result {
	registry := target.registry.RegistryStr()
	if f.err != nil && !isAnswer(f.err) {
		return unanswered(registry, f)
	}
	status := f.last.status
	switch {
	case status == http.StatusTooManyRequests || saysTooMany(f.err):
		return Result{Outcome: RateLimited, RetryAfter: f.last.retryAfter, Message: fmt.Sprintf("%s is rate limiting requests (429)", registry)}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return refused(target, f)
	case f.stage == proof && status >= 200 && status < 300:
		return accepted(target, f)
	case f.stage == proof && status == http.StatusNotFound && target.image != nil:
		return Result{Outcome: NotFound, Message: fmt.Sprintf("%s accepts the login and has no image %s",
			registry, imageName(target))}
	default:
		return Result{Outcome: Unreachable, Message: fmt.Sprintf("%s answers with status %d, which says nothing about the credential",
			neterr.Host(f.last.host), status)}
	}
}

// refused judges a 401 or a 403. It is evidence only if the credential, or a token that it was exchanged for, was sent.
func refused(target target, f findings) Result {
	registry, status := target.registry.RegistryStr(), f.last.status
	switch {
	case f.last.scheme == "":
		return Result{Outcome: Unreachable, Message: fmt.Sprintf(
			"%s answers with status %d before any credential was sent: check the proxy and the registry's policy", neterr.Host(f.last.host), status)}
	case status == http.StatusForbidden && f.last.html:
		return Result{Outcome: Unreachable, Message: fmt.Sprintf(
			"a web page answers instead of %s (403): check the proxy", neterr.Host(f.last.host))}
	case f.last.scheme == "Basic" && status == http.StatusUnauthorized:
		return Result{Outcome: Unauthorized, Message: fmt.Sprintf("%s refuses the user name and password (401)", registry)}
	case f.last.scheme == "Basic":
		return Result{Outcome: Denied, Message: fmt.Sprintf("%s denies access with the user name and password (403)", registry)}
	case !f.loggedIn:
		return Result{Outcome: Unreachable, Message: fmt.Sprintf(
			"%s issued a token without having seen the user name and password, and refuses it (%d)", registry, status)}
	case target.image != nil:
		// quay.io issues a token for every login, and omits from it the rights that the login lacks.
		return Result{Outcome: Denied, Message: fmt.Sprintf("%s accepts the login and refuses the pull of %s (%d)",
			registry, imageName(target), status)}
	case status == http.StatusForbidden:
		return Result{Outcome: Denied, Message: fmt.Sprintf("%s accepts the login and denies access (403)", registry)}
	default:
		return Result{Outcome: Unauthorized, Message: fmt.Sprintf("%s refuses the token that it issued for the user name and password (401)", registry)}
	}
}

// accepted judges a success. A registry that serves everybody proves nothing, nor does a token that was requested without the user name and
// password.
func accepted(target target, f findings) Result {
	registry := target.registry.RegistryStr()
	switch {
	case !f.loggedIn:
		return Result{Outcome: Unreachable, Message: fmt.Sprintf(
			"%s never asked for the user name and password, so they could not be checked", registry)}
	case target.image != nil:
		return Result{Outcome: Accepted, Message: fmt.Sprintf("%s accepts the login and serves %s", registry, imageName(target))}
	default:
		return Result{Outcome: Accepted, Message: fmt.Sprintf("%s accepts the login", registry)}
	}
}

// unanswered judges a check that ended without an answer, or with one that does not come from a registry.
func unanswered(registry string, f findings) Result {
	host := neterr.Host(f.last.host)
	if host == "" {
		host = registry
	}
	switch {
	case neterr.IsTLS(f.err):
		return Result{Outcome: TLSError, Message: fmt.Sprintf("%s cannot be reached: %s", host, neterr.Describe(f.err))}
	case f.last.status != 0 && errors.Is(f.err, errPlainHTTP):
		return Result{Outcome: Unreachable, Message: fmt.Sprintf("%s asks for a request without TLS, which the operator does not send", host)}
	case f.last.status != 0:
		return Result{Outcome: Unreachable, Message: fmt.Sprintf(
			"%s answers (%d) unlike a registry: its challenge, its token or a redirect cannot be followed", host, f.last.status)}
	default:
		return Result{Outcome: Unreachable, Message: fmt.Sprintf("%s cannot be reached: %s", host, neterr.Describe(f.err))}
	}
}

// isAnswer is true for a registry's own error, and false for one on the way there.
func isAnswer(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer)
}

// saysTooMany recognises registries that limit requests with another status than 429.
func saysTooMany(err error) bool {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, diagnostic := range answer.Errors {
		if diagnostic.Code == transport.TooManyRequestsErrorCode {
			return true
		}
	}
	return false
}

func imageName(target target) string { return target.image.Name() }
