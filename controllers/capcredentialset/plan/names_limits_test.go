package plan

import (
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// What the schema allows is allowed to its last byte, and no more.
func TestInvalid_AtTheLimits(t *testing.T) {
	text := func(n int) string { return strings.Repeat("a", n) }
	labels := func(n int) *v1alpha1.LabelSelector {
		s := &v1alpha1.LabelSelector{MatchLabels: map[string]string{}}
		for i := range n {
			s.MatchLabels[text(i+1)] = "v"
		}
		return s
	}
	expressions := func(n, values int) *v1alpha1.LabelSelector {
		s := &v1alpha1.LabelSelector{}
		for range n {
			e := v1alpha1.LabelRequirement{Key: "k", Operator: "In"}
			for i := range values {
				e.Values = append(e.Values, text(i%60+1))
			}
			s.MatchExpressions = append(s.MatchExpressions, e)
		}
		return s
	}
	parameters := func(n, key, value int) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[text(key-i)] = text(value)
		}
		return all
	}
	for name, set := range map[string]func(spec *v1alpha1.CAPCredentialSetSpec, beyond int){
		"the URL":      func(s *v1alpha1.CAPCredentialSetSpec, beyond int) { s.Endpoint.URL = text(maxText + beyond) },
		"the agency":   func(s *v1alpha1.CAPCredentialSetSpec, beyond int) { s.Endpoint.Agency = text(maxText + beyond) },
		"the mission":  func(s *v1alpha1.CAPCredentialSetSpec, beyond int) { s.Endpoint.Mission = text(maxText + beyond) },
		"STS' address": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) { s.Verification.Endpoint = text(maxText + beyond) },
		"the number of parameters": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.Endpoint.ExtraParameters = parameters(16+beyond, 90, 1)
		},
		"a parameter's name": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.Endpoint.ExtraParameters = parameters(1, maxText+beyond, 1)
		},
		"a parameter's value": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.Endpoint.ExtraParameters = parameters(1, 1, maxText+beyond)
		},
		"the length of a role": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.CredentialsRequests.DefaultRole = strings.Repeat("é", maxRole+beyond)
		},
		"labels": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.CredentialsRequests.Selector = labels(16 + beyond)
		},
		"expressions": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.CredentialsRequests.Selector = expressions(16+beyond, 1)
		},
		"values of an expression": func(s *v1alpha1.CAPCredentialSetSpec, beyond int) {
			s.CredentialsRequests.Selector = expressions(1, 64+beyond)
		},
	} {
		for beyond := range 2 {
			spec := servingAll("cap", 0).Spec
			set(&spec, beyond)
			if err := Invalid(&spec); (err != nil) != (beyond > 0) {
				t.Errorf("%s, %d beyond the limit: %v", name, beyond, err)
			}
		}
	}
}

// A spec that is wrong somewhere still has what it names, except what is wrong itself.
func TestDiscover_AWrongSpecKeepsTheSecretsThatItNames(t *testing.T) {
	named := func(namespace, name, role string) v1alpha1.SecretRole {
		return v1alpha1.SecretRole{SecretReference: v1alpha1.SecretReference{Namespace: namespace, Name: name}, Role: role}
	}
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.DefaultRole = "a\nb"
	set.Spec.Secrets = []v1alpha1.SecretRole{named("app", "s", "r"), named("a; b", "s", "r"), named("app", "t", "a\nb"), named("app", "u", "r")}
	d, err := Discover(set, []Request{request("machines", machines)}, nil)
	if err == nil {
		t.Error("nothing is said to be wrong")
	}
	wantServed(t, served(d, ""), map[types.NamespacedName]string{ref("app", "s"): "r", ref("app", "u"): "r"})
}

// A selector matches if there is a request for it, whatever becomes of that request.
func TestDiscover_ASelectorThatMatchesAnythingIsNotReported(t *testing.T) {
	timed, nameless := request("timed", machines), request("nameless", ref("a; b", "s"))
	timed.TimedToken = true
	for name, row := range map[string]struct {
		request  Request
		labels   map[string]string
		reported bool
	}{
		"a request that is served":              {request("served", machines), map[string]string{"cap": "yes"}, false},
		"one whose Secret somebody else writes": {timed, map[string]string{"cap": "yes"}, false},
		"one whose Secret has no valid name":    {nameless, map[string]string{"cap": "yes"}, false},
		"one with another label":                {request("other", machines), map[string]string{"cap": "no"}, true},
	} {
		set := servingAll("cap", 0)
		set.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"cap": "yes"}}
		row.request.Labels = row.labels
		got := slices.ContainsFunc(mustDiscover(t, set, row.request).Unmatched, func(s string) bool { return strings.Contains(s, "selector matches no") })
		if got != row.reported {
			t.Errorf("%s: the selector is reported: %v", name, got)
		}
	}
	for name, selector := range map[string]*v1alpha1.LabelSelector{"no selector": nil, "an empty one": {}} {
		set := servingAll("cap", 0)
		set.Spec.CredentialsRequests.Selector = selector
		if got := mustDiscover(t, set).Unmatched; len(got) > 0 {
			t.Errorf("%s, in a cluster without a request: %q", name, got)
		}
	}
}

func TestDiscover_OfTwoEqualRequestsTheFirstHasTheSecret(t *testing.T) {
	d := mustDiscover(t, servingAll("cap", 0), request("first", machines), request("second", machines))
	if len(d.Targets) != 1 || !strings.HasSuffix(d.Targets[0].Request, "/first") {
		t.Errorf("it is %+v", d.Targets)
	}
	set := servingAll("cap", 0)
	got := mustDiscover(t, set, request("b", ref("a; b", "s")), request("a", ref("a; b", "s"))).Unmatched
	if len(got) != 1 || !strings.Contains(got[0], "/a, ") || !strings.Contains(got[0], "/b is left out") {
		t.Errorf("what has no valid name is listed as %q", got)
	}
}

func TestDiscover_ListsWhatMatchesNothingInOrder(t *testing.T) {
	set := servingAll("cap", 0)
	for _, name := range []string{"g", "c", "f", "a", "e", "b", "d"} {
		set.Spec.CredentialsRequests.Exclude = append(set.Spec.CredentialsRequests.Exclude, v1alpha1.RequestReference{Name: name})
	}
	if got := mustDiscover(t, set).Unmatched; len(got) != 1 || !strings.HasSuffix(got[0], "is called a, b, c and 4 more.") {
		t.Errorf("it says %q", got)
	}
}

func TestListed_NamesThree(t *testing.T) {
	for n, want := range map[int]string{1: "a", 3: "a, b, c", 5: "a, b, c and 2 more"} {
		if got := Listed([]string{"a", "b", "c", "d", "e"}[:n]); got != want {
			t.Errorf("%d are %q", n, got)
		}
	}
}
