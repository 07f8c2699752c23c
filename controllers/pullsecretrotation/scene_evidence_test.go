package pullsecretrotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Only proven credentials are written, reports of validity are true, and no credential expires while waiting for a proof.

// refusesNew makes a registry refuse all credentials that are not in the current documents.
func (s *scene) refusesNew(hosts ...string) {
	for _, host := range hosts {
		s.registries.refuseAllBut(host, s.issuedNow()[host])
	}
}

func TestEvidence_WhatCouldNotBeReadWhenItWasTimeToVerifyIsVerifiedBeforeItIsWritten(t *testing.T) {
	for name, spoil := range map[string]func(*scene){
		"it does not parse": func(s *scene) { s.putTarget(global, []byte("{")) },
		"it is empty":       func(s *scene) { s.putTarget(global, []byte(`{"auths":{}}`)) },
		"it is missing":     func(s *scene) { s.deleteTarget(global) },
		"it has nothing of the account": func(s *scene) {
			s.putTarget(global, []byte(`{"auths":{"mirror.example.com":{"auth":"`+auth("me", "mine")+`"}}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			before := s.document(global)
			s.refusesNew(simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect)
			s.create(dueNow())
			s.until("a rotation is requested", day, requested)
			spoil(s)
			s.sim.RunBatch()
			s.run(12 * time.Hour)
			s.putTarget(global, before)
			s.run(day)
			s.unchangedEntries(global, before, simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect)
			if s.wrote(global, simocm.Quay, s.issuedNow()[simocm.Quay]) {
				t.Error("an entry was written that its registry refuses")
			}
		})
	}
}

// unchangedEntries fails when one of the entries is not as in a document.
func (s *scene) unchangedEntries(ref v1alpha1.SecretReference, document []byte, names ...string) {
	s.t.Helper()
	for _, name := range names {
		if s.entries(ref)[name] != authsOf(document)[name] {
			_, reason, message := s.ready()
			s.t.Errorf("the entry %s of %s was changed; Ready says %s: %s", name, ref, reason, message)
		}
	}
}

func TestEvidence_AnEditAfterTheVerificationIsVerifiedToo(t *testing.T) {
	customers := auth("12345|customer", "own")
	for name, c := range map[string]struct {
		registry string
		before   func(*scene)
		edit     func(*v1alpha1.PullSecretRotationSpec)
		target   v1alpha1.SecretReference
	}{
		"an entry is to be added": {simocm.RedHatConnect,
			func(s *scene) { s.putTarget(global, without(s.document(global), simocm.RedHatConnect)) },
			func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{simocm.RedHatConnect} }, global},
		"foreign entries are to be replaced": {simocm.RedHatConnect,
			func(s *scene) {
				s.putTarget(global, edited(s.document(global), map[string]string{simocm.RedHatConnect: customers}))
			},
			func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.Foreign = v1alpha1.ForeignReplace }, global},
		"another target has an entry more": {simocm.RedHatConnect,
			func(s *scene) {
				s.putTarget(hub, s.document(global))
				s.putTarget(global, without(s.document(global), simocm.RedHatConnect))
			}, withHub, hub},
	} {
		for _, refusing := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, and it is refused: %v", name, refusing), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				old := s.issuedNow()[c.registry]
				c.before(s)
				was := s.entries(c.target)[c.registry]
				s.create(dueNow())
				s.until("the new entries are applied", day, applied)
				if refusing {
					s.registries.refuses[c.registry] = func(auth string) bool { return auth != old && auth != was }
				}
				s.edit(c.edit)
				s.run(12 * time.Hour)
				fresh := s.issuedNow()[c.registry]
				asked, accepted := s.registries.wasAsked(c.registry, fresh)
				switch got := s.entries(c.target)[c.registry]; {
				case refusing && got != was:
					t.Error("the entry was written although its registry refuses it")
				case !refusing && (got != fresh || !asked || !accepted):
					t.Errorf("the entry is written: %v, its registry was checked: %v and accepted it: %v", got == fresh, asked, accepted)
				}
			})
		}
	}
}

func TestEvidence_NoRotationIsRequestedThatCannotBeVerifiedHere(t *testing.T) {
	for _, host := range []string{simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect} {
		for _, checkedBefore := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, looked at before T: %v", host, checkedBefore), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.registries.reachable(host, false)
				spec := dueNow()
				if checkedBefore {
					at := metav1.NewTime(s.sim.Now().Add(day))
					spec.RotateAfter = &at
				}
				s.create(spec)
				s.run(4 * day)
				s.posts(0)
				s.notReady(host)
				s.alive(global)
				s.registries.reachable(host, true)
				s.until("a rotation is requested", day, requested)
				s.posts(1)
			})
		}
	}
}

func TestEvidence_ARegistryThatDoesNotHaveToAnswerHoldsUpNothing(t *testing.T) {
	for _, policy := range []v1alpha1.VerificationPolicy{v1alpha1.VerificationBestEffort, v1alpha1.VerificationSkip} {
		s := newScene(t, simocm.Options{})
		s.registries.reachable(simocm.RedHatConnect, false)
		s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
			spec.Verification = []v1alpha1.RegistryVerification{{Registry: simocm.RedHatConnect, Policy: policy}}
		}))
		s.until("the rotation has ended", 5*day, revoked)
		s.current(global)
	}
}

// A firewall closes after the request: OCM's deadline runs, and credentials that nobody has refused are better than those that will stop working.
func TestEvidence_NothingDiesOfARegistryThatCannotBeAskedAfterTheRequest(t *testing.T) {
	for name, hosts := range map[string][]string{
		"one of Red Hat's": {simocm.RedHatConnect}, "quay.io": {simocm.Quay}, "all": {simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect},
	} {
		for _, telemetry := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, telemetry %v", name, telemetry), func(t *testing.T) {
				s := newScene(t, simocm.Options{})
				s.create(dueNow())
				s.until("a rotation is requested", day, requested)
				for _, host := range hosts {
					s.registries.reachable(host, false)
				}
				if !telemetry {
					s.sim.Break(simocm.Fault{Endpoint: simocm.OpCurrentAccount, Kind: simocm.Error500})
				}
				for range 8 * 2 {
					s.run(12 * time.Hour)
					if s.alive(global); t.Failed() {
						return
					}
				}
				s.current(global)
			})
		}
	}
}

func TestEvidence_EntriesGoInOneByOne(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.issuedNow()
	s.refusesNew(simocm.RedHatConnect)
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	s.run(12 * time.Hour)
	if has := s.entries(global); has[simocm.Quay] == old[simocm.Quay] || has[simocm.RedHatConnect] != old[simocm.RedHatConnect] {
		_, reason, message := s.ready()
		t.Errorf("quay.io has the new entry: %v, registry.connect.redhat.com has the old one: %v; Ready says %s: %s",
			has[simocm.Quay] != old[simocm.Quay], has[simocm.RedHatConnect] == old[simocm.RedHatConnect], reason, message)
	}
	s.notReady(simocm.RedHatConnect)
	delete(s.registries.refuses, simocm.RedHatConnect)
	s.run(day)
	s.current(global)
}

func TestEvidence_AProofThatIsOldIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		spec  v1alpha1.PullSecretRotationSpec
		spoil func(*scene)
		want  metav1.ConditionStatus
	}{
		"OCM is away and a registry refuses": {notDue(), func(s *scene) {
			s.sim.Break(simocm.Fault{Endpoint: simocm.OpAny, Kind: simocm.Error500})
			s.registries.refuseAllBut(simocm.Quay, "")
		}, metav1.ConditionFalse},
		"OCM and all registries are unreachable": {notDue(), func(s *scene) {
			s.sim.Break(simocm.Fault{Endpoint: simocm.OpAny, Kind: simocm.Error500})
			for _, host := range simocm.Registries {
				s.registries.reachable(host, false)
			}
		}, metav1.ConditionUnknown},
		"a follower's OCM is away and a registry refuses": {following(), func(s *scene) {
			s.sim.Break(simocm.Fault{Endpoint: simocm.OpAny, Kind: simocm.Error500})
			s.registries.refuseAllBut(simocm.RedHatRegistry, "")
		}, metav1.ConditionFalse},
		"the operator's credential has died and a registry refuses": {notDue(), func(s *scene) {
			s.sim.Break(simocm.Fault{Endpoint: simocm.OpListRotations, Kind: simocm.Error401})
			s.registries.refuseAllBut(simocm.Quay, "")
		}, metav1.ConditionFalse},
		"it does not parse any more":      {notDue(), func(s *scene) { s.putTarget(global, []byte("{")) }, metav1.ConditionUnknown},
		"the object has become suspended": {notDue(), func(s *scene) { s.edit(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Suspend = true }) }, metav1.ConditionUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.create(c.spec)
			s.run(day)
			if status, _, message := s.condition(v1alpha1.ConditionPullSecretValid); status != metav1.ConditionTrue {
				t.Fatalf("PullSecretValid is %s at the beginning: %s", status, message)
			}
			c.spoil(s)
			s.run(2 * day)
			if status, reason, message := s.condition(v1alpha1.ConditionPullSecretValid); status != c.want {
				t.Errorf("PullSecretValid is %s, want %s: %s: %s", status, c.want, reason, message)
			}
		})
	}
}

func TestEvidence_WhatTheRegistriesSaidOfTheNewCredentialsIsNoProofOfThoseInUse(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.issuedNow()[simocm.Quay]
	s.create(dueNow())
	s.until("the new entries are applied", day, applied)
	at := s.writes[len(s.writes)-1].at
	for range 48 {
		s.run(30 * time.Minute)
		status, _, _ := s.condition(v1alpha1.ConditionPullSecretValid)
		check := s.get().Status.LastHealthCheck
		if status != metav1.ConditionTrue || check == nil || check.Time.Before(at.Truncate(time.Second)) {
			continue
		}
		for _, q := range s.registries.asked {
			if q.key == simocm.Quay && q.auth != old && q.at.After(at) && q.outcome == registry.Accepted {
				return
			}
		}
		t.Fatal("the pull secret in use is reported as valid without a check since it was written")
	}
	t.Fatal("the pull secret in use was never proven")
}

func TestEvidence_NoMessagePromisesThatWhatIsDeadKeepsWorking(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.refusesNew(simocm.Quay, simocm.RedHatRegistry, simocm.RedHatConnect)
	for range 9 {
		s.run(day)
		if _, reason, message := s.ready(); !s.works(global, simocm.Quay) && strings.Contains(message, "keeps working") {
			t.Fatalf("%s: %s", reason, message)
		}
	}
}

func TestHealth_AFollowerLooksOftenEnoughNotToMissARotation(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(following(func(spec *v1alpha1.PullSecretRotationSpec) { spec.HealthCheckInterval.Duration = 168 * time.Hour }))
	s.run(time.Hour)
	s.sim.StartRotationElsewhere(s.account.ID)
	for range 20 {
		s.run(12 * time.Hour)
		if s.alive(global); t.Failed() {
			return
		}
	}
	s.current(global)
}

// A target holds a credential of the account that its registry refuses: whichever target it is.
func TestEvidence_EachTargetIsProven(t *testing.T) {
	s := newScene(t, simocm.Options{})
	dead := auth("openshift-release-dev+ocm_access_0123456789abcdef0123456789abcdef", "dead")
	s.putTarget(hub, edited(s.document(global), map[string]string{simocm.Quay: dead}))
	s.create(notDue(withHub))
	s.run(time.Hour)
	if status, reason, message := s.condition(v1alpha1.ConditionPullSecretValid); status != metav1.ConditionFalse || !strings.Contains(message, "quay.io in "+hub.String()) {
		t.Errorf("PullSecretValid is %s, %s: %s", status, reason, message)
	}
	for _, r := range s.get().Status.Registries {
		if r.Registry == simocm.Quay && (r.Result != "Unauthorized" || !strings.Contains(r.Message, hub.String())) {
			t.Errorf("the row of quay.io says %s: %s", r.Result, r.Message)
		}
	}
	s.notReady()
}
