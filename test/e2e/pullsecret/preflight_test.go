package pullsecret

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	configv1 "github.com/openshift/api/config/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// says waits for a reason of Ready whose message contains the first part, and fails unless it contains the others too: the problem,
// what it affects, and what to do.
func (w *world) says(want string, parts ...string) *v1alpha1.PullSecretRotation {
	w.t.Helper()
	message := func(r *v1alpha1.PullSecretRotation) string {
		if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionReady); c != nil && c.Reason == want {
			return c.Message
		}
		return ""
	}
	r := w.waitFor(fmt.Sprintf("Ready has the reason %s and contains %q", want, parts[0]), func(r *v1alpha1.PullSecretRotation) bool {
		return strings.Contains(message(r), parts[0])
	})
	for _, part := range parts[1:] {
		if !strings.Contains(message(r), part) {
			w.t.Errorf("the condition %s does not contain %q: %s", want, part, message(r))
		}
	}
	return r
}

// credential replaces the OCM credential.
func (w *world) credential(data map[string]string) {
	w.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ocm"}}
	err := cp.Client.Get(w.t.Context(), client.ObjectKeyFromObject(s), s)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatal(err)
	}
	s.Data, s.StringData = nil, data
	if err != nil {
		w.create(s)
		return
	}
	w.must(cp.Client.Update(w.t.Context(), s))
}

// untouched fails if a rotation was requested or the pull secret was changed.
func (w *world) untouched() {
	w.t.Helper()
	w.expectAsked(0)
	if n := w.secretWrites(); n != 0 {
		w.t.Errorf("the pull secret was written %d times", n)
	}
}

func TestEachKindOfRefusedOCMCredentialSaysWhatToDo(t *testing.T) {
	w := newWorld(t, living())
	const secret = "the Secret openshift-credential-rotation-operator/ocm"
	remove(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ocm"}})
	w.create(rotation())
	w.start()
	w.says(v1alpha1.ReasonOCMCredentialMissing, secret+" does not exist", "no rotation is requested", "https://console.redhat.com/openshift/token")

	w.credential(map[string]string{"tokn": "misspelt"})
	w.waitFor("the wrong key is named", func(r *v1alpha1.PullSecretRotation) bool {
		return strings.Contains(r.Status.WaitingFor, "neither the key token nor both client-id and client-secret")
	})

	dead := w.ocm.OfflineToken(w.account.ID)
	w.ocm.EndSessions(w.account.ID)
	w.credential(map[string]string{"token": dead})
	w.says(v1alpha1.ReasonOCMTokenExpired, "30 days", "the key token of "+secret, "https://console.redhat.com/openshift/token", "nothing is requested")

	id, _ := w.ocm.ServiceAccountCredential(w.ocm.AddAccount(ocm.AccountSpec{ServiceAccount: true}).ID)
	w.credential(map[string]string{"client-id": id, "client-secret": "of-somebody-else"})
	w.says(v1alpha1.ReasonOCMClientRefused, "client-id and client-secret of "+secret, "nothing is requested")

	w.ocm.ForbidOfflineTokens(w.account.ID, true)
	w.credential(map[string]string{"token": w.ocm.OfflineToken(w.account.ID)})
	w.says(v1alpha1.ReasonOCMOfflineTokensForbidden, "organisation's administrator", secret, "nothing is requested")

	w.ocm.ForbidOfflineTokens(w.account.ID, false)
	w.ocm.SetClockSkew(-time.Hour, -time.Hour)
	w.credential(map[string]string{"token": w.ocm.OfflineToken(w.account.ID)})
	w.says(v1alpha1.ReasonClockSkew, "ahead of the service's", "time server", "nothing is requested")
	w.untouched()

	// The operator notices by itself that the cause is gone.
	w.ocm.SetClockSkew(0, 0)
	w.waitFor("the rotation has ended", ended)
}

func TestACredentialOfAnotherAccountRequestsNothing(t *testing.T) {
	w := newWorld(t, living())
	service := w.ocm.AddAccount(ocm.AccountSpec{ServiceAccount: true})
	id, password := w.ocm.ServiceAccountCredential(service.ID)
	w.credential(map[string]string{"client-id": id, "client-secret": password})
	w.create(rotation())
	w.start()
	w.says(v1alpha1.ReasonAccountMismatch, "belongs to account "+w.account.ID, "to account "+service.ID, "a service account would rotate its own pull secret", "Provide an OCM credential of account "+w.account.ID)

	// Without the cluster's own token, only its kind is an argument against the service account.
	document := w.document()
	w.put("oc", []byte(strings.Replace(string(document), `"cloud.openshift.com":`, `"x.example.com":`, 1)))
	w.says(v1alpha1.ReasonAccountMismatch, "belongs to the service account", "no valid cloud.openshift.com token", "spec.ocm.accountID to "+service.ID)
	w.put("oc", document)

	w.credential(map[string]string{"token": w.ocm.OfflineToken(w.account.ID)})
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.OCM.AccountID = service.ID })
	w.says(v1alpha1.ReasonAccountPinMismatch, "spec.ocm.accountID is "+service.ID, "Nothing was requested", "correct spec.ocm.accountID")

	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.OCM.AccountID = w.account.ID })
	w.waitFor("the pinned account's rotation has ended", ended)
}

func TestABannedAccountIsSentToSupport(t *testing.T) {
	w := newWorld(t, living())
	w.ocm.Ban(w.account.ID, true)
	w.create(rotation())
	w.start()
	w.says(v1alpha1.ReasonOCMForbidden, "banned", "Red Hat support", "nothing is requested")
	w.ocm.Ban(w.account.ID, false)
	// OCM may also report it in the account itself.
	w.ocm.Break(ocm.Fault{Endpoint: ocm.OpCurrentAccount, Kind: ocm.Answer,
		Body: fmt.Sprintf(`{"id":%q,"kind":"Account","href":"/api/accounts_mgmt/v1/accounts/x","username":"user-1","banned":true}`, w.account.ID)})
	w.lookAgain()
	w.says(v1alpha1.ReasonOCMForbidden, "Red Hat has banned the account user-1", "Contact Red Hat support")
	w.untouched()
}

// topology sets where the control plane runs.
func (w *world) topology(mode configv1.TopologyMode) {
	w.t.Helper()
	i := &configv1.Infrastructure{}
	w.must(cp.Client.Get(w.t.Context(), client.ObjectKey{Name: "cluster"}, i))
	i.Status.ControlPlaneTopology = mode
	w.must(cp.Client.Status().Update(w.t.Context(), i))
}

// onChange sets the nodes' action for a changed pull secret.
func (w *world) onChange(action string) {
	w.t.Helper()
	m := &unstructured.Unstructured{}
	m.SetAPIVersion("operator.openshift.io/v1")
	m.SetKind("MachineConfiguration")
	w.must(cp.Client.Get(w.t.Context(), client.ObjectKey{Name: "cluster"}, m))
	w.must(unstructured.SetNestedSlice(m.Object, []any{map[string]any{
		"path": "/var/lib/kubelet/config.json", "actions": []any{map[string]any{"type": action}},
	}}, "status", "nodeDisruptionPolicyStatus", "clusterPolicies", "files"))
	w.must(cp.Client.Status().Update(w.t.Context(), m))
}

func TestEffectsOnOthersHoldARotation(t *testing.T) {
	w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
	w.topology(configv1.ExternalTopologyMode)
	w.onChange("Drain")
	w.pause("worker")
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.SiblingClusters = v1alpha1.SiblingsRefuse }))
	w.start()
	w.says(v1alpha1.ReasonHostedControlPlane, "HyperShift overwrites", "Nothing was changed", "management cluster", "HostedCluster.spec.pullSecret")
	if n := w.ocm.Count(ocm.OpAny); n != 0 {
		t.Errorf("%d requests to OCM by a hosted cluster, want none", n)
	}

	w.topology(configv1.HighlyAvailableTopologyMode)
	w.lookAgain()
	r := w.says(v1alpha1.ReasonSiblingClusters, "2 other active clusters", "sibling-1", "sibling-2", "lose its credentials", "mode Follow", "spec.siblingClusters to Allow")
	if s := r.Status.Siblings; s == nil || s.Clusters == nil || *s.Clusters != 3 {
		t.Errorf("status.siblings is %v, want 3 clusters", s)
	}
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionPoolsPaused); c == nil || c.Status != metav1.ConditionTrue ||
		!strings.Contains(c.Message, "worker") || !strings.Contains(c.Message, "oc patch machineconfigpool") {
		t.Errorf("PoolsPaused = %+v, want True with the pool's name and how to unpause it, before anything is requested", c)
	}

	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.SiblingClusters = v1alpha1.SiblingsAllow })
	w.says(v1alpha1.ReasonNodeDisruption, "drain every node", "MachineConfiguration/cluster", "spec.rollout.allowNodeDisruption")
	w.untouched()
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.Rollout.AllowNodeDisruption = true })
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.expectAsked(1)
}

// replace replaces the global pull secret by another Secret, because its type cannot be changed.
func (w *world) replace(kind corev1.SecretType, document []byte) {
	w.t.Helper()
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: own.Namespace, Name: own.Name}}
	remove(w.t, s)
	if document != nil {
		s.Type, s.Data = kind, map[string][]byte{corev1.DockerConfigJsonKey: document}
		w.create(s)
	}
}

func TestATargetThatIsNotAPullSecretHoldsTheRequest(t *testing.T) {
	w := newWorld(t, living())
	w.replace("", nil)
	w.create(rotation())
	w.start()
	w.says(v1alpha1.ReasonTargetMissing, "openshift-config/pull-secret does not exist", "No rotation begins", "type kubernetes.io/dockerconfigjson")
	w.replace(corev1.SecretTypeOpaque, w.before)
	w.says(v1alpha1.ReasonTargetInvalid, "has type Opaque", "It was not changed")
	w.replace(corev1.SecretTypeDockerConfigJson, []byte(`{"auths":{}}`))
	w.waitFor("the content is named", func(r *v1alpha1.PullSecretRotation) bool {
		return strings.Contains(r.Status.WaitingFor, "auths has no entry")
	})
	w.says(v1alpha1.ReasonTargetInvalid, "holds no valid pull secret", "Fix its key .dockerconfigjson")
	w.replace(corev1.SecretTypeOpaque, []byte(`{"auths": "`+ocm.Canary)) // not JSON, which the API server allows only for other types
	w.says(v1alpha1.ReasonTargetInvalid, "has type Opaque")
	w.untouched()
	w.replace(corev1.SecretTypeDockerConfigJson, w.before)
	r := w.waitFor("the rotation has ended", ended)
	if got := result(r, own); got != v1alpha1.ReasonPullSecretUpdated {
		t.Errorf("the target's result is %s, want %s", got, v1alpha1.ReasonPullSecretUpdated)
	}
}

// oc runs the commands after "with: " in a message unchanged.
func (w *world) oc(message string) {
	w.t.Helper()
	_, commands, found := strings.Cut(message, "Grant it with: ")
	if !found {
		w.t.Fatalf("the message has no command: %s", message)
	}
	bin := w.t.TempDir()
	w.must(os.Symlink(cp.Kubectl, filepath.Join(bin, "oc")))
	config := filepath.Join(bin, "kubeconfig")
	w.must(os.WriteFile(config, cp.AdminKubeconfig, 0o600))
	shell := exec.Command("sh", "-ec", commands)
	shell.Env = []string{"PATH=" + bin, "KUBECONFIG=" + config, "HOME=" + bin}
	if out, err := shell.CombinedOutput(); err != nil {
		w.t.Fatalf("%s\n%v: %s", commands, err, out)
	}
}

// forget removes the grants of oc.
func (w *world) forgetGrant(ref v1alpha1.SecretReference) {
	meta := metav1.ObjectMeta{Namespace: ref.Namespace, Name: "credential-rotation-operator-" + ref.Name}
	remove(w.t, &rbacv1.RoleBinding{ObjectMeta: meta})
	remove(w.t, &rbacv1.Role{ObjectMeta: meta})
}

func TestAMissingRightComesWithTheCommandThatGrantsIt(t *testing.T) {
	for what, verbs := range map[string][]string{"any right": nil, "the right to write": {"get", "list", "watch"}} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, living())
			w.dockerSecret(hive, w.before)
			t.Cleanup(func() { w.forgetGrant(hive) })
			if verbs != nil {
				w.kubectl("-n", hive.Namespace, "create", "role", "reader", "--resource=secrets", "--resource-name="+hive.Name, "--verb="+strings.Join(verbs, ","))
				w.kubectl("-n", hive.Namespace, "create", "rolebinding", "reader", "--role=reader", "--serviceaccount="+w.namespace+":credential-rotation-operator")
				t.Cleanup(func() { w.kubectl("-n", hive.Namespace, "delete", "role/reader", "rolebinding/reader") })
			}
			w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.Targets = []v1alpha1.SecretReference{hive} }))
			w.start()
			r := w.says(v1alpha1.ReasonForbidden, "hive-clusters/pull", "It was not changed")
			w.untouched()
			w.oc(r.Status.WaitingFor)
			if verbs != nil {
				w.lookAgain() // granting a right triggers no watch event: the operator checks every minute
			}
			w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
			w.days(6) // this cluster's own pull secret is not a target: OCM stops waiting for it
			w.waitFor("the rotation has ended", ended)
			if auth(w.documentOf(hive), "quay.io") != auth(w.ocm.PullSecret(w.account.ID), "quay.io") {
				t.Error("the target does not have the new credentials")
			}
		})
	}
}

func TestAuditReportsEntryByEntryAndChangesNothing(t *testing.T) {
	s := settings{siblings: 2, siblingMode: ocm.NeverSwitches}
	s.document = func(issued []byte) []byte {
		// The customer's own service account for one registry, none for another, and a mirror.
		d := strings.Replace(string(issued), auth(issued, "registry.redhat.io"), "MTIzNDU2NzhjdXN0b21lcjpzZWNyZXQ=", 2)
		d = strings.Replace(d, `"registry.connect.redhat.com"`, `"mirror.example.com:5000"`, 1)
		return []byte(d)
	}
	w := newWorld(t, s)
	w.onChange("Reboot")
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Mode, s.SiblingClusters = v1alpha1.ModeAudit, v1alpha1.SiblingsRefuse
		s.Entries.AddMissing = []string{"registry.connect.redhat.com"}
	}))
	w.start()
	r := w.says(v1alpha1.ReasonAudited, "A rotation has been due since", "held back", "sibling-1", "sibling-2", "reboot every node", "nothing was requested or written")
	got := map[string]string{}
	for _, e := range r.Status.Targets[0].Entries {
		got[e.Registry] = e.Action
	}
	want := map[string]string{"cloud.openshift.com": "WouldBeReplaced", "quay.io": "WouldBeReplaced", "registry.redhat.io": "KeptForeign",
		"mirror.example.com:5000": "KeptForeign", "registry.connect.redhat.com": "WouldBeAdded"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the report is %v, want %v", got, want)
	}

	// It keeps the report without any request.
	w.ocm.ResetCounts()
	writes := len(w.api.Writes())
	w.lookedAgain()
	if n := len(w.api.Writes()) - writes; n != 0 {
		t.Errorf("the same report was written again, %d times", n)
	}
	if n := w.ocm.Count(ocm.OpAny); n != 0 {
		t.Errorf("%d requests to OCM for an unchanged report", n)
	}
	w.untouched()
	for _, write := range w.api.Writes() {
		if write.Resource != "pullsecretrotations" || write.Subresource != "status" {
			t.Errorf("mode Audit wrote something other than its own status: %s", write)
		}
	}
}
