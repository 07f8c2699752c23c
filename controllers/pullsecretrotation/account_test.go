package pullsecretrotation

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// The cluster, or the operator, gets another account's credential.

// put changes one key of a Secret.
func (m *meter) put(namespace, name, key string, value []byte) {
	m.t.Helper()
	secret := &corev1.Secret{}
	if err := m.client.Get(m.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, secret); err != nil {
		m.t.Fatal(err)
	}
	secret.Data[key] = value
	if err := m.client.Update(m.t.Context(), secret); err != nil {
		m.t.Fatal(err)
	}
}

// clusterMovesTo transfers the cluster to another account; operatorMovesTo gives the operator that account's token.
func (m *meter) clusterMovesTo(a simocm.Account) {
	m.sim.MoveCluster(m.id, a.ID)
	m.put(global.Namespace, global.Name, corev1.DockerConfigJsonKey, m.sim.PullSecret(a.ID))
}

func (m *meter) operatorMovesTo(a simocm.Account) {
	m.put("operator", "ocm", "token", []byte(m.sim.OfflineToken(a.ID)))
}

// uses fails unless the cluster has the account's pull secret.
func (m *meter) uses(a simocm.Account) {
	m.t.Helper()
	if entryAuth(m.document(m.t), "quay.io") != entryAuth(m.sim.PullSecret(a.ID), "quay.io") {
		m.t.Error("the cluster has another account's pull secret")
	}
}

func (m *meter) says(reason, words string) {
	m.t.Helper()
	ready := meta.FindStatusCondition(m.seen.Status.Conditions, v1alpha1.ConditionReady)
	if ready.Reason != reason || !strings.Contains(ready.Message, words) {
		m.t.Errorf("the object says %s: %s", ready.Reason, ready.Message)
	}
}

func TestAccount_BothMoveBetweenRotationsAndTIsTheNewAccounts(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(hasEnded)
	other := m.sim.AddAccount(simocm.AccountSpec{})
	m.clusterMovesTo(other)
	m.operatorMovesTo(other)
	m.wait()
	m.through(hasEnded)
	if m.uses(other); m.seen.Status.Account.ID != other.ID {
		t.Errorf("the status shows account %s, want %s", m.seen.Status.Account.ID, other.ID)
	}
	if n := len(m.sim.Rotations(other.ID)); n != 1 {
		t.Errorf("the new account has had %d rotations: what the old one had says nothing about T", n)
	}
}

func TestAccount_AFollowerMovesWithItsCluster(t *testing.T) {
	m := newMeter(t, simocm.Options{}, v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeFollow})
	object := m.get(t)
	object.Spec.OCM.CredentialsSecretRef = nil
	if err := m.client.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	m.through(awaits(v1alpha1.ReasonFollowing))
	other := m.sim.AddAccount(simocm.AccountSpec{})
	m.clusterMovesTo(other)
	m.wait()
	m.look()
	m.says(v1alpha1.ReasonFollowing, "")
	if m.seen.Status.Account.ID != other.ID {
		t.Errorf("the status shows account %s, want %s", m.seen.Status.Account.ID, other.ID)
	}
}

func TestAccount_ARotationOfAnotherAccountIsNotAdopted(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(hasEnded)
	other := m.sim.AddAccount(simocm.AccountSpec{})
	m.clusterMovesTo(other)
	m.sim.StartRotationElsewhere(m.account.ID)
	m.sim.RunBatch()
	m.wait()
	m.look()
	m.says(v1alpha1.ReasonAccountMismatch, other.ID)
	m.uses(other)
}

func TestAccount_TheOperatorAloneMovesWhileNewCredentialsAreAwaited(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	token, other := []byte(m.token), m.sim.AddAccount(simocm.AccountSpec{})
	m.operatorMovesTo(other)
	m.sim.RunBatch()
	m.wait()
	for range 3 { // whatever causes the next reconcile
		m.look()
		m.says(v1alpha1.ReasonAccountMismatch, other.ID)
	}
	m.put("operator", "ocm", "token", token)
	m.through(hasEnded)
	m.uses(m.account)
}

// Without the cluster's own token in the pull secret no registry would notice.
func TestAccount_TheOperatorAloneMovesBeforeTheTargetIsWritten(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	spec := m.get(t)
	spec.Spec.Verification = []v1alpha1.RegistryVerification{{Registry: "cloud.openshift.com", Policy: v1alpha1.VerificationSkip}}
	if err := m.client.Update(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	before := m.document(t)
	// The record says that they are issued, and the process dies before it has verified them.
	m.sim.RunBatch()
	object := m.get(t)
	object.Status.Rotation.IssuedAt = decide.TimePtr(m.sim.Now())
	object.Status.Rotation.Issued = []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "new"}}
	if err := m.client.Status().Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	m.operatorMovesTo(m.sim.AddAccount(simocm.AccountSpec{}))
	m.look()
	m.says(v1alpha1.ReasonAccountMismatch, "")
	if string(m.document(t)) != string(before) {
		t.Error("another account's pull secret was written")
	}
}

func TestAccount_BothMoveInTheMiddleOfARotation(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.through(awaits(v1alpha1.ReasonAwaitingIssue))
	other := m.sim.AddAccount(simocm.AccountSpec{})
	m.clusterMovesTo(other)
	m.sim.RunBatch()
	m.wait()
	m.look() // the cluster has moved, but the operator has not
	m.says(v1alpha1.ReasonAccountMismatch, other.ID)
	m.uses(other)
	m.operatorMovesTo(other)
	m.through(hasEnded)
	if m.uses(other); len(m.sim.Rotations(other.ID)) != 1 {
		t.Errorf("the new account has had %d rotations, want the one that is due", len(m.sim.Rotations(other.ID)))
	}
}

func TestAccount_TheClusterMovesWhileTheEndOfTheOldCredentialsIsAwaited(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.sim.AddCluster(m.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
	m.through(awaits(v1alpha1.ReasonAwaitingRevocation))
	other := m.sim.AddAccount(simocm.AccountSpec{})
	m.clusterMovesTo(other)
	m.wait()
	m.look()
	m.says(v1alpha1.ReasonAccountMismatch, other.ID)
	m.uses(other)
}
