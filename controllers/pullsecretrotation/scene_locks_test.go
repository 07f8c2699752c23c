package pullsecretrotation_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// Each of these tests one safeguard of the executor: what must be recorded, or read again, before an effect.

type statusPatch = func(context.Context, client.Client, string, client.Object, client.Patch, ...client.SubResourcePatchOption) error

// onStatus lets f come in right before a write of the status, and afterwards right behind it.
func (s *scene) onStatus(before, after func(*v1alpha1.RotationStatus)) statusPatch {
	return func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
		r := o.(*v1alpha1.PullSecretRotation).Status.Rotation
		if r == nil {
			r = &v1alpha1.RotationStatus{}
		}
		r = r.DeepCopy()
		if before != nil {
			before(r)
		}
		err := c.SubResource(sub).Patch(ctx, o, p, opts...)
		if err == nil && after != nil {
			after(r)
		}
		return err
	}
}

// isIntent is true for the record of a request that is about to be sent.
func isIntent(r *v1alpha1.RotationStatus) bool { return r.IntendedAt != nil && r.ID == "" }

func TestLock_TheListIsReadAgainRightBeforeTheRequest(t *testing.T) {
	s := newScene(t, simocm.Options{})
	started := ""
	s.hooks.SubResourcePatch = s.onStatus(nil, func(r *v1alpha1.RotationStatus) {
		if isIntent(r) && started == "" {
			started = s.sim.StartRotationElsewhere(s.account.ID) // by another cluster, between the intent and the request
		}
	})
	s.create(dueNow())
	s.until("a rotation is under way", day, requested)
	s.posts(0)
	if got := s.get().Status.Rotation.ID; started == "" || got != started {
		t.Errorf("the rotation under way is %q, want the one that another cluster has started, %q", got, started)
	}
}

func TestLock_OfTwoReplicasOnlyOneRecordsTheIntent(t *testing.T) {
	s := newScene(t, simocm.Options{})
	other := &pullsecretrotation.Reconciler{Client: s.api, Reader: s.api, Options: s.r.Options, Connect: s.services, Recorder: s.events}
	request := ctrl.Request{NamespacedName: types.NamespacedName{Name: "account"}}
	var second atomic.Bool
	sending, through, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s.services.beforePost = func() {
		if !second.Swap(true) {
			close(sending)
			<-through // the other one's request is on its way
		}
	}
	s.hooks.SubResourcePatch = s.onStatus(func(r *v1alpha1.RotationStatus) {
		if !isIntent(r) {
			return
		}
		s.hooks.SubResourcePatch = nil
		go func() {
			defer close(done)
			_, _ = other.Reconcile(context.WithoutCancel(t.Context()), request)
		}()
		select {
		case <-sending:
		case <-done:
			t.Error("the other replica has sent nothing")
		}
	}, nil)
	s.create(dueNow())
	for range 5 {
		s.look()
		select {
		case <-sending:
		default:
			s.sim.Advance(time.Second)
			continue
		}
		break
	}
	close(through)
	<-done
	s.posts(1)
}

func TestLock_TheIntentIsOnRecordBeforeTheRequest(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.services.beforePost = func() {
		if r := s.get().Status.Rotation; r == nil || !isIntent(r) || r.BackupSecret == "" {
			t.Errorf("a request is sent, and the record says %+v", r)
		}
	}
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.posts(1)
}

// beforeWrite lets f come in right before each write of a target.
func (s *scene) beforeWrite(f func(auths map[string]string)) {
	s.hooks.Patch = func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
		if secret, ok := o.(*corev1.Secret); ok && o.GetNamespace() != "operator" {
			f(authsOf(secret.Data[corev1.DockerConfigJsonKey]))
		}
		return c.Patch(ctx, o, p, opts...)
	}
}

func TestLock_WhatIsKnownIsOnRecordBeforeATargetIsWritten(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.pools("worker")
	s.beforeWrite(func(map[string]string) {
		if r := s.get().Status.Rotation; r.IssuedAt == nil || len(r.Issued) == 0 || len(r.Pools) != 1 || r.Pools[0].ConfigurationBefore == "" {
			t.Errorf("a target is written, and the record says %+v", r)
		}
	})
	s.create(dueNow())
	s.until("the new entries are applied", 2*day, applied)
}

func TestLock_AWriteThatComesInBetweenIsNotLost(t *testing.T) {
	s := newScene(t, simocm.Options{})
	const mirror = "mirror.example.com"
	once := false
	s.beforeWrite(func(map[string]string) {
		if !once {
			once = true
			s.putTarget(global, edited(s.document(global), map[string]string{mirror: auth("me", "mine")}))
		}
	})
	s.create(dueNow())
	s.until("the new entries are applied", 2*day, applied)
	s.current(global)
	if s.entries(global)[mirror] != auth("me", "mine") {
		t.Error("a concurrent write is lost")
	}
}

// A webhook changes what the operator writes, which the API server's answer shows.
func TestLock_WhatWasWrittenIsReadBack(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.issuedNow()[simocm.Quay]
	s.hooks.Patch = func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
		err := c.Patch(ctx, o, p, opts...)
		if secret, ok := o.(*corev1.Secret); ok && err == nil && o.GetNamespace() != "operator" {
			secret.Data[corev1.DockerConfigJsonKey] = edited(secret.Data[corev1.DockerConfigJsonKey], map[string]string{simocm.Quay: old})
			err = c.Update(ctx, secret)
		}
		return err
	}
	s.create(dueNow())
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	for range 20 {
		s.look()
		s.sim.Advance(max(s.next.Sub(s.sim.Now()), time.Second))
	}
	if r := s.get().Status.Rotation; r.AppliedAt != nil {
		t.Errorf("the new credentials count as applied since %s, and the target does not have them", r.AppliedAt)
	}
	s.notReady("webhook")
	if n := len(s.writes); n > 20 {
		t.Errorf("the target was written %d times within %s", n, s.sim.Now().Sub(s.writes[0].at))
	}
}

func TestLock_ARollbackIsOnRecordBeforeTheFirstEntryIsPutBack(t *testing.T) {
	s := newScene(t, simocm.Options{})
	old := s.issuedNow()
	s.silent()
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.HealthCheckInterval.Duration = 10 * time.Minute }))
	s.until("a rotation is requested", day, requested)
	s.sim.RunBatch()
	s.until("the new entries are applied", day, applied)
	// The customer replaces one of the entries, and quay.io refuses another.
	own := auth("12345|customer", "own")
	s.putTarget(global, edited(s.document(global), map[string]string{simocm.RedHatRegistry: own}))
	s.beforeWrite(func(auths map[string]string) {
		if auths[simocm.Quay] == old[simocm.Quay] && s.get().Status.Rotation.RolledBackAt == nil {
			t.Error("an old entry is put back, and the record does not say so: it would be healed")
		}
	})
	s.registries.refuseAllBut(simocm.Quay, old[simocm.Quay])
	s.run(2 * time.Hour)
	if s.entries(global)[simocm.Quay] != old[simocm.Quay] {
		_, reason, message := s.ready()
		t.Errorf("the old entry was not put back; Ready says %s: %s", reason, message)
	}
	if s.entries(global)[simocm.RedHatRegistry] != own {
		t.Error("a rollback has changed an entry that another writer had edited since")
	}
}
