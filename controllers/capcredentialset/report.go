package capcredentialset

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/cap"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/statuspatch"
)

// report is the only exit of a round: status, conditions, events and metrics, with at most one patch, and none if nothing has changed.
func (r *reconciler) report(ctx context.Context, s *scope) error {
	before := s.set.DeepCopy()
	s.fillStatus()
	s.setReady()
	s.setSuspended()
	s.setSpecMatches()
	s.remarkOnLateness()
	s.remarkOnRequest()
	s.noteRequest(r.now())
	s.setCertificateValid(r.now(), r.certificateRef(s.set).String())
	r.setSecondWriter(s)
	s.setUpgradeReady()
	s.setClockSkewed()
	s.setExpiryDoubtful()
	gauge(s)
	r.tell(s, before)
	if s.postponed = r.postpone(before, s); s.postponed > 0 {
		return nil
	}
	return r.patchStatus(ctx, s, before)
}

// patchPause is the interval between two patches that differ only in future times.
const patchPause = 10 * time.Second

// postpone is how long a status waits that differs from the previous one only in the times of retries.
func (r *reconciler) postpone(before *v1alpha1.CAPCredentialSet, s *scope) time.Duration {
	wait := patchPause - r.now().Sub(s.patched)
	if wait <= 0 || wait > patchPause || equality.Semantic.DeepEqual(before.Status, s.set.Status) {
		return 0
	}
	if !equality.Semantic.DeepEqual(timeless(&before.Status), timeless(&s.set.Status)) {
		return 0
	}
	return wait
}

// timeless is a status without future times.
func timeless(status *v1alpha1.CAPCredentialSetStatus) *v1alpha1.CAPCredentialSetStatus {
	status = status.DeepCopy()
	status.NextRefresh = nil
	for i := range status.Targets {
		status.Targets[i].NextRefresh = nil
	}
	return status
}

// reportBlind reports that a round could not judge the Secrets. Their rows in the status stay.
func (r *reconciler) reportBlind(ctx context.Context, s *scope, cause error) error {
	before := s.set.DeepCopy()
	words := "The key of the content hash cannot be read or created: " + apierr.Words(cause)
	defer gaugeReady(s.set)
	conditions.Failing(s.set, v1alpha1.ReasonInternalError, words+". Nothing is fetched or written until then."+s.firstExpiry())
	return r.patchStatus(ctx, s, before)
}

// patchStatus writes the status if it has changed. The optimistic lock keeps a process that is no longer the leader from writing over what the new
// one has reported.
func (r *reconciler) patchStatus(ctx context.Context, s *scope, before *v1alpha1.CAPCredentialSet) error {
	patch, err := statuspatch.New(before.ResourceVersion, before.Status, s.set.Status)
	if patch == nil || err != nil {
		return err
	}
	if err := r.client.Status().Patch(ctx, s.set, patch); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the status: %w", err)
	}
	s.seen, s.patched = s.set.DeepCopy(), r.now()
	return nil
}

// setCertificateValid sets the condition of the client certificate, well before it expires.
func (s *scope) setCertificateValid(now time.Time, secret string) {
	const condition = v1alpha1.ConditionClientCertificateValid
	switch {
	case s.certificateErr != nil:
		conditions.Set(s.set, condition, metav1.ConditionFalse, string(s.certificateErr.Reason),
			fmt.Sprintf("Secret %s: %s.", secret, s.certificateErr.Message))
	case s.certificate.ExpiringSoon(now):
		conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonCertificateExpiring,
			fmt.Sprintf("The client certificate in Secret %s expires at %s. After that no credential can be fetched. Renew it and replace it in "+
				"the Secret; no restart is needed.",
				secret, s.certificate.NotAfter.UTC().Format(time.RFC3339)))
	default:
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonCertificateValid,
			"It is valid until "+s.certificate.NotAfter.UTC().Format(time.RFC3339)+".")
	}
}

// setClockSkewed reports that this cluster's clock and CAP's disagree. A process that has not asked CAP yet keeps the last report.
func (s *scope) setClockSkewed() {
	const condition = v1alpha1.ConditionClockSkewed
	if s.portal.client == nil {
		return
	}
	switch skew, known := s.portal.client.Skew(); {
	case !known:
	case skew == 0:
		conditions.Remove(s.set, condition)
	default:
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonClockSkew, fmt.Sprintf(
			"CAP's clock is %s this cluster's. Expiries are converted from CAP's clock, so refreshes come in time, but AWS refuses requests if a "+
				"clock is minutes off. Fix time synchronisation (chrony) on the machines of this cluster; if it is correct, tell CAP's "+
				"administrators.", cap.DescribeSkew(skew)))
	}
}

// setExpiryDoubtful reports the Secrets whose expiry is uncertain although CAP gives one.
func (s *scope) setExpiryDoubtful() {
	var refs []types.NamespacedName
	for i := range s.plan.Rows {
		if row := &s.plan.Rows[i]; row.Expiry == v1alpha1.ExpiryUnreadable || row.Expiry == v1alpha1.ExpiryZoneless {
			refs = append(refs, row.Ref)
		}
	}
	if len(refs) == 0 {
		conditions.Remove(s.set, v1alpha1.ConditionExpiryDoubtful)
		return
	}
	conditions.Set(s.set, v1alpha1.ConditionExpiryDoubtful, metav1.ConditionTrue, v1alpha1.ReasonExpiryUnreadable, fmt.Sprintf(
		"CAP gives the expiry of the credentials in %s in an unknown form, or without a time zone. They are refreshed early, by "+
			"spec.refresh.assumedLifetime. Set it to the lifetime of CAP's credentials, and tell CAP's administrators.", listed(names(refs))))
}
