package decide

import (
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// The command line reports on an object with the same functions with which the controller decides.

// ToApprove is the T to approve at now: the one that is due, or wanted if that is the one due or the next one. The error says why there is
// nothing to approve.
func ToApprove(o *v1alpha1.PullSecretRotation, wanted *time.Time, now time.Time) (time.Time, error) {
	switch {
	case o.Spec.Mode != v1alpha1.ModeRotate:
		return time.Time{}, fmt.Errorf("PullSecretRotation %s has the mode %s, which requests no rotation", o.Name, o.Spec.Mode)
	case o.Spec.Approval != v1alpha1.ApprovalBeforeRequest:
		return time.Time{}, fmt.Errorf("PullSecretRotation %s does not need an approval: its spec.approval is %s", o.Name, o.Spec.Approval)
	}
	d, err := Trigger(inputOf(o, now))
	if err != nil {
		return time.Time{}, err
	}
	t := d.T
	switch {
	case wanted == nil && !d.Set:
		return t, errors.New("no rotation is due yet" + upcoming(d))
	case wanted == nil, d.Set && wanted.Equal(d.T):
	case d.Next != nil && wanted.Equal(*d.Next):
		return *d.Next, nil
	default:
		due := "None is due"
		if d.Set {
			due = "Due is the one of " + OnTheClock(d.T)
		}
		return t, fmt.Errorf("no rotation is due at %s. %s%s", OnTheClock(*wanted), due, upcoming(d))
	}
	if satisfiedByRecord(&o.Status, t) {
		verb := "has taken place"
		if UnderWay(o.Status.Rotation) {
			verb = "is under way"
		}
		return t, fmt.Errorf("the rotation due since %s %s already%s", OnTheClock(t), verb, upcoming(d))
	}
	return t, nil
}

func upcoming(d Due) string {
	if d.Next == nil {
		return "."
	}
	return fmt.Sprintf("; the next becomes due at %s: approve it in advance with --after %s.", OnTheClock(*d.Next), d.Next.UTC().Format(time.RFC3339))
}

// Approves is true when an object's annotation approves T.
func Approves(o *v1alpha1.PullSecretRotation, t time.Time) bool {
	return approves(o.Annotations[v1alpha1.ApprovedAnnotation], t)
}

// WaitingSince is what began the current wait, in one word (empty if nothing else did), and when; ok is false for an object that waits for
// nothing.
func WaitingSince(o *v1alpha1.PullSecretRotation, now time.Time) (what string, at time.Time, ok bool) {
	ready := meta.FindStatusCondition(o.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || o.Status.WaitingFor == "" {
		return "", time.Time{}, false
	}
	r := o.Status.Rotation
	if r == nil {
		r = &v1alpha1.RotationStatus{}
	}
	switch ready.Reason {
	case v1alpha1.ReasonAwaitingIssue, v1alpha1.ReasonIssueOverdue, v1alpha1.ReasonRotationStarted, v1alpha1.ReasonRotationVanished:
		what, at = "asked", since(r)
	case v1alpha1.ReasonVerifying, v1alpha1.ReasonCredentialsRefused, v1alpha1.ReasonVerificationIncomplete:
		if r.IssuedAt != nil {
			what, at = "issued", r.IssuedAt.Time
		}
	case v1alpha1.ReasonRollingOut, v1alpha1.ReasonRolloutOverdue, v1alpha1.ReasonRolloutDegraded, v1alpha1.ReasonProbing, v1alpha1.ReasonProbeRefused,
		v1alpha1.ReasonAwaitingRevocation, v1alpha1.ReasonRevocationOverdue:
		if r.AppliedAt != nil {
			what, at = "applied", r.AppliedAt.Time
		}
	case v1alpha1.ReasonRolledBack:
		if r.RolledBackAt != nil {
			what, at = "rolled back", r.RolledBackAt.Time
		}
	case v1alpha1.ReasonAwaitingApproval, v1alpha1.ReasonAwaitingWindow, v1alpha1.ReasonSpreadingRequests,
		v1alpha1.ReasonSiblingClusters, v1alpha1.ReasonNodeDisruption:
		if d, err := Trigger(inputOf(o, now)); err == nil { // without a T its time is zero
			what, at = "due", d.T
		}
	}
	if at.IsZero() {
		what, at = "", ready.LastTransitionTime.Time
	}
	return what, at, true
}

func inputOf(o *v1alpha1.PullSecretRotation, now time.Time) Input {
	return Input{Name: o.Name, Created: o.CreationTimestamp.Time, Spec: &o.Spec, Status: &o.Status, Now: now}
}
