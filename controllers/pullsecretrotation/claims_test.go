package pullsecretrotation

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// An object that waits for a target is reconciled when the object that owns it changes or is deleted.
func TestRivals_AreThoseThatShareATarget(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	object := func(name string, targets ...string) *v1alpha1.PullSecretRotation {
		o := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: name}}
		for _, target := range targets {
			o.Spec.Targets = append(o.Spec.Targets, v1alpha1.SecretReference{Namespace: "hive", Name: target})
		}
		return o
	}
	changed := object("changed", "a", "b")
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(changed, object("shares", "b", "c"), object("another", "c")).Build()
	got := (&Reconciler{}).Rivals(c)(t.Context(), changed)
	if len(got) != 1 || got[0].Name != "shares" {
		t.Errorf("these reconcile again: %v", got)
	}
}
