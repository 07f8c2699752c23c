// Package apierr says in our own words what the API server answered.
//
// Its text must not be shown: an admission policy or a webhook may put a part of the object into it, and the object may be a Secret.
// So nothing of an answer is used but its status code and its reason, as far as that is one of the API's own.
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

// known are the reasons of the API. Any other is somebody's free text.
var known = []metav1.StatusReason{
	metav1.StatusReasonUnauthorized, metav1.StatusReasonForbidden, metav1.StatusReasonNotFound, metav1.StatusReasonAlreadyExists, metav1.StatusReasonConflict,
	metav1.StatusReasonGone, metav1.StatusReasonInvalid, metav1.StatusReasonServerTimeout, metav1.StatusReasonStoreReadError, metav1.StatusReasonTimeout,
	metav1.StatusReasonTooManyRequests, metav1.StatusReasonBadRequest, metav1.StatusReasonMethodNotAllowed, metav1.StatusReasonNotAcceptable,
	metav1.StatusReasonRequestEntityTooLarge, metav1.StatusReasonUnsupportedMediaType, metav1.StatusReasonInternalError, metav1.StatusReasonExpired,
	metav1.StatusReasonServiceUnavailable,
}

// Reason is the API's reason for an error, or "Unknown".
func Reason(err error) string {
	if reason := apierrors.ReasonForError(err); slices.Contains(known, reason) {
		return string(reason)
	}
	return "Unknown"
}

// Plain is the error without the words of the API server or of the network: what the operator itself was about to do stays, and so
// does the cause for errors.Is and errors.As. An error that is all our own is returned as it is.
func Plain(err error) error {
	foreign, words := foreignPart(err)
	if foreign == nil {
		return err
	}
	var done *plain
	if errors.As(err, &done) && error(done) == err { //nolint:errorlint // it is about this very error, not one that it wraps
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

type plain struct {
	words string
	cause error
}

func (e *plain) Error() string { return e.words }
func (e *plain) Unwrap() error { return e.cause }

// foreignPart is the outermost error of the chain that somebody else has worded, and our words for it.
func foreignPart(err error) (foreign error, words string) { //nolint:staticcheck // the error is what was looked for, not that it failed
	var status apierrors.APIStatus
	var request *url.Error
	switch {
	case errors.As(err, &status):
		code := int(status.Status().Code)
		words = fmt.Sprintf("the API server answers %d %s", code, Reason(err))
		if http.StatusText(code) == "" {
			words = "the API server answers " + Reason(err)
		}
		if asError, ok := status.(error); ok {
			return asError, words
		}
		return err, words
	case errors.As(err, &request):
		return request, neterr.Describe(request)
	}
	return nil, ""
}

// missingRight is how RBAC says no. An admission plugin that refuses has the same reason and other words.
var missingRight = regexp.MustCompile(`^[^\n]{0,400}? is forbidden: User "[^"\n]{1,300}" cannot [a-z]+ resource "`)

// MissingRight tells a right that the operator lacks from an admission plugin that refuses what it may otherwise do.
func MissingRight(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsForbidden(err) && errors.As(err, &status) && missingRight.MatchString(status.Status().Message)
}
