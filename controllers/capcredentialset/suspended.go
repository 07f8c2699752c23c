package capcredentialset

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// setSuspended reports that the operator does nothing, and why.
func (s *scope) setSuspended() {
	if !s.set.Spec.Suspend {
		conditions.Remove(s.set, v1alpha1.ConditionSuspended)
		return
	}
	conditions.Set(s.set, v1alpha1.ConditionSuspended, metav1.ConditionTrue, v1alpha1.ReasonSuspended, s.hold.Message+s.firstExpiry())
}

// keepReady keeps the last Ready condition of a suspended set until a credential has expired. Nothing is reconciling.
func (s *scope) keepReady() {
	last := meta.FindStatusCondition(s.set.Status.Conditions, v1alpha1.ConditionReady)
	conditions.Remove(s.set, v1alpha1.ConditionReconciling)
	switch expired := s.set.Status.Expired; {
	case expired > 0:
		conditions.Remove(s.set, v1alpha1.ConditionStalled)
		conditions.Set(s.set, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended,
			fmt.Sprintf("%d of %d credentials have expired while spec.suspend is true. Set it to false to refresh them.", expired, len(s.plan.Rows)))
	case last == nil || last.Reason == v1alpha1.ReasonSuspended:
		conditions.Remove(s.set, v1alpha1.ConditionStalled)
		conditions.Set(s.set, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonSuspended, s.hold.Message)
	default:
		conditions.Set(s.set, v1alpha1.ConditionReady, last.Status, last.Reason, last.Message)
	}
}
