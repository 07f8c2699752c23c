package pullsecretrotation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// OCM says of a rotation that it has deleted the old credentials. Only a registry's refusal proves it.

// backupSecrets are those of the scene's objects.
func (s *scene) backupSecrets() []corev1.Secret {
	s.t.Helper()
	list := &corev1.SecretList{}
	if err := s.api.List(context.Background(), list, client.HasLabels{"rotation.openshift.io/backup-of"}); err != nil {
		s.t.Fatal(err)
	}
	return list.Items
}

// isProven fails unless the record has the proof, in both places, and the backup is gone.
func (s *scene) isProven() {
	s.t.Helper()
	o := s.get()
	r := o.Status.Rotation
	if status, reason, message := s.condition(v1alpha1.ConditionOldCredentialsRevoked); status != metav1.ConditionTrue || reason != v1alpha1.ReasonRevocationProven {
		s.t.Errorf("the condition is %s, %s: %s", status, reason, message)
	}
	if r.RevocationProvenAt == nil || len(o.Status.History) == 0 || o.Status.History[0].RevocationProvenAt == nil {
		s.t.Error("the record does not say when it was proven")
	}
	if left := s.backupSecrets(); len(left) != 0 || r.BackupSecret != "" || o.Status.History[0].BackupSecret != "" {
		s.t.Errorf("%d backups are left, and the record names %q", len(left), r.BackupSecret)
	}
}

// revocationIs fails unless the condition has a reason, and its message the words.
func (s *scene) revocationIs(want metav1.ConditionStatus, reason string, words ...string) {
	s.t.Helper()
	status, got, message := s.condition(v1alpha1.ConditionOldCredentialsRevoked)
	if status != want || got != reason {
		s.t.Errorf("the condition is %s, %s: %s; want %s, %s", status, got, message, want, reason)
	}
	for _, w := range words {
		if !strings.Contains(message, w) {
			s.t.Errorf("the message does not speak of %q: %s", w, message)
		}
	}
}

// askedAfter are the times at which registries were asked about an auth after a time, each once: several may have the same.
func (s *scene) askedAfter(auth string, at time.Time) []time.Time {
	s.registries.mu.Lock()
	defer s.registries.mu.Unlock()
	var times []time.Time
	for _, q := range s.registries.asked {
		if q.auth == auth && !q.at.Before(at) {
			times = append(times, q.at.Truncate(time.Minute))
		}
	}
	return slices.Compact(times)
}

func proven(o *v1alpha1.PullSecretRotation) bool {
	return o.Status.Rotation != nil && o.Status.Rotation.RevocationProvenAt != nil
}

func TestProof_EveryRegistryRefusesTheOldCredentials(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.entries(global)
	s.create(dueNow())
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	s.isProven()
	for _, registry := range []string{simocm.Quay, simocm.RedHatConnect, simocm.RedHatRegistry} {
		if len(s.askedAfter(old[registry], s.get().Status.Rotation.RevokedAt.Add(-time.Second))) == 0 {
			t.Errorf("%s did not check the old credential", registry)
		}
	}
	answers := s.get().Status.Rotation.RevocationAnswers
	if len(answers) != 4 || slices.ContainsFunc(answers, func(a v1alpha1.RegistryAnswer) bool { return a.Result != "Refused" || a.At == nil }) {
		t.Errorf("the answers are %+v, want four refusals", answers)
	}
	if !s.events.has("Normal " + v1alpha1.ReasonRevocationProven) {
		t.Error("it was not reported")
	}
	asked := len(s.registries.asked)
	s.run(3 * day)
	for _, q := range s.registries.asked[asked:] {
		if slices.Contains([]string{old[simocm.Quay], old[simocm.RedHatRegistry]}, q.auth) {
			t.Fatal("a credential that is proven dead is tried again")
		}
	}
}

func TestProof_ARegistryThatForgetsIsNamedAndAskedLessAndLess(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.entries(global)[simocm.RedHatConnect]
	s.sim.RevokeLate(simocm.Forgotten, simocm.RedHatConnect)
	s.create(dueNow())
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	end := s.get().Status.Rotation.RevokedAt.Time
	s.revocationIs(metav1.ConditionFalse, v1alpha1.ReasonRevocationSpreading, simocm.RedHatConnect)
	s.run(23 * time.Hour)
	s.revocationIs(metav1.ConditionFalse, v1alpha1.ReasonRevocationSpreading, simocm.RedHatConnect)
	if s.events.has("Warning " + v1alpha1.ReasonOldCredentialsAccepted) {
		t.Error("a warning comes before the day is over")
	}
	s.run(2 * time.Hour)
	s.revocationIs(metav1.ConditionFalse, v1alpha1.ReasonOldCredentialsAccepted, simocm.RedHatConnect)
	if !s.events.has("Warning " + v1alpha1.ReasonOldCredentialsAccepted + " Prove: " + simocm.RedHatConnect) {
		t.Error("there is no warning when the day is over")
	}
	if status, reason, _ := s.ready(); status != metav1.ConditionTrue {
		t.Errorf("what others should have done makes the object not Ready: %s", reason)
	}
	first := s.askedAfter(old, end)
	if len(first) < 5 || len(first) > 14 {
		t.Errorf("%d checks within the first day", len(first))
	}
	s.run(5 * day)
	if more := s.askedAfter(old, first[len(first)-1].Add(time.Minute)); len(more) < 4 || len(more) > 6 {
		t.Errorf("%d checks in five more days", len(more))
	}
	if len(s.backupSecrets()) != 1 || s.get().Status.Rotation.BackupSecret == "" {
		t.Error("the backup is gone, and nothing is proven")
	}
	s.sim.Revoke(s.account.ID, 0)
	s.until("it is proven at last", 2*day, proven)
	s.look()
	s.isProven()
}

func TestProof_ALateRevocationWarnsNobody(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.RevokeLate(3 * time.Hour)
	s.create(dueNow())
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	s.revocationIs(metav1.ConditionFalse, v1alpha1.ReasonRevocationSpreading, simocm.Quay, simocm.CloudOpenShift)
	s.run(8 * time.Hour)
	s.isProven()
	if s.events.has("Warning " + v1alpha1.ReasonOldCredentialsAccepted) {
		t.Error("there is a warning")
	}
}

func TestProof_ARegistryThatCannotBeAskedLeavesItOpen(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("the new entries are applied", 2*day, applied)
	s.registries.reachable(simocm.Quay, false)
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	s.run(30 * time.Hour)
	s.revocationIs(metav1.ConditionUnknown, v1alpha1.ReasonRevocationUnproven, simocm.Quay)
	if s.events.has(v1alpha1.ReasonOldCredentialsAccepted) || len(s.backupSecrets()) != 1 {
		t.Error("an unreachable registry is taken for one that accepts, or for one that refuses")
	}
	s.registries.reachable(simocm.Quay, true)
	s.run(25 * time.Hour)
	s.isProven()
}

// OCM deletes neither a customer's credential nor one that it has not replaced.
func TestProof_WhatLivesOnIsNeverTried(t *testing.T) {
	const mirror = "mirror.example.com"
	s := newScene(t, simocm.Options{})
	kept, own := auth("me", "mine"), auth("customer", "own")
	other := s.sim.AddAccount(simocm.AccountSpec{Username: "other"})
	s.putTarget(global, edited(s.document(global), map[string]string{mirror: kept, simocm.RedHatRegistry: own}))
	s.registries.logins[mirror] = kept
	s.putTarget(hub, s.sim.PullSecret(other.ID))
	others := s.entries(hub)
	s.create(dueNow(withHub, func(spec *v1alpha1.PullSecretRotationSpec) {
		spec.Entries.Foreign = v1alpha1.ForeignReplace
	}))
	s.look()
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Targets = spec.Targets[:1] })
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	end := s.get().Status.Rotation.RevokedAt.Add(-time.Second)
	s.run(2 * day)
	s.isProven()
	for name, auth := range map[string]string{"a kept entry": kept, "the customer's login": own, "another account's": others[simocm.Quay]} {
		if times := s.askedAfter(auth, end); name != "a kept entry" && len(times) > 0 {
			t.Errorf("%s was tried %d times", name, len(times))
		}
	}
	if slices.ContainsFunc(s.get().Status.Rotation.RevocationAnswers, func(a v1alpha1.RegistryAnswer) bool {
		return a.Registry == mirror || a.Registry == simocm.RedHatRegistry
	}) {
		t.Errorf("the answers are %+v", s.get().Status.Rotation.RevocationAnswers)
	}
}

// A second rotation does not lose what the first has still to prove.
func TestProof_ASecondRotationDoesNotLoseTheFirst(t *testing.T) {
	s := newScene(t, simocm.Options{})
	first := s.entries(global)[simocm.RedHatConnect]
	s.sim.RevokeLate(simocm.Forgotten, simocm.RedHatConnect)
	s.create(dueNow())
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	s.run(26 * time.Hour)
	s.sim.RevokeLate(0)
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) {
		now := metav1.NewTime(s.sim.Now())
		spec.RotateAfter = &now
	})
	s.until("a second rotation is requested", 2*day, func(o *v1alpha1.PullSecretRotation) bool { return requested(o) && !revoked(o) })
	s.revocationIs(metav1.ConditionFalse, v1alpha1.ReasonOldCredentialsAccepted, simocm.RedHatConnect)
	if len(s.backupSecrets()) != 2 {
		t.Errorf("%d backups, want those of both", len(s.backupSecrets()))
	}
	s.until("the second has ended", 10*day, revoked)
	s.run(2 * day)
	s.isProven()
	if user, password := login(first); s.sim.Alive(simocm.RedHatConnect, user, password) {
		t.Error("the first one's credential is reported as dead, but is valid")
	}
	for _, h := range s.get().Status.History {
		if h.RevocationProvenAt == nil {
			t.Errorf("rotation %s is not proven", h.ID)
		}
	}
}

func TestProof_SurvivesAFailureBeforeTheBackupIsDeleted(t *testing.T) {
	s := newScene(t, simocm.Options{})
	fails := 2
	s.hooks.Delete = func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
		if fails--; fails >= 0 {
			return errors.New("the API server is away")
		}
		return c.Delete(ctx, o, opts...)
	}
	s.create(dueNow())
	s.until("it is proven", 6*day, proven)
	if len(s.backupSecrets()) != 1 {
		t.Fatal("the deletion did not fail")
	}
	s.run(time.Hour)
	s.isProven()
}

func TestProof_WithoutABackupNothingIsProvenAndNothingIsClaimed(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("the new entries are applied", 2*day, applied)
	for _, b := range s.backupSecrets() {
		if err := s.api.Delete(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	s.run(2 * day)
	s.revocationIs(metav1.ConditionUnknown, v1alpha1.ReasonRevocationUnproven, "has none of them")
	if proven(s.get()) {
		t.Error("something is proven without a check")
	}
}

// A suspended object does not do this either.
func TestProof_AnObjectThatIsSuspendedTriesNothing(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.RevokeLate(simocm.Forgotten)
	s.create(dueNow())
	s.until("OCM says that the old ones are deleted", 5*day, revoked)
	s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Suspend = true })
	s.look()
	asked := len(s.registries.asked)
	s.run(2 * day)
	if len(s.registries.asked) != asked {
		t.Error("registries are checked although the object is suspended")
	}
}
