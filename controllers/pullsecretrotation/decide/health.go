package decide

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// proveInUse checks the pull secret in use with the registries whenever that is due.
var proveInUse = chain{
	{why: "the health check is due", when: all(healthIsDue, canaryUsable), needs: []*need{needChecks}, check: does(RecordHealth)},
}

func healthIsDue(in Input) bool { return !in.Now.Before(nextHealthCheck(in)) }

const (
	// recheckRefused is how soon a refused pull secret is checked again: whoever fixes it wants to see the result, and a check costs OCM two
	// requests.
	recheckRefused = 5 * time.Minute
	// recheckUnproven and recheckUnready are how soon a registry is asked again that could not tell: soon after a moment of trouble, and seldom
	// while it lasts. A check costs OCM two requests.
	recheckUnproven = time.Minute
	recheckUnready  = 30 * time.Minute
	// longestHealthInterval is the schema's bound: a rotation must be noticed well within the five days for which OCM waits for a
	// cluster.
	longestHealthInterval = 48 * time.Hour
)

// HealthInterval is how often the pull secret in use is checked.
func HealthInterval(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.HealthCheckInterval == nil {
		return 6 * time.Hour // the schema's default
	}
	return min(spec.HealthCheckInterval.Duration, longestHealthInterval)
}

// nextHealthCheck comes sooner than in the spec while a registry refuses the pull secret in use.
func nextHealthCheck(in Input) time.Time {
	interval, last := HealthInterval(in.Spec), in.Status.LastHealthCheck
	if refusedInUse(in.Status) != nil {
		interval = min(interval, recheckRefused)
	}
	if len(unprovable(in)) > 0 {
		interval = min(interval, recheckUnprovable(in))
	}
	if in.Unproven || last == nil || last.After(in.Now) { // setting the clock back must not postpone the check
		return in.Now
	}
	return last.Add(interval)
}

// recheckUnprovable grows with the time for which a Required registry has not been able to tell, by the last health check. The account's other
// clusters may have the same trouble, so among many it begins with their period.
func recheckUnprovable(in Input) time.Duration {
	last := in.Status.LastHealthCheck
	if last == nil {
		return recheckUnproven
	}
	lasted := time.Duration(0)
	for _, r := range in.Status.Registries {
		if isUnprovable(r) && r.Since != nil {
			lasted = max(lasted, last.Sub(r.Since.Time))
		}
	}
	return schedule.PollInterval(lasted, min(max(recheckUnproven, lookPeriod(in)), recheckUnready), recheckUnready)
}

// refusedInUse is the condition that reports a refusal; nil while no registry is known to refuse the pull secret in use.
func refusedInUse(s *v1alpha1.PullSecretRotationStatus) *metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPullSecretValid); c != nil && c.Status == metav1.ConditionFalse {
		return c
	}
	return nil
}
