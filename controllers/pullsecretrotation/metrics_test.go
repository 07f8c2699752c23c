package pullsecretrotation

import (
	"maps"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// The metrics show a fleet which pull secrets are old and what is stuck; a deleted object has no series.
func TestMetrics_ShowTheAgeTheNextRotationAndTheWaitingOfAnObjectAndForgetIt(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	obj := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "metered"},
		Spec: v1alpha1.PullSecretRotationSpec{Targets: []v1alpha1.SecretReference{{Namespace: "openshift-config", Name: "pull-secret"}}}}
	obj.Status = v1alpha1.PullSecretRotationStatus{
		PullSecretIssuedAt: ptr.To(metav1.NewTime(now.Add(-time.Hour))), NextRotationAfter: ptr.To(metav1.NewTime(now.Add(time.Hour))), WaitingFor: "OCM",
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: v1alpha1.ReasonAwaitingIssue}},
		Rotation:   &v1alpha1.RotationStatus{RequestedAt: ptr.To(metav1.NewTime(now.Add(-time.Minute)))},
	}
	s := &scope{obj: obj, r: &Reconciler{Options: Options{Clock: clocktesting.NewFakeClock(now)}}}
	s.measure(decide.Decision{State: decide.Progressing, Reason: v1alpha1.ReasonAwaitingIssue})
	for name, want := range map[string]time.Time{
		"issued": now.Add(-time.Hour), "next_rotation": now.Add(time.Hour), "waiting_since": now.Add(-time.Minute),
	} {
		if got := seriesOf(t, "metered")["credential_rotation_pull_secret_"+name+"_timestamp_seconds"]; got != float64(want.Unix()) {
			t.Errorf("%s is %v, want %d", name, got, want.Unix())
		}
	}
	obj.Status.WaitingFor, obj.Status.NextRotationAfter = "", nil
	s.measure(decide.Decision{State: decide.Ready, Reason: v1alpha1.ReasonNotDue})
	for name := range seriesOf(t, "metered") {
		if strings.Contains(name, "waiting_since") || strings.Contains(name, "next_rotation") {
			t.Errorf("it waits for nothing and none is due, and %s is left", name)
		}
	}
	forgetAllMetrics("metered")
	if left := seriesOf(t, "metered"); len(left) > 0 {
		t.Errorf("series of an object that is gone are left: %v", left)
	}
}

// How many clusters lag is shown while a rotation is under way, and nothing else of them.
func TestMetrics_ShowHowManyClustersLagWhileTheRotationIsUnderWay(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	end := metav1.NewTime(now.Add(time.Hour))
	obj := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "lagging"}}
	obj.Status.Rotation = &v1alpha1.RotationStatus{ID: "r"}
	obj.Status.Siblings = &v1alpha1.SiblingsStatus{RotationID: "r", NotSwitched: ptr.To(int32(13)), FirstOfferEndsAt: &end}
	s := &scope{obj: obj, r: &Reconciler{Options: Options{Clock: clocktesting.NewFakeClock(now)}}}
	const clusters, loses = "credential_rotation_pull_secret_lagging_clusters", "credential_rotation_pull_secret_lagging_clusters_lose_access_timestamp_seconds"
	for _, row := range []struct {
		name   string
		change func()
		values map[string]float64
	}{
		{"some lag", func() {}, map[string]float64{clusters: 13, loses: float64(end.Unix())}},
		{"all have switched", func() { obj.Status.Siblings.NotSwitched, obj.Status.Siblings.FirstOfferEndsAt = ptr.To(int32(0)), nil }, map[string]float64{clusters: 0}},
		{"it is unknown", func() { obj.Status.Siblings.NotSwitched = nil }, nil},
		{"another rotation is under way", func() { obj.Status.Siblings.NotSwitched, obj.Status.Rotation.ID = ptr.To(int32(13)), "other" }, nil},
		{"it has ended", func() { obj.Status.Rotation.ID, obj.Status.Rotation.RevokedAt = "r", &end }, nil},
	} {
		s.measure(decide.Decision{State: decide.Ready, Reason: v1alpha1.ReasonAwaitingRevocation})
		row.change()
		s.measure(decide.Decision{State: decide.Ready, Reason: v1alpha1.ReasonAwaitingRevocation})
		got := seriesOf(t, "lagging")
		delete(got, "credential_rotation_pull_secret_status")
		if !maps.Equal(got, row.values) {
			t.Errorf("%s: the series are %v, want %v", row.name, got, row.values)
		}
	}
	forgetAllMetrics("lagging")
}

// What is known is 1 or 0; what is not known has no series.
func TestMetrics_ShowWhetherTheMachinesCanPull(t *testing.T) {
	obj := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "probed"}}
	s := &scope{obj: obj, r: &Reconciler{Options: Options{Clock: clocktesting.NewFakeClock(time.Now())}}}
	defer forgetAllMetrics("probed")
	for _, row := range []struct {
		status metav1.ConditionStatus
		value  float64
		known  bool
	}{{metav1.ConditionFalse, 0, true}, {metav1.ConditionUnknown, 0, false}, {metav1.ConditionTrue, 1, true}} {
		obj.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionMachinesCanPull, Status: row.status}}
		s.measure(decide.Decision{State: decide.Ready, Reason: v1alpha1.ReasonNotDue})
		if got, ok := seriesOf(t, "probed")["credential_rotation_pull_secret_machines_can_pull"]; ok != row.known || got != row.value {
			t.Errorf("%s is shown as %v (%v), want %v (%v)", row.status, got, ok, row.value, row.known)
		}
	}
}

// seriesOf are the values of the series about one object, by the metric's name.
func seriesOf(t *testing.T, rotation string) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if label.GetName() == "rotation" && label.GetValue() == rotation {
					series[family.GetName()] = m.GetGauge().GetValue()
				}
			}
		}
	}
	return series
}
