package pullsecretrotation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func (s *scene) refuseWrites(ref v1alpha1.SecretReference, tries *int) func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
	return func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
		if _, ok := o.(*corev1.Secret); ok && o.GetNamespace() == ref.Namespace && o.GetName() == ref.Name {
			*tries++
			return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, o.GetName(), errors.New("denied by a policy"))
		}
		return c.Patch(ctx, o, p, opts...)
	}
}

func (s *scene) backups() map[string]string {
	s.t.Helper()
	list := &corev1.SecretList{}
	if err := s.api.List(s.t.Context(), list, client.InNamespace("operator")); err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, b := range list.Items {
		if b.Name == "ocm" || b.Name == "requested-rotations" {
			continue
		}
		keys := make([]string, 0, len(b.Data))
		for key := range b.Data {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			out[b.Name] += key + "=" + string(b.Data[key]) + "\n"
		}
	}
	return out
}
func (s *scene) cosmetic() []byte {
	document := string(s.sim.PullSecret(s.account.ID))
	return []byte(strings.ReplaceAll(document, s.account.Email, "ops@customer.example"))
}

func TestCatchUp_AnEmailAddressIsNoReasonToWrite(t *testing.T) {
	for name, before := range map[string]func(*scene){
		"nothing was ever rotated":     func(*scene) {},
		"a rotation has ended":         func(s *scene) { s.rotatedBefore(s.account) },
		"one of the account's is over": func(s *scene) { s.rotatedBefore(s.account); s.rotatedBefore(s.account) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			before(s)
			document := s.cosmetic()
			s.putTarget(global, document)
			s.create(notDue())
			for range 12 {
				s.run(6 * time.Hour)
				s.putTarget(global, document) // and another writer keeps it that way
			}
			if len(s.writes) > 0 {
				t.Errorf("the target was written %d times", len(s.writes))
			}
			if n := len(s.get().Status.History); n > 0 {
				t.Errorf("the history has %d rotations", n)
			}
		})
	}
}

func TestCatchUp_TheHistoryHasEachRotationOnceAndTheFirstBackupStays(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("the rotation has ended", 5*day, revoked)
	backups := s.backups()
	stale := edited(s.sim.PullSecret(s.account.ID), map[string]string{simocm.Quay: auth("openshift-release-dev+ocm_access_0123456789abcdef0123456789abcdef", "nobody's")})
	for range 12 {
		s.putTarget(global, stale) // a repository with an unknown value
		s.run(6 * time.Hour)
	}
	seen := map[string]int{}
	for _, h := range s.get().Status.History {
		if seen[h.ID]++; seen[h.ID] > 1 {
			t.Fatalf("the history has the rotation %s %d times", h.ID, seen[h.ID])
		}
	}
	if len(seen) == 0 {
		t.Error("the rotation is not in the history any more")
	}
	if r := s.get().Status.Rotation; r.Reason != v1alpha1.TriggerRotateAfter {
		t.Errorf("the last rotation's reason is %s: another was started for another writer's value", r.Reason)
	}
	for name, data := range backups {
		if now := s.backups()[name]; now != "" && now != data {
			t.Errorf("the backup %s was overwritten", name)
		}
	}
	if status, reason, message := s.condition(v1alpha1.ConditionSecondWriter); status != "True" || !strings.Contains(message, global.String()) {
		t.Errorf("a fight between writers is not reported: %s: %s", reason, message)
	}
}

func TestCatchUp_ATargetThatCannotBeWrittenIsReportedAndFloodsNothing(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.putTarget(hub, s.document(global))
	s.rotatedBefore(s.account)
	tries := 0
	s.hooks.Patch = s.refuseWrites(hub, &tries)
	s.create(notDue(withHub))
	s.run(4 * day)
	s.current(global)
	ids := map[string]int{}
	for _, h := range s.get().Status.History {
		ids[h.ID]++
	}
	if len(s.get().Status.History) > 1 || len(ids) > 1 {
		t.Errorf("the history has %d rows of %d rotations", len(s.get().Status.History), len(ids))
	}
	if len(s.writes) != 1 {
		t.Errorf("there were %d writes", len(s.writes))
	}
	s.notReady(hub.String())
}

func TestCatchUp_WhatDiffersAndWorksIsLeftWhereNothingWasEverRotated(t *testing.T) {
	s := newScene(t, simocm.Options{})
	document := s.document(global)
	s.services.behind = edited(document, map[string]string{simocm.Quay: auth("openshift-release-dev+ocm_access_ff", "other")})
	s.create(notDue())
	s.run(2 * day)
	s.unchanged(global, document)
}

// An unknown value is written again each time: the pauses grow as for a value that is known to be old.
func TestCatchUp_AWriterThatPutsItsValueBackAtOnceIsBraked(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("the rotation has ended", 5*day, revoked)
	stale := edited(s.sim.PullSecret(s.account.ID), map[string]string{simocm.Quay: auth("openshift-release-dev+ocm_access_0123456789abcdef0123456789abcdef", "nobody's")})
	writes, fights := len(s.writes), 0
	for range 40 {
		s.putTarget(global, stale)
		s.look()
		if _, reason, message := s.ready(); reason == v1alpha1.ReasonWriterFight && strings.Contains(message, simocm.Quay) {
			fights++
		}
		s.sim.Advance(time.Minute)
	}
	if n := len(s.writes) - writes; n < 4 || n > 9 {
		t.Errorf("the target was written %d times within 40 minutes", n)
	}
	if fights < 20 || len(s.get().Status.History) != 1 {
		t.Errorf("a fight was reported %d of 40 times, and the history has %d rows", fights, len(s.get().Status.History))
	}
	s.run(2 * time.Hour) // the writer has stopped
	s.current(global)
	if status, reason, message := s.ready(); status != "True" {
		t.Errorf("the fight is over, and Ready is %s, %s: %s", status, reason, message)
	}
}
