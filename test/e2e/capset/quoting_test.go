package capset

import (
	"context"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// Whatever the API server says of a refused write: the search for canaries at the test's end finds none of it. The log is at its
// most verbose level.
func TestWriting_APolicyThatQuotesTheSecretReachesNothing(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	lift, err := harness.QuoteRefusals(t.Context(), w.client, machineSecret)
	must(t, err)
	lifted := false
	t.Cleanup(func() {
		if !lifted {
			must(t, lift(context.Background()))
		}
	})
	w.start()
	w.create()
	row := w.eventuallyRow(machineNamespace, machineSecret, v1alpha1.ReasonWriteRefused)
	if row.Message == "" {
		t.Error("the row does not say what is wrong")
	}
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "6/7")
	must(t, lift(t.Context()))
	lifted = true
	w.eventuallyRefreshed(w.requestRefresh())
}
