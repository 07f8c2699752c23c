package pullsecretrotation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Which entries are the account's, and which are old.

func TestEntries_OldCredentialsAreNeverTakenForNewOnes(t *testing.T) {
	for name, c := range map[string]struct {
		spec v1alpha1.PullSecretRotationSpec
		when func(*v1alpha1.PullSecretRotation) bool
	}{
		"once they are verified and applied":  {dueNow(), applied},
		"once the rotation has ended":         {dueNow(), revoked},
		"a follower, once they are applied":   {following(), applied},
		"a follower, once the rotation ended": {following(), revoked},
	} {
		for _, rounds := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s, %d rotations ago", name, rounds), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				old := s.sim.PullSecret(s.account.ID)
				s.create(c.spec)
				s.look()
				for i := range rounds {
					if c.spec.Mode == v1alpha1.ModeFollow {
						s.sim.StartRotationElsewhere(s.account.ID)
					} else if i > 0 {
						at := s.sim.Now().Add(2 * time.Hour)
						s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.RotateAfter.Time = at })
					}
					s.until("a rotation is under way", 3*day, func(o *v1alpha1.PullSecretRotation) bool { return requested(o) && !revoked(o) })
					if i < rounds-1 {
						s.until("it has ended", 3*day, revoked)
					}
				}
				s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.InsightsOperator})
				s.until(name, 4*day, c.when)
				s.services.behind = old
				s.run(20 * time.Hour)
				s.current(global)
				s.services.behind = nil
				s.run(2 * day)
				s.current(global)
			})
		}
	}
}

func TestEntries_ALaggingAnswerRightBeforeTheWriteIsNotWritten(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.sim.PullSecret(s.account.ID)
	s.registries.reachable(simocm.Quay, true)
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.registries.reachable(simocm.RedHatConnect, false)
	s.sim.RunBatch()
	s.run(12 * time.Hour)
	s.services.behind = old
	s.registries.reachable(simocm.RedHatConnect, true)
	s.run(3 * time.Hour)
	s.services.behind = nil
	s.run(2 * day)
	s.current(global)
	if s.events.has("RollBack") {
		t.Error("old entries were put back")
	}
}

func TestEntries_AnEntryThatHoldsTheAccountsCredentialIsTheAccountsUnderAnyKey(t *testing.T) {
	for _, key := range []string{"quay.io/openshift-release-dev", "quay.io/openshift-release-dev/ocp-release", "registry.redhat.io/ubi8"} {
		for name, spec := range map[string]v1alpha1.PullSecretRotationSpec{"its own rotation": dueNow(), "a follower": following()} {
			t.Run(key+", "+name, func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				host := map[bool]string{true: simocm.Quay, false: simocm.RedHatRegistry}[key[:4] == "quay"]
				mine := auth("me", "mine")
				s.registries.logins["mirror.example.com"] = mine
				s.putTarget(global, edited(s.document(global), map[string]string{
					key: s.entries(global)[host], "quay.io/customer": mine, "mirror.example.com": mine,
				}))
				s.create(spec)
				s.look()
				if spec.Mode == v1alpha1.ModeFollow {
					s.sim.StartRotationElsewhere(s.account.ID)
				}
				s.until("the rotation has ended", 6*day, revoked)
				has := s.entries(global)
				if has[key] != s.issuedNow()[host] {
					t.Errorf("the entry %s was left to die; the row says %+v", key, s.target(global).Entries)
				}
				if has["quay.io/customer"] != mine || has["mirror.example.com"] != mine {
					t.Error("an entry of the customer's own was changed")
				}
			})
		}
	}
}

// A rotation that ended before this cluster noticed it: the entries equal no recorded credential, but each other.
func TestEntries_TheSameCredentialUnderAnotherKeyIsCaughtUpWithToo(t *testing.T) {
	s := newScene(t, simocm.Options{})
	const key = "quay.io/openshift-release-dev"
	s.putTarget(global, edited(s.document(global), map[string]string{key: s.entries(global)[simocm.Quay]}))
	s.rotatedBefore(s.account)
	s.create(following())
	s.run(2 * day)
	s.current(global)
	s.alive(global)
}

func TestEntries_EachTargetIsServedBeforeItsCredentialsDie(t *testing.T) {
	for name, spec := range map[string]v1alpha1.PullSecretRotationSpec{"a follower": following(withHub), "its own rotation": dueNow(withHub)} {
		for _, target := range []v1alpha1.SecretReference{global, hub} {
			t.Run(name+", insights-operator is quicker with "+target.String(), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.putTarget(hub, s.document(global))
				s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.InsightsOperator})
				spec.SiblingClusters = v1alpha1.SiblingsAllow
				s.create(spec)
				s.run(time.Minute)
				s.sim.StartRotationElsewhere(s.account.ID)
				s.sim.RunBatch()
				s.putTarget(target, s.sim.PullSecret(s.account.ID))
				for range 16 {
					s.run(6 * time.Hour)
					s.alive(global)
					s.alive(hub)
					if t.Failed() {
						return
					}
				}
				s.current(global)
				s.current(hub)
			})
		}
	}
}

func TestEntries_AClusterThatSwitchedBeforeTheRotationWasFoundIsNotOverdue(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(following())
	s.run(time.Minute)
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
	s.sim.StartRotationElsewhere(s.account.ID)
	s.sim.RunBatch()
	s.putTarget(global, s.sim.PullSecret(s.account.ID)) // insights-operator, at the first rotation that this object sees
	for range 12 {
		s.run(6 * time.Hour)
		if _, reason, message := s.ready(); reason == v1alpha1.ReasonIssueOverdue {
			t.Fatal(message)
		}
	}
}

// cosmetic is a document that differs from the issued one only in an e-mail address.

// User names have changed over the years, and may again: what OCM accepts as the account's token is the account's under any name.
func TestEntries_AUserNameOfAnyShapeIsTheAccountsWhenOCMTakesItForTheToken(t *testing.T) {
	for name, user := range map[string]string{
		"as in pull secrets of 4.3": "openshift-release-dev+veryraven1rund93abc", "of a shape that nobody knows": "somebody+from_2031",
	} {
		for kind, spec := range map[string]v1alpha1.PullSecretRotationSpec{"its own rotation": dueNow(), "a follower": following()} {
			t.Run(name+", "+kind, func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.mute = true
				old := auth(user, "secret")
				s.putTarget(global, edited(s.document(global), map[string]string{simocm.Quay: old, simocm.CloudOpenShift: old, "quay.io/openshift-release-dev": old}))
				s.services.account = func() (ocm.Account, error) {
					return ocm.Account{ID: s.account.ID, Username: s.account.Username}, nil
				}
				s.create(spec)
				s.look()
				if spec.Mode == v1alpha1.ModeFollow {
					s.sim.StartRotationElsewhere(s.account.ID)
				}
				s.until("the new entries are applied", 3*day, applied)
				s.current(global)
				if s.entries(global)["quay.io/openshift-release-dev"] != s.issuedNow()[simocm.Quay] {
					t.Error("the same credential under another key was left to die")
				}
			})
		}
	}
}
