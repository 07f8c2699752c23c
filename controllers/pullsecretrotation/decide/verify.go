package decide

import (
	"fmt"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// verifying asks the registries about the new credentials before anything is written.
func verifying(in Input, d Due) Decision {
	r := in.Status.Rotation
	if in.Facts.Issued == nil {
		return Do(LookAtIssued)
	}
	if !in.Facts.Issued.Present {
		return awaitingIssue(in, d) // a follower's offer has ended
	}
	if !in.Facts.Issued.SameAsIssued {
		return receive(in)
	}
	if in.Facts.Checks == nil {
		return Do(CheckIssued)
	}
	refused, unknown := Judge(in.Facts.Checks)
	// Each retry asks OCM once and every registry: less often the longer it takes.
	retry := max(schedule.PollInterval(in.Now.Sub(r.IssuedAt.Time), in.Timing.VerifyRetry, in.Timing.PollMax), patience(in.Facts.Checks))
	switch {
	case len(refused) == 0 && len(unknown) == 0:
		return Do(MarkVerified)
	case len(refused) > 0 && in.Now.Sub(r.IssuedAt.Time) < in.Timing.VerifyDeadline:
		return Waiting(Progressing, v1alpha1.ReasonVerifying, "Verifying new credentials",
			fmt.Sprintf("The new credentials are not accepted everywhere yet: %s. They may need time to spread; until %s a refusal does not count. Nothing was written.",
				strings.Join(refused, "; "), OnTheClock(r.IssuedAt.Add(in.Timing.VerifyDeadline))), retry)
	case len(refused) > 0:
		return Waiting(Failing, v1alpha1.ReasonCredentialsRefused, "New credentials refused",
			fmt.Sprintf("The new credentials are refused: %s. Nothing was written; the pull secret in use keeps working until OCM revokes it. Retried; if it stays, open a "+
				"support case with Red Hat that names rotation %s, or set spec.verification for that registry.", strings.Join(refused, "; "), r.ID), retry)
	default:
		return Waiting(Failing, v1alpha1.ReasonVerificationIncomplete, "Verifying new credentials",
			fmt.Sprintf("The new credentials could not be verified: %s. Nothing was written; the pull secret in use keeps working until OCM revokes it. Check the way from this cluster to "+
				"the registry, or set its policy in spec.verification to BestEffort or Skip.", strings.Join(unknown, "; ")), retry)
	}
}

// Judge sorts the answers: refused is evidence against the credential, unknown is none but holds a Required registry back.
func Judge(checks []Check) (refused, unknown []string) {
	for _, c := range checks {
		said := fmt.Sprintf("%s: %s", c.Registry, c.Result.Message)
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

// patience is how long the registries ask to be left alone.
func patience(checks []Check) time.Duration {
	var longest time.Duration
	for _, c := range checks {
		longest = max(longest, c.Result.RetryAfter)
	}
	return longest
}
