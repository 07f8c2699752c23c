package decide

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file reads the targets: which are usable, and their rows in the status.

// canaryUsable is true if the first target, which is written first, is usable.
func canaryUsable(in Input) bool { return in.Facts.Targets[0].Problem == "" }

// brokenCanary is for an unusable first target: then no rotation begins, because its result could not be used. Other unusable targets do not hold
// up the rest.
func brokenCanary(in Input) *Decision {
	if canaryUsable(in) {
		return nil
	}
	t := in.Facts.Targets[0]
	return decided(Waiting(Stalled, t.Problem, "Held back by a target", t.Message, recheckTarget(t)))
}

// lacksRight is true if a target was unusable because of a missing right.
func lacksRight(s *v1alpha1.PullSecretRotationStatus) bool {
	return slices.ContainsFunc(s.Targets, func(t v1alpha1.TargetStatus) bool { return t.Result == v1alpha1.ReasonForbidden })
}

// recheckTarget is how often a broken target is rechecked without an event: a change of the Secret causes an event, granting a right does not.
func recheckTarget(t TargetFact) time.Duration {
	if t.Problem == v1alpha1.ReasonForbidden {
		return time.Minute
	}
	return RecheckForPeople
}

// brokenTarget is the first unusable target.
func brokenTarget(in Input) (TargetFact, bool) {
	for _, t := range in.Facts.Targets {
		if t.Problem != "" {
			return t, true
		}
	}
	return TargetFact{}, false
}

// TargetRow is a target's row in the status, or nil.
func TargetRow(s *v1alpha1.PullSecretRotationStatus, ref v1alpha1.SecretReference) *v1alpha1.TargetStatus {
	for i := range s.Targets {
		if t := &s.Targets[i]; t.Namespace == ref.Namespace && t.Name == ref.Name {
			return t
		}
	}
	return nil
}

// Applied is true for a target that has had the new credentials; one that was unusable until now gets them late.
func Applied(t *v1alpha1.TargetStatus) bool {
	return t != nil && (t.Result == v1alpha1.ReasonPullSecretUpdated || t.Result == v1alpha1.ReasonAlreadyCurrent || t.Result == v1alpha1.ReasonEntryHealed)
}

// TimePtr converts a time to the status' type.
func TimePtr(t time.Time) *metav1.Time {
	m := metav1.NewTime(t)
	return &m
}
