package decide

import (
	"fmt"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Judge sorts the answers: refused is evidence against the credential; unknown is not, but holds back the entry of a Required registry.
func Judge(checks []Check) (refused, unknown []string) {
	for _, c := range checks {
		said := c.said()
		switch {
		case c.Policy == v1alpha1.VerificationSkip || c.Result.Outcome == Accepted:
		case c.Result.Outcome == NotFound && !c.Named: // the login works, and the image was only our guess
		case c.Result.Outcome.Refused():
			refused = append(refused, said)
		case c.Policy == v1alpha1.VerificationRequired:
			unknown = append(unknown, said)
		}
	}
	return refused, unknown
}

// said describes an answer. It names the target unless it is the first, and the registry once.
func (c Check) said() string {
	if c.Target != "" {
		return fmt.Sprintf("%s in %s: %s", c.Registry, c.Target, c.Result.Message)
	}
	if strings.HasPrefix(c.Result.Message, c.Registry+" ") {
		return c.Result.Message
	}
	return fmt.Sprintf("%s: %s", c.Registry, c.Result.Message)
}

// retryAfter is the longest Retry-After of the registries.
func retryAfter(checks []Check) time.Duration {
	var longest time.Duration
	for _, c := range checks {
		longest = max(longest, c.Result.RetryAfter)
	}
	return longest
}
