package capcredentialset

import (
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// needsPerson are the reasons that do not go away by themselves.
var needsPerson = map[string]bool{
	v1alpha1.ReasonConflict:              true,
	v1alpha1.ReasonForbidden:             true,
	v1alpha1.ReasonNoRole:                true,
	v1alpha1.ReasonSecretMissing:         true,
	v1alpha1.ReasonSecretNotOurs:         true,
	v1alpha1.ReasonSecretNotOpaque:       true,
	v1alpha1.ReasonWriteRefused:          true,
	v1alpha1.ReasonWriterFight:           true,
	v1alpha1.ReasonInvalidSpec:           true,
	v1alpha1.ReasonAuthenticationRefused: true,
	v1alpha1.ReasonRequestRejected:       true,
	v1alpha1.ReasonRoleRefused:           true,
	v1alpha1.ReasonAPIDisabled:           true,
	v1alpha1.ReasonCAPUntrusted:          true,
	v1alpha1.ReasonHandshakeFailed:       true,
	v1alpha1.ReasonUnsafeCredential:      true,
}

// setReady sets Ready: first what holds the whole set, then what is wrong with some Secrets.
func (s *scope) setReady() {
	if s.set.Spec.Suspend {
		s.keepReady()
		return
	}
	all := troubles(s.plan.Rows, s.started)
	switch {
	case s.setHeld():
	case len(all) > 0:
		s.setTroubled(all)
	default:
		s.setFresh()
	}
}

// setHeld returns true if something holds the whole set, and reports it in Ready.
func (s *scope) setHeld() bool {
	switch {
	case s.hold != nil:
		message := s.hold.Message
		if s.hold.Fetching {
			message += s.firstExpiry()
		}
		conditions.Stalled(s.set, s.hold.Reason, message)
	case s.partial != nil && s.partial.Reason == v1alpha1.ReasonInvalidSpec:
		conditions.Stalled(s.set, s.partial.Reason, s.partial.Message+s.firstExpiry())
	case s.partial != nil:
		conditions.Failing(s.set, s.partial.Reason, s.partial.Message+s.firstExpiry())
	case s.requestsErr != nil:
		conditions.Stalled(s.set, v1alpha1.ReasonForbidden, "The CredentialsRequests cannot be read, so none are "+
			"served ("+string(apierrors.ReasonForError(s.requestsErr))+
			"). Restore the operator's ClusterRole credential-rotation-operator.")
	case len(s.plan.Rows) == 0:
		conditions.Progressing(s.set, v1alpha1.ReasonNoTargets, "No AWS CredentialsRequest matches and spec.secrets is empty, so there is nothing to refresh. "+
			"If that is not intended, check spec.credentialsRequests.selector.")
	default:
		return false
	}
	return true
}

// setFresh is for a set whose Secrets are all fresh.
func (s *scope) setFresh() {
	if f := s.failedRestart(); f != nil {
		conditions.Failing(s.set, f.Reason, f.Message)
		return
	}
	if s.unproven() {
		s.setUnproven(len(s.plan.Rows))
		return
	}
	conditions.Ready(s.set, v1alpha1.ReasonFresh, fmt.Sprintf("All %d credentials are fresh.", len(s.plan.Rows)))
}

func (s *scope) setTroubled(all []trouble) {
	total, failing, person, waiting := len(s.plan.Rows), 0, false, v1alpha1.ReasonAwaitingRefresh
	words := make([]string, 0, len(all))
	for _, t := range all {
		failing += len(t.refs)
		words = append(words, t.String())
		person = person || needsPerson[t.reason]
		if t.reason == v1alpha1.ReasonNamespaceMissing {
			waiting = t.reason
		}
	}
	message := fmt.Sprintf("%d of %d credentials are fresh. %s", total-failing, total, strings.Join(words, " "))
	switch {
	case onlyWaiting(all):
		conditions.Progressing(s.set, waiting, message)
	case person:
		conditions.Stalled(s.set, v1alpha1.ReasonRefreshFailing, message)
	default:
		conditions.Failing(s.set, v1alpha1.ReasonRefreshFailing, message)
	}
}

// firstExpiry is a sentence about how much time is left, if that is known.
func (s *scope) firstExpiry() string {
	first := s.set.Status.EarliestExpiry
	if first == nil {
		return ""
	}
	return " The first credential in the Secrets " + dies(first.Time, s.set.Status.Expired > 0) + "."
}

// onlyWaiting is true if nothing has failed, and the set only waits.
func onlyWaiting(all []trouble) bool {
	for _, t := range all {
		if t.reason != v1alpha1.ReasonAwaitingRefresh && t.reason != v1alpha1.ReasonNamespaceMissing {
			return false
		}
	}
	return true
}

// failedRestart is the first workload of the spec that could not be restarted.
func (s *scope) failedRestart() *plan.Failure {
	for _, t := range s.set.Spec.RestartTargets {
		if st := s.memory.Restarts[t]; st.Failure.Count > 0 {
			return &st.Failure
		}
	}
	return nil
}

// remarkOnRequest adds to Ready why a requested refresh does not happen yet.
func (s *scope) remarkOnRequest() {
	var words string
	switch value := s.set.Annotations[v1alpha1.RefreshRequestedAnnotation]; {
	case value != "" && plan.ParseTime(value).IsZero():
		words = "The annotation " + v1alpha1.RefreshRequestedAnnotation + " is ignored: it is not an RFC 3339 time, for example 2026-11-20T00:00:00Z."
	case !s.plan.Requested.IsZero():
		words = "A refresh of all credentials is requested for " + s.plan.Requested.UTC().Format(time.RFC3339) + ", which is in the future."
	default:
		return
	}
	s.addToReady(words)
}
