package pullsecretrotation_test

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func allowSiblings(s *v1alpha1.PullSecretRotationSpec) { s.SiblingClusters = v1alpha1.SiblingsAllow }

// Only the cluster that requests a rotation asks for access_tokens: the others take what OCM offers to them.
func TestBudget_OnlyTheClusterThatRequestsAsksForAccessTokens(t *testing.T) {
	f := newSceneFleet(t, 3, func(int) time.Duration { return 0 })
	f.create(dueNow(allowSiblings))
	f.run(12 * time.Hour)
	requesters := 0
	for _, s := range f.scenes {
		o := s.get()
		if !applied(o) {
			t.Fatalf("cluster %s has not switched", s.id)
		}
		s.current(global)
		s.alive(global)
		if !o.Status.Rotation.Adopted {
			requesters++
			continue
		}
		if n := s.services.accessTokens; n > 1 {
			t.Errorf("cluster %s, which has requested nothing, asked for %d access_tokens", s.id, n)
		}
	}
	if requesters != 1 {
		t.Errorf("%d clusters have requested the rotation, want 1", requesters)
	}
	f.scenes[0].posts(1)
}

// What another rotation, or nobody's, offers to the cluster is not taken for this rotation's.
func TestBudget_ATransferOfAnotherRotationIsNotTaken(t *testing.T) {
	for name, id := range map[string]string{"of another rotation": "2JuOther", "of another account's clusters": ""} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.sibling(1, 0)
			planted := s.sim.PullSecret(s.sim.AddAccount(simocm.AccountSpec{}).ID)
			s.services.transfers = func(list []ocm.Transfer) []ocm.Transfer {
				return append(list, ocm.Transfer{ID: "planted", ClusterID: s.id, Status: ocm.TransferAccepted, RotationID: id, Secret: planted, CreatedAt: s.sim.Now()})
			}
			s.create(notDue(allowSiblings))
			s.run(time.Minute)
			s.sim.StartRotationElsewhere(s.account.ID)
			s.until("it has switched", 3*day, applied)
			s.current(global)
			for key, auth := range authsOf(planted) {
				if s.wrote(global, key, auth) {
					t.Errorf("the operator wrote the planted %s", key)
				}
			}
			if n := s.services.accessTokens; n > 1 {
				t.Errorf("it asked for %d access_tokens", n)
			}
		})
	}
}
