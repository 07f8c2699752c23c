package decide

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Judge sorts the answers: refused is evidence against the credential, unknown is none but holds a Required registry back.
func Judge(checks []Check) (refused, unknown []string) {
	for _, c := range checks {
		said := c.said()
		switch {
		case c.Policy == v1alpha1.VerificationSkip || c.Result.Outcome == Accepted:
		case c.Result.Outcome == NotFound && !c.Named: // the login is good, and the image was only our guess
		case c.Result.Outcome.Refused():
			refused = append(refused, said)
		case c.Policy == v1alpha1.VerificationRequired:
			unknown = append(unknown, said)
		}
	}
	return refused, unknown
}

// said is an answer in words. It names the target when that is not the first.
func (c Check) said() string {
	if c.Target != "" {
		return fmt.Sprintf("%s in %s: %s", c.Registry, c.Target, c.Result.Message)
	}
	return fmt.Sprintf("%s: %s", c.Registry, c.Result.Message)
}

// retryAfter is how long the registries ask to be left alone.
func retryAfter(checks []Check) time.Duration {
	var longest time.Duration
	for _, c := range checks {
		longest = max(longest, c.Result.RetryAfter)
	}
	return longest
}
