package pullsecret

import (
	"context"
	"strings"
	"testing"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
)

// still is an OCM whose time passes only when the test advances it.
func still() settings { return settings{siblings: 1, siblingMode: ocm.NeverSwitches} }

func (w *world) pause(pool string) {
	w.t.Helper()
	p := &machineconfigurationv1.MachineConfigPool{}
	w.must(cp.Client.Get(context.Background(), client.ObjectKey{Name: pool}, p))
	p.Spec.Paused = true
	w.must(cp.Client.Update(context.Background(), p))
}

func TestAPausedPoolIsReportedAndDoesNotBlock(t *testing.T) {
	w := newWorld(t, still())
	w.pause("worker")
	w.create(rotation())
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionPoolsPaused); c == nil || c.Status != metav1.ConditionTrue {
		t.Error("the paused pool was not reported before the request")
	}
	w.ocm.RunBatch()
	r = w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	if r.Status.Rotation.RolledOutAt == nil {
		t.Error("the paused pool holds up the roll-out")
	}
	p := &machineconfigurationv1.MachineConfigPool{}
	w.must(cp.Client.Get(t.Context(), client.ObjectKey{Name: "worker"}, p))
	if !p.Spec.Paused {
		t.Error("the pool was unpaused")
	}
}

func TestAClusterWithoutPoolsIsFine(t *testing.T) {
	w := newWorld(t, still())
	w.must(w.mco.Stop())
	w.must(cp.Client.DeleteAllOf(t.Context(), &machineconfigurationv1.MachineConfigPool{}))
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.current()
}

// A degraded pool is not evidence against a credential, because it may have other causes.
func TestADegradedPoolIsReportedAndNothingIsRolledBack(t *testing.T) {
	s := still()
	s.document = odd
	w := newWorld(t, s)
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.mco.Degrade("worker")
	w.ocm.RunBatch()
	r := w.waitForReason(v1alpha1.ReasonRolloutDegraded)
	want := v1alpha1.LaggingMachine{Name: "worker-0", Pool: "worker", Condition: "NodeDegraded", Reason: "NodeDegraded"}
	if m := r.Status.Rotation.Machines; m == nil || m.Total != 6 || len(m.Lagging) == 0 || m.Lagging[0] != want {
		t.Errorf("the machines are %+v", m)
	}
	if r.Status.Rotation.RolledBackAt != nil || auth(w.document(), "quay.io") != auth(w.ocm.PullSecret(w.account.ID), "quay.io") {
		t.Error("the new credentials were rolled back")
	}
	w.mco.Recover("worker")
	r = w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	if m := r.Status.Rotation.Machines; m == nil || m.Updated != 6 || len(m.Lagging) > 0 {
		t.Errorf("the machines have the new file, and the status says %+v", m)
	}
}

func TestNothingIsRolledBackOnceTheOldCredentialsAreDead(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.CompleteEverything()
	w.mco.Degrade("worker")
	w.create(rotation())
	w.start()
	r := w.waitForReason(v1alpha1.ReasonRolloutDegraded)
	if r.Status.Rotation.RolledBackAt != nil {
		t.Error("dead credentials were restored")
	}
	w.current()
}

// refusedLater is a cluster whose registry accepts the new credentials before they are written and refuses them afterwards, but accepts the
// old ones: the health check notices it.
func refusedLater(t *testing.T, policy v1alpha1.RollbackPolicy) *world {
	t.Helper()
	w := newWorld(t, still())
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Rollback = policy
	}))
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.registry.Refuse(registry.RedHatRegistry, w.user("registry.redhat.io"), true)
	w.healthCheckIsDue()
	return w
}

func TestAppliedCredentialsThatTheRegistriesThenRefuseAreRolledBack(t *testing.T) {
	w := refusedLater(t, v1alpha1.RollbackAutomatic)
	r := w.waitForReason(v1alpha1.ReasonRolledBack)
	if string(w.document()) != string(w.before) {
		t.Error("the old entries were not restored byte for byte")
	}
	if r.Status.Rotation.RolledBackAt == nil || result(r, own) != v1alpha1.ReasonRolledBack {
		t.Errorf("the status does not show the rollback: result %s", result(r, own))
	}
	// When OCM deletes the old credentials, because the sibling's transfer expires, the new ones must be applied again.
	w.registry.Refuse(registry.RedHatRegistry, w.user("registry.redhat.io"), false)
	w.days(6)
	w.waitFor("the new credentials are in place after the old ones were deleted", ended)
	w.current()
}

func TestRollbackNeverKeepsRefusedCredentials(t *testing.T) {
	w := refusedLater(t, v1alpha1.RollbackNever)
	r := w.waitForReason(v1alpha1.ReasonRegistriesRefuse)
	if r.Status.Rotation.RolledBackAt != nil {
		t.Error("the old credentials were restored")
	}
	w.current()
}

func TestTheBackupEndsWithTheOldCredentials(t *testing.T) {
	w := newWorld(t, living())
	w.create(rotation())
	w.start()
	r := w.waitFor("the rotation has ended", ended)
	if n := len(w.backups()); n != 0 || r.Status.Rotation.BackupSecret != "" {
		t.Errorf("there are %d backup Secrets, and the status names %q", n, r.Status.Rotation.BackupSecret)
	}
	if c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionOldCredentialsRevoked); c == nil || c.Reason != v1alpha1.ReasonRevocationProven || r.Status.Rotation.RevocationProvenAt == nil {
		t.Errorf("the condition is %+v, proven at %s", c, r.Status.Rotation.RevocationProvenAt)
	}
}

// A registry that still accepts the old credential is named in the status and in an event, and the backup is kept until it refuses it.
func TestARegistryThatStillAcceptsTheOldCredentialIsNamed(t *testing.T) {
	w := newWorld(t, living())
	w.registry.RevokeLate(registry.Quay, registry.Forgotten)
	w.create(rotation())
	w.start()
	about := func(reason string) func(*v1alpha1.PullSecretRotation) bool {
		return func(r *v1alpha1.PullSecretRotation) bool {
			c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionOldCredentialsRevoked)
			return c != nil && c.Reason == reason
		}
	}
	r := w.waitFor("a registry is named that accepts the old credential", about(v1alpha1.ReasonOldCredentialsAccepted))
	c := meta.FindStatusCondition(r.Status.Conditions, v1alpha1.ConditionOldCredentialsRevoked)
	if c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, registry.Quay) || strings.Contains(c.Message, registry.RedHatRegistry) {
		t.Errorf("the condition is %s: %s", c.Status, c.Message)
	}
	if n := len(w.backups()); n != 1 || r.Status.Rotation.RevocationProvenAt != nil {
		t.Errorf("%d backups, proven at %s", n, r.Status.Rotation.RevocationProvenAt)
	}
	w.registry.RevokeLate(registry.Quay, 0)
	r = w.waitFor("every registry refuses the old credentials", func(r *v1alpha1.PullSecretRotation) bool {
		return about(v1alpha1.ReasonRevocationProven)(r) && r.Status.Rotation.BackupSecret == ""
	})
	if n := len(w.backups()); n != 0 || len(r.Status.History) == 0 || r.Status.History[0].RevocationProvenAt == nil {
		t.Errorf("%d backups, the history is %+v", n, r.Status.History)
	}
}
