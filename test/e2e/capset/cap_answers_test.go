package capset

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
)

// Whatever CAP answers for one role, its Secrets keep the credential that works, the reason is told for that role, and the
// other role is refreshed as if nothing were wrong.
func TestCAP_NoBadAnswerReachesASecret(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	for _, tc := range []struct {
		fault cap.Fault
		// reason is that of the rows whose role has the fault.
		reason string
	}{
		{cap.Fault{Kind: cap.FaultHTML}, v1alpha1.ReasonAuthenticationRefused},
		{cap.Fault{Kind: cap.FaultBadRequest}, v1alpha1.ReasonRequestRejected},
		{cap.Fault{Kind: cap.FaultForbidden}, v1alpha1.ReasonRoleRefused},
		{cap.Fault{Kind: cap.FaultDisabled}, v1alpha1.ReasonAPIDisabled},
		{cap.Fault{Kind: cap.FaultEmpty}, v1alpha1.ReasonMalformedCredential},
		{cap.Fault{Kind: cap.FaultHuge}, v1alpha1.ReasonMalformedCredential},
		{cap.Fault{Kind: cap.FaultTruncated}, v1alpha1.ReasonMalformedCredential},
		{cap.Fault{Kind: cap.FaultExpired}, v1alpha1.ReasonCredentialExpired},
		{cap.Fault{Kind: cap.FaultNewline, Field: "AccessKeyId"}, v1alpha1.ReasonUnsafeCredential},
		{cap.Fault{Kind: cap.FaultNewline, Field: "SecretAccessKey"}, v1alpha1.ReasonUnsafeCredential},
		{cap.Fault{Kind: cap.FaultNewline, Field: "SessionToken"}, v1alpha1.ReasonUnsafeCredential},
		{cap.Fault{Kind: cap.FaultServerError}, v1alpha1.ReasonCAPUnavailable},
		{cap.Fault{Kind: cap.FaultBadGateway}, v1alpha1.ReasonCAPUnavailable},
		{cap.Fault{Kind: cap.FaultRateLimited, RetryAfter: "1"}, v1alpha1.ReasonCAPUnavailable},
		{cap.Fault{Kind: cap.FaultDisconnect}, v1alpha1.ReasonCAPUnavailable},
		{cap.Fault{Kind: cap.FaultWrongShape}, v1alpha1.ReasonMalformedCredential},
		{cap.Fault{Kind: cap.FaultNullKeys}, v1alpha1.ReasonMalformedCredential},
		{cap.Fault{Kind: cap.FaultEmptyKeys}, v1alpha1.ReasonMalformedCredential},
		{cap.Fault{Kind: cap.FaultTextPlain}, v1alpha1.ReasonAuthenticationRefused},
		{cap.Fault{Kind: cap.FaultRedirect}, v1alpha1.ReasonAuthenticationRefused},
	} {
		t.Run(string(tc.fault.Kind)+tc.fault.Field, func(t *testing.T) {
			w := w.sub(t)
			before := w.contents(machineRole)
			tc.fault.Role = machineRole
			must(t, w.cap.Break(tc.fault))
			defer w.cap.Heal()
			requested := w.requestRefresh()

			w.eventually("the rows of the broken role say why, and the others are refreshed", func(ctx context.Context) error {
				set, err := w.read(ctx)
				if err != nil {
					return err
				}
				for _, row := range set.Status.Targets {
					switch {
					case row.Role == machineRole && row.Result != tc.reason:
						return fmt.Errorf("%s/%s of the broken role says %s, want %s", row.Namespace, row.Name, row.Result, tc.reason)
					case row.Role != machineRole && (row.Result != v1alpha1.ReasonFresh || row.RefreshedAt.Time.Before(requested)):
						return fmt.Errorf("%s/%s of the good role says %s, refreshed at %s", row.Namespace, row.Name, row.Result, row.RefreshedAt)
					}
				}
				return nil
			})
			if diff := cmp.Diff(before, w.contents(machineRole)); diff != "" {
				t.Error("a Secret of the broken role has changed") // The difference would show secrets.
			}
		})
	}

	w.cap.Heal()
	w.requestRefresh()
	w.eventuallyFresh()
}
