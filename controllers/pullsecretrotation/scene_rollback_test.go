package pullsecretrotation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Old entries are restored only because of this change, and never if they are about to stop working.

// notRolledBack fails if old entries were restored, or the new ones are not in place.
func (s *scene) notRolledBack() {
	s.t.Helper()
	s.current(global)
	if s.events.has("RollBack") {
		s.t.Error("old entries were put back")
	}
	if r := s.get().Status.Rotation; r != nil && r.RolledBackAt != nil {
		s.t.Errorf("the rotation counts as rolled back since %s", r.RolledBackAt)
	}
}

func TestRollback_ARegistryThatIsNotTheAccountsIsNoEvidence(t *testing.T) {
	const mirror = "mirror.example.com"
	for _, policy := range []v1alpha1.VerificationPolicy{v1alpha1.VerificationBestEffort, v1alpha1.VerificationRequired} {
		for _, before := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, refused before the change already: %v", policy, before), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.putTarget(global, edited(s.document(global), map[string]string{mirror: auth("me", "mine")}))
				s.registries.logins[mirror] = auth("me", "mine")
				s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
					spec.Verification = []v1alpha1.RegistryVerification{{Registry: mirror, Policy: policy}}
				}))
				s.until("a rotation is requested", day, requested)
				if before {
					s.registries.logins[mirror] = auth("me", "changed")
				}
				s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
				s.until("the new entries are applied", day, applied)
				s.registries.logins[mirror] = auth("me", "changed")
				s.run(8 * time.Hour)
				s.notRolledBack()
			})
		}
	}
}

func TestRollback_ACustomersOwnLoginAtTheAccountsRegistryIsNoEvidence(t *testing.T) {
	s := newScene(t, simocm.Options{})
	own := auth("12345|customer", "own")
	s.putTarget(global, edited(s.document(global), map[string]string{simocm.RedHatRegistry: own}))
	accepts := true
	s.registries.refuses[simocm.RedHatRegistry] = func(sent string) bool { return sent == own && !accepts }
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
		spec.Verification = []v1alpha1.RegistryVerification{{Registry: simocm.RedHatRegistry, Policy: v1alpha1.VerificationBestEffort}}
	}))
	s.until("the new entries are applied", day, applied)
	accepts = false
	s.run(8 * time.Hour)
	if has := s.entries(global); has[simocm.Quay] != s.issuedNow()[simocm.Quay] || has[simocm.RedHatRegistry] != own {
		t.Error("the account's new entry or the customer's own was changed")
	}
	s.alive2(global, simocm.Quay, simocm.RedHatConnect, simocm.CloudOpenShift)
}

func (s *scene) alive2(ref v1alpha1.SecretReference, keys ...string) {
	s.t.Helper()
	for _, key := range keys {
		if !s.works(ref, key) {
			s.t.Errorf("the entry %s of %s is dead", key, ref)
		}
	}
}

// Whatever degrades a pool, the old file would not help it, and the old entries are about to stop working.
func TestRollback_APoolThatDegradesForAReasonOfItsOwnIsReportedAndNothingElse(t *testing.T) {
	const drift = `Node worker-0 is reporting: "unexpected on-disk state validating against rendered-worker-1: content mismatch for file \"/etc/chrony.conf\""`
	for name, after := range map[string]time.Duration{"at once": 0, "an hour later": 75 * time.Minute, "hours later": 8 * time.Hour} {
		for _, sibling := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, sibling %v", name, sibling), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.pools("master", "worker")
				s.create(dueNow())
				s.until("a rotation is requested", day, requested)
				if sibling {
					s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
				}
				s.until("the new entries are applied", day, applied)
				if after > 0 {
					s.run(after)
				}
				s.pool("worker", degraded(drift))
				s.next = s.sim.Now()
				for range 8 {
					s.run(6 * time.Hour)
					if s.alive(global); t.Failed() {
						return
					}
				}
				s.notRolledBack()
			})
		}
	}
}

// A registry that refuses what it accepted, and accepts the old entry, is evidence against this change.
func TestRollback_ARegistryThatRefusesTheNewEntryAndAcceptsTheOldOneIsEvidence(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.issuedNow()[simocm.Quay]
	s.silent()
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
		spec.HealthCheckInterval.Duration = 10 * time.Minute
	}))
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	s.until("the new entries are applied", day, applied)
	s.registries.refuseAllBut(simocm.Quay, old)
	s.run(2 * time.Hour)
	if s.entries(global)[simocm.Quay] != old {
		_, reason, message := s.ready()
		t.Errorf("the old entry was not put back; Ready says %s: %s", reason, message)
	}
	s.notReady("a registry refused the new ones")
}

// silent keeps the cluster's telemetry from being sent, so that its transfer stays open.
func (s *scene) silent() { s.mute = true }

func TestRollback_WhatRefusesBothIsNoEvidence(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.HealthCheckInterval.Duration = 10 * time.Minute }))
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	s.until("the new entries are applied", day, applied)
	s.registries.refuseAllBut(simocm.Quay, "")
	s.run(5 * time.Hour)
	s.notRolledBack()
}

func TestRollback_IsTooLateOnceThisClusterHasReportedWithTheNewToken(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.issuedNow()[simocm.Quay]
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.HealthCheckInterval.Duration = 10 * time.Minute }))
	s.until("a rotation is requested", day, requested)
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.SwitchesSoon})
	s.sim.RunBatch()
	s.until("the new entries are applied", day, applied)
	if err := s.sim.Telemetry(s.id, s.entries(global)[simocm.CloudOpenShift]); err != nil {
		t.Fatal(err)
	}
	s.registries.refuseAllBut(simocm.Quay, old)
	s.until("it reports that a rollback is impossible", 6*time.Hour, func(*v1alpha1.PullSecretRotation) bool {
		_, reason, _ := s.ready()
		return reason == v1alpha1.ReasonRollbackImpossible
	})
	s.run(20 * time.Minute)
	if _, reason, message := s.ready(); reason != v1alpha1.ReasonRollbackImpossible {
		t.Errorf("it no longer says so, but %s: %s", reason, message)
	}
	s.run(12 * time.Hour)
	s.notRolledBack()
}
