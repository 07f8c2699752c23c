package pullsecretrotation_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// The owner of a pull secret must be known before anything is requested or written.

// somebodyElse is an account whose pull secret has been rotated, and whose token the operator has.
func (s *scene) somebodyElse() simocm.Account {
	s.t.Helper()
	other := s.sim.AddAccount(simocm.AccountSpec{})
	s.operatorUses(other)
	return other
}

func (s *scene) rotatedBefore(a simocm.Account) {
	s.sim.StartRotationElsewhere(a.ID)
	s.sim.CompleteEverything()
}

func TestOwner_WhereNothingSaysWhosePullSecretItIsNothingIsRequestedOrWritten(t *testing.T) {
	optedOut := func(s *scene) []byte { return without(s.document(global), simocm.CloudOpenShift) }
	for name, c := range map[string]struct {
		spec   v1alpha1.PullSecretRotationSpec
		target func(*scene) []byte
		before func(*scene, simocm.Account)
	}{
		"a rotation is due": {spec: dueNow(), target: optedOut},
		"none is due, and the other account has been rotated":          {spec: notDue(), target: optedOut, before: (*scene).rotatedBefore},
		"one is due, and the other account has been rotated":           {spec: dueNow(), target: optedOut, before: (*scene).rotatedBefore},
		"siblings do not matter":                                       {spec: dueNow(func(s *v1alpha1.PullSecretRotationSpec) { s.SiblingClusters = v1alpha1.SiblingsAllow }), target: optedOut},
		"foreign entries may be replaced":                              {spec: dueNow(func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.Foreign = v1alpha1.ForeignReplace }), target: optedOut},
		"a follower, and the other account has been rotated":           {spec: following(), target: optedOut, before: (*scene).rotatedBefore},
		"a follower, and a rotation of the other account is under way": {spec: following(), target: optedOut, before: func(s *scene, a simocm.Account) { s.sim.StartRotationElsewhere(a.ID); s.sim.RunBatch() }},
		"the entry is an identity token": {spec: dueNow(), target: func(s *scene) []byte {
			return []byte(strings.Replace(string(s.document(global)), `"cloud.openshift.com":{"auth":`, `"cloud.openshift.com":{"identitytoken":`, 1))
		}},
		"the entry cannot be read": {spec: dueNow(), target: func(s *scene) []byte {
			return edited(s.document(global), map[string]string{simocm.CloudOpenShift: "%%%"})
		}},
		"the token is dead and the pull secret has no e-mail address": {spec: dueNow(), target: deadWithoutEmail, before: (*scene).rotatedBefore},
		"the token is dead, a follower, no e-mail address":            {spec: following(), target: deadWithoutEmail, before: (*scene).rotatedBefore},
		"the missing entry would be added":                            {spec: dueNow(func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{simocm.CloudOpenShift} }), target: optedOut},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			document := c.target(s)
			s.putTarget(global, document)
			other := s.somebodyElse()
			if c.before != nil {
				c.before(s, other)
			}
			s.create(c.spec)
			s.run(3 * day)
			s.posts(0)
			s.unchanged(global, document)
			s.notReady("spec.ocm.accountID")
		})
	}
}

// deadWithoutEmail is a pull secret whose own account's rotation has ended without this cluster.
func deadWithoutEmail(s *scene) []byte {
	document := string(s.document(global))
	s.rotatedBefore(s.account)
	return []byte(strings.ReplaceAll(document, `,"email":"`+s.account.Email+`"`, ""))
}

func TestOwner_APinSpeaksForTheAccount(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.putTarget(global, without(s.document(global), simocm.CloudOpenShift))
	other := s.somebodyElse()
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.OCM.AccountID = other.ID }))
	s.until("a rotation is requested", day, requested)
	s.posts(1)
}

func TestOwner_AClusterWithoutTelemetryWhosePullSecretIsWhatOCMGivesOutIsKnown(t *testing.T) {
	s := newScene(t, simocm.Options{Habits: simocm.Habits{CompleteWithoutClusters: true}})
	s.sim.SetSubscriptionStatus(s.id, simocm.SubscriptionArchived) // OCM does not hear of it
	s.putTarget(global, without(s.document(global), simocm.CloudOpenShift))
	s.create(dueNow())
	s.until("the rotation has ended", 5*day, revoked)
	s.posts(1)
	has := s.entries(global)
	for name, auth := range s.issuedNow() {
		if name == simocm.CloudOpenShift {
			auth = ""
		}
		if has[name] != auth {
			t.Errorf("the entry %s is not as wanted", name)
		}
	}
}

func TestOwner_ATargetOfAnotherAccountIsLeftAlone(t *testing.T) {
	whole := func(document []byte) []byte { return document }
	optedOut := func(document []byte) []byte { return without(document, simocm.CloudOpenShift) }
	for name, c := range map[string]struct {
		spec   v1alpha1.PullSecretRotationSpec
		hub    func([]byte) []byte
		before func(*scene)
	}{
		"a rotation is due":                       {spec: dueNow(withHub), hub: whole},
		"foreign entries may be replaced":         {spec: dueNow(withHub, func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.Foreign = v1alpha1.ForeignReplace }), hub: whole},
		"the account was rotated before":          {spec: notDue(withHub), hub: whole, before: func(s *scene) { s.rotatedBefore(s.account); s.putTarget(global, s.sim.PullSecret(s.account.ID)) }},
		"it has no telemetry entry":               {spec: dueNow(withHub), hub: optedOut},
		"it has none, and missing ones are added": {spec: dueNow(withHub, func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{simocm.CloudOpenShift} }), hub: optedOut},
		"a follower":                              {spec: following(withHub), hub: whole, before: func(s *scene) { s.sim.StartRotationElsewhere(s.account.ID) }},
		"a follower that comes late":              {spec: following(withHub), hub: optedOut, before: func(s *scene) { s.rotatedBefore(s.account) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			other := s.sim.AddAccount(simocm.AccountSpec{})
			document := c.hub(s.sim.PullSecret(other.ID))
			if c.before != nil {
				c.before(s)
			}
			s.putTarget(hub, document)
			s.create(c.spec)
			s.run(3 * day)
			s.unchanged(hub, document)
			s.current(global)
			// OCM may refuse another account's token with this cluster's id: then its owner stays unknown.
			if row := s.target(hub); row.Result != v1alpha1.ReasonAccountMismatch && row.Result != v1alpha1.ReasonOwnerUnknown || row.Message == "" {
				t.Errorf("the row of the target says %s: %s", row.Result, row.Message)
			}
			s.notReady(hub.String())
		})
	}
}

func TestOwner_ATargetMayBeOfTheAccountAlthoughTheFirstIsNot(t *testing.T) {
	s := newScene(t, simocm.Options{})
	other := s.sim.AddAccount(simocm.AccountSpec{})
	s.putTarget(hub, s.document(global))
	document := s.sim.PullSecret(other.ID)
	s.putTarget(global, document)
	s.create(dueNow(withHub))
	s.run(2 * day)
	s.posts(0)
	s.unchanged(global, document)
	s.notReady()
}

func TestOwner_ATargetThatBecomesAnotherAccountsInTheMiddleIsLeftAlone(t *testing.T) {
	s := newScene(t, simocm.Options{})
	other := s.sim.AddAccount(simocm.AccountSpec{})
	s.putTarget(hub, s.document(global))
	s.create(dueNow(withHub))
	s.until("a rotation is requested", day, requested)
	document := s.sim.PullSecret(other.ID)
	s.putTarget(hub, document)
	s.run(3 * day)
	s.unchanged(hub, document)
	s.current(global)
}

func TestOwner_ATargetOfAnotherTypeOfSecretIsServedWhenItHasTheKey(t *testing.T) {
	for _, kind := range []corev1.SecretType{corev1.SecretTypeOpaque, ""} {
		s := newScene(t, simocm.Options{})
		s.putSecret(hub, kind, s.document(global))
		s.create(dueNow(withHub))
		s.run(3 * day)
		s.current(global)
		s.current(hub)
		if row := s.target(hub); !strings.Contains(row.Message, "nodes") {
			t.Errorf("the row does not say what the nodes of a hosted cluster get: %s: %s", row.Result, row.Message)
		}
	}
}

func TestOwner_ASecretThatIsNoPullSecretIsNoTarget(t *testing.T) {
	for name, kind := range map[string]corev1.SecretType{"of another type": corev1.SecretTypeBasicAuth, "a certificate's": corev1.SecretTypeTLS} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			document := s.document(global)
			s.putSecret(hub, kind, document)
			s.create(dueNow(withHub))
			s.run(2 * day)
			s.unchanged(hub, document)
			s.current(global)
			if row := s.target(hub); row.Result != v1alpha1.ReasonTargetInvalid {
				t.Errorf("the row says %s: %s", row.Result, row.Message)
			}
		})
	}
}
