package apierr

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const quoted = "aVeRySeCrEtAuTh=="

var secrets = schema.GroupResource{Resource: "secrets"}

// answers are those that may hold somebody else's words.
func answers() map[string]error {
	custom := apierrors.NewBadRequest("x")
	custom.ErrStatus.Reason, custom.ErrStatus.Message = metav1.StatusReason(quoted), quoted
	return map[string]error{
		"a webhook":          apierrors.NewForbidden(secrets, "s", errors.New("denied: "+quoted)),
		"a policy":           apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "s", field.ErrorList{field.Invalid(field.NewPath("data"), quoted, quoted)}),
		"a reason of no API": custom,
		"an internal error":  apierrors.NewInternalError(errors.New(quoted)),
		"a bad request":      apierrors.NewBadRequest(quoted),
		"a proxy":            &url.Error{Op: "Get", URL: "https://" + quoted, Err: errors.New(quoted)},
		"a generic answer":   apierrors.NewGenericServerResponse(599, "patch", secrets, "s", quoted, 0, true),
		"a broken stream":    fmt.Errorf("stream error when reading response body, may be caused by closed connection. Please retry. Original error: %w", errors.New(quoted)),
		"half an answer":     fmt.Errorf("unexpected error when reading response body. Please retry. Original error: %w", errors.New(quoted)),
		"no JSON":            errors.New("couldn't get version/kind; json parse error: " + quoted),
		"a conflict":         apierrors.NewConflict(secrets, quoted, errors.New(quoted)),
	}
}

func TestWords_HoldNothingOfAnAnswer(t *testing.T) {
	for name, cause := range answers() {
		for _, err := range []error{cause, fmt.Errorf("writing the target a/b: %w", cause), fmt.Errorf("round: %w", fmt.Errorf("writing the target a/b: %w", cause)), errors.Join(errors.New("ours"), cause)} {
			words := Words(err)
			for i := 0; i+4 <= len(quoted); i++ {
				if strings.Contains(words, quoted[i:i+4]) || strings.Contains(Cause(err), quoted[i:i+4]) {
					t.Fatalf("%s: %s; %s", name, words, Cause(err))
				}
			}
			if strings.HasPrefix(err.Error(), "writing") && !strings.HasPrefix(words, "writing the target a/b: ") {
				t.Errorf("%s: what was done is lost: %s", name, words)
			}
			if !errors.Is(Plain(err), cause) || Plain(Plain(err)).Error() != words {
				t.Errorf("%s: the cause is lost, or a second time it is another", name)
			}
			if reason(err) == quoted {
				t.Errorf("%s: the reason is repeated", name)
			}
		}
	}
}

func TestWords_NameCodeAndReason(t *testing.T) {
	err := fmt.Errorf("reading it: %w", apierrors.NewNotFound(secrets, "s"))
	if got := Words(err); got != "reading it: the API server answers 404 NotFound" {
		t.Errorf("got %q", got)
	}
	ours := errors.New("the record is damaged")
	if Plain(ours) != ours || Plain(nil) != nil { //nolint:errorlint // it is about this very error, not one that it wraps
		t.Error("an error of our own is changed")
	}
	if got := Words(fmt.Errorf("asking: %w", &url.Error{Err: context.DeadlineExceeded})); got != "asking: no answer in time" {
		t.Errorf("got %q", got)
	}
}

func TestMissingRight_IsTheAbsenceOfARightAndNotARefusal(t *testing.T) {
	right := apierrors.NewForbidden(secrets, "s", errors.New(`User "system:serviceaccount:a:b" cannot patch resource "secrets" in API group "" in the namespace "n"`))
	for want, list := range map[bool][]error{
		true: {right, fmt.Errorf("x: %w", right)},
		false: {
			nil, errors.New("x"), apierrors.NewNotFound(secrets, "s"),
			apierrors.NewForbidden(secrets, "s", errors.New("exceeded quota")),
			apierrors.NewForbidden(secrets, "s", errors.New(`admission webhook "x" denied the request: User "a" cannot patch resource "secrets"`)),
		},
	} {
		for _, err := range list {
			if MissingRight(err) != want {
				t.Errorf("%v: got %t", err, !want)
			}
		}
	}
}

func TestWords_OfAnErrorThatGoesOnAfterTheAnswer(t *testing.T) {
	for name, cause := range answers() {
		for _, err := range []error{fmt.Errorf("%w, and the next one too", cause), errors.Join(Plain(cause), cause), errors.Join(cause, Plain(cause))} {
			if words := Words(err); strings.Contains(words, quoted) {
				t.Errorf("%s: %s", name, words)
			}
		}
	}
}

func TestWords_OfAnAnswerThatHTTPHasNoNameFor(t *testing.T) {
	if got := Words(apierrors.NewGenericServerResponse(599, "patch", secrets, "s", quoted, 0, true)); got != "the API server answers InternalError" {
		t.Errorf("got %q", got)
	}
	if got := reason(errors.New("x")); got != "Unknown" {
		t.Errorf("got %q", got)
	}
}
