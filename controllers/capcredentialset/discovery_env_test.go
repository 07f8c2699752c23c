package capcredentialset_test

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

const efsNamespace, efsSecret = "openshift-cluster-csi-drivers", "aws-efs-cloud-credentials"

func awsSpec(extra map[string]any) map[string]any {
	spec := map[string]any{"apiVersion": "cloudcredential.openshift.io/v1", "kind": "AWSProviderSpec"}
	for k, v := range extra {
		spec[k] = v
	}
	return spec
}

func TestARequestThatAppears_IsServedAndOneThatGoesLeavesItsSecret(t *testing.T) {
	w := newWorld(t)
	w.set("cap", nil)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")

	efs := harness.CredentialsRequest("openshift-aws-efs-csi-driver", efsNamespace, efsSecret, awsSpec(nil))
	w.must(cp.Client.Create(t.Context(), efs.DeepCopy()))
	w.ready("cap", v1alpha1.ReasonFresh, "8/8")
	if w.secret(efsNamespace, efsSecret) == nil {
		t.Error("the new request's Secret is missing")
	}
	if n := w.portal.Counts().Requests; n != 1 {
		t.Errorf("%d calls for one role, of which seven Secrets had a fresh credential", n)
	}

	w.must(cp.Client.Delete(t.Context(), efs))
	set := w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	if got := row(set, efsNamespace, efsSecret); got.Result != "" {
		t.Errorf("the deleted request's row is still there: %+v", got)
	}
	if w.secret(efsNamespace, efsSecret) == nil {
		t.Error("the deleted request's Secret was deleted: its consumer may still run")
	}
}

func TestRequestsThatAreNotOurs_AreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.must(cp.Client.Create(t.Context(), harness.CredentialsRequest("gcp", efsNamespace, efsSecret, map[string]any{"kind": "GCPProviderSpec"})))
	w.must(cp.Client.Create(t.Context(), harness.CredentialsRequest("sts", efsNamespace, "node-"+efsSecret,
		awsSpec(map[string]any{"stsIAMRoleARN": "arn:aws-iso:iam::1:role/r"}))))
	w.set("cap", nil)
	w.start()
	set := w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	if set.Status.NotServed != 1 {
		t.Errorf("%d requests with an STS token are shown, want 1", set.Status.NotServed)
	}
	for _, name := range []string{efsSecret, "node-" + efsSecret} {
		if w.secret(efsNamespace, name) != nil {
			t.Errorf("Secret %s was created for a request that is not served", name)
		}
	}
}

func TestTheSelector_ChoosesRequestsByLabel(t *testing.T) {
	w := newWorld(t)
	efs := harness.CredentialsRequest("efs", efsNamespace, efsSecret, awsSpec(nil))
	efs.SetLabels(map[string]string{"cap": "yes"})
	w.must(cp.Client.Create(t.Context(), efs))
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"cap": "yes"}}
	})
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "1/1")
}

func TestAMissingNamespace_IsWaitedForWithoutAskingThePortal(t *testing.T) {
	w := newWorld(t)
	namespace := fmt.Sprintf("late-%d", w.clock.Now().UnixNano())
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests = &v1alpha1.CredentialsRequestsSpec{Selector: none()}
		s.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: namespace, Name: efsSecret}, Role: roleB}}
	})
	w.start()
	w.ready("cap", v1alpha1.ReasonNamespaceMissing, "0/1")
	w.passes()
	if n := w.portal.Counts().Requests; n != 0 {
		t.Errorf("%d requests to CAP for a Secret that cannot be created", n)
	}
	w.must(harness.CreateNamespace(t.Context(), cp.Client, namespace))
	w.ready("cap", v1alpha1.ReasonFresh, "1/1")
}

// none selects no CredentialsRequest.
func none() *v1alpha1.LabelSelector {
	return &v1alpha1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}
}

func TestASecretWithoutAGrant_SaysForbiddenWithTheCommandThatHelps(t *testing.T) {
	w := newWorld(t)
	const namespace, name = "default", "of-a-customer"
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.Secrets = []v1alpha1.SecretRole{{SecretReference: v1alpha1.SecretReference{Namespace: namespace, Name: name}, Role: roleB}}
	})
	w.start()
	got := w.result("cap", namespace, name, v1alpha1.ReasonForbidden)
	contains(t, "the message", got.Message, "oc -n default create role", "--resource-name="+name,
		"--serviceaccount="+w.installation.Namespace+":"+w.installation.ServiceAccount)
	if set := w.ready("cap", v1alpha1.ReasonRefreshFailing, "7/8"); row(set, "openshift-machine-api", "aws-cloud-credentials").Result != v1alpha1.ReasonFresh {
		t.Error("one Secret without a grant holds up the others")
	}
	if n := w.portal.Counts().ByRole[roleB]; n != 0 {
		t.Errorf("%d requests to CAP for a Secret that may not be written", n)
	}

	// What the command does. It is enough also for creating the Secret, because server-side apply has its name.
	role := &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "credential-rotation-operator-" + name},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{name}, Verbs: []string{"get", "list", "watch", "create", "patch"},
		}},
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: role.ObjectMeta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: w.installation.Namespace, Name: w.installation.ServiceAccount}},
	}
	w.must(cp.Client.Create(t.Context(), role))
	w.must(cp.Client.Create(t.Context(), binding))
	t.Cleanup(func() {
		_ = cp.Client.Delete(t.Context(), role)
		_ = cp.Client.Delete(t.Context(), binding)
	})
	w.ready("cap", v1alpha1.ReasonFresh, "8/8")
}

func TestTwoSets_TheOlderKeepsASecretAndTheOtherTakesOverWhenItGoes(t *testing.T) {
	w := newWorld(t)
	w.set("a-first", nil)
	w.set("b-second", func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.DefaultRole = roleB })
	w.start()
	first := w.ready("a-first", v1alpha1.ReasonFresh, "7/7")
	second := w.ready("b-second", v1alpha1.ReasonRefreshFailing, "0/7")
	contains(t, "the message", row(second, "openshift-machine-api", "aws-cloud-credentials").Message, "a-first")
	if n := w.portal.Counts().ByRole[roleB]; n != 0 {
		t.Errorf("the set without a Secret sent %d requests to CAP", n)
	}
	w.must(cp.Client.Delete(t.Context(), first))
	w.ready("b-second", v1alpha1.ReasonFresh, "7/7")
	if got := w.secret("openshift-machine-api", "aws-cloud-credentials").Annotations[v1alpha1.CredentialSetAnnotation]; got != "b-second" {
		t.Errorf("the Secret is kept by %q", got)
	}
}

func TestASecretThatExists_KeepsItsOtherKeysAndItsMetadataOnceItMayBeTakenOver(t *testing.T) {
	w := newWorld(t)
	const namespace, name = "openshift-machine-api", "aws-cloud-credentials"
	w.must(cp.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"mine": "yes"}, Annotations: map[string]string{"mine": "too"}},
		Data: map[string][]byte{
			"role": []byte(roleB), "other": {0, 1, 2}, "aws_access_key_id": []byte("YourID"), "credentials": []byte("[default]\naws_access_key_id = YourID\n"),
		},
	}))
	before := w.secret(namespace, name)
	w.set("cap", nil)
	w.start()
	w.result("cap", namespace, name, v1alpha1.ReasonSecretNotOurs)
	if now := w.secret(namespace, name); now.ResourceVersion != before.ResourceVersion {
		t.Error("another owner's Secret was written")
	}
	w.edit("cap", func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.AdoptExisting = true
		s.Spec.CredentialsRequests.SecretRoleKey, s.Spec.CredentialsRequests.AllowedRoles = v1alpha1.SecretRoleKeyAllowListed, []string{roleB}
	})
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	s := w.secret(namespace, name)
	if s.Labels["mine"] != "yes" || s.Annotations["mine"] != "too" || string(s.Data["role"]) != roleB || string(s.Data["other"]) != "\x00\x01\x02" {
		t.Errorf("labels %v, annotations %v, keys %d", s.Labels, s.Annotations, len(s.Data))
	}
	if w.portal.Counts().ByRole[roleB] != 1 {
		t.Errorf("calls: %v, want one for the Secret's own role", w.portal.Counts().ByRole)
	}
	if s.Annotations[v1alpha1.RoleAnnotation] != roleB {
		t.Errorf("its role is noted as %q", s.Annotations[v1alpha1.RoleAnnotation])
	}
	w.edit("cap", func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.AdoptExisting = false })
	w.ready("cap", v1alpha1.ReasonFresh, "7/7") // it is the operator's by now
}

func TestASecretOfAnotherType_IsNeverWritten(t *testing.T) {
	w := newWorld(t)
	const namespace, name = "openshift-machine-api", "aws-cloud-credentials"
	w.must(cp.Client.Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: "example.com/credentials"}))
	before := w.secret(namespace, name)
	w.set("cap", func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.AdoptExisting = true })
	w.start()
	w.result("cap", namespace, name, v1alpha1.ReasonSecretNotOpaque)
	if now := w.secret(namespace, name); now.ResourceVersion != before.ResourceVersion {
		t.Error("it was written")
	}
}

func TestAnImmutableSecret_SaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	const namespace, name = "openshift-machine-api", "aws-cloud-credentials"
	yes := true
	frozen := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Immutable: &yes, Data: map[string][]byte{"role": []byte(roleB)}}
	w.must(cp.Client.Create(t.Context(), frozen))
	w.set("cap", nil)
	w.start()
	got := w.result("cap", namespace, name, v1alpha1.ReasonWriteRefused)
	contains(t, "the message", got.Message, "immutable", "Delete it")
	w.must(cp.Client.Delete(t.Context(), frozen))
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
}

func TestAnEditAndADeletion_AreSetRight(t *testing.T) {
	w := newWorld(t)
	w.set("cap", twoRoles)
	w.start()
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	const namespace, name = "openshift-machine-api", "aws-cloud-credentials"
	good := w.secret(namespace, name)

	edited := good.DeepCopy()
	edited.Data["credentials"] = []byte("[default]\naws_access_key_id = \n")
	w.must(cp.Client.Update(t.Context(), edited))
	back := func() error {
		s := w.secret(namespace, name)
		if s == nil {
			return errors.New("it does not exist")
		}
		if string(s.Data["credentials"]) == string(edited.Data["credentials"]) {
			return errors.New("it still has the edit")
		}
		return nil
	}
	w.eventually("the edit is set right", back)

	w.must(cp.Client.Delete(t.Context(), good))
	w.eventually("the deleted Secret is back", back)
	w.ready("cap", v1alpha1.ReasonFresh, "7/7")
	if n := w.portal.Counts().Requests; n != 2 {
		t.Errorf("%d calls, want none beyond the first two: the registry's Secret has the same role's credential", n)
	}
}
