package pullsecretrotation

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// errTargetChanged marks a target that somebody else wrote at the same time: it is read again at once.
var errTargetChanged = errors.New("the target was changed by somebody else at the same time")

// errTargetAltered marks a target whose content differs from what was just written: a webhook changes it.
var errTargetAltered = errors.New("the API server stored something other than what was written")

// failure decides how to report an error and when to retry.
func (s *scope) failure(err error) decide.Decision {
	if errors.Is(err, errTargetChanged) || apierrors.IsConflict(err) {
		return decide.Decision{Step: decide.Wait, After: time.Second}
	}
	s.memory.failures++
	s.memory.lastPoll = time.Time{} // a failed poll must not delay the next one
	var e *ocm.Error
	_ = errors.As(err, &e)
	switch {
	case decide.UsesOwnToken(&s.obj.Spec) && ocm.IsKind(err, ocm.OCMUnauthorized):
		err = errClusterTokenDead
	case !errors.Is(err, errAnswerLost) && e != nil:
		err = advised(e, s.credentialName())
	}
	d := judgeError(err, s.memory.failures, &s.r.Options.Timing)
	if e != nil {
		d.After = decide.AtItsTurn(s.input(), d.After) // all the account's clusters may have failed together
	}
	s.noteLimit(e, d.After)
	s.log.Info("not done", "reason", d.Reason, "message", d.Message, "retryAfter", d.After.String())
	return d
}

// noteLimit remembers a refusal of OCM or the SSO that asks to wait; e may be nil.
func (s *scope) noteLimit(e *ocm.Error, wait time.Duration) {
	if e == nil || e.RetryAfter == 0 && e.Kind != ocm.OCMRateLimited || s.rateLimited() != nil {
		return
	}
	s.memory.limited, s.memory.limitedAs = e, [2][sha256.Size]byte{s.clients.asks, s.clients.account}
	s.memory.retryAfter = s.now().Add(max(wait, e.RetryAfter))
}

// judgeError is pure. Terminal errors need a person and are rechecked rarely; a change of the credential's Secret is noticed at once. All others
// are retried with exponential backoff.
func judgeError(err error, failures int, o *decide.Timing) decide.Decision {
	backoff := schedule.Doubled(min(15*time.Second, o.PollMin), o.PollMax, failures)
	var e *ocm.Error
	var refused *forbiddenError
	switch {
	case errors.As(err, &refused):
		return decide.Waiting(decide.Stalled, v1alpha1.ReasonForbidden, "Missing a right", refused.Error(), backoff)
	case errors.Is(err, errClusterTokenDead):
		return decide.Waiting(decide.Stalled, v1alpha1.ReasonClusterTokenDead, "Cluster token refused",
			"OCM refuses this cluster's own cloud.openshift.com token (or the pull secret has none), and spec.ocm.credentialsSecretRef is not set, "+
				"so the operator cannot use OCM. The pull secret was not changed. Put an offline token or a service account of the account's owner "+
				"into a Secret in the operator's namespace and name it in "+
				"spec.ocm.credentialsSecretRef.", decide.RecheckForPeople)
	case errors.Is(err, errTargetAltered):
		return decide.Waiting(decide.Stalled, v1alpha1.ReasonTargetInvalid, "Altered by the API server",
			"An admission webhook of this cluster changes what the operator writes to a target, which therefore lacks the new credentials. The "+
				"operator will retry. Exempt the target from that webhook.", backoff)
	case errors.Is(err, errAnswerLost):
		return decide.Waiting(decide.Progressing, v1alpha1.ReasonRotationStarted, "Making sure of the request",
			"A request was sent to OCM, but its answer was lost. The operator does not send another until OCM's list shows whether the first took effect.", backoff)
	case errors.As(err, &e):
		return judgeOCM(e, backoff)
	case apierr.MissingRight(err):
		return decide.Waiting(decide.Stalled, v1alpha1.ReasonForbidden, "Missing a right",
			fmt.Sprintf("The operator lacks a right: %s. Until it has it, no rotation is requested, and one that is under way does not continue. See the "+
				"list of rights in docs/security.md.", apierr.Words(err)), backoff) // no event tells that a right was given back
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
		return decide.Waiting(decide.Stalled, v1alpha1.ReasonTargetInvalid, "Refused by the API server",
			fmt.Sprintf("An admission policy, a webhook or a quota of this cluster refuses an action of the operator: %s. Until it is allowed, no "+
				"rotation is requested, and one that is under way does not continue. See the API server's audit log for what refuses it; the operator will retry.", apierr.Words(err)), backoff)
	default:
		return decide.Waiting(decide.Failing, v1alpha1.ReasonInternalError, "Error", apierr.Words(err)+". The operator will retry.", backoff)
	}
}

func judgeOCM(e *ocm.Error, backoff time.Duration) decide.Decision {
	reason := string(e.Kind)
	switch e.Kind {
	case ocm.OCMUnavailable, ocm.MalformedAnswer, ocm.OCMUnauthorized:
		return decide.Waiting(decide.Failing, reason, "OCM cannot be used", e.Message, max(backoff, e.RetryAfter))
	case ocm.OCMRateLimited:
		return decide.Waiting(decide.Failing, reason, "OCM is rate limiting requests", e.Message, max(backoff, e.RetryAfter))
	case ocm.InvalidSpec, ocm.OCMCredentialMissing:
		// A missing object may be about to be created: a repository is not applied all at once, and ConfigMaps are not watched.
		return decide.Waiting(decide.Stalled, reason, "OCM cannot be used", e.Message, backoff)
	case ocm.ClockSkew:
		return decide.Waiting(decide.Failing, reason, "Clock skew", e.Message, backoff)
	case ocm.NotFound:
		return decide.Waiting(decide.Failing, v1alpha1.ReasonOCMForbidden, "OCM does not know the account", e.Message, max(backoff, 5*time.Minute))
	default: // needs a person: the credential, the organisation's rules, the account's rights, the spec
		return decide.Waiting(decide.Stalled, reason, "OCM cannot be used", e.Message, decide.RecheckForPeople)
	}
}
