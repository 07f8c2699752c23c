package pullsecretrotation

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// maxUnmatched is how many unmatched names the status lists.
const maxUnmatched = 32

// reportNames reports names in the spec that match nothing: a misspelt one would leave a registry unchecked or an entry unset. It is not a
// failure, because a name may be written before its object exists. It requires that the issued credentials are known.
func (s *scope) reportNames(d decide.Decision) {
	given := s.givenRegistries()
	if d.State == decide.Paused || len(given) == 0 || slices.ContainsFunc(s.targets, func(t target) bool { return t.doc == nil }) || len(s.targets) == 0 {
		return
	}
	unmatched := s.unmatched(given)
	s.obj.Status.Unmatched = unmatched[:min(len(unmatched), maxUnmatched)]
	if len(unmatched) == 0 {
		conditions.Set(s.obj, v1alpha1.ConditionSpecMatches, metav1.ConditionTrue, v1alpha1.ReasonSpecMatched, "Every name in the spec matches something.")
		return
	}
	words := fmt.Sprintf("The spec names registries that no target has and for which OCM issues no credentials: %s. They have no effect. Correct "+
		"or remove them.", strings.Join(s.obj.Status.Unmatched, ", "))
	conditions.Set(s.obj, v1alpha1.ConditionSpecMatches, metav1.ConditionFalse, v1alpha1.ReasonSpecUnmatched, words)
	conditions.AddToReady(s.obj, words)
}

// givenRegistries are those for which OCM has issued credentials to the account.
func (s *scope) givenRegistries() []string {
	var list []string
	for _, c := range s.obj.Status.Credentials {
		if c.GivenAt != nil && c.AccountID == s.accountID() {
			list = append(list, c.Registry)
		}
	}
	return list
}

func (s *scope) unmatched(given []string) []string {
	var list []string
	for _, v := range s.obj.Spec.Verification {
		has := func(t target) bool { return slices.Contains(t.doc.Registries(), v.Registry) }
		if !slices.Contains(given, v.Registry) && !slices.ContainsFunc(s.targets, has) {
			list = append(list, "verification "+v.Registry)
		}
	}
	for _, name := range s.obj.Spec.Entries.AddMissing {
		if !slices.Contains(given, name) {
			list = append(list, "entries.addMissing "+name)
		}
	}
	return list
}
