package decide

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// proveInUse asks the registries about what is in use when that is due, whatever else goes on.
var proveInUse = chain{
	{why: "the health check is due", when: all(healthIsDue, canaryUsable), needs: []*need{needChecks}, check: does(RecordHealth)},
}

func healthIsDue(in Input) bool { return !in.Now.Before(nextHealthCheck(in)) }

const (
	// recheckRefused is how soon a pull secret that a registry refuses is proven again: whoever mends it wants to see that it
	// worked, and it costs OCM two requests.
	recheckRefused = 5 * time.Minute
	// recheckUnready is how soon what holds back a rotation and may pass by itself is looked at again: it costs OCM some requests.
	recheckUnready = 30 * time.Minute
	// longestHealthInterval is the schema's bound: a rotation must be noticed well within the five days for which OCM waits for a
	// cluster.
	longestHealthInterval = 48 * time.Hour
)

// HealthInterval is how often what is in use is proven.
func HealthInterval(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.HealthCheckInterval == nil {
		return 6 * time.Hour // the schema's default
	}
	return min(spec.HealthCheckInterval.Duration, longestHealthInterval)
}

// nextHealthCheck comes sooner than the spec says while a registry refuses what is in use: it is asked whether that has passed.
func nextHealthCheck(in Input) time.Time {
	interval, last := HealthInterval(in.Spec), in.Status.LastHealthCheck
	if refusedInUse(in.Status) != nil {
		interval = min(interval, recheckRefused)
	}
	if len(unprovable(in)) > 0 {
		interval = min(interval, recheckUnready)
	}
	if in.Unproven || last == nil || last.After(in.Now) { // a clock that went back must not put the check off
		return in.Now
	}
	return last.Add(interval)
}

// refusedInUse is the condition that says so; nil while no registry is known to refuse the pull secret in use.
func refusedInUse(s *v1alpha1.PullSecretRotationStatus) *metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionPullSecretValid); c != nil && c.Status == metav1.ConditionFalse {
		return c
	}
	return nil
}
