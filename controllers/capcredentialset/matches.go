package capcredentialset

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// setSpecMatches says which names of the spec match nothing. It is no failure, as a role may be written down before the upgrade that
// brings its CredentialsRequest, but a misspelt name must not hide behind a default role: Ready's message has it too.
func (s *scope) setSpecMatches() {
	const condition = v1alpha1.ConditionSpecMatches
	if s.requestsErr != nil || s.hold != nil && s.hold.Reason == v1alpha1.ReasonInvalidSpec {
		conditions.Remove(s.set, condition) // nobody knows
		return
	}
	unmatched := s.unmatched()
	if len(unmatched) == 0 {
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonSpecMatched, "Every name in the spec is that of something.")
		return
	}
	words := strings.Join(unmatched, " ")
	conditions.Set(s.set, condition, metav1.ConditionFalse, v1alpha1.ReasonSpecUnmatched, words)
	s.addToReady(words)
}

// unmatched are sentences about the names that match nothing.
func (s *scope) unmatched() []string {
	var missing []string
	for i := range s.plan.Rows {
		if r := &s.plan.Rows[i]; r.Result == v1alpha1.ReasonNamespaceMissing && r.Request == "" {
			missing = append(missing, r.Ref.String())
		}
	}
	if len(missing) == 0 {
		return s.discovery.Unmatched
	}
	return append(slices.Clone(s.discovery.Unmatched), fmt.Sprintf("spec.secrets: there is no namespace for %s.", plan.Listed(missing)))
}

// earlyEnough is the latest percentage that leaves a credential alive until the next refresh: what reads its file only when it starts
// then has one that works.
const earlyEnough = 50

// remarkOnLateness ends the words of Ready with what a late refresh means.
func (s *scope) remarkOnLateness() {
	if at := s.set.Spec.Refresh.AtLifetimePercent; at > earlyEnough {
		s.addToReady(fmt.Sprintf("spec.refresh.atLifetimePercent is %d: a credential does not outlive the next refresh, and components that read it only when they start, "+
			"such as the cloud-network-config-controller, may lose access to AWS. Use %d or less.", at, earlyEnough))
	}
}

// addToReady ends the words of Ready with some more. A suspended set keeps those that it had.
func (s *scope) addToReady(words string) {
	if !s.set.Spec.Suspend {
		conditions.AddToReady(s.set, words)
	}
}
