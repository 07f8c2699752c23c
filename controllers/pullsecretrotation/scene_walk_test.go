package pullsecretrotation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// These are failures that the wide walk has found, replayed with the simulators.

func TestReplica_WhatAnAdoptedRotationHasReplacedIsNotTakenForNewer(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.document(global)
	s.sim.StartRotationElsewhere(s.account.ID)
	s.sim.Advance(7 * time.Hour) // issued before anybody here has asked OCM for the first time
	s.create(notDue())
	s.until("what was issued is applied", day, applied)
	s.services.behind = old
	s.run(2 * time.Hour)
	s.current(global)
	s.services.behind = nil
	s.run(3 * day)
	s.current(global)
	s.alive(global)
	if status, _, _ := s.ready(); status != metav1.ConditionTrue {
		t.Error("the answer of the lagging replica is still believed")
	}
}

func TestToken_ThatOCMRefusesUntilAClusterReportsIsWrittenInTime(t *testing.T) {
	s := newScene(t, simocm.Options{Habits: simocm.Habits{RefuseUnregistered: true}})
	s.create(dueNow())
	s.until("it is requested", day, requested)
	s.registries.down[simocm.Quay] = true
	s.run(6 * day)
	s.current(global)
	s.alive(global)
}

func TestRequest_NotForAnAccountWhosePullSecretTheClusterNoLongerHas(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.hooks.SubResourcePatch = func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
		if s.get().Status.Rotation == nil {
			if err := c.SubResource(sub).Patch(ctx, o, p, opts...); err != nil {
				return err
			}
		}
		return errors.New("the process ends right after the intent is on record")
	}
	s.create(dueNow())
	s.look()
	s.hooks.SubResourcePatch = nil
	if r := s.get().Status.Rotation; r == nil || r.IntendedAt == nil {
		t.Fatal("the intent is not on record")
	}
	s.putTarget(global, s.sim.PullSecret(s.sim.AddAccount(simocm.AccountSpec{}).ID))
	s.run(3 * time.Hour)
	s.posts(0)
	s.notReady("account")
}

func TestTwoRotations_TheEndOfTheFirstIsNoReasonToWriteTheSecondsUnproven(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(following())
	s.sim.StartRotationElsewhere(s.account.ID)
	s.until("the first is applied", 2*day, applied)
	s.sim.StartRotationElsewhere(s.account.ID)
	s.registries.down[simocm.Quay] = true
	before := s.entries(global)[simocm.Quay]
	s.run(2 * day)
	if s.entries(global)[simocm.Quay] != before {
		t.Error("credentials that no registry has accepted were written, and those in use would have lived for days")
	}
	s.run(4 * day)
	s.current(global)
	s.alive(global)
}

func TestEvidence_WhatAnotherAccountIsGivenIsNotNotedAsThisOnes(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("it is requested", day, requested)
	s.registries.down[simocm.Quay] = true
	s.until("it waits for the registry", 2*day, func(o *v1alpha1.PullSecretRotation) bool { return o.Status.Rotation.IssuedAt != nil })
	other := s.sim.AddAccount(simocm.AccountSpec{})
	s.putTarget(global, s.sim.PullSecret(other.ID))
	s.operatorUses(other)
	s.look()
	own := map[string]bool{}
	for _, c := range s.get().Status.Credentials {
		if c.Registry == simocm.Quay && c.AccountID == s.account.ID {
			own[c.Fingerprint] = true
		}
	}
	if len(own) != 2 { // the old one and the new one
		t.Errorf("%d credentials of quay.io are taken for those of account %s, which has two", len(own), s.account.ID)
	}
}

func TestPullSecretValid_IsNotTrueWhileARegistryRefusesAndIsAskedAgain(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("the new entries are applied", 2*day, applied)
	s.registries.refuses[simocm.Quay] = func(string) bool { return true }
	refused := false
	s.afterLook = append(s.afterLook, func() {
		last := s.registries.asked[len(s.registries.asked)-1]
		for _, q := range s.registries.asked {
			if q.key == simocm.Quay && q.auth == s.entries(global)[simocm.Quay] { // not what was replaced, which it refuses rightly
				last = q
			}
		}
		status, _, _ := s.condition(v1alpha1.ConditionPullSecretValid)
		if last.outcome == registry.Unauthorized {
			if refused = true; status == metav1.ConditionTrue {
				t.Error("PullSecretValid is True, and quay.io has just refused")
			}
		}
	})
	s.until("quay.io is asked at the next health check", 2*day, func(*v1alpha1.PullSecretRotation) bool { return refused })
	s.run(time.Hour)
}
