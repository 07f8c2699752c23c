package pullsecretrotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func (s *scene) hooksValidateKeys() {
	s.validate = func(o client.Object) error {
		secret, ok := o.(*corev1.Secret)
		if !ok {
			return nil
		}
		size := 0
		for key, value := range secret.Data {
			size += len(value)
			if len(key) > 253 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
				return apierrors.NewBadRequest("invalid key " + key)
			}
		}
		if size > 1<<20 {
			return apierrors.NewRequestEntityTooLargeError("the Secret is too large")
		}
		return nil
	}
}

func TestTarget_WithTheLongestLegalNamesHasABackup(t *testing.T) {
	long := v1alpha1.SecretReference{Namespace: strings.Repeat("n", 63), Name: strings.Repeat("x", 253)}
	s := newScene(t, simocm.Options{})
	s.hooksValidateKeys()
	s.putTarget(long, s.document(global))
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Targets = append(spec.Targets, long) }))
	s.until("the rotation has ended", 4*day, revoked)
	s.current(global)
	s.current(long)
}

func TestRollOut_TheMachinesHaveItOnlyWhenTheyWereLookedAt(t *testing.T) {
	const claim = "machines have the new pull secret"
	for name, c := range map[string]struct {
		spec  v1alpha1.PullSecretRotationSpec
		scene func(*scene)
	}{
		"pools are not waited for": {dueNow(func(s *v1alpha1.PullSecretRotationSpec) { s.Rollout.WaitForPools = ptr.To(false) }), func(s *scene) { s.pools("worker") }},
		"there are no pools":       {dueNow(), func(*scene) {}},
		"the target is a hub's":    {dueNow(func(s *v1alpha1.PullSecretRotationSpec) { s.Targets = []v1alpha1.SecretReference{hub} }), func(s *scene) { s.pools("worker"); s.putTarget(hub, s.document(global)) }},
		"the only pool is paused": {dueNow(), func(s *scene) {
			s.pools("worker")
			s.pool("worker", func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = true })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			c.scene(s)
			s.create(c.spec)
			s.until("the new entries are applied", 2*day, applied)
			s.run(2 * time.Hour)
			if s.events.has(claim) {
				t.Errorf("the message is about machines that were not checked: %q", s.events.lines)
			}
		})
	}
	t.Run("the pools have it", func(t *testing.T) {
		s := newScene(t, simocm.Options{})
		s.pools("master", "worker")
		s.create(dueNow())
		s.until("the rotation has ended", 4*day, revoked)
		if !s.events.has(claim) {
			t.Errorf("the message does not say that the machines have it: %q", s.events.lines)
		}
	})
	t.Run("a pool that does not render is waited for", func(t *testing.T) {
		s := newScene(t, simocm.Options{})
		s.pools("worker")
		s.pool("worker", func(p *machineconfigurationv1.MachineConfigPool) { p.Annotations = map[string]string{"stuck": "here"} })
		s.create(dueNow())
		s.until("the rotation has ended", 4*day, applied)
		s.run(4 * time.Hour)
		if s.events.has(claim) {
			t.Errorf("machines are spoken of that have nothing: %q", s.events.lines)
		}
	})
}

func TestTarget_ManyLargeOnesHaveABackup(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.hooksValidateKeys()
	big := map[string]string{}
	for i := range 110 {
		big[fmt.Sprintf("mirror-%d.example.com", i)] = auth("me", strings.Repeat("p", 120))
	}
	var targets []v1alpha1.SecretReference
	for i := range 63 {
		ref := v1alpha1.SecretReference{Namespace: "hub", Name: fmt.Sprintf("cluster-%d", i)}
		targets = append(targets, ref)
		s.putTarget(ref, edited(s.document(global), big))
	}
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) {
		spec.Targets, spec.Entries.Foreign = append(spec.Targets, targets...), v1alpha1.ForeignReplace
	}))
	s.until("the new entries are applied", 4*day, applied)
	for _, ref := range targets {
		s.current(ref)
	}
}

// A pool in the middle of another change is ready in minutes, without an event. That causes no request to OCM.
func TestRollOut_ARequestThatPoolsHeldBackIsMadeSoonAfterTheyAreReady(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.pools("worker")
	s.pool("worker", func(p *machineconfigurationv1.MachineConfigPool) {
		p.Annotations, p.Status.UpdatedMachineCount = map[string]string{"stuck": "updating"}, 1
	})
	s.create(dueNow())
	s.run(time.Minute)
	s.notReady("worker")
	s.sim.ResetCounts()
	s.run(10 * time.Minute)
	if n := s.sim.Count(simocm.OpAny); n > 0 {
		t.Errorf("%d requests to OCM while only a pool was waited for", n)
	}
	s.pool("worker", func(p *machineconfigurationv1.MachineConfigPool) {
		p.Annotations, p.Status.UpdatedMachineCount = nil, 3
	})
	s.run(2 * time.Minute)
	s.posts(1)
}
