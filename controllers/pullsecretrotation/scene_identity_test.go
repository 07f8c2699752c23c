package pullsecretrotation_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// OCM's answers about tokens and transfers, and their consequences.

func TestIdentity_ALivingTokenOfAnotherAccountIsNeverCaughtUpWith(t *testing.T) {
	s := newScene(t, simocm.Options{})
	document, other := s.document(global), s.somebodyElse()
	s.rotatedBefore(other)
	s.create(notDue())
	s.run(2 * day)
	s.unchanged(global, document)
	s.notReady(s.account.ID)
	if r := s.get().Status.Rotation; r != nil || s.events.has("Adopt") {
		t.Errorf("a rotation is seen through that is not this cluster's: %+v", r)
	}
	if st := s.get().Status; st.Account.ID != other.ID || st.PullSecretAccount == nil || st.PullSecretAccount.ID != s.account.ID || st.PullSecretAccount.Username != s.account.Username {
		t.Errorf("the OCM credential is of %+v and the pull secret of %+v", st.Account, st.PullSecretAccount)
	}
}

func TestIdentity_ATokenOfAnotherAccountIsNoProof(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(notDue())
	s.run(time.Hour)
	s.services.account = func() (ocm.Account, error) { return ocm.Account{ID: "2another", Username: "another"}, nil }
	s.putTarget(global, edited(s.document(global), map[string]string{"mirror.example.com": auth("me", "mine")}))
	s.run(time.Minute)
	if status, reason, message := s.condition(v1alpha1.ConditionPullSecretValid); status != metav1.ConditionFalse || !strings.Contains(message, "2another") {
		t.Errorf("PullSecretValid is %s, %s: %s", status, reason, message)
	}
}

// Only a refusal shows that a token is invalid: then the e-mail address counts.
func TestIdentity_AnErrorOfOCMIsNoDeadToken(t *testing.T) {
	s := newScene(t, simocm.Options{})
	document := s.document(global)
	twin := s.sim.AddAccount(simocm.AccountSpec{Email: s.account.Email})
	s.operatorUses(twin)
	s.services.account = func() (ocm.Account, error) {
		return ocm.Account{}, &ocm.Error{Kind: ocm.OCMUnavailable, Status: 500, Message: "OCM answers with status 500"}
	}
	s.create(dueNow())
	s.run(time.Hour)
	s.posts(0)
	s.unchanged(global, document)
	if _, reason, message := s.ready(); reason != v1alpha1.ReasonOCMUnavailable {
		t.Errorf("Ready says %s: %s", reason, message)
	}
}

// A transfer without a rotation hands the cluster to another account, which is a person's decision.
func TestIdentity_ATransferThatIsOfNoRotationIsNotTaken(t *testing.T) {
	s := newScene(t, simocm.Options{})
	document := s.document(global)
	other := s.sim.AddAccount(simocm.AccountSpec{})
	s.services.transfers = func([]ocm.Transfer) []ocm.Transfer {
		now := s.sim.Now()
		return []ocm.Transfer{{ID: "1", ClusterID: s.id, Status: ocm.TransferAccepted, Secret: s.sim.PullSecret(other.ID), CreatedAt: now.Add(-time.Hour), ExpiresAt: now.Add(day)}}
	}
	s.create(following(func(spec *v1alpha1.PullSecretRotationSpec) { spec.OCM.CredentialsSecretRef = nil }))
	s.run(day)
	s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: "sibling", Mode: simocm.NeverSwitches})
	s.sim.StartRotationElsewhere(s.account.ID)
	s.run(day)
	s.unchanged(global, document)
}

// The twin of the cluster's token: OCM may refuse a token that no cluster has registered yet, and quay.io accepts the same credential.
func TestIdentity_ANewTokenThatOCMRefusesGoesInWithItsTwin(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.services.account = func() (ocm.Account, error) {
		return ocm.Account{}, &ocm.Error{Kind: ocm.OCMUnauthorized, Status: 401, Message: "OCM refuses the token"}
	}
	s.sim.RunBatch()
	s.run(12 * time.Hour)
	s.current(global)
}

func TestIdentity_AnEntryWithAnIdentityTokenIsNeverReplaced(t *testing.T) {
	s := newScene(t, simocm.Options{})
	entry := `"registry.connect.redhat.com":{"auth":"` + s.entries(global)[simocm.RedHatConnect] + `","identitytoken":"mine"}`
	document := strings.Replace(string(without(s.document(global), simocm.RedHatConnect)), `"auths":{`, `"auths":{`+entry+`,`, 1)
	s.putTarget(global, []byte(document))
	s.create(dueNow())
	s.until("the new entries are applied", 2*day, applied)
	if !strings.Contains(string(s.document(global)), entry) {
		t.Error("the entry with an identity token was changed")
	}
}

// After a start or a changed Secret, OCM and the registries are checked at once, even after a recent health check.
func TestIdentity_OCMAndTheRegistriesAreAskedAtOnceAfterAStartOrAChange(t *testing.T) {
	for name, happen := range map[string]func(*scene){
		"a start":              func(s *scene) { s.restart() },
		"a changed target":     func(s *scene) { s.putTarget(global, append(s.document(global), ' ')) },
		"a changed credential": func(s *scene) { s.operatorUses(s.account) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.create(notDue())
			s.run(7 * time.Hour)
			lists, asked := s.sim.Count(simocm.OpListRotations), len(s.registries.asked)
			happen(s)
			s.look()
			if s.sim.Count(simocm.OpListRotations) == lists || len(s.registries.asked) == asked {
				t.Errorf("%d requests to OCM and %d to the registries", s.sim.Count(simocm.OpListRotations)-lists, len(s.registries.asked)-asked)
			}
		})
	}
}

// restart begins another process.
func (s *scene) restart() {
	s.r = &pullsecretrotation.Reconciler{Client: s.r.Client, Reader: s.r.Reader, Options: s.r.Options, Connect: s.r.Connect, Recorder: s.r.Recorder}
}

func TestIdentity_TheAgeOfAPullSecretIsNeverInTheFuture(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.rotatedBefore(s.account)
	s.putTarget(global, s.sim.PullSecret(s.account.ID))
	s.services.listed = func(list []ocm.Rotation) []ocm.Rotation {
		for i := range list {
			list[i].CreatedAt = s.sim.Now().Add(40 * time.Minute) // OCM's clock is ahead
		}
		return list
	}
	s.create(notDue())
	s.run(time.Minute)
	if at := s.get().Status.PullSecretIssuedAt; at == nil || at.After(s.sim.Now()) {
		t.Errorf("the pull secret is of %v", at)
	}
}

// Another request would not reveal the owner of a target, so none is sent to OCM.
func TestIdentity_ATargetWhoseOwnerIsUnknownDoesNotHaveOCMAskedAllTheTime(t *testing.T) {
	for name, spec := range map[string]v1alpha1.PullSecretRotationSpec{
		"not due": notDue(withHub), "due": dueNow(withHub), "a follower": following(withHub), "an auditor": notDue(withHub, func(s *v1alpha1.PullSecretRotationSpec) { s.Mode = v1alpha1.ModeAudit }),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.putTarget(hub, without(s.sim.PullSecret(s.sim.AddAccount(simocm.AccountSpec{}).ID), simocm.CloudOpenShift))
			s.create(spec)
			s.run(time.Hour)
			s.sim.ResetCounts()
			s.run(12 * time.Hour)
			if n := s.sim.Count(simocm.OpListRotations); n > 15 {
				t.Errorf("OCM's list was read %d times within 12 hours", n)
			}
		})
	}
}
