// Package apierr describes in our own words what the API server answered.
//
// The server's own text must not be shown: an admission policy or a webhook may quote the object in it, and the object may be a Secret. Only the
// status code is used, and the reason if it is one of the API's own.
package apierr

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/internal/neterr"
)

// known are the reasons of the API. Any other reason is free text.
var known = []metav1.StatusReason{
	metav1.StatusReasonUnauthorized, metav1.StatusReasonForbidden, metav1.StatusReasonNotFound, metav1.StatusReasonAlreadyExists, metav1.StatusReasonConflict,
	metav1.StatusReasonGone, metav1.StatusReasonInvalid, metav1.StatusReasonServerTimeout, metav1.StatusReasonStoreReadError, metav1.StatusReasonTimeout,
	metav1.StatusReasonTooManyRequests, metav1.StatusReasonBadRequest, metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonNotAcceptable,
	metav1.StatusReasonRequestEntityTooLarge, metav1.StatusReasonUnsupportedMediaType, metav1.StatusReasonInternalError, metav1.StatusReasonExpired,
	metav1.StatusReasonServiceUnavailable,
}

// reason is the API's reason for an error, or "Unknown".
func reason(err error) string {
	if r := apierrors.ReasonForError(err); slices.Contains(known, r) {
		return string(r)
	}
	return "Unknown"
}

// Plain replaces the words of the API server or of the network in an error. It keeps what the operator was about to do, and the cause for
// errors.Is and errors.As. An error with no foreign text is returned unchanged.
func Plain(err error) error {
	foreign, words := foreignPart(err)
	if foreign == nil {
		return err
	}
	var done *plain
	if errors.As(err, &done) && error(done) == err { //nolint:errorlint // this very error matters, not one that it wraps
		return err
	}
	doing, ok := strings.CutSuffix(err.Error(), foreign.Error())
	if !ok {
		doing = ""
	}
	return &plain{words: doing + words, cause: err}
}

// Words is the text of Plain.
func Words(err error) string { return Plain(err).Error() }

// Cause says, in our words alone, why a request failed.
func Cause(err error) string {
	if foreign, words := foreignPart(err); foreign != nil {
		return words
	}
	return neterr.Describe(err)
}

type plain struct {
	words string
	cause error
}

func (e *plain) Error() string { return e.words }
func (e *plain) Unwrap() error { return e.cause }

// foreignPart finds the outermost error of the chain whose text is not ours, and gives our words for it.
func foreignPart(err error) (foreign error, words string) { //nolint:staticcheck // the error is what was looked for, not that it failed
	var status apierrors.APIStatus
	var request *url.Error
	switch {
	case errors.As(err, &status):
		code := int(status.Status().Code)
		words = fmt.Sprintf("the API server answers %d %s", code, reason(err))
		if http.StatusText(code) == "" {
			words = "the API server answers " + reason(err)
		}
		if asError, ok := status.(error); ok {
			return asError, words
		}
		return err, words
	case errors.As(err, &request):
		return request, neterr.Describe(request)
	}
	if unread := unreadable(err); unread != nil {
		return unread, "the API server's answer cannot be read to its end"
	}
	return nil, ""
}

// unreadables are how the errors of client-go begin that are about the body of an answer.
var unreadables = []string{"stream error when reading response body", "unexpected error when reading response body", "couldn't get version/kind"}

// unreadable is the part of an error that client-go has made of an answer that broke off.
func unreadable(err error) error {
	for _, begin := range unreadables {
		if err == nil || !strings.Contains(err.Error(), begin) {
			continue
		}
		for part := err; part != nil; part = errors.Unwrap(part) {
			if strings.HasPrefix(part.Error(), begin) {
				return part
			}
		}
		return err
	}
	return nil
}

// missingRight matches a refusal by RBAC. A refusal by an admission plugin has the same reason but another text.
var missingRight = regexp.MustCompile(`^[^\n]{0,400}? is forbidden: User "[^"\n]{1,300}" cannot [a-z]+ resource "`)

// MissingRight is true if the operator lacks a right, and false if an admission plugin refused the request.
func MissingRight(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsForbidden(err) && errors.As(err, &status) && missingRight.MatchString(status.Status().Message)
}
