package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// servingAll is a set that serves all CredentialsRequests of the payload's namespace.
func servingAll(name string, age time.Duration) *v1alpha1.CAPCredentialSet {
	set := namedSet(name, age)
	set.Spec.Endpoint.Agency, set.Spec.Endpoint.Mission, set.Spec.Endpoint.ClientCertificateSecretRef.Name = "A", "M", "cert"
	set.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{}
	return set
}

// elsewhere is a request of another namespace than the payload's.
func elsewhere(namespace, name string, secret types.NamespacedName) Request {
	return Request{Namespace: namespace, Name: name, Secret: secret}
}

func mustDiscover(t *testing.T, set *v1alpha1.CAPCredentialSet, requests ...Request) Discovery {
	t.Helper()
	d, err := Discover(set, requests, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// served are the roles that Secrets get which hold the given value under the key "role".
func served(d Discovery, key string) map[types.NamespacedName]string {
	roles := map[types.NamespacedName]string{}
	for _, target := range d.Targets {
		roles[target.Ref], _ = target.roleOf(key)
	}
	return roles
}

func wantServed(t *testing.T, got, want map[types.NamespacedName]string) {
	t.Helper()
	for r, role := range want {
		if has, ok := got[r]; !ok || has != role {
			t.Errorf("%s is served: %v, with role %q, want %q", r, ok, has, role)
		}
	}
	if len(got) != len(want) {
		t.Errorf("served are %v, want %v", got, want)
	}
}

func TestDiscover_FindsRolesAndSecrets(t *testing.T) {
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.DefaultRole = "default"
	set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{{Name: "machines", Role: "m"}, {Name: "second", Role: "b"}}
	set.Spec.Secrets = []v1alpha1.SecretRole{
		{SecretReference: v1alpha1.SecretReference{Namespace: "app", Name: "s"}, Role: "app"},
		{SecretReference: v1alpha1.SecretReference{Namespace: ingress.Namespace, Name: ingress.Name}, Role: "explicit"},
	}
	timed := request("timed", ref("sts", "s"))
	timed.TimedToken = true
	d := mustDiscover(t, set, request("machines", machines), request("registry", registry), request("ingress", ingress), timed,
		request("first", storage), request("second", storage))
	if d.TimedToken != 1 {
		t.Errorf("%d requests with STS tokens were skipped, want 1", d.TimedToken)
	}
	wantServed(t, served(d, "whatever the Secret says"), map[types.NamespacedName]string{
		machines: "m", registry: "default", ingress: "explicit", storage: "b", ref("app", "s"): "app",
	})
	if d.Targets[0].Ref != machines || d.Targets[1].Ref != ingress {
		t.Errorf("the order is not that of importance: %v", d.Targets)
	}
	for _, target := range d.Targets {
		if target.Ref == ingress && target.Request == "" {
			t.Error("a Secret that the spec names too has lost its CredentialsRequest")
		}
		if target.Adopt != (target.Ref == ingress || target.Ref == ref("app", "s")) {
			t.Errorf("%s may be taken over: %v", target.Ref, target.Adopt)
		}
	}
}

func TestDiscover_ServesOnlyTheNamespacesThatTheSpecNames(t *testing.T) {
	requests := []Request{
		request("machines", machines),
		elsewhere("tenant", "machines", ref("tenant", "aws-cloud-credentials")),
		elsewhere("addons", "machines", ref("addons", "cloud-credentials")),
	}
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{{Name: "machines", Role: "m"}}
	set.Spec.CredentialsRequests.DefaultRole = "default"
	wantServed(t, served(mustDiscover(t, set, requests...), ""), map[types.NamespacedName]string{machines: "m"})

	set.Spec.CredentialsRequests.Namespaces = []string{"addons"}
	wantServed(t, served(mustDiscover(t, set, requests...), ""), map[types.NamespacedName]string{machines: "m", ref("addons", "cloud-credentials"): "default"})

	set.Spec.CredentialsRequests.Roles = append(set.Spec.CredentialsRequests.Roles, v1alpha1.RequestRole{Namespace: "addons", Name: "machines", Role: "a"})
	wantServed(t, served(mustDiscover(t, set, requests...), ""), map[types.NamespacedName]string{machines: "m", ref("addons", "cloud-credentials"): "a"})
}

func TestDiscover_ARequestOfAnotherNamespaceDoesNotTakeTheRoleOfAPayloadSecret(t *testing.T) {
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.Namespaces = []string{"addons"}
	set.Spec.CredentialsRequests.DefaultRole = "default"
	set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{{Namespace: "addons", Name: "a", Role: "addon"}}
	for _, requests := range [][]Request{
		{request("machines", machines), elsewhere("addons", "a", machines)}, {elsewhere("addons", "a", machines), request("machines", machines)},
	} {
		wantServed(t, served(mustDiscover(t, set, requests...), ""), map[types.NamespacedName]string{machines: "default"})
	}
}

func TestDiscover_LeavesAloneWhatIsExcludedAndTheSecretsThatTokensOfTheirOwnFill(t *testing.T) {
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.Exclude = []v1alpha1.RequestReference{{Name: "registry"}}
	timed := elsewhere("anywhere", "timed", storage)
	timed.TimedToken = true
	d := mustDiscover(t, set, request("machines", machines), request("registry", registry), request("storage", storage), timed)
	wantServed(t, served(d, ""), map[types.NamespacedName]string{machines: ""})

	set.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: storage.Namespace, Name: storage.Name}, Role: "s"}}
	d = mustDiscover(t, set, request("storage", storage), timed)
	wantServed(t, served(d, ""), map[types.NamespacedName]string{storage: "s"})
}

func TestDiscover_WithoutCredentialsRequestsClaimsNone(t *testing.T) {
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests = nil
	set.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: "backup", Name: "s"}, Role: "b"}}
	wantServed(t, served(mustDiscover(t, set, request("machines", machines)), ""), map[types.NamespacedName]string{ref("backup", "s"): "b"})
}

func TestRoleOf_ListensToASecretOnlyWhereTheSpecSaysSoAndOnlyForAllowedRoles(t *testing.T) {
	set := servingAll("cap", 0)
	spec := set.Spec.CredentialsRequests
	spec.DefaultRole = "default"
	spec.Roles = []v1alpha1.RequestRole{{Name: "machines", Role: "m"}}
	requests := []Request{request("machines", machines), request("registry", registry)}
	role := func(key string) string { return served(mustDiscover(t, set, requests...), key)[registry] }
	for _, policy := range []v1alpha1.SecretRoleKeyPolicy{"", v1alpha1.SecretRoleKeyIgnore} {
		if spec.SecretRoleKey = policy; role("OrganizationAdmin") != "default" {
			t.Errorf("with %q a Secret chooses %q", policy, role("OrganizationAdmin"))
		}
	}
	spec.SecretRoleKey, spec.AllowedRoles = v1alpha1.SecretRoleKeyAllowListed, []string{"A", "B"}
	for key, want := range map[string]string{"A": "A", " B\n": "B", "": "default", "  ": "default", "OrganizationAdmin": "", "a": "", "A\x00": "", "A B": "", "default": ""} {
		if got := role(key); got != want {
			t.Errorf("key %q gives role %q, want %q", key, got, want)
		}
	}
	if got := served(mustDiscover(t, set, requests...), "B")[machines]; got != "m" {
		t.Errorf("a Secret overrides the spec's role for it: %q", got)
	}
}

func TestDiscover_SaysWhatMatchesNothing(t *testing.T) {
	set := servingAll("cap", 0)
	spec := set.Spec.CredentialsRequests
	spec.DefaultRole = "default"
	spec.Roles = []v1alpha1.RequestRole{{Name: "machines", Role: "m"}, {Name: "openshift-machine-api", Role: "m"}, {Namespace: "addons", Name: "machines", Role: "m"}}
	spec.Exclude = []v1alpha1.RequestReference{{Name: "registri"}}
	spec.Namespaces = []string{"nowhere"}
	set.Spec.RestartTargets = []v1alpha1.RestartTarget{
		{Kind: v1alpha1.RestartDeployment, Namespace: "nowhere", Name: "w"}, {Kind: v1alpha1.RestartDeployment, Namespace: machines.Namespace, Name: "v"},
	}
	bad := request("bad", ref("a; b", "c"))
	got := mustDiscover(t, set, request("machines", machines), bad).Unmatched
	for _, want := range []string{
		"roles: no AWS CredentialsRequest that this set could serve is called addons/machines, openshift-machine-api.",
		"exclude: no AWS CredentialsRequest that this set could serve is called registri.",
		"namespaces: there is no AWS CredentialsRequest in nowhere.",
		"restartTargets: this set has no Secret in the namespace of Deployment nowhere/w.",
		"CredentialsRequest openshift-cloud-credential-operator/bad is left out: its secretRef is not a valid name of a Secret.",
	} {
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, want) }) {
			t.Errorf("it does not say %q:\n%s", want, strings.Join(got, "\n"))
		}
	}
	if len(got) != 5 {
		t.Errorf("it says\n%s", strings.Join(got, "\n"))
	}
	spec.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}
	if got = mustDiscover(t, set, request("machines", machines)).Unmatched; !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "selector matches no") }) {
		t.Errorf("a selector that matches nothing is not said: %v", got)
	}
	if got = mustDiscover(t, servingAll("cap", 0), request("machines", machines)).Unmatched; len(got) > 0 {
		t.Errorf("of a set that names nothing it says %v", got)
	}
}

func TestDiscover_LeavesOutWhatHasNoLegalName(t *testing.T) {
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.DefaultRole = "r"
	for _, name := range notNames {
		d := mustDiscover(t, set, request("a", ref("ns", name)), request("b", ref(name, "s")), request("machines", machines))
		wantServed(t, served(d, ""), map[types.NamespacedName]string{machines: "r"})
		if said := strings.Join(d.Unmatched, " "); name != "" && len(name) > 3 && strings.Contains(said, name) {
			t.Errorf("the name is repeated: %s", said)
		}
	}
}

func TestDiscover_HonoursTheSelector(t *testing.T) {
	one := request("one", machines)
	one.Labels = map[string]string{"cap": "yes"}
	for name, test := range map[string]struct {
		selector *v1alpha1.LabelSelector
		want     int
	}{
		"no selector matches all":               {nil, 2},
		"an empty selector matches all":         {&v1alpha1.LabelSelector{}, 2},
		"a label matches requests that have it": {&v1alpha1.LabelSelector{MatchLabels: map[string]string{"cap": "yes"}}, 1},
		"an expression matches": {&v1alpha1.LabelSelector{MatchExpressions: []v1alpha1.LabelRequirement{
			{Key: "cap", Operator: metav1.LabelSelectorOpDoesNotExist},
		}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			set := servingAll("cap", 0)
			set.Spec.CredentialsRequests.Selector = test.selector
			if d := mustDiscover(t, set, one, request("two", registry)); len(d.Targets) != test.want {
				t.Errorf("%d targets, want %d", len(d.Targets), test.want)
			}
		})
	}
	set := servingAll("cap", 0)
	set.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchExpressions: []v1alpha1.LabelRequirement{{Key: "x", Operator: "Nonsense"}}}
	if _, err := Discover(set, nil, nil); err == nil {
		t.Error("an invalid selector is not reported")
	}
}

func TestDiscover_TheOlderSetKeepsASecret(t *testing.T) {
	old, young, twin := servingAll("old", time.Hour), servingAll("young", time.Minute), servingAll("twin", time.Hour)
	holder := func(set *v1alpha1.CAPCredentialSet, others ...v1alpha1.CAPCredentialSet) string {
		t.Helper()
		d, err := Discover(set, []Request{request("machines", machines)}, others)
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
	for name, change := range map[string]func(*v1alpha1.CAPCredentialSet){
		"a set that is being deleted":       func(s *v1alpha1.CAPCredentialSet) { s.DeletionTimestamp = &metav1.Time{Time: noon} },
		"a set whose spec is wrong":         func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.DefaultRole = "a\nb" },
		"a set without CredentialsRequests": func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests = nil },
	} {
		other := old.DeepCopy()
		change(other)
		if got := holder(young, *other); got != "" {
			t.Errorf("%s holds: %q", name, got)
		}
	}
}

func TestDiscover_LeavesASecretThatOneRequestHasWrittenBySTS(t *testing.T) {
	timed := request("timed", machines)
	timed.TimedToken = true
	for _, requests := range [][]Request{{timed, request("plain", machines)}, {request("plain", machines), timed}} {
		d, err := Discover(servingAll("cap", 0), requests, nil)
		if err != nil || len(d.Targets) != 0 || d.TimedToken != 1 {
			t.Errorf("%v: %+v, %v", requests, d, err)
		}
	}
}
