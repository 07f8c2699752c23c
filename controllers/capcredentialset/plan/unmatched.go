package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A misspelt name is easy to miss: its CredentialsRequest gets the default role, and everything is fresh.

// unmatched are sentences about the entries of spec.credentialsRequests without effect.
func (s *selection) unmatched() []string {
	if s.spec == nil {
		return nil
	}
	const field = "spec.credentialsRequests."
	var all []string
	say := func(what string, names []string) {
		if len(names) > 0 {
			all = append(all, fmt.Sprintf(what, Listed(names)))
		}
	}
	say(field+"roles: no AWS CredentialsRequest that this set could serve is called %s.", absent(s.roles, s.seen))
	say(field+"exclude: no AWS CredentialsRequest that this set could serve is called %s.", absent(s.excluded, s.seen))
	var empty []string
	for _, ns := range s.spec.Namespaces {
		if !s.seenNamespaces[ns] {
			empty = append(empty, ns)
		}
	}
	say(field+"namespaces: there is no AWS CredentialsRequest in %s.", empty)
	if s.spec.Selector != nil && !s.selector.Empty() && s.selected == 0 {
		all = append(all, field+"selector matches no AWS CredentialsRequest.")
	}
	slices.Sort(s.nameless)
	say("CredentialsRequest %s is left out: its secretRef is not a valid name of a Secret.", s.nameless)
	return all
}

// absent are the names, in order, that no request has.
func absent[V any](named map[types.NamespacedName]V, seen map[string]bool) []string {
	var absent []string
	for n := range named {
		switch {
		case seen[n.String()]:
		case n.Namespace == v1alpha1.DefaultRequestsNamespace:
			absent = append(absent, n.Name)
		default:
			absent = append(absent, n.String())
		}
	}
	slices.Sort(absent)
	return absent
}

// idleWorkloads are the workloads that are never restarted, because no Secret of the set is in their namespace.
func idleWorkloads(workloads []v1alpha1.RestartTarget, targets []Target) []string {
	served := map[string]bool{}
	for _, t := range targets {
		served[t.Ref.Namespace] = true
	}
	var idle []string
	for _, w := range workloads {
		if !served[w.Namespace] {
			idle = append(idle, fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name))
		}
	}
	if len(idle) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("spec.restartTargets: this set has no Secret in the namespace of %s.", Listed(idle))}
}

// Listed names the first few of many.
func Listed(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}
