package pullsecretrotation_test

import (
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
				t.Errorf("machines are spoken of that nobody looked at: %q", s.events.lines)
			}
		})
	}
	t.Run("the pools have it", func(t *testing.T) {
		s := newScene(t, simocm.Options{})
		s.pools("master", "worker")
		s.create(dueNow())
		s.until("the rotation has ended", 4*day, revoked)
		if !s.events.has(claim) {
			t.Errorf("nobody said that the machines have it: %q", s.events.lines)
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

func (s *scene) rotatedBefore(a simocm.Account) {
	s.sim.StartRotationElsewhere(a.ID)
	s.sim.CompleteEverything()
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
				s.putTarget(global, document) // and somebody else sees to it that it stays so
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
