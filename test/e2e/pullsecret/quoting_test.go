package pullsecret

import (
	"context"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// The text of a refused write must appear nowhere: the search for canaries at the test's end covers it. The log is at its most
// verbose level.
func TestARefusalThatQuotesThePullSecretDoesNotLeak(t *testing.T) {
	w := newWorld(t, settings{})
	lift, err := harness.QuoteRefusals(t.Context(), cp.Client, "pull-secret")
	w.must(err)
	lifted := false
	t.Cleanup(func() {
		if !lifted {
			w.must(lift(context.Background()))
		}
	})
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitFor("the message names the refused write", func(r *v1alpha1.PullSecretRotation) bool {
		return r.Status.Rotation != nil && r.Status.Rotation.VerifiedAt != nil && r.Status.Rotation.AppliedAt == nil &&
			strings.Contains(r.Status.WaitingFor, "openshift-config/pull-secret")
	})
	w.must(lift(t.Context()))
	lifted = true
	w.waitFor("it is written", func(r *v1alpha1.PullSecretRotation) bool { return r.Status.Rotation.AppliedAt != nil })
}
