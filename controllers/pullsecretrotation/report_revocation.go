package pullsecretrotation

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// reportRevocation says whether the credentials that the last rotation replaced are dead, which other clusters may delay for days. Those
// of an earlier one that should have been dead for long come first.
func (s *scope) reportRevocation() {
	set := func(status metav1.ConditionStatus, reason, message string) {
		conditions.Set(s.obj, v1alpha1.ConditionOldCredentialsRevoked, status, reason, message)
	}
	r := s.rotation()
	if r == nil && len(s.obj.Status.History) > 0 {
		r = &s.obj.Status.History[0]
	}
	if late := s.acceptedForLong(); late != nil {
		r = late
	}
	switch {
	case r == nil || r.AppliedAt == nil:
		if c := meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionOldCredentialsRevoked); c != nil && r != nil && r.ID != "" {
			conditions.Remove(s.obj, v1alpha1.ConditionOldCredentialsRevoked)
		}
	case r.RevokedAt != nil:
		set(s.proof(r))
	case s.rotation() == nil:
		set(metav1.ConditionUnknown, v1alpha1.ReasonRevocationUnknown,
			fmt.Sprintf("OCM no longer lists rotation %s, so it is unknown whether the credentials that it replaced are deleted. Ask Red Hat support, and name the rotation.", r.ID))
	default:
		set(metav1.ConditionUnknown, v1alpha1.ReasonAwaitingRevocation,
			fmt.Sprintf("OCM keeps the credentials that rotation %s replaces until every cluster of the account has switched. Until then they work for everybody who has them.", r.ID))
	}
}

// acceptedForLong is a rotation on record whose old credentials a registry accepts although they should have been dead for long.
func (s *scope) acceptedForLong() *v1alpha1.RotationStatus {
	list := s.records()
	i := slices.IndexFunc(list, func(r *v1alpha1.RotationStatus) bool {
		accepted, _ := decide.StillAccepted(r)
		return len(accepted) > 0 && r.RevocationProvenAt == nil && s.r.Options.Overdue(r)
	})
	if i < 0 {
		return nil
	}
	return list[i]
}

// proof is what is known of the credentials that OCM says it has deleted.
func (s *scope) proof(r *v1alpha1.RotationStatus) (status metav1.ConditionStatus, reason, message string) {
	accepted, unasked := decide.StillAccepted(r)
	switch {
	case r.RevocationProvenAt != nil:
		return metav1.ConditionTrue, v1alpha1.ReasonRevocationProven,
			fmt.Sprintf("Every registry refuses the credentials that rotation %s replaced. This was proven at %s.", r.ID, decide.OnTheClock(r.RevocationProvenAt.Time))
	case len(accepted) > 0 && s.r.Options.Overdue(r):
		return metav1.ConditionFalse, v1alpha1.ReasonOldCredentialsAccepted, s.stillAccepted(r, accepted)
	case len(accepted) > 0:
		return metav1.ConditionFalse, v1alpha1.ReasonRevocationSpreading,
			fmt.Sprintf("%s still accepts the credential that rotation %s replaced and OCM deleted at %s. The deletion may take time to propagate. The operator checks again, and warns if this lasts beyond %s.",
				strings.Join(accepted, ", "), r.ID, decide.OnTheClock(r.RevokedAt.Time), decide.OnTheClock(r.RevokedAt.Add(s.r.Options.ProofPatience)))
	case len(unasked) > 0:
		return metav1.ConditionUnknown, v1alpha1.ReasonRevocationUnproven,
			fmt.Sprintf("OCM reports the credentials that rotation %s replaced as deleted, which is not confirmed: %s could not be reached, or gave no clear answer. The operator will retry.",
				r.ID, strings.Join(unasked, ", "))
	case r.BackupSecret != "":
		return metav1.ConditionUnknown, v1alpha1.ReasonRevocationUnproven,
			fmt.Sprintf("OCM reports the credentials that rotation %s replaced as deleted. The registries have not been asked about them yet.", r.ID)
	default:
		return metav1.ConditionUnknown, v1alpha1.ReasonRevocationUnproven,
			fmt.Sprintf("OCM reports the credentials that rotation %s replaced as deleted. The operator has none of them to check at the registries, so this cannot be confirmed.", r.ID)
	}
}

// stillAccepted names what accepts a credential that should be dead.
func (s *scope) stillAccepted(r *v1alpha1.RotationStatus, accepted []string) string {
	return fmt.Sprintf("%s still accepts the credential that rotation %s replaced, although OCM reported it as deleted at %s: whoever has it can pull with it. "+
		"Open a support case with Red Hat that names the rotation and the registry. The operator checks again daily.", strings.Join(accepted, ", "), r.ID, decide.OnTheClock(r.RevokedAt.Time))
}
