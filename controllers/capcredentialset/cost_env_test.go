package capcredentialset_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// Hundreds of Secrets cost what they need: a call per role and a patch per Secret and refresh. test/bench has a thousand.
func TestHundredsOfSecretsWithTensOfRoles_CostACallPerRoleAndAPatchPerSecret(t *testing.T) {
	const secrets, roles, namespace = 250, 25, "many"
	all := fmt.Sprintf("%d/%d", secrets, secrets)
	w := newWorld(t)
	w.must(harness.CreateNamespace(t.Context(), cp.Client, namespace))
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "many"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get", "list", "watch", "create", "patch"}}},
	}
	var targets []v1alpha1.SecretRole
	for n := range secrets {
		name := fmt.Sprintf("secret-%04d", n)
		role.Rules[0].ResourceNames = append(role.Rules[0].ResourceNames, name)
		targets = append(targets, v1alpha1.SecretRole{
			SecretReference: v1alpha1.SecretReference{Namespace: namespace, Name: name}, Role: fmt.Sprintf("role-%02d", n%roles),
		})
	}
	for n := range roles {
		w.portal.AddRole(fmt.Sprintf("role-%02d", n), "444444444444")
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: role.ObjectMeta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.installation.Namespace, Name: w.installation.ServiceAccount}},
	}
	w.must(cp.Client.Create(t.Context(), role))
	w.must(cp.Client.Create(t.Context(), binding))
	t.Cleanup(func() { w.stop() })
	w.set("many", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Selector = none()
		s.Spec.Secrets = targets
	})
	w.start()
	set := w.ready("many", v1alpha1.ReasonFresh, all)

	check := func(refresh int) {
		t.Helper()
		if n := w.portal.Counts().Requests; n != roles*refresh {
			t.Errorf("refresh %d: %d calls of the portal, want %d", refresh, n, roles*refresh)
		}
		if n := total(w.secretWrites()); n != secrets*refresh {
			t.Errorf("refresh %d: %d writes of Secrets, want %d", refresh, n, secrets*refresh)
		}
		if n := w.portal.Counts().MostInFlight; n > 4 {
			t.Errorf("%d requests to the portal at once, want at most 4", n)
		}
	}
	check(1)
	b, err := json.Marshal(set.Status)
	w.must(err)
	if len(b) >= 256<<10 || len(set.Status.Targets)+int(set.Status.TargetsNotListed) != secrets {
		t.Errorf("the status has %d bytes and counts %d Secrets", len(b), len(set.Status.Targets)+int(set.Status.TargetsNotListed))
	}
	w.clock.Advance(31 * time.Minute)
	w.eventually("the second refresh", func() error {
		if n := total(w.secretWrites()); n < 2*secrets {
			return fmt.Errorf("%d writes", n)
		}
		return nil
	})
	w.ready("many", v1alpha1.ReasonFresh, all)
	w.passes()
	check(2)
	lists := w.api.Requests(func(r harness.Recorded) bool {
		return r.Resource == "secrets" && (r.Verb == "list" || r.Verb == "watch")
	})
	for _, r := range lists {
		if r.Namespace == "" {
			t.Errorf("the Secrets of all namespaces were requested: %s", r)
		}
	}
	// One streamed request a Secret, and one for the client certificate's.
	if want := secrets + 1; len(lists) != want {
		t.Errorf("%d lists and watches of single Secrets, want %d", len(lists), want)
	}
	t.Logf("%d lists and watches of single Secrets, %d patches of the status", len(lists), w.statusWrites())

	w.api.Forget()
	w.passes()
	// Events are sent with a delay, and may still be those of the refresh.
	if all := w.api.Requests(func(r harness.Recorded) bool { return !r.IsBookkeeping() }); len(all) != 0 {
		t.Errorf("%d requests while nothing is due, such as %s", len(all), all[0])
	}
}
