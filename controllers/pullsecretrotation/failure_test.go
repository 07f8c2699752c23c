package pullsecretrotation

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

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
	{apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "pull-secret", errors.New(noRight)), decide.Stalled, v1alpha1.ReasonForbidden, false, "docs/security.md"},
	{apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, "backup", errors.New("exceeded quota")), decide.Stalled, v1alpha1.ReasonTargetInvalid, false, "one that is under way does not continue"},
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

// limitedAt is a cluster at a position among others, with a clock that all of them share.
func limitedAt(clock *clocktesting.FakeClock, clusters, position int) *scope {
	o := testOptions()
	o.Clock = clock
	obj := &v1alpha1.PullSecretRotation{Spec: v1alpha1.PullSecretRotationSpec{OCM: v1alpha1.OCMSpec{CredentialsSecretRef: &v1alpha1.LocalReference{Name: "ocm"}}}}
	obj.Status.ClusterID = crowdID(position)
	obj.Status.Siblings = &v1alpha1.SiblingsStatus{CountedAt: metav1.NewTime(clock.Now()), Clusters: ptr.To(int32(clusters)), Position: ptr.To(int32(position))}
	return &scope{obj: obj, r: &Reconciler{Options: *o}, memory: &memory{}, clients: &clients{}}
}

// All clusters of an account are refused in the same second. Each waits for as long as OCM says, and longer each time that it is refused again, and
// comes back in a second of its own.
func TestFailure_PausesAfterA429GrowAndNoTwoClustersEndThemTogether(t *testing.T) {
	const fleet = 50
	period := time.Duration(fleet) * testOptions().LookPace
	for _, retryAfter := range []time.Duration{0, 7 * time.Second, 20 * time.Minute, 5 * time.Hour} {
		t.Run(retryAfter.String(), func(t *testing.T) {
			clock := clocktesting.NewFakeClock(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
			scopes := []*scope{}
			for i := range fleet {
				scopes = append(scopes, limitedAt(clock, fleet, i))
			}
			alone := limitedAt(clock, 1, 0)
			for failures := 1; failures <= 14; failures++ {
				refusal := &ocm.Error{Kind: ocm.OCMRateLimited, RetryAfter: retryAfter, Message: "OCM is rate limiting requests"}
				pause := alone.failure(refusal).After
				if want := max(retryAfter, min(15*time.Second<<(failures-1), 40*time.Minute)); pause != want {
					t.Fatalf("after %d refusals a single cluster waits %s, want %s", failures, pause, want)
				}
				ends := map[time.Duration]int{}
				for i, s := range scopes {
					after := s.failure(refusal).After
					if after < pause || after > pause+period {
						t.Fatalf("after %d refusals cluster %d waits %s, want from %s to a period more", failures, i, after, pause)
					}
					if other, taken := ends[after.Truncate(time.Second)]; taken {
						t.Fatalf("after %d refusals clusters %d and %d both come back in the second %s", failures, i, other, after)
					}
					ends[after.Truncate(time.Second)] = i
					if s.memory.retryAfter.Before(clock.Now().Add(retryAfter)) {
						t.Fatalf("another cause asks OCM at %s already", s.memory.retryAfter)
					}
				}
				clock.Step(pause + 2*period)
			}
		})
	}
}
