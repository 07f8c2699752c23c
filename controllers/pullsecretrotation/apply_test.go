package pullsecretrotation

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

var (
	global = v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"}
	hive   = v1alpha1.SecretReference{Namespace: "hive", Name: "pull"}
)

// withSecondTarget is a cluster with two targets, whose API server does not let the operator write the one that forbidden
// names.
func withSecondTarget(t *testing.T, forbidden *v1alpha1.SecretReference) *meter {
	t.Helper()
	m := newMeter(t, simocm.Options{}, isDueNow())
	second := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: hive.Namespace, Name: hive.Name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: m.document(t)}}
	if err := m.client.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	object := m.get(t)
	object.Spec.Targets = append(object.Spec.Targets, hive)
	if err := m.client.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	m.r.Client = interceptor.NewClient(m.client.(client.WithWatch), interceptor.Funcs{
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			if _, ok := o.(*corev1.Secret); ok && o.GetNamespace() == forbidden.Namespace && o.GetName() == forbidden.Name {
				return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, o.GetName(), errors.New(noRight))
			}
			return c.Patch(ctx, o, p, opts...)
		},
	})
	return m
}

func (m *meter) holdsWhatIsIssued(ref v1alpha1.SecretReference) bool {
	m.t.Helper()
	secret := &corev1.Secret{}
	if err := m.client.Get(m.t.Context(), client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
		m.t.Fatal(err)
	}
	return entryAuth(secret.Data[corev1.DockerConfigJsonKey], "quay.io") == entryAuth(m.sim.PullSecret(m.account.ID), "quay.io")
}

func TestApply_ATargetThatMayNotBeWrittenDoesNotHoldUpTheOthersAndIsServedOnceItMay(t *testing.T) {
	forbidden := hive
	m := withSecondTarget(t, &forbidden)
	m.through(hasEndedOrLeftOut)
	if !m.holdsWhatIsIssued(global) || m.holdsWhatIsIssued(hive) {
		t.Fatal("the first target has not the new credentials, or the second has")
	}
	if row := decide.TargetRow(&m.seen.Status, hive); row == nil || row.Result != v1alpha1.ReasonForbidden || row.Message == "" {
		t.Errorf("the second target's row is %+v", row)
	}
	for range 5 { // each reconcile sees its old entry, and ends
		if m.look(); readyReason(m.seen) == v1alpha1.ReasonInternalError {
			t.Fatalf("the reconcile fails: %+v", m.seen.Status.Conditions)
		}
	}
	forbidden = v1alpha1.SecretReference{}
	if m.look(); !m.holdsWhatIsIssued(hive) {
		t.Error("the right is granted, and the target still has its old entries")
	}
}

// A fight about the first target does not affect the second.
func TestHeal_AFightAboutOneTargetDoesNotHoldUpTheOthersNorEndEarly(t *testing.T) {
	forbidden := v1alpha1.SecretReference{}
	m := withSecondTarget(t, &forbidden)
	before := m.document(t)
	m.through(hasEnded)
	putBack := func(ref v1alpha1.SecretReference) {
		secret := &corev1.Secret{}
		if err := m.client.Get(t.Context(), client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, secret); err != nil {
			t.Fatal(err)
		}
		secret.Data[corev1.DockerConfigJsonKey] = before
		if err := m.client.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		putBack(global)
		m.look()
	}
	if readyReason(m.seen) != v1alpha1.ReasonWriterFight {
		t.Fatalf("the object says %s", readyReason(m.seen))
	}
	putBack(hive)
	m.look()
	if !m.holdsWhatIsIssued(hive) {
		t.Error("the second target waits for the end of the fight about the first")
	}
	if m.holdsWhatIsIssued(global) || readyReason(m.seen) != v1alpha1.ReasonWriterFight {
		t.Errorf("the first target is healed within the pause of its fight; the object says %s", readyReason(m.seen))
	}
}

func hasEndedOrLeftOut(o *v1alpha1.PullSecretRotation) bool {
	return o.Status.Rotation != nil && o.Status.Rotation.RevokedAt != nil
}

func TestApply_NothingIsAppliedWhileTheCanaryMayNotBeWritten(t *testing.T) {
	forbidden := global
	m := withSecondTarget(t, &forbidden)
	m.through(func(o *v1alpha1.PullSecretRotation) bool { return readyReason(o) == v1alpha1.ReasonForbidden })
	if m.holdsWhatIsIssued(hive) || m.seen.Status.Rotation.AppliedAt != nil {
		t.Error("the first target could not be written, and the second was")
	}
	if m.seen.Status.Rotation.VerifiedAt == nil {
		t.Error("what was about to be written is not on record")
	}
	forbidden = v1alpha1.SecretReference{}
	m.through(hasEndedOrLeftOut)
	if !m.holdsWhatIsIssued(global) || !m.holdsWhatIsIssued(hive) {
		t.Error("the right is granted, and the rotation was not seen through")
	}
}
