package plan

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestDiscover_FindsRolesAndSecrets(t *testing.T) {
	set := namedSet("cap", 0)
	set.Spec.CredentialsRequests = v1alpha1.CredentialsRequestsSpec{
		DefaultRole: "default", Roles: []v1alpha1.RequestRole{{Name: "machines", Role: "m\n"}, {Name: "second", Role: "b"}}, // m as a block of YAML leaves it
	}
	set.Spec.Secrets = []v1alpha1.SecretRole{
		{SecretReference: v1alpha1.SecretReference{Namespace: "app", Name: "s"}, Role: "app"},
		{SecretReference: v1alpha1.SecretReference{Namespace: ingress.Namespace, Name: ingress.Name}, Role: "explicit"},
	}
	timed := request("timed", ref("sts", "s"))
	timed.TimedToken = true
	d, err := Discover(set, []Request{
		request("machines", machines), request("registry", registry), request("ingress", ingress), timed,
		request("first", storage), request("second", storage),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d.TimedToken != 1 {
		t.Errorf("%d requests with STS tokens were left alone, want 1", d.TimedToken)
	}
	want := map[types.NamespacedName]string{machines: "m", registry: "own", ingress: "explicit", storage: "b", ref("app", "s"): "app"}
	if len(d.Targets) != len(want) {
		t.Fatalf("targets: %+v", d.Targets)
	}
	for _, target := range d.Targets {
		own := ""
		if target.Ref == registry {
			own = " own\n" // as echo leaves it
		}
		if got := target.roleOf(own); got != want[target.Ref] {
			t.Errorf("%s has role %q, want %q", target.Ref, got, want[target.Ref])
		}
	}
	if d.Targets[0].Ref != machines || d.Targets[1].Ref != ingress {
		t.Errorf("the order is not that of importance: %v", d.Targets)
	}
	for _, target := range d.Targets {
		if target.Ref == ingress && target.Request == "" {
			t.Error("a Secret that the spec names too has lost its CredentialsRequest")
		}
	}
}

func TestRoleOf_TakesNoRoleThatCannotBeOne(t *testing.T) {
	withDefault := Target{DefaultRole: "default"}
	for _, own := range []string{"a\nb", "a\x00b", "a\x7f", string(make([]byte, 600)), "\xff\xfe"} {
		if got := withDefault.roleOf(own); got != "" {
			t.Errorf("role %q counts as %q", own, got)
		}
	}
	if got := withDefault.roleOf("  "); got != "default" {
		t.Errorf("an empty role counts as %q, want the default", got)
	}
	if got := withDefault.roleOf("Rôle mit Umlaut"); got != "Rôle mit Umlaut" {
		t.Errorf("a role in any language counts as %q", got)
	}
}

func TestDiscover_HonoursTheSelector(t *testing.T) {
	one := request("one", machines)
	one.Labels = map[string]string{"cap": "yes"}
	requests := []Request{one, request("two", registry)}
	for name, test := range map[string]struct {
		selector *metav1.LabelSelector
		want     int
	}{
		"no selector takes all":       {nil, 2},
		"an empty selector takes all": {&metav1.LabelSelector{}, 2},
		"a label takes what has it":   {&metav1.LabelSelector{MatchLabels: map[string]string{"cap": "yes"}}, 1},
		"an expression takes what fits": {&metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "cap", Operator: metav1.LabelSelectorOpDoesNotExist},
		}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			set := namedSet("cap", 0)
			set.Spec.CredentialsRequests.Selector = test.selector
			if d, err := Discover(set, requests, nil); err != nil || len(d.Targets) != test.want {
				t.Errorf("%d targets and error %v, want %d", len(d.Targets), err, test.want)
			}
		})
	}
	set := namedSet("cap", 0)
	set.Spec.CredentialsRequests.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "Nonsense"}}}
	if _, err := Discover(set, requests, nil); err == nil {
		t.Error("a selector that means nothing is not told")
	}
}

func TestDiscover_TheOlderSetKeepsASecret(t *testing.T) {
	requests := []Request{request("machines", machines)}
	old, young, twin := namedSet("old", time.Hour), namedSet("young", time.Minute), namedSet("twin", time.Hour)
	holder := func(set *v1alpha1.CAPCredentialSet, others ...v1alpha1.CAPCredentialSet) string {
		t.Helper()
		d, err := Discover(set, requests, others)
		if err != nil {
			t.Fatal(err)
		}
		return d.Targets[0].Holder
	}
	all := []v1alpha1.CAPCredentialSet{*young, *old}
	if got := holder(old, all...); got != "" {
		t.Errorf("the older set leaves its Secret to %q", got)
	}
	if got := holder(young, all...); got != "old" {
		t.Errorf("the younger set sees %q as holder, want old", got)
	}
	if got := holder(twin, *old); got != "old" {
		t.Errorf("of two of the same second the first by name keeps it; got %q", got)
	}
	if got := holder(old, *twin); got != "" {
		t.Errorf("of two of the same second the first by name keeps it; got %q", got)
	}
	leaving := old.DeepCopy()
	leaving.DeletionTimestamp = &metav1.Time{Time: noon}
	if got := holder(young, *leaving); got != "" {
		t.Errorf("a set that is being deleted still holds: %q", got)
	}
	broken := old.DeepCopy()
	broken.Spec.CredentialsRequests.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "x", Operator: "Nonsense"}}}
	if got := holder(young, *broken); got != "" {
		t.Errorf("a set whose spec is wrong holds: %q", got)
	}
}

func TestDiscover_LeavesASecretThatOneRequestHasWrittenBySTS(t *testing.T) {
	timed := request("timed", machines)
	timed.TimedToken = true
	for _, requests := range [][]Request{{timed, request("plain", machines)}, {request("plain", machines), timed}} {
		d, err := Discover(namedSet("cap", 0), requests, nil)
		if err != nil || len(d.Targets) != 0 || d.TimedToken != 1 {
			t.Errorf("%v: %+v, %v", requests, d, err)
		}
	}
}
