package pullsecretrotation

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

func testOptions() *Options {
	o := &Options{Namespace: "operator"}
	o.SetDefaults()
	return o
}

// failures of every kind, with their results.
var failures = []struct {
	err    error
	state  decide.State
	reason string
	// person is true if the next retry is far away, because only a person can help; others are retried within minutes.
	person bool
	// says is part of the advice.
	says string
}{
	{&ocm.Error{Kind: ocm.OCMTokenExpired}, decide.Stalled, v1alpha1.ReasonOCMTokenExpired, true, "Get a new token at https://console.redhat.com/openshift/token"},
	{&ocm.Error{Kind: ocm.OCMClientRefused}, decide.Stalled, v1alpha1.ReasonOCMClientRefused, true, "client-id and client-secret of the Secret operator/ocm"},
	{&ocm.Error{Kind: ocm.OCMOfflineTokensForbidden}, decide.Stalled, v1alpha1.ReasonOCMOfflineTokensForbidden, true, "ask the organisation's administrator"},
	{&ocm.Error{Kind: ocm.OCMForbidden}, decide.Stalled, v1alpha1.ReasonOCMForbidden, true, "contact Red Hat support"},
	{&ocm.Error{Kind: ocm.OCMUnauthorized}, decide.Failing, v1alpha1.ReasonOCMUnauthorized, false, "The operator will retry"},
	{&ocm.Error{Kind: ocm.OCMUnavailable}, decide.Failing, v1alpha1.ReasonOCMUnavailable, false, "The operator will retry"},
	{&ocm.Error{Kind: ocm.OCMRateLimited}, decide.Failing, v1alpha1.ReasonOCMRateLimited, false, "The operator will retry"},
	{&ocm.Error{Kind: ocm.ClockSkew}, decide.Failing, v1alpha1.ReasonClockSkew, false, "chronyc"},
	{&ocm.Error{Kind: ocm.MalformedAnswer, Message: "the operator will retry"}, decide.Failing, v1alpha1.ReasonMalformedAnswer, false, ""},
	{&ocm.Error{Kind: ocm.NotFound}, decide.Failing, v1alpha1.ReasonOCMForbidden, false, ""},
	{&ocm.Error{Kind: ocm.InvalidSpec}, decide.Stalled, v1alpha1.ReasonInvalidSpec, false, ""},
	{missingCredential("the Secret is not there"), decide.Stalled, v1alpha1.ReasonOCMCredentialMissing, false, "Put an offline token"},
	{errClusterTokenDead, decide.Stalled, v1alpha1.ReasonClusterTokenDead, true, "spec.ocm.credentialsSecretRef"},
	{errors.Join(errAnswerLost, &ocm.Error{Kind: ocm.OCMUnavailable}), decide.Progressing, v1alpha1.ReasonRotationStarted, false, "does not send another until"},
	{&forbiddenError{"Grant it with: oc"}, decide.Stalled, v1alpha1.ReasonForbidden, false, "oc"},
	{apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "pull-secret", errors.New(noRight)), decide.Stalled, v1alpha1.ReasonForbidden, true, "docs/security.md"},
	{errors.New("something else"), decide.Failing, v1alpha1.ReasonInternalError, false, "will retry"},
}

func TestJudgeError_EachKindHasItsStateReasonAdviceAndRhythm(t *testing.T) {
	for _, f := range failures {
		t.Run(f.reason, func(t *testing.T) {
			err := f.err
			var e *ocm.Error
			if errors.As(err, &e) && !errors.Is(err, errAnswerLost) {
				err = advised(e, "operator/ocm")
			}
			d := judgeError(err, 1, &testOptions().Timing)
			if d.Step != decide.Wait || d.State != f.state || d.Reason != f.reason {
				t.Errorf("got %s %s %s, want %s %s", d.Step, d.State, d.Reason, f.state, f.reason)
			}
			if d.Phase == "" || !strings.Contains(d.Message, f.says) {
				t.Errorf("phase %q, message %q does not say %q", d.Phase, d.Message, f.says)
			}
			if person := d.After >= decide.RecheckForPeople; person != f.person || d.After <= 0 {
				t.Errorf("the next reconcile is in %s", d.After)
			}
		})
	}
}

func TestJudgeError_KnowsEveryKindOfTheClient(t *testing.T) {
	covered := map[ocm.Kind]bool{}
	for _, f := range failures {
		var e *ocm.Error
		if errors.As(f.err, &e) {
			covered[e.Kind] = true
		}
	}
	for _, kind := range []ocm.Kind{ocm.InvalidSpec, ocm.OCMCredentialMissing, ocm.OCMTokenExpired, ocm.OCMClientRefused, ocm.OCMOfflineTokensForbidden,
		ocm.OCMUnauthorized, ocm.OCMForbidden, ocm.OCMUnavailable, ocm.OCMRateLimited, ocm.ClockSkew, ocm.MalformedAnswer, ocm.NotFound} {
		if !covered[kind] {
			t.Errorf("no test says what becomes of %s", kind)
		}
	}
}

func TestJudgeError_BacksOffAndNeverBeyondThePoll(t *testing.T) {
	o := testOptions()
	before := time.Duration(0)
	for failures := 1; failures <= 40; failures++ {
		d := judgeError(&ocm.Error{Kind: ocm.OCMUnavailable}, failures, &o.Timing)
		if d.After < before || d.After > o.PollMax || d.After <= 0 {
			t.Fatalf("after %d failures it waits %s, before %s", failures, d.After, before)
		}
		before = d.After
	}
	if before != o.PollMax {
		t.Errorf("it ends at %s, want %s", before, o.PollMax)
	}
}

func TestJudgeError_TakesTheServiceAtItsWordAboutPatience(t *testing.T) {
	for _, kind := range []ocm.Kind{ocm.OCMRateLimited, ocm.OCMUnavailable} {
		d := judgeError(fmt.Errorf("asking: %w", &ocm.Error{Kind: kind, RetryAfter: 3 * time.Hour}), 1, &testOptions().Timing)
		if d.After != 3*time.Hour {
			t.Errorf("%s with Retry-After of 3 h is retried after %s", kind, d.After)
		}
	}
}
