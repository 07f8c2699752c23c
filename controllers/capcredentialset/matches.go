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

// setSpecMatches reports names in the spec that match nothing. It is not a failure, because a role may be configured before the upgrade that
// brings its CredentialsRequest, but a default role must not hide a misspelt name: Ready's message mentions it too.
func (s *scope) setSpecMatches() {
	const condition = v1alpha1.ConditionSpecMatches
	if s.requestsErr != nil || s.hold != nil && s.hold.Reason == v1alpha1.ReasonInvalidSpec {
		conditions.Remove(s.set, condition) // unknown
		return
	}
	unmatched := s.unmatched()
	if len(unmatched) == 0 {
		conditions.Set(s.set, condition, metav1.ConditionTrue, v1alpha1.ReasonSpecMatched, "Every name in the spec matches something.")
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

// earlyEnough is the highest percentage with which a credential is valid until the next refresh, which suits components that read it only when
// they start.
const earlyEnough = 50

// remarkOnLateness adds to Ready what a late refresh means.
func (s *scope) remarkOnLateness() {
	if at := s.set.Spec.Refresh.AtLifetimePercent; at > earlyEnough {
		s.addToReady(fmt.Sprintf("With spec.refresh.atLifetimePercent at %d, a credential expires before the next refresh, so components that read "+
			"it only when they start, such as the cloud-network-config-controller, may lose access to AWS. Use %d or less.", at, earlyEnough))
	}
}

// addToReady appends a sentence to Ready's message, unless the set is suspended.
func (s *scope) addToReady(words string) {
	if !s.set.Spec.Suspend {
		conditions.AddToReady(s.set, words)
	}
}
