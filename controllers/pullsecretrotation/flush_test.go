package pullsecretrotation

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
)

// stored is a scope of an object with this status, which the API server has.
func stored(t *testing.T, status v1alpha1.PullSecretRotationStatus, funcs interceptor.Funcs) *scope {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	object := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "account"}, Status: status}
	c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(object).WithObjects(object).WithInterceptorFuncs(funcs).Build()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
	return newScope(t.Context(), &Reconciler{Client: c}, object)
}

func TestFlush_WritesATimeOnlyWhenItsSecondChanges(t *testing.T) {
	checked := time.Date(2026, 3, 2, 8, 5, 16, 0, time.UTC)
	writes := 0
	s := stored(t, v1alpha1.PullSecretRotationStatus{LastHealthCheck: &metav1.Time{Time: checked}}, interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			writes++
			return c.SubResource(sub).Patch(ctx, o, p, opts...)
		},
	})
	for later, want := range map[time.Duration]int{300 * time.Millisecond: 0, 900 * time.Millisecond: 0} {
		s.obj.Status.LastHealthCheck = &metav1.Time{Time: checked.Add(later)}
		if err := s.flush(t.Context()); err != nil || writes != want {
			t.Errorf("%s later: %d writes, want %d, error %v", later, writes, want, err)
		}
	}
	s.obj.Status.LastHealthCheck = &metav1.Time{Time: checked.Add(time.Second)}
	if err := s.flush(t.Context()); err != nil || writes != 1 {
		t.Errorf("a second later: %d writes, want 1, error %v", writes, err)
	}
}

func TestFlush_AConditionThatWasAnotherWithinOneLookHoldsAsLongAsBefore(t *testing.T) {
	since := metav1.Date(2026, 3, 2, 8, 5, 16, 0, time.UTC)
	s := stored(t, v1alpha1.PullSecretRotationStatus{
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionPullSecretValid, Status: metav1.ConditionUnknown, LastTransitionTime: since}},
	}, interceptor.Funcs{})
	for _, status := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionUnknown} {
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, status, v1alpha1.ReasonRegistriesUnknown, "A look says so.")
	}
	if err := s.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if is := meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionPullSecretValid); !is.LastTransitionTime.Equal(&since) || is.Message == "" {
		t.Errorf("it is %+v, and was so since %s", is, since)
	}
}
