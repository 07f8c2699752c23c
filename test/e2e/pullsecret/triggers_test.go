package pullsecret

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// edit changes the object as a user.
func (w *world) edit(change func(r *v1alpha1.PullSecretRotation)) {
	w.t.Helper()
	r := w.get()
	before := r.DeepCopy()
	change(r)
	w.must(cp.Client.Patch(w.t.Context(), r, client.MergeFrom(before)))
}

// lookAgain triggers a reconcile without changing the spec.
func (w *world) lookAgain() {
	w.t.Helper()
	w.edit(func(r *v1alpha1.PullSecretRotation) {
		metav1.SetMetaDataAnnotation(&r.ObjectMeta, "example.com/looked", time.Now().Format(time.RFC3339Nano))
	})
}

// lookedAgain triggers a reconcile and waits until it is complete. An object's reconciles do not overlap, so it waits for the start of a
// second one.
func (w *world) lookedAgain() {
	w.t.Helper()
	looks := func() int {
		return len(w.api.Requests(func(r harness.Recorded) bool { return r.Verb == "get" && r.Resource == "pullsecretrotations" }))
	}
	for range 2 {
		before := looks()
		w.lookAgain()
		harness.Eventually(w.t, "the operator has reconciled the object", func(context.Context) error {
			if looks() == before {
				return fmt.Errorf("no reconcile since %d", before)
			}
			return nil
		})
	}
}

// takenPart are the triggers of the object's completed rotations, oldest first.
func takenPart(r *v1alpha1.PullSecretRotation) string {
	var list []string
	for i := len(r.Status.History) - 1; i >= 0; i-- {
		list = append(list, string(r.Status.History[i].Reason))
	}
	return strings.Join(list, " ")
}

// expectAsked fails unless the operator has requested exactly n rotations from OCM.
func (w *world) expectAsked(want int) {
	w.t.Helper()
	if got := w.posts(); got != want {
		w.t.Errorf("%d rotations were requested, want %d", got, want)
	}
}

// seeThrough plays OCM's part in the next rotation of an account with one cluster, without advancing time.
func (w *world) seeThrough() {
	w.t.Helper()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.must(w.ocm.Telemetry(harness.DefaultClusterID, w.clusterToken()))
	w.ocm.RunBatch()
}

func TestRotateAfterAndTheScheduleEachHaveTheirRotation(t *testing.T) {
	// With an OCM in real time, because its rotations must not be in the future.
	w := newWorld(t, settings{})
	soon := time.Now().UTC().Add(80 * time.Second) // a full minute that is soon but not missed
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.Schedule = &v1alpha1.RotationSchedule{Cron: fmt.Sprintf("%d %d * * *", soon.Minute(), soon.Hour()), TimeZone: "UTC"}
	}))
	w.start()
	w.seeThrough()
	w.seeThrough()
	r := w.waitFor("one rotation for rotateAfter, then one for a tick of the schedule", func(r *v1alpha1.PullSecretRotation) bool {
		return len(r.Status.History) >= 2
	})
	if got := takenPart(r); !strings.HasPrefix(got, "RotateAfter Schedule") {
		t.Errorf("the triggers are %s, want RotateAfter and then Schedule", got)
	}
	second := r.Status.History[len(r.Status.History)-2]
	if second.After == nil || second.After.Second() != 0 || !second.After.After(r.CreationTimestamp.Time) {
		t.Errorf("the second rotation satisfies %v, want a tick (a full minute) after the object was created (%v)", second.After, r.CreationTimestamp)
	}
	if next := r.Status.NextRotationAfter; next == nil || next.Second() != 0 {
		t.Errorf("the next tick is shown as %v, want a full minute", next)
	}
}

func TestAScheduleCountsFromTheCreationOfTheObject(t *testing.T) {
	w := newWorld(t, living())
	berlin, err := time.LoadLocation("Europe/Berlin")
	w.must(err)
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) {
		s.RotateAfter = nil
		s.Schedule = &v1alpha1.RotationSchedule{Cron: "0 3 1 */3 *", TimeZone: "Europe/Berlin"}
	}))
	w.start()
	r := w.waitForReason(v1alpha1.ReasonNotDue)
	w.expectAsked(0) // the current quarter began long before the object was created
	next := r.Status.NextRotationAfter
	if next == nil {
		t.Fatal("the next tick is not shown")
	}
	local := next.In(berlin)
	if local.Day() != 1 || local.Hour() != 3 || local.Minute() != 0 || (local.Month()-1)%3 != 0 || local.Before(time.Now()) || time.Until(local) > 93*24*time.Hour {
		t.Errorf("the next rotation is due at %s, want 03:00 of the first day of the next quarter in Berlin", local)
	}
}

// rendered waits until the machine-config-operator has rolled out n changes of the pull secret to all machines.
func (w *world) rendered(n int) {
	w.t.Helper()
	harness.Eventually(w.t, "the machines have the pull secret", func(ctx context.Context) error {
		if got := w.mco.Renders(); got != n {
			return fmt.Errorf("%d changes are rendered, want %d", got, n)
		}
		pools := &machineconfigurationv1.MachineConfigPoolList{}
		if err := cp.Client.List(ctx, pools); err != nil {
			return err
		}
		for _, p := range pools.Items {
			if p.Status.Configuration.Name != p.Spec.Configuration.Name || p.Status.UpdatedMachineCount != p.Status.MachineCount {
				return fmt.Errorf("the pool %s is under way", p.Name)
			}
		}
		return nil
	})
}

// T is about the account, not the object: once any rotation satisfies it, none is requested.
func TestATThatTheAccountHasSatisfiedCausesNoRotation(t *testing.T) {
	w := newWorld(t, living())
	// T is a minute ago; then Red Hat's support rotates, and the cluster is installed with the new pull secret.
	object := rotation()
	id := w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.CompleteEverything()
	w.put("installer", w.ocm.PullSecret(w.account.ID))
	w.rendered(1)
	w.create(object.DeepCopy())
	w.start()
	satisfied := func(r *v1alpha1.PullSecretRotation) bool {
		return reason(r) == v1alpha1.ReasonNotDue && len(r.Status.History) == 1 && r.Status.History[0].ID == id
	}
	w.waitFor("OCM's own list has satisfied T", satisfied)

	// The same object, recreated.
	w.must(cp.Client.Delete(t.Context(), w.get()))
	w.create(object.DeepCopy())
	w.waitFor("the recreated object is satisfied too", satisfied)
	if n := w.secretWrites(); n != 0 {
		t.Errorf("the pull secret was written %d times although it was the current one", n)
	}

	// And the cluster restored from a backup: with its dead old pull secret, and the object without its status.
	w.must(cp.Client.Delete(t.Context(), w.get()))
	w.put("velero", w.before)
	w.rendered(2) // a restored cluster's machines have the restored pull secret
	w.create(object.DeepCopy())
	r := w.waitFor("the restored cluster has caught up", ended)
	if got := takenPart(r); got != string(v1alpha1.TriggerCatchUp) {
		t.Errorf("the restored cluster's trigger is %q, want %s", got, v1alpha1.TriggerCatchUp)
	}
	w.current()
	w.oneRotation()
	w.expectAsked(0)
}

func TestARotationFromBeforeTIsCompletedAndThenTHasItsOwn(t *testing.T) {
	// With an OCM in real time, because the earlier rotation must not be in the future.
	w := newWorld(t, settings{})
	earlier := w.ocm.StartRotationElsewhere(w.account.ID)
	// A rotation from an hour before T could be one for T because of clock skew. This one is on record before T is set.
	far := metav1.NewTime(time.Now().AddDate(1, 0, 0))
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.RotateAfter = &far }))
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	after := metav1.NewTime(time.Now().Add(time.Second).Truncate(time.Second)) // status has whole seconds: later than that of the earlier rotation
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.RotateAfter = &after })
	w.seeThrough()
	w.seeThrough()
	r := w.waitFor("both have ended", func(r *v1alpha1.PullSecretRotation) bool { return len(r.Status.History) == 2 && ended(r) })
	if got := takenPart(r); got != "StartedElsewhere RotateAfter" {
		t.Errorf("the triggers are %s, want StartedElsewhere and then RotateAfter", got)
	}
	if first := r.Status.History[1]; first.ID != earlier || first.After != nil {
		t.Errorf("the first was %s for T %v, want %s without a T", first.ID, first.After, earlier)
	}
	w.expectAsked(1)
	w.current()
}

// A cluster that missed two rotations starts again during a third.
func TestAClusterThatWasAwayForWeeksAppliesTheCurrentCredentials(t *testing.T) {
	w := newWorld(t, living())
	for range 2 {
		w.ocm.StartRotationElsewhere(w.account.ID)
		w.ocm.CompleteEverything()
	}
	third := w.ocm.StartRotationElsewhere(w.account.ID)
	w.ocm.RunBatch()
	w.create(rotation())
	w.start()
	r := w.waitFor("the third has ended", ended)
	if r.Status.Rotation.ID != third || !r.Status.Rotation.Adopted {
		t.Errorf("it completed %s, want %s adopted", r.Status.Rotation.ID, third)
	}
	w.current()
	w.expectAsked(0)
}

func TestAnApprovalIsForOneTAndHoldsOnlyTheRequest(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.Approval = v1alpha1.ApprovalBeforeRequest }))
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingApproval)
	w.expectAsked(0)
	w.follow(r.Status.WaitingFor)
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)

	// A later T during this rotation: this one continues, and the later one needs its own approval.
	later := metav1.Now()
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.RotateAfter = &later })
	w.days(2)
	w.waitForReason(v1alpha1.ReasonAwaitingApproval)
	w.expectAsked(1)

	// A rotation that was started elsewhere is under way, so there is no request to hold.
	id := w.ocm.StartRotationElsewhere(w.account.ID)
	w.lookAgain()
	w.waitFor("the rotation under way has ended", func(r *v1alpha1.PullSecretRotation) bool {
		return reason(r) == v1alpha1.ReasonAwaitingIssue && r.Status.Rotation.ID == id
	})
	w.expectAsked(1)
}

// follow runs the command in a message after "with: ", which is oc annotate --overwrite KIND NAME KEY=VALUE.
func (w *world) follow(message string) {
	w.t.Helper()
	_, command, found := strings.Cut(message, "with: ")
	words := strings.Fields(command)
	if !found || len(words) != 6 || strings.Join(words[:4], " ") != "oc annotate --overwrite pullsecretrotation" || words[4] != name {
		w.t.Fatalf("the message has no command to approve with: %s", message)
	}
	key, value, _ := strings.Cut(words[5], "=")
	w.edit(func(r *v1alpha1.PullSecretRotation) { metav1.SetMetaDataAnnotation(&r.ObjectMeta, key, value) })
}

func TestAStartWindowHoldsOnlyTheRequest(t *testing.T) {
	closed := []v1alpha1.StartWindow{{Cron: "0 0 29 2 *", Duration: metav1.Duration{Duration: time.Minute}}}
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.StartWindows = closed }))
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingWindow)
	if !strings.Contains(r.Status.WaitingFor, "-02-29 00:00 UTC") {
		t.Errorf("the message does not say when the window opens: %s", r.Status.WaitingFor)
	}
	w.expectAsked(0)
	w.edit(func(r *v1alpha1.PullSecretRotation) {
		r.Spec.StartWindows = []v1alpha1.StartWindow{{Cron: "* * * * *", Duration: metav1.Duration{Duration: time.Hour}}}
	})
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.expectAsked(1)
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.StartWindows = closed })
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.days(2)
	w.waitFor("the rotation has ended outside of any window", ended)
}

func TestSuspendStopsEveryEffectAndReportsIt(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.Suspend = true })
	r := w.waitUntilSuspended()
	if r.Status.Phase != "Suspended" || !strings.Contains(conditionsOf(r), "spec.suspend") {
		t.Errorf("phase %q, %s; want the suspension and its field", r.Status.Phase, conditionsOf(r))
	}
	if reason(r) != v1alpha1.ReasonAwaitingIssue {
		t.Errorf("Ready is %s, want its last value", reason(r))
	}
	w.ocm.RunBatch()
	w.api.Forget()
	w.ocm.ResetCounts()
	w.lookedAgain()
	if n := w.ocm.Count(ocm.OpAny) + w.ocm.Count(ocm.OpToken); n != 0 || len(w.api.Writes()) != 0 {
		t.Errorf("while suspended it sent %d requests to OCM and wrote %v", n, w.api.Writes())
	}
	w.edit(func(r *v1alpha1.PullSecretRotation) { r.Spec.Suspend = false })
	w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	w.expectAsked(0) // since the counters were reset
	w.current()
}
