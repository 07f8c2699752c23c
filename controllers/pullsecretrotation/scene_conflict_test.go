package pullsecretrotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestConflict_TheOlderOfTwoObjectsKeepsTheTarget(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.create(dueNow())
	s.sim.Advance(time.Minute)
	younger := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "a-younger-one", UID: "younger", Generation: 1, CreationTimestamp: metav1.NewTime(s.sim.Now())}, Spec: dueNow()}
	if err := s.api.Create(t.Context(), younger); err != nil {
		t.Fatal(err)
	}
	s.lookAt("a-younger-one")
	o := s.named("a-younger-one")
	if ready := metaFind(o, v1alpha1.ConditionReady); ready == nil || ready.Status == metav1.ConditionTrue || ready.Reason != v1alpha1.ReasonConflict ||
		!strings.Contains(ready.Message, "account") || !strings.Contains(ready.Message, global.String()) {
		t.Errorf("the younger object says %+v", ready)
	}
	s.posts(0)
	s.run(day)
	s.posts(1)
	s.current(global)

	// Mode Audit may read any target.
	auditor := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "auditor", UID: "auditor", Generation: 1, CreationTimestamp: metav1.NewTime(s.sim.Now())}, Spec: notDue(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Mode = v1alpha1.ModeAudit })}
	if err := s.api.Create(t.Context(), auditor); err != nil {
		t.Fatal(err)
	}
	s.lookAt("auditor")
	if ready := metaFind(s.named("auditor"), v1alpha1.ConditionReady); ready == nil || ready.Reason == v1alpha1.ReasonConflict {
		t.Errorf("the auditor says %+v", ready)
	}

	// The older one is deleted: the newer one takes over.
	if err := s.api.Delete(t.Context(), s.get()); err != nil {
		t.Fatal(err)
	}
	s.lookAt("a-younger-one")
	if ready := metaFind(s.named("a-younger-one"), v1alpha1.ConditionReady); ready == nil || ready.Reason == v1alpha1.ReasonConflict {
		t.Errorf("the other object is gone, and this one says %+v", ready)
	}
}

// A target that is left to the older object holds up the request of the younger, and nothing that is under way.
func TestConflict_OneTargetOfSeveralIsLeftToTheOlderObject(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.putTarget(hub, s.document(global))
	s.create(dueNow(func(spec *v1alpha1.PullSecretRotationSpec) { spec.Targets = []v1alpha1.SecretReference{hub} }))
	s.sim.Advance(time.Minute)
	younger := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "younger", UID: "younger", Generation: 1, CreationTimestamp: metav1.NewTime(s.sim.Now())}, Spec: following(withHub)}
	if err := s.api.Create(t.Context(), younger); err != nil {
		t.Fatal(err)
	}
	s.lookAt("younger")
	o := s.named("younger")
	i := slices.IndexFunc(o.Status.Targets, func(r v1alpha1.TargetStatus) bool { return r.Name == hub.Name })
	if i < 0 || o.Status.Targets[i].Result != v1alpha1.ReasonConflict {
		t.Errorf("the rows are %+v", o.Status.Targets)
	}
}

func metaFind(o *v1alpha1.PullSecretRotation, kind string) *metav1.Condition {
	for i := range o.Status.Conditions {
		if o.Status.Conditions[i].Type == kind {
			return &o.Status.Conditions[i]
		}
	}
	return nil
}
