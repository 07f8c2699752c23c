package capset

import (
	"context"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// The text of a refused write must appear nowhere: the search for canaries at the test's end covers it. The log is at its most
// verbose level.
func TestWriting_ARefusalThatQuotesTheSecretDoesNotLeak(t *testing.T) {
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
		t.Error("the row does not show the failure")
	}
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "6/7")
	must(t, lift(t.Context()))
	lifted = true
	w.eventuallyRefreshed(w.requestRefresh())
}
