package plan

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Request is the relevant part of a CredentialsRequest for AWS.
type Request struct {
	Namespace, Name string
	Labels          labels.Set
	// Secret is where the component expects the credentials.
	Secret types.NamespacedName
	// TimedToken is true if the request uses its own STS token, whose Secret somebody else writes.
	TimedToken bool
}

// String is the usual namespace/name.
func (r Request) String() string { return r.Namespace + "/" + r.Name }

// Target is a Secret that a set refreshes, according to the spec and the cluster. The content of the Secret is not known here.
type Target struct {
	Ref types.NamespacedName
	// Request is the CredentialsRequest that asks for the Secret, namespace/name; empty for a Secret that only the spec names.
	Request string
	// SpecRole is the role that the spec gives it by name; DefaultRole applies if nothing else does.
	SpecRole, DefaultRole string
	// AllowedRoles are those that the Secret's own key "role" may choose from; nil if the key is ignored.
	AllowedRoles []string
	// Adopt is true if the spec allows taking over the Secret whatever it holds.
	Adopt bool
	// Holder is the older set that claims the same Secret and keeps it; empty if this set has it.
	Holder string
}

// Discovery is the result of Discover.
type Discovery struct {
	Targets []Target
	// TimedToken counts the requests that are not served because they use their own STS tokens.
	TimedToken int
	// Unmatched are sentences about names in the spec that match nothing, and requests that cannot be served.
	Unmatched []string
}

// Discover finds the Secrets of a set: those of the AWS CredentialsRequests that its spec selects, and those that its spec names. others are all
// sets of the cluster; the older of two that claim a Secret keeps it. The error says what is wrong with the spec; the Secrets that it names are
// still found.
func Discover(set *v1alpha1.CAPCredentialSet, requests []Request, others []v1alpha1.CAPCredentialSet) (Discovery, error) {
	d, wrong := claims(set, requests)
	holders := map[types.NamespacedName]string{}
	for i := range others {
		o := &others[i]
		if o.UID == set.UID || o.DeletionTimestamp != nil || !older(o, set) {
			continue
		}
		theirs, _ := claims(o, requests) // a set with an invalid selector claims what it names
		for _, t := range theirs.Targets {
			if holders[t.Ref] == "" {
				holders[t.Ref] = o.Name
			}
		}
	}
	for i := range d.Targets {
		d.Targets[i].Holder = holders[d.Targets[i].Ref]
	}
	return d, wrong
}

// older is true if a was created before b. All sets use this rule to decide who keeps a Secret.
func older(a, b *v1alpha1.CAPCredentialSet) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}

// claims are the Secrets that a set would serve without other sets. With an error they are those that the spec names.
func claims(set *v1alpha1.CAPCredentialSet, requests []Request) (Discovery, error) {
	wrong := Invalid(&set.Spec)
	selected := set.Spec.CredentialsRequests
	if wrong != nil {
		selected = nil // the selected requests are unknown, but not what the spec names
	}
	selection, err := newSelection(selected)
	if err != nil {
		return Discovery{}, err
	}
	for _, r := range requests {
		selection.take(r)
	}
	byRef := selection.targets()
	for _, s := range set.Spec.Secrets {
		ref := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
		if wrong != nil && (!isSecret(ref) || !isRole(s.Role)) { // else all have been judged
			continue
		}
		t := byRef[ref] // the request stays; the role beside the Secret's own name wins
		t.Ref, t.SpecRole, t.Adopt = ref, s.Role, true
		byRef[ref] = t
	}
	d := Discovery{TimedToken: selection.timedRequests}
	for _, t := range byRef {
		d.Targets = append(d.Targets, t)
	}
	slices.SortFunc(d.Targets, func(a, b Target) int { return order(a.Ref, b.Ref) })
	d.Unmatched = slices.Concat(selection.unmatched(), idleWorkloads(set.Spec.RestartTargets, d.Targets))
	return d, wrong
}

// selection is what spec.credentialsRequests selects from the cluster's requests.
type selection struct {
	spec       *v1alpha1.CredentialsRequestsSpec
	selector   labels.Selector
	namespaces map[string]bool
	roles      map[types.NamespacedName]string
	excluded   map[types.NamespacedName]bool

	taken []Request
	// seen are all requests, selected those that the selector matches.
	seen, seenNamespaces map[string]bool
	selected             int
	// timed are the Secrets that somebody else writes.
	timed         map[types.NamespacedName]bool
	timedRequests int
	// nameless are requests whose Secret has an invalid name.
	nameless []string
}

// newSelection prepares a selection. A spec without credentialsRequests selects nothing.
func newSelection(spec *v1alpha1.CredentialsRequestsSpec) (*selection, error) {
	s := &selection{
		spec: spec, namespaces: map[string]bool{}, roles: map[types.NamespacedName]string{}, excluded: map[types.NamespacedName]bool{},
		seen: map[string]bool{}, seenNamespaces: map[string]bool{}, timed: map[types.NamespacedName]bool{},
	}
	if spec == nil {
		return s, nil
	}
	var err error
	if s.selector, err = selectorOf(spec.Selector); err != nil {
		return nil, err
	}
	s.namespaces[v1alpha1.DefaultRequestsNamespace] = true
	for _, ns := range spec.Namespaces {
		s.namespaces[ns] = true
	}
	for _, r := range spec.Roles {
		s.roles[requestName(r.Namespace, r.Name)] = r.Role
	}
	for _, r := range spec.Exclude {
		s.excluded[requestName(r.Namespace, r.Name)] = true
	}
	return s, nil
}

// take adds one request to the selection if it matches.
func (s *selection) take(r Request) {
	if r.TimedToken {
		s.timed[r.Secret] = true
	}
	if s.spec == nil || !s.namespaces[r.Namespace] {
		return
	}
	name := types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
	s.seen[r.String()], s.seenNamespaces[r.Namespace] = true, true
	switch {
	case s.excluded[name]:
	case !s.selector.Matches(r.Labels):
	case r.TimedToken:
		s.selected++
		s.timedRequests++
	case !isSecret(r.Secret):
		s.selected++
		s.nameless = append(s.nameless, r.String())
	default:
		s.selected++
		s.taken = append(s.taken, r)
	}
}

// targets are the Secrets of the selected requests, except those that somebody else writes. Two requests for one Secret make one target: a
// request of the payload takes precedence, then one with its own role.
func (s *selection) targets() map[types.NamespacedName]Target {
	byRef := map[types.NamespacedName]Target{}
	rank := map[types.NamespacedName]int{}
	for _, r := range s.taken {
		t := Target{
			Ref: r.Secret, Request: r.String(), SpecRole: s.roles[types.NamespacedName{Namespace: r.Namespace, Name: r.Name}],
			DefaultRole: s.spec.DefaultRole, Adopt: s.spec.AdoptExisting,
		}
		if s.spec.SecretRoleKey == v1alpha1.SecretRoleKeyAllowListed {
			t.AllowedRoles = s.spec.AllowedRoles
		}
		n := 1
		if r.Namespace == v1alpha1.DefaultRequestsNamespace {
			n += 2
		}
		if t.SpecRole != "" {
			n++
		}
		if n > rank[r.Secret] && !s.timed[r.Secret] {
			byRef[r.Secret], rank[r.Secret] = t, n
		}
	}
	return byRef
}

// importance orders the namespaces of the payload's Secrets: without machine-api no machine is replaced, without ingress nobody reaches the
// cluster, without the registry no image is pulled from it, without storage no volume is mounted.
var importance = map[string]int{
	"openshift-machine-api":                     -5,
	"openshift-ingress-operator":                -4,
	"openshift-image-registry":                  -3,
	"openshift-cluster-csi-drivers":             -2,
	"openshift-cloud-network-config-controller": -1,
}

// order is by importance, then by name.
func order(a, b types.NamespacedName) int {
	return cmp.Or(cmp.Compare(importance[a.Namespace], importance[b.Namespace]), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

// roleOf is the role of a target whose Secret has the given value under the key "role"; empty if nothing gives it one. own is true if the Secret
// chose it.
func (t Target) roleOf(key string) (role string, own bool) {
	key = strings.TrimSpace(key)
	switch {
	case t.SpecRole != "":
		return t.SpecRole, false
	case t.AllowedRoles != nil && key != "":
		if slices.Contains(t.AllowedRoles, key) {
			return key, true
		}
		return "", true // a role that is not allowed is not silently replaced by the default
	default:
		return t.DefaultRole, false
	}
}
