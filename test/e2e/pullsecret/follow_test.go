package pullsecret

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// follower is mode Follow, with OCM credentials or without any.
func follower(credentials bool) *v1alpha1.PullSecretRotation {
	return rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Mode, s.RotateAfter, s.SiblingClusters = v1alpha1.ModeFollow, nil, ""
		if !credentials {
			s.OCM.CredentialsSecretRef = nil
		}
	})
}

// neverAsked fails if the follower has requested a rotation, or used a credential that it does not have.
func (w *world) neverAsked(credentials bool) {
	w.t.Helper()
	w.expectAsked(0)
	if credentials {
		return
	}
	for _, r := range w.ocm.Requests() {
		if r.Auth != "AccessToken" || strings.HasPrefix(r.Operation, "POST") {
			w.t.Errorf("a follower without OCM credentials sent %s with %q", r.Operation, r.Auth)
		}
	}
}

// healthCheckIsDue makes the operator poll OCM, as it does every healthCheckInterval.
func (w *world) healthCheckIsDue() {
	w.t.Helper()
	r := w.get()
	before := r.DeepCopy()
	long := metav1.NewTime(time.Now().Add(-7 * 24 * time.Hour))
	r.Status.LastHealthCheck = &long
	w.must(cp.Client.Status().Patch(w.t.Context(), r, client.MergeFrom(before)))
	w.lookAgain()
}

func TestAFollowerAppliesARotationThatItDidNotRequest(t *testing.T) {
	for what, credentials := range map[string]bool{"with OCM credentials": true, "with only the cluster's own token": false} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, settings{siblings: 2, siblingMode: ocm.SwitchesSoon})
			w.create(follower(credentials))
			w.start()
			w.waitForReason(v1alpha1.ReasonFollowing)
			w.neverAsked(credentials)

			// Another client requests a rotation. An idle follower polls rarely; here it is triggered.
			id := w.ocm.StartRotationElsewhere(w.account.ID)
			w.healthCheckIsDue()
			r := w.says(v1alpha1.ReasonAwaitingIssue, "has not issued new credentials yet")
			if r.Status.Rotation.ID != id || !r.Status.Rotation.Adopted || r.Status.Rotation.Reason != v1alpha1.TriggerStartedElsewhere {
				t.Errorf("the rotation under way is %+v, want %s adopted as started elsewhere", r.Status.Rotation, id)
			}
			if string(w.document()) != string(w.before) {
				t.Error("the pull secret changed before anything was issued")
			}
			w.ocm.RunBatch()
			r = w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
			if r.Status.Rotation.VerifiedAt == nil || len(r.Status.Registries) != 4 {
				t.Errorf("it applied without verification: %+v", r.Status.Registries)
			}
			w.current()
			w.days(2)
			w.waitFor("the rotation has ended", func(r *v1alpha1.PullSecretRotation) bool {
				return reason(r) == v1alpha1.ReasonFollowing && len(r.Status.History) == 1
			})
			w.oneRotation()
			w.neverAsked(credentials)
		})
	}
}

func TestAFollowerWithADeadTokenSaysWhatToProvide(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.CompleteEverything()
	w.create(follower(false))
	w.start()
	w.says(v1alpha1.ReasonClusterTokenDead, "OCM refuses this cluster's own cloud.openshift.com token", "spec.ocm.credentialsSecretRef is not set",
		"The pull secret was not changed", "Put an offline token", "in the operator's namespace")
	w.untouched()

	// With that, it catches up.
	w.edit(func(r *v1alpha1.PullSecretRotation) {
		r.Spec.OCM.CredentialsSecretRef = &v1alpha1.LocalReference{Name: "ocm"}
	})
	r := w.waitFor("the follower has caught up", func(r *v1alpha1.PullSecretRotation) bool {
		return reason(r) == v1alpha1.ReasonFollowing && len(r.Status.History) == 1
	})
	if got := takenPart(r); got != string(v1alpha1.TriggerCatchUp) {
		t.Errorf("the trigger is %s, want %s", got, v1alpha1.TriggerCatchUp)
	}
	w.current()
	w.expectAsked(0)
}

// A cluster that opted out of telemetry has no token that a follower could use.
func TestAFollowerWithoutAnyTokenSaysWhatToProvide(t *testing.T) {
	s := settings{}
	s.document = func(issued []byte) []byte {
		return []byte(strings.Replace(string(issued), `"cloud.openshift.com":`, `"mirror.example.com":`, 1))
	}
	w := newWorld(t, s)
	w.create(follower(false))
	w.start()
	w.says(v1alpha1.ReasonClusterTokenDead, "or the pull secret has none", "spec.ocm.credentialsSecretRef")
	if n := w.ocm.Count(ocm.OpAny); n != 0 {
		t.Errorf("%d requests to OCM without a credential", n)
	}
}
