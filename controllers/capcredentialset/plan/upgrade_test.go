package plan

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func payloadRequest(name, secret string) Request {
	namespace, secretName, _ := strings.Cut(secret, "/")
	return Request{Namespace: v1alpha1.DefaultRequestsNamespace, Name: name, Secret: types.NamespacedName{Namespace: namespace, Name: secretName}}
}

func rowOf(t *testing.T, rows []Upgraded, name string) Upgraded {
	t.Helper()
	for _, r := range rows {
		if strings.HasSuffix(r.Request, "/"+name) {
			return r
		}
	}
	t.Fatalf("there is no row of %s in %+v", name, rows)
	return Upgraded{}
}

func TestUpgrade_AnswersEachRequestOfTheReleaseAndThoseThatItHasNoMore(t *testing.T) {
	set := servingAll("cap", time.Hour)
	set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{{Name: "kept", Role: "k"}, {Name: "moved", Role: "m"}, {Name: "new", Role: "n"}, {Name: "gone", Role: "g"}}
	now := []Request{
		payloadRequest("kept", "a/kept"), payloadRequest("moved", "a/old"), payloadRequest("strayed", "a/stray"), payloadRequest("gone", "a/gone"),
		payloadRequest("deleted", "a/deleted"), payloadRequest("bare", "a/bare"), payloadRequest("timed", "a/timed"), elsewhere("other", "addon", types.NamespacedName{Namespace: "b", Name: "addon"}),
	}
	next := Release{
		Requests: []Request{
			payloadRequest("new", "c/new"), payloadRequest("kept", "a/kept"), payloadRequest("moved", "a/new"), payloadRequest("strayed", "a/straying"),
			payloadRequest("bare", "a/bare"), payloadRequest("unknown", "c/unknown"),
		},
		Deleted:   []string{v1alpha1.DefaultRequestsNamespace + "/deleted"},
		LeftAlone: []string{v1alpha1.DefaultRequestsNamespace + "/timed"},
	}
	rows := Upgrade([]v1alpha1.CAPCredentialSet{*set}, now, next)
	for name, want := range map[string]struct {
		answer Answer
		role   string
		person bool
	}{
		"kept": {AnswerCovered, "k", false}, "new": {AnswerNewCovered, "n", false}, "moved": {AnswerSecretChanged, "m", false}, "gone": {AnswerGone, "", false},
		"deleted": {AnswerGone, "", false}, "unknown": {AnswerNewWithoutRole, "", true}, "bare": {AnswerWithoutRole, "", true},
		"strayed": {AnswerSecretChangedWithoutRole, "", true},
	} {
		r := rowOf(t, rows, name)
		if r.Answer != want.answer || r.Role != want.role || r.Answer.NeedsPerson() != want.person || want.person == (r.Problem == "") {
			t.Errorf("%s is %+v, want %+v", name, r, want)
		}
	}
	if len(rows) != 8 {
		t.Errorf("there are %d rows, want none of what is left alone or of no payload: %+v", len(rows), rows)
	}
	for i := 1; i < len(rows); i++ {
		if rows[i-1].Request >= rows[i].Request {
			t.Errorf("%s is not before %s", rows[i-1].Request, rows[i].Request)
		}
	}
}

// A set covers a request only if its component will really get credentials.
func TestUpgrade_CoversOnlyWhatWillBeWritten(t *testing.T) {
	covering := func(change func(*v1alpha1.CAPCredentialSet)) v1alpha1.CAPCredentialSet {
		set := servingAll("cap", time.Hour)
		set.Spec.CredentialsRequests.DefaultRole = "default"
		change(set)
		return *set
	}
	no := false
	for what, tc := range map[string]struct {
		sets    []v1alpha1.CAPCredentialSet
		isNew   bool
		covered bool
		words   string
	}{
		"a default role":          {[]v1alpha1.CAPCredentialSet{covering(func(*v1alpha1.CAPCredentialSet) {})}, true, true, ""},
		"no set":                  {nil, true, false, "No CAPCredentialSet selects it"},
		"a suspended set":         {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) { s.Spec.Suspend = true })}, false, false, "suspended"},
		"a set that creates none": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) { s.Spec.CreateMissingSecrets = &no })}, true, false, "createMissingSecrets"},
		"one that exists already": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) { s.Spec.CreateMissingSecrets = &no })}, false, true, ""},
		"one that is excluded": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) {
			s.Spec.CredentialsRequests.Exclude = []v1alpha1.RequestReference{{Name: "r"}}
		})}, true, false, "No CAPCredentialSet"},
		"a spec that is invalid": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.DefaultRole = "\x07" })}, true, false, "invalid"},
		"a Secret named by the spec": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) {
			s.Spec.CredentialsRequests = nil
			s.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: "a", Name: "s"}, Role: "x"}}
		})}, true, true, ""},
		"a Secret named by a spec that is invalid elsewhere": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) {
			s.Spec.CredentialsRequests.DefaultRole = "\x07"
			s.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: "a", Name: "s"}, Role: "x"}}
		})}, true, true, ""},
		"a role that the Secret chose": {[]v1alpha1.CAPCredentialSet{covering(func(s *v1alpha1.CAPCredentialSet) {
			c := s.Spec.CredentialsRequests
			c.DefaultRole, c.SecretRoleKey, c.AllowedRoles = "", v1alpha1.SecretRoleKeyAllowListed, []string{"x"}
			s.Status.Targets = []v1alpha1.CredentialTargetStatus{{Namespace: "a", Name: "s", Role: "x"}}
		})}, false, true, ""},
	} {
		r := payloadRequest("r", "a/s")
		var now []Request
		if !tc.isNew {
			now = []Request{r}
		}
		row := rowOf(t, Upgrade(tc.sets, now, Release{Requests: []Request{r}}), "r")
		if covered := !row.Answer.NeedsPerson(); covered != tc.covered || !strings.Contains(row.Problem, tc.words) || covered && row.Role == "" {
			t.Errorf("%s: %+v, want it to be covered: %t", what, row, tc.covered)
		}
	}
}

// A request of no payload stays after the upgrade, and one that the release deletes does not: which has the role that a Secret gets?
func TestUpgrade_WeighsTheRequestsThatTheClusterWillHave(t *testing.T) {
	set := servingAll("cap", time.Hour)
	set.Spec.CredentialsRequests.Namespaces = []string{"addons"}
	set.Spec.CredentialsRequests.Roles = []v1alpha1.RequestRole{{Namespace: "addons", Name: "addon", Role: "addon"}, {Name: "new", Role: "new"}, {Name: "kept", Role: "kept"}}
	addon := elsewhere("addons", "addon", types.NamespacedName{Namespace: "a", Name: "s"})
	timed := addon
	timed.TimedToken = true
	for name, row := range map[string]struct {
		now    []Request
		next   Release
		answer Answer
		role   string
	}{
		"the release alone": {nil, Release{Requests: []Request{payloadRequest("new", "a/s")}}, AnswerNewCovered, "new"},
		"somebody else's request stays, and its Secret is not the set's": {[]Request{timed}, Release{Requests: []Request{payloadRequest("new", "a/s")}}, AnswerNewWithoutRole, ""},
		"unless the release deletes it":                                  {[]Request{timed}, Release{Requests: []Request{payloadRequest("new", "a/s")}, Deleted: []string{"addons/addon"}}, AnswerNewCovered, "new"},
		"the release's own request counts as it will be": {[]Request{{Namespace: v1alpha1.DefaultRequestsNamespace, Name: "new", Secret: addon.Secret, TimedToken: true}},
			Release{Requests: []Request{payloadRequest("new", "a/s")}}, AnswerCovered, "new"},
	} {
		r := rowOf(t, Upgrade([]v1alpha1.CAPCredentialSet{*set}, row.now, row.next), "new")
		if r.Answer != row.answer || r.Role != row.role {
			t.Errorf("%s: %+v, want %s with role %q", name, r, row.answer, row.role)
		}
	}
}

// What a Secret has chosen is that of its own row, and the first of the targets is one as well as the others.
func TestUpgrade_ReadsTheRoleOfTheSecretsOwnRow(t *testing.T) {
	set := servingAll("cap", time.Hour)
	set.Spec.CredentialsRequests.SecretRoleKey, set.Spec.CredentialsRequests.AllowedRoles = v1alpha1.SecretRoleKeyAllowListed, []string{"x", "y", "z"}
	set.Status.Targets = []v1alpha1.CredentialTargetStatus{{Namespace: "a", Name: "other", Role: "x"}, {Namespace: "b", Name: "s", Role: "y"}, {Namespace: "a", Name: "s", Role: "z"}}
	requests := []Request{payloadRequest("first", "a/s"), payloadRequest("second", "b/t")}
	rows := Upgrade([]v1alpha1.CAPCredentialSet{*set}, requests, Release{Requests: requests})
	if first, second := rowOf(t, rows, "first"), rowOf(t, rows, "second"); first.Role != "z" || first.Answer != AnswerCovered || second.Answer != AnswerWithoutRole {
		t.Errorf("the rows are %+v, %+v", first, second)
	}
}
