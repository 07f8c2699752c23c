package statuspatch

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

var now = time.Date(2026, 3, 2, 6, 30, 0, 0, time.UTC)

func at(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(d)} }

// statuses are some of which each can follow each.
var statuses = map[string]v1alpha1.PullSecretRotationStatus{
	"empty": {},
	"idle":  {ObservedGeneration: 1, Salt: "salt", Phase: "Idle", LastHealthCheck: at(0), Conditions: []metav1.Condition{{Type: "Ready", Status: "True"}}},
	"a later look": {ObservedGeneration: 2, Salt: "salt", Phase: "Idle", LastHealthCheck: at(time.Second), Conditions: []metav1.Condition{{Type: "Ready", Status: "False"}},
		Targets: []v1alpha1.TargetStatus{{Namespace: "a", Name: "b", Result: "x"}}},
	"rotating": {ObservedGeneration: 2, Salt: "salt", Rotation: &v1alpha1.RotationStatus{ID: "1", After: at(0), Issued: []v1alpha1.EntryFingerprint{{Registry: "quay.io"}}}},
	"further":  {ObservedGeneration: 2, Salt: "salt", Rotation: &v1alpha1.RotationStatus{ID: "1", IssuedAt: at(time.Hour)}, History: []v1alpha1.RotationStatus{{ID: "0"}}},
}

// The patch says the same as the one of controller-runtime, which encodes whole objects.
func TestNew_SaysWhatAComparisonOfTheObjectsDoes(t *testing.T) {
	for from, before := range statuses {
		for to, after := range statuses {
			was := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "o", ResourceVersion: "7"}, Status: *before.DeepCopy()}
			is := &v1alpha1.PullSecretRotation{ObjectMeta: was.ObjectMeta, Status: *after.DeepCopy()}
			whole, err := client.MergeFromWithOptions(was, client.MergeFromWithOptimisticLock{}).Data(is)
			if err != nil {
				t.Fatal(err)
			}
			patch, err := New("7", was.Status, is.Status)
			if err != nil {
				t.Fatal(err)
			}
			if from == to {
				if patch != nil {
					t.Errorf("%s: a patch although nothing differs", from)
				}
				continue
			}
			data, err := patch.Data(is)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decoded(t, whole), decoded(t, data)); diff != "" {
				t.Errorf("from %s to %s: %s", from, to, diff)
			}
			if diff := cmp.Diff(before, was.Status); diff != "" {
				t.Errorf("from %s to %s: the status before has changed: %s", from, to, diff)
			}
			if diff := cmp.Diff(after, is.Status); diff != "" {
				t.Errorf("from %s to %s: the status has changed: %s", from, to, diff)
			}
		}
	}
}

func decoded(t *testing.T, raw []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNew_IsNothingForATimeWithinTheSameSecond(t *testing.T) {
	before, after := v1alpha1.PullSecretRotationStatus{LastHealthCheck: at(0)}, v1alpha1.PullSecretRotationStatus{LastHealthCheck: at(time.Millisecond)}
	if patch, err := New("7", before, after); patch != nil || err != nil {
		t.Error(patch, err)
	}
}
