package plan

import (
	"fmt"
	"sort"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Request is a CredentialsRequest for AWS, as far as it matters here.
type Request struct {
	Namespace, Name string
	Labels          labels.Set
	// Secret is where the component expects the credentials.
	Secret types.NamespacedName
	// TimedToken is true when the request uses an STS token of its own, whose Secret somebody else writes.
	TimedToken bool
}

// String is the usual namespace/name.
func (r Request) String() string { return r.Namespace + "/" + r.Name }

// Target is a Secret that a set is to keep fresh, and what the spec and the cluster say of it. What is in the Secret is
// not known here yet.
type Target struct {
	Ref types.NamespacedName
	// Request is the CredentialsRequest that asks for the Secret, namespace/name; empty for one that only the spec names.
	Request string
	// SpecRole is the role that the spec gives it by name; DefaultRole counts when the Secret does not say either.
	SpecRole, DefaultRole string
	// Holder is the older set that claims the same Secret and keeps it; empty when it is ours.
	Holder string
}

// Discovery is what a set has to do with.
type Discovery struct {
	Targets []Target
	// TimedToken counts the requests that are left alone because they use STS tokens of their own.
	TimedToken int
}

// Discover finds the Secrets of a set: those of the AWS CredentialsRequests that its selector matches, and those that its
// spec names. others are all sets of the cluster; the older of two that claim a Secret keeps it. The error says what is wrong
// with the spec; the Secrets that it names are found all the same.
func Discover(set *v1alpha1.CAPCredentialSet, requests []Request, others []v1alpha1.CAPCredentialSet) (Discovery, error) {
	d, wrong := claims(set, requests)
	holders := map[types.NamespacedName]string{}
	for i := range others {
		o := &others[i]
		if o.UID == set.UID || o.DeletionTimestamp != nil || !older(o, set) {
			continue
		}
		theirs, _ := claims(o, requests) // one whose selector is wrong claims what it names
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

// older is true when a was there before b: the one rule by which every set knows who keeps a Secret.
func older(a, b *v1alpha1.CAPCredentialSet) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}

// claims are the Secrets that a set would serve if there were no other set.
func claims(set *v1alpha1.CAPCredentialSet, requests []Request) (Discovery, error) {
	spec := set.Spec.CredentialsRequests
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err != nil {
		err = fmt.Errorf("spec.credentialsRequests.selector: %w", err)
		requests = nil // which ones are meant is not known; what the spec names is
	}
	// No selector selects everything; LabelSelectorAsSelector takes it for nothing.
	all := spec.Selector == nil
	roles := make(map[string]string, len(spec.Roles))
	for _, r := range spec.Roles {
		roles[r.Name] = r.Role
	}

	// A Secret that one request has written by STS is not ours, whoever else asks for it.
	timed := map[types.NamespacedName]bool{}
	for _, r := range requests {
		timed[r.Secret] = timed[r.Secret] || r.TimedToken
	}

	var d Discovery
	byRef := map[types.NamespacedName]Target{}
	for _, r := range requests {
		if !all && !selector.Matches(r.Labels) {
			continue
		}
		if r.TimedToken {
			d.TimedToken++
			continue
		}
		if timed[r.Secret] {
			continue
		}
		t := Target{Ref: r.Secret, Request: r.String(), SpecRole: roles[r.Name], DefaultRole: spec.DefaultRole}
		// Two requests for one Secret are one target; the one that has a role tells it.
		if before, ok := byRef[r.Secret]; ok && (before.SpecRole != "" || t.SpecRole == "") {
			continue
		}
		byRef[r.Secret] = t
	}
	for _, s := range set.Spec.Secrets {
		ref := types.NamespacedName{Namespace: s.Namespace, Name: s.Name}
		t := byRef[ref] // the request stays; the role that was written beside the Secret's own name wins
		t.Ref, t.SpecRole = ref, s.Role
		byRef[ref] = t
	}
	for _, t := range byRef {
		d.Targets = append(d.Targets, t)
	}
	sort.Slice(d.Targets, func(i, j int) bool { return before(d.Targets[i].Ref, d.Targets[j].Ref) })
	return d, err
}

// importance orders the namespaces of the payload's Secrets: without machine-api there are no machines to come back, without
// ingress nobody reaches the cluster, without the registry nothing is pulled from it, without storage nothing mounts.
var importance = map[string]int{
	"openshift-machine-api":                     -5,
	"openshift-ingress-operator":                -4,
	"openshift-image-registry":                  -3,
	"openshift-cluster-csi-drivers":             -2,
	"openshift-cloud-network-config-controller": -1,
}

// before orders Secrets by importance, and those of equal importance by name.
func before(a, b types.NamespacedName) bool {
	if x, y := importance[a.Namespace], importance[b.Namespace]; x != y {
		return x < y
	}
	return a.String() < b.String()
}

// maxRole bounds a role that a Secret gives itself, as the API does for those in a spec.
const maxRole = 512

// roleOf is the role of a target whose Secret holds the given value under the key "role", which is how cap-token-refresh
// was told. empty when nothing gives it one.
func (t Target) roleOf(own string) string {
	own, spec := strings.TrimSpace(own), strings.TrimSpace(t.SpecRole)
	usable := len(own) <= maxRole && strings.IndexFunc(own, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) < 0
	switch {
	case spec != "":
		return spec
	case own != "" && usable:
		return own
	case own != "":
		return "" // a role that cannot be one is not quietly replaced by the default
	default:
		return strings.TrimSpace(t.DefaultRole)
	}
}
