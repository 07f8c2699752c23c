package pullsecretrotation

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// seenBy is the kstatus of an object, as GitOps tools compute it.
func seenBy(t *testing.T, o runtime.Object) status.Status {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := status.Compute(&unstructured.Unstructured{Object: fields})
	if err != nil {
		t.Fatal(err)
	}
	return result.Status
}

// applied is a newly applied object: the schema's default says that it has not been reconciled.
func applied() *v1alpha1.PullSecretRotation {
	return &v1alpha1.PullSecretRotation{
		ObjectMeta: metav1.ObjectMeta{Name: "judged", Generation: 1},
		Status:     v1alpha1.PullSecretRotationStatus{ObservedGeneration: -1},
	}
}

// report brings an object into a state, as a reconcile that ends with this decision does.
func report(o *v1alpha1.PullSecretRotation, state decide.State, reason string) {
	s := &scope{
		obj: o, stored: o.DeepCopy(), memory: &memory{},
		r: &Reconciler{Options: Options{Clock: clocktesting.NewFakePassiveClock(time.Unix(0, 0))}, Recorder: events.NewFakeRecorder(100)},
	}
	s.summarise(decide.Decision{Step: decide.Wait, State: state, Reason: reason, Message: "This is so."})
}

// A tool that waits for an object goes on when it is Current, stops when it is Failed, and waits while it is InProgress.
func TestKstatus_OfEveryStateAfterEveryOther(t *testing.T) {
	want := map[decide.State]status.Status{
		decide.Ready: status.CurrentStatus, decide.Progressing: status.InProgressStatus, decide.Failing: status.InProgressStatus, decide.Stalled: status.FailedStatus,
	}
	for before := range want {
		for after, verdict := range want {
			o := applied()
			report(o, before, "Before")
			report(o, after, "After")
			if got := seenBy(t, o); got != verdict {
				t.Errorf("%s after %s is %s, want %s", after, before, got, verdict)
			}
			report(o, decide.Paused, v1alpha1.ReasonSuspended)
			if got := seenBy(t, o); got != verdict {
				t.Errorf("suspended when it was %s, it is %s, want %s as before", after, got, verdict)
			}
			if meta.IsStatusConditionTrue(o.Status.Conditions, v1alpha1.ConditionReconciling) {
				t.Errorf("suspended when it was %s, it is said to be reconciling", after)
			}
			o.Generation++
			if got := seenBy(t, o); got != status.InProgressStatus {
				t.Errorf("edited when it was %s, it is %s before anybody has looked, want InProgress", after, got)
			}
		}
	}
}

func TestKstatus_OfAnObjectThatNobodyHasLookedAtIsInProgress(t *testing.T) {
	o := applied()
	if got := seenBy(t, o); got != status.InProgressStatus {
		t.Errorf("just applied, it is %s", got)
	}
	report(o, decide.Paused, v1alpha1.ReasonSuspended)
	if got := seenBy(t, o); got != status.InProgressStatus {
		t.Errorf("suspended from the start, so that nothing is known of it, it is %s", got)
	}
	o.DeletionTimestamp = ptr.To(metav1.Now())
	if got := seenBy(t, o); got != status.TerminatingStatus {
		t.Errorf("while it is deleted, it is %s", got)
	}
}

// The other conditions are for people and alerts; GitOps tools do not wait for them.
func TestKstatus_IsNotChangedByTheOtherConditions(t *testing.T) {
	for _, kind := range []string{v1alpha1.ConditionPullSecretValid, v1alpha1.ConditionOldCredentialsRevoked, v1alpha1.ConditionPoolsPaused, v1alpha1.ConditionSecondWriter, v1alpha1.ConditionSuspended} {
		for _, is := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
			o := applied()
			report(o, decide.Ready, v1alpha1.ReasonNotDue)
			o.Status.Conditions = append([]metav1.Condition{{Type: kind, Status: is, Reason: "R", Message: "This is so."}}, o.Status.Conditions...)
			if got := seenBy(t, o); got != status.CurrentStatus {
				t.Errorf("with %s=%s it is %s, want Current", kind, is, got)
			}
		}
	}
}
