package plan

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Answer says what happens to a CredentialsRequest with the next release.
type Answer string

// The answers.
const (
	// AnswerCovered: the cluster has the request, and a set gives it a role.
	AnswerCovered Answer = "Covered"
	// AnswerNewCovered: the release brings the request, and a set gives it a role.
	AnswerNewCovered Answer = "NewCovered"
	// AnswerNewWithoutRole: the release brings the request, and no set gives it a role: its component gets no credentials.
	AnswerNewWithoutRole Answer = "NewWithoutRole"
	// AnswerWithoutRole: the cluster has the request, and no set gives it a role.
	AnswerWithoutRole Answer = "WithoutRole"
	// AnswerSecretChanged: the release names another Secret, which a set will fill.
	AnswerSecretChanged Answer = "SecretChanged"
	// AnswerSecretChangedWithoutRole: the release names another Secret, and no set gives it a role.
	AnswerSecretChangedWithoutRole Answer = "SecretChangedWithoutRole"
	// AnswerGone: the release no longer has the request.
	AnswerGone Answer = "Gone"
)

// NeedsPerson is true if a component would have no credentials after the upgrade.
func (a Answer) NeedsPerson() bool {
	return a == AnswerNewWithoutRole || a == AnswerWithoutRole || a == AnswerSecretChangedWithoutRole
}

// Upgraded is a CredentialsRequest of the next release, or one that it no longer has.
type Upgraded struct {
	// Request is namespace/name; Secret is where its component will expect the credentials.
	Request string
	Secret  types.NamespacedName
	// Before is the Secret of the cluster's own request; zero for a new one.
	Before types.NamespacedName
	Answer Answer
	// Set gives Role to it; both are empty if none does.
	Set, Role string
	// Problem says in a sentence why no set covers it.
	Problem string
}

// Release has the CredentialsRequests of the next release.
type Release struct {
	Requests []Request
	// Deleted are those that it deletes, LeftAlone those that need not be served, both as namespace/name.
	Deleted, LeftAlone []string
}

// Upgrade compares a release with the cluster, in order of the requests' names: sets are all sets, now the cluster's requests.
func Upgrade(sets []v1alpha1.CAPCredentialSet, now []Request, next Release) []Upgraded {
	before := map[string]Request{}
	for _, r := range now {
		before[r.String()] = r
	}
	after := afterUpgrade(now, next)
	var rows []Upgraded
	for _, r := range next.Requests {
		row := Upgraded{Request: r.String(), Secret: r.Secret, Before: before[r.String()].Secret}
		row.Set, row.Role, row.Problem = coverage(sets, after, r, row.Before != r.Secret)
		row.Answer = row.answer()
		rows = append(rows, row)
	}
	for _, r := range now {
		if gone(r, next) {
			rows = append(rows, Upgraded{Request: r.String(), Secret: r.Secret, Before: r.Secret, Answer: AnswerGone})
		}
	}
	slices.SortFunc(rows, func(a, b Upgraded) int { return strings.Compare(a.Request, b.Request) })
	return rows
}

// gone is true for a request of the payload that the release no longer has.
func gone(r Request, next Release) bool {
	name := r.String()
	if slices.Contains(next.Deleted, name) {
		return true
	}
	there := slices.ContainsFunc(next.Requests, func(n Request) bool { return n.String() == name })
	return r.Namespace == v1alpha1.DefaultRequestsNamespace && !there && !slices.Contains(next.LeftAlone, name)
}

// afterUpgrade are the requests of the cluster once it is upgraded: those of the release, and those that no payload brings.
func afterUpgrade(now []Request, next Release) []Request {
	after := slices.Clone(next.Requests)
	for _, r := range now {
		if !gone(r, next) && !slices.ContainsFunc(next.Requests, func(n Request) bool { return n.String() == r.String() }) {
			after = append(after, r)
		}
	}
	return after
}

func (u Upgraded) answer() Answer {
	isNew := u.Before == types.NamespacedName{}
	covered := u.Problem == ""
	switch {
	case isNew && covered:
		return AnswerNewCovered
	case isNew:
		return AnswerNewWithoutRole
	case u.Before != u.Secret && covered:
		return AnswerSecretChanged
	case u.Before != u.Secret:
		return AnswerSecretChangedWithoutRole
	case covered:
		return AnswerCovered
	}
	return AnswerWithoutRole
}

// coverage finds the set that will keep the Secret of a request, and its role. The problem is empty if there is one.
func coverage(sets []v1alpha1.CAPCredentialSet, after []Request, r Request, newSecret bool) (set, role, problem string) {
	problem = "No CAPCredentialSet selects it. Name it in spec.credentialsRequests.roles of one."
	for i := range sets {
		s := &sets[i]
		d, err := Discover(s, after, sets)
		at := slices.IndexFunc(d.Targets, func(t Target) bool { return t.Ref == r.Secret && t.Holder == "" })
		switch {
		case at < 0 && err != nil:
			problem = fmt.Sprintf("The spec of CAPCredentialSet %s is invalid (%v), so its selection is unknown. Correct it.", s.Name, err)
			continue
		case at < 0:
			continue
		}
		role, _ = d.Targets[at].roleOf(statedRole(s, r.Secret))
		switch {
		case role == "":
			return s.Name, "", fmt.Sprintf("CAPCredentialSet %s selects it without a role. Add it to spec.credentialsRequests.roles, or set defaultRole.", s.Name)
		case s.Spec.Suspend:
			return s.Name, role, fmt.Sprintf("CAPCredentialSet %s is suspended. Set spec.suspend to false.", s.Name)
		case newSecret && !MayCreate(&s.Spec):
			return s.Name, role, fmt.Sprintf("CAPCredentialSet %s creates no Secrets. Set spec.createMissingSecrets to true, or create Secret %s yourself.", s.Name, r.Secret)
		}
		return s.Name, role, ""
	}
	return "", "", problem
}

// statedRole is the role that the Secret chose for itself, according to the set's status: the Secret is not read here.
func statedRole(s *v1alpha1.CAPCredentialSet, ref types.NamespacedName) string {
	for _, t := range s.Status.Targets {
		if t.Namespace == ref.Namespace && t.Name == ref.Name {
			return t.Role
		}
	}
	return ""
}
