package capset

// Which Secrets a set keeps, and that new ones need no restart and no poll.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

const csiNamespace = "openshift-cluster-csi-drivers"

// awsSpec is the providerSpec of an AWS request.
func awsSpec(more ...string) map[string]any {
	spec := map[string]any{"apiVersion": "cloudcredential.openshift.io/v1", "kind": "AWSProviderSpec"}
	for i := 0; i+1 < len(more); i += 2 {
		spec[more[i]] = more[i+1]
	}
	return spec
}

func TestDiscovery_TheEFSAddOnIsServedAtOnceAndItsSecretsStayAfterIt(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	w.start()
	w.create()
	w.eventuallyFresh()
	before := w.cap.Counts().Requests
	w.api.Forget()

	controller := harness.CredentialsRequest("openshift-aws-efs-csi-driver", csiNamespace, "aws-efs-cloud-credentials", awsSpec())
	node := harness.CredentialsRequest("openshift-aws-efs-csi-driver-node", csiNamespace, "node-aws-efs-cloud-credentials", awsSpec())
	must(t, w.client.Create(t.Context(), controller))
	must(t, w.client.Create(t.Context(), node))
	w.eventuallyReady(v1alpha1.ReasonFresh, "9/9")
	for _, name := range []string{"aws-efs-cloud-credentials", "node-aws-efs-cloud-credentials"} {
		if s := w.secret(csiNamespace, name); s.Type != corev1.SecretTypeOpaque || len(s.Data["credentials"]) == 0 {
			t.Errorf("Secret %s has type %s and %d keys", name, s.Type, len(s.Data))
		}
	}
	if n := w.cap.Counts().Requests - before; n != 0 {
		t.Errorf("%d requests for a role with a fresh credential in four Secrets", n)
	}
	lists := w.api.Requests(func(r harness.Recorded) bool { return r.Resource == "credentialsrequests" && r.Verb == "list" })
	if len(lists) != 0 {
		t.Errorf("the requests were listed %d times instead of watched", len(lists))
	}

	must(t, w.client.Delete(t.Context(), node))
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "8/8")
	if row := rowOf(set, csiNamespace, "node-aws-efs-cloud-credentials"); row.Result != "" {
		t.Errorf("the row of the deleted request still exists: %s", row.Result)
	}
	if !w.has(csiNamespace, "node-aws-efs-cloud-credentials") {
		t.Error("the Secret was deleted with its request, although its users may still run")
	}
}

func TestDiscovery_RequestsWithAnSTSRoleAndOtherCloudsAreNotServed(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	must(t, w.client.Create(t.Context(), harness.CredentialsRequest("sts", csiNamespace, "aws-efs-cloud-credentials",
		awsSpec("stsIAMRoleARN", "arn:aws-iso:iam::111111111111:role/efs"))))
	must(t, w.client.Create(t.Context(), harness.CredentialsRequest("gcp", csiNamespace, "node-aws-efs-cloud-credentials",
		map[string]any{"apiVersion": "cloudcredential.openshift.io/v1", "kind": "GCPProviderSpec"})))
	theirs := w.put(csiNamespace, "aws-efs-cloud-credentials", map[string]string{"credentials": "[default]\nweb_identity_token_file = /token\n"})
	w.start()
	w.create()
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "7/7")
	if set.Status.NotServed != 1 {
		t.Errorf("status.notServed is %d, want the one request with stsIAMRoleARN", set.Status.NotServed)
	}
	if now := w.secret(csiNamespace, "aws-efs-cloud-credentials"); now.ResourceVersion != theirs.ResourceVersion {
		t.Error("the Secret of the request with stsIAMRoleARN was written")
	}
	if w.has(csiNamespace, "node-aws-efs-cloud-credentials") {
		t.Error("a Secret was created for another cloud's request")
	}
}

// The role of a Secret: that of the spec for its request's name, else that under its key role as in cap-token-refresh if the spec
// allows it, else the default.
func TestDiscovery_EachSecretGetsTheRoleByPrecedence(t *testing.T) {
	const ownRole, extraRole = "own", "extra"
	w := newCAPWorld(t, time.Hour)
	w.cap.AddRole(ownRole, "333333333333")
	w.cap.AddRole(extraRole, "444444444444")
	w.put("openshift-machine-api", "aws-cloud-credentials", map[string]string{"role": ownRole})         // the spec names another
	w.put("openshift-ingress-operator", "cloud-credentials", map[string]string{"role": ownRole + "\n"}) // with a newline, as from a file
	must(t, harness.CreateNamespace(t.Context(), w.client, "backup"))
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.DefaultRole = ""
		s.Spec.CredentialsRequests.SecretRoleKey, s.Spec.CredentialsRequests.AllowedRoles = v1alpha1.SecretRoleKeyAllowListed, []string{ownRole}
		// A name of the shipped rights, in a namespace without a request.
		s.Spec.Secrets = []v1alpha1.SecretRole{ownSecretRef("backup", "cloud-credentials", extraRole)}
	})
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "5/8")
	without := w.eventuallyRow("openshift-image-registry", "installer-cloud-credentials", v1alpha1.ReasonNoRole)
	if err := missing(without.Message, "spec.credentialsRequests.roles", "spec.credentialsRequests.defaultRole"); err != nil {
		t.Error(err)
	}
	w.edit(func(s *v1alpha1.CAPCredentialSet) { s.Spec.CredentialsRequests.DefaultRole = platformRole })
	set := w.eventuallyReady(v1alpha1.ReasonFresh, "8/8")

	roles := map[string]string{} // of the access key ids that CAP issued
	for _, k := range w.cap.Keys() {
		roles[k.AccessKeyID] = k.Role
	}
	for secret, role := range map[[2]string]string{
		{"openshift-machine-api", "aws-cloud-credentials"}:          machineRole,
		{"openshift-ingress-operator", "cloud-credentials"}:         ownRole,
		{"openshift-image-registry", "installer-cloud-credentials"}: platformRole,
		{"backup", "cloud-credentials"}:                             extraRole,
	} {
		if row := rowOf(set, secret[0], secret[1]); row.Role != role {
			t.Errorf("the row of %v has role %q, want %q", secret, row.Role, role)
		}
		if got := roles[string(w.secret(secret[0], secret[1]).Data["aws_access_key_id"])]; got != role {
			t.Errorf("%v has the credential of role %q, want %q", secret, got, role)
		}
	}
}

func TestDiscovery_TheSelectorChoosesByLabelAndFollowsIt(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	chosen := harness.CredentialsRequest("chosen", csiNamespace, "aws-efs-cloud-credentials", awsSpec())
	chosen.SetLabels(map[string]string{"portal": "cap"})
	must(t, w.client.Create(t.Context(), chosen))
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"portal": "cap"}}
	})
	w.eventuallyReady(v1alpha1.ReasonFresh, "1/1")
	if writes := w.secretWrites(); len(writes) != 1 {
		t.Errorf("the writes are %q, want one", writes)
	}
	chosen.SetLabels(nil)
	must(t, w.client.Update(t.Context(), chosen))
	w.eventuallyReady(v1alpha1.ReasonNoTargets, "0/0")
}

func TestDiscovery_AMissingNamespaceIsWaitedForAndAMissingSecretCreatedOrNot(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	namespace := fmt.Sprintf("late-%d", time.Now().UnixNano()) // an API server without controllers never removes one

	no := false
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CredentialsRequests.Selector = &v1alpha1.LabelSelector{MatchLabels: map[string]string{"nobody": "has-this"}}
		s.Spec.Secrets = []v1alpha1.SecretRole{ownSecretRef(namespace, "cloud-credentials", machineRole)}
	})
	set := w.eventuallyReady(v1alpha1.ReasonNamespaceMissing, "0/1")
	if stalled(set) {
		t.Error("a missing namespace counts as stalled")
	}
	if n := w.cap.Counts().Requests; n != 0 {
		t.Errorf("%d requests to CAP for a Secret that cannot be created", n)
	}
	must(t, harness.CreateNamespace(t.Context(), w.client, namespace))
	w.eventuallyReady(v1alpha1.ReasonFresh, "1/1")
	if s := w.secret(namespace, "cloud-credentials"); s.Type != corev1.SecretTypeOpaque {
		t.Errorf("the Secret has type %s", s.Type)
	}

	w.edit(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.CreateMissingSecrets = &no
		s.Spec.Secrets = append(s.Spec.Secrets, ownSecretRef(namespace, "ebs-cloud-credentials", machineRole))
	})
	w.eventuallyRow(namespace, "ebs-cloud-credentials", v1alpha1.ReasonSecretMissing)
	w.put(namespace, "ebs-cloud-credentials", nil)
	w.eventuallyReady(v1alpha1.ReasonFresh, "2/2")
}

// The message is sufficient: after its command the operator continues by itself.
func TestDiscovery_ForASecretBeyondTheShippedRightsTheMessageHasAWorkingCommand(t *testing.T) {
	w := newCAPWorld(t, time.Hour)
	must(t, harness.CreateNamespace(t.Context(), w.client, "customer"))
	w.put("customer", "there", map[string]string{"theirs": "stays"})
	w.start()
	w.create(func(s *v1alpha1.CAPCredentialSet) {
		s.Spec.Secrets = []v1alpha1.SecretRole{ownSecretRef("customer", "there", machineRole), ownSecretRef("customer", "to-come", machineRole)}
	})
	w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "7/9") // the others are not blocked
	for i, name := range []string{"there", "to-come"} {
		row := w.eventuallyRow("customer", name, v1alpha1.ReasonForbidden)
		w.execute(w.command(row.Message))
		w.eventuallyRow("customer", name, v1alpha1.ReasonFresh)
		if i == 0 {
			w.eventuallyReady(v1alpha1.ReasonRefreshFailing, "8/9")
		}
	}
	w.eventuallyReady(v1alpha1.ReasonFresh, "9/9")
	if s := w.secret("customer", "there"); string(s.Data["theirs"]) != "stays" {
		t.Error("a key of the customer's is gone")
	}

	// After the right is revoked the message is the same again, and the Secret keeps its content.
	before := w.secret("customer", "there").ResourceVersion
	w.execute("oc -n customer delete rolebinding --all && oc delete secret -n customer to-come")
	w.eventually("the API server no longer lets the operator read", func(ctx context.Context) error {
		set, err := w.read(ctx)
		if err != nil {
			return err
		}
		if row := rowOf(set, "customer", "to-come"); row.Result != v1alpha1.ReasonForbidden {
			return errors.New(row.Result)
		}
		return nil
	})
	if w.secret("customer", "there").ResourceVersion != before {
		t.Error("the other Secret was written")
	}
	foreign := w.api.Requests(func(r harness.Recorded) bool {
		return r.Resource == "secrets" && (r.Namespace == "" || r.Name == "" && slices.Contains([]string{"list", "watch"}, r.Verb))
	})
	if len(foreign) != 0 {
		t.Errorf("other Secrets were requested: %s", foreign[0])
	}
}

// stalled is true if the set needs a user's action.
func stalled(set *v1alpha1.CAPCredentialSet) bool {
	for _, c := range set.Status.Conditions {
		if c.Type == v1alpha1.ConditionStalled && c.Status == metav1.ConditionTrue {
			return true
		}
	}
	return false
}
