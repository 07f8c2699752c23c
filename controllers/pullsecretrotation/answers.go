package pullsecretrotation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/registry"
)

// answer converts the registry client's result.
func answer(r registry.Result) decide.Answer {
	return decide.Answer{Outcome: decide.Outcome(r.Outcome), Message: r.Message, RetryAfter: r.RetryAfter}
}

func spoken(checks []decide.Check) string {
	list := make([]string, 0, len(checks))
	for _, c := range checks {
		list = append(list, fmt.Sprintf("%s %s", c.Registry, outcome(c)))
	}
	return strings.Join(list, ", ")
}

func outcome(c decide.Check) string {
	if c.Policy == v1alpha1.VerificationSkip {
		return "Skipped"
	}
	return string(c.Result.Outcome)
}

// noteRegistries records the last answer of each registry: the worst one if targets hold different credentials.
func (s *scope) noteRegistries(checks []decide.Check) {
	before := s.obj.Status.Registries
	s.obj.Status.Registries = nil
	for _, c := range worst(checks) {
		n := v1alpha1.RegistryStatus{Registry: c.Registry, Result: outcome(c), Policy: c.Policy, Message: c.Result.Message, CheckedAt: s.timestamp(), Since: s.timestamp()}
		for _, b := range before {
			if b.Registry == n.Registry && b.Result == n.Result && b.Since != nil {
				n.Since = b.Since
			}
		}
		s.obj.Status.Registries = append(s.obj.Status.Registries, n)
	}
}

// worst is the worst answer of each registry, in the order in which they were asked.
func worst(checks []decide.Check) []decide.Check {
	var list []decide.Check
	for _, c := range checks {
		if c.Target != "" {
			c.Result.Message += fmt.Sprintf(" (the entry of %s)", c.Target)
		}
		i := slices.IndexFunc(list, func(k decide.Check) bool { return k.Registry == c.Registry })
		switch {
		case i < 0:
			list = append(list, c)
		case badness(c) > badness(list[i]):
			list[i] = c
		}
	}
	return list
}

func badness(c decide.Check) int {
	switch {
	case c.Result.Outcome == decide.Accepted || c.Policy == v1alpha1.VerificationSkip:
		return 0
	case c.Result.Outcome.Refused():
		return 2
	default:
		return 1
	}
}

// recordHealth records a completed health check of the pull secret in use.
func (s *scope) recordHealth(context.Context, decide.Decision) error {
	if c := s.obj.Status.OCMCredential; c != nil && s.clients.api != nil {
		c.LastUsedAt = s.timestamp()
	}
	s.reportAnswers(s.facts.Checks)
	s.record().Proven(meta.IsStatusConditionTrue(s.obj.Status.Conditions, v1alpha1.ConditionPullSecretValid), s.now())
	s.memory.proven, s.facts.Proven = s.state(), true
	s.facts.Checks = nil
	return nil
}

// reportAnswers reports what the registries' answers mean for the pull secret in use.
func (s *scope) reportAnswers(checks []decide.Check) {
	refused, unknown := decide.Judge(checks)
	switch {
	case len(refused) > 0:
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionFalse, v1alpha1.ReasonRegistriesRefuse,
			fmt.Sprintf("The pull secret in use is refused: %s. New images cannot be pulled from there. Request a rotation, or check whether "+
				"somebody replaced the entry.", strings.Join(refused, "; ")))
	case len(unknown) > 0:
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionUnknown, v1alpha1.ReasonRegistriesUnknown,
			fmt.Sprintf("The pull secret in use could not be checked: %s.", strings.Join(unknown, "; ")))
	case !slices.ContainsFunc(checks, func(c decide.Check) bool { return c.Policy != v1alpha1.VerificationSkip }):
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionUnknown, v1alpha1.ReasonRegistriesUnknown,
			"No registry was asked, because the targets have no entry of the account, or spec.verification skips them. Add the registries to ask "+
				"to spec.verification.")
	default:
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionTrue, v1alpha1.ReasonRegistriesAccept,
			"The registries accept the pull secret in use.")
	}
}
