package decide

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A moment of trouble costs a minute, a day of it costs OCM two requests each half an hour, and a fleet does not ask all together.
func TestHealth_ARegistryThatCannotTellIsAskedAgainSoonAndThenSeldom(t *testing.T) {
	for _, row := range []struct {
		name     string
		lasted   time.Duration // at the last health check
		clusters int32
		policy   v1alpha1.VerificationPolicy
		result   Outcome
		want     time.Duration
	}{
		{"since this check", 0, 1, v1alpha1.VerificationRequired, RateLimited, time.Minute},
		{"for twenty minutes", 20 * time.Minute, 1, v1alpha1.VerificationRequired, Unreachable, 5 * time.Minute},
		{"for a day", 24 * time.Hour, 1, v1alpha1.VerificationRequired, TLSError, 30 * time.Minute},
		{"among fifty clusters", 0, 50, v1alpha1.VerificationRequired, Unreachable, time.Minute},
		{"among five hundred clusters", 0, 500, v1alpha1.VerificationRequired, Unreachable, 500 * time.Second},
		{"among thousands", 0, 5000, v1alpha1.VerificationRequired, Unreachable, 30 * time.Minute},
		{"whose word is not required", 0, 1, v1alpha1.VerificationBestEffort, Unreachable, 6 * time.Hour},
		{"that tells", 0, 1, v1alpha1.VerificationRequired, Accepted, 6 * time.Hour},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := dueInput()
			last := in.Status.LastHealthCheck.Time
			in.Status.Siblings = &v1alpha1.SiblingsStatus{CountedAt: *TimePtr(in.Now), Clusters: ptr.To(row.clusters)}
			in.Status.Registries = []v1alpha1.RegistryStatus{{Registry: "quay.io", Result: string(row.result), Policy: row.policy, Since: TimePtr(last.Add(-row.lasted))}}
			if got := nextHealthCheck(in).Sub(last); got != row.want {
				t.Errorf("it is asked again after %s, want %s", got, row.want)
			}
		})
	}
}
