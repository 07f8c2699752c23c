package pullsecretrotation_test

import (
	"context"
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestOwnRotation_IsItsOwnWhateverHappensRightAfterTheRequest(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "pullsecretrotations"}, "account", errors.New("the object has been modified"))
	for name, c := range map[string]func(*scene) func() error{
		"a conflict of the status write":       func(*scene) func() error { return func() error { return conflict } },
		"the API server is away":               func(*scene) func() error { return func() error { return errors.New("connection refused") } },
		"somebody edits the object meanwhile":  func(s *scene) func() error { return nil },
		"the process dies and another goes on": func(s *scene) func() error { return func() error { return errors.New("killed") } },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			fail, sent := c(s), false
			s.services.afterPost = func() {
				sent = true
				if fail == nil {
					o := s.get()
					o.Annotations = map[string]string{"somebody": "was here"}
					if err := s.api.Update(t.Context(), o); err != nil {
						t.Error(err)
					}
				}
			}
			s.hooks.SubResourcePatch = func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
				if sent && fail != nil {
					sent = false
					return fail()
				}
				return c.SubResource(sub).Patch(ctx, o, p, opts...)
			}
			s.create(dueNow())
			s.until("the rotation has ended", 4*day, revoked)
			s.posts(1)
			for _, r := range append([]v1alpha1.RotationStatus{*s.get().Status.Rotation}, s.get().Status.History...) {
				if r.Adopted || r.Reason == v1alpha1.TriggerStartedElsewhere {
					t.Errorf("the cluster's own rotation counts as started elsewhere: adopted %v, %s", r.Adopted, r.Reason)
				}
			}
			if s.events.has("which it did not request") || s.events.has("instead of requesting another") {
				t.Errorf("an event reports it as started elsewhere: %q", s.events.lines)
			}
		})
	}
}

func TestSiblings_WhereTheyAreAllowedTheListIsNotNeeded(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.Break(simocm.Fault{Endpoint: simocm.OpSubscriptions, Kind: simocm.Error403})
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.SiblingClusters = v1alpha1.SiblingsAllow }))
	s.until("the rotation has ended", 4*day, revoked)
	s.posts(1)
}

func TestSiblings_WhereTheyAreRefusedAnUnreadableListIsSaid(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.Break(simocm.Fault{Endpoint: simocm.OpSubscriptions, Kind: simocm.Error403})
	s.create(dueNow())
	s.run(day)
	s.posts(0)
	s.notReady("spec.siblingClusters")
}

func TestPatience_DoesNotOutliveTheCredentialThatItWasAskedOf(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.sim.Break(simocm.Fault{Endpoint: simocm.OpListRotations, Kind: simocm.RateLimited, RetryAfter: 86400e9})
	s.create(dueNow())
	s.look()
	if _, reason, _ := s.ready(); reason != v1alpha1.ReasonOCMRateLimited {
		t.Fatalf("the reason is %s", reason)
	}
	s.sim.Mend()
	s.sim.Advance(time.Minute)
	s.look()
	s.posts(0) // it is still taken at its word
	s.operatorUses(s.account)
	s.run(2 * time.Minute)
	s.posts(1)
}
