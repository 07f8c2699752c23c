package pullsecretrotation

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// due is the T of now: the account's pull secret must have been rotated at or after it.
type due struct {
	// t is T; set is false when there is none yet.
	t   time.Time
	set bool
	// reason is the later of the two triggers.
	reason v1alpha1.RotationTrigger
	// next is the T still to come, nil when there is none.
	next *time.Time
}

// trigger works out T from the spec. An error is a sentence about the spec.
func trigger(in Input) (due, error) {
	var d due
	if in.Spec.Mode == v1alpha1.ModeFollow {
		return d, nil
	}
	var ticks *schedule.Schedule
	if s := in.Spec.Schedule; s != nil {
		parsed, err := schedule.ParseCron(s.Cron, s.TimeZone)
		if err != nil {
			return d, fmt.Errorf("spec.schedule: %w", err)
		}
		ticks = &parsed
	}
	for i, w := range in.Spec.StartWindows {
		if _, err := schedule.ParseCron(w.Cron, w.TimeZone); err != nil {
			return d, fmt.Errorf("spec.startWindows[%d]: %w", i, err)
		}
	}
	var after *time.Time
	if in.Spec.RotateAfter != nil {
		after = &in.Spec.RotateAfter.Time
	}
	d.t, d.set, d.next = schedule.Due(after, ticks, in.Created, in.Now)
	d.reason = v1alpha1.TriggerSchedule
	if after != nil && d.t.Equal(*after) {
		d.reason = v1alpha1.TriggerRotateAfter
	}
	return d, nil
}

// satisfiedByRecord is true when this object has itself seen a rotation that satisfies T through, or is seeing it.
// OCM's clock may be behind T's: a rotation that was requested for T counts whatever its created_at says.
func satisfiedByRecord(s *v1alpha1.PullSecretRotationStatus, t time.Time) bool {
	counts := func(r *v1alpha1.RotationStatus) bool {
		if r.ID == "" {
			return false
		}
		return r.After != nil && !r.After.Time.Before(t) || r.RequestedAt != nil && !r.RequestedAt.Time.Before(t)
	}
	if s.Rotation != nil && counts(s.Rotation) {
		return true
	}
	for i := range s.History {
		if counts(&s.History[i]) {
			return true
		}
	}
	return false
}

// satisfying is the newest rotation that OCM lists as created at or after T.
func satisfying(rotations []ocm.Rotation, t time.Time) (ocm.Rotation, bool) {
	if len(rotations) > 0 && !rotations[0].CreatedAt.Before(t) {
		return rotations[0], true
	}
	return ocm.Rotation{}, false
}

// pending is the newest rotation that has not ended. Statuses other than completed count as in progress: OCM publishes
// no list of them.
func pending(rotations []ocm.Rotation) (ocm.Rotation, bool) {
	for _, r := range rotations {
		if r.Status != ocm.RotationCompleted {
			return r, true
		}
	}
	return ocm.Rotation{}, false
}

func find(rotations []ocm.Rotation, id string) (ocm.Rotation, bool) {
	for _, r := range rotations {
		if r.ID == id {
			return r, true
		}
	}
	return ocm.Rotation{}, false
}

// holdBack is what keeps the request back although T is due: approval, start windows, and the spread between the clusters
// of one account. It never holds back a rotation under way.
func holdBack(in Input, d due) (Decision, bool) {
	stamp := d.t.UTC().Format(time.RFC3339)
	if in.Spec.Approval == v1alpha1.ApprovalBeforeRequest && !approves(in.Approved, d.t) {
		return wait(Progressing, v1alpha1.ReasonAwaitingApproval, "Waiting for approval",
			fmt.Sprintf("A rotation is due since %s and waits for approval. Approve it with: oc annotate --overwrite pullsecretrotation %s %s=%s",
				onTheClock(d.t), in.Name, v1alpha1.ApprovedAnnotation, stamp), recheckForPeople), true
	}
	from := in.Created
	if d.t.After(from) {
		from = d.t
	}
	if len(in.Spec.StartWindows) > 0 {
		windows := make([]schedule.Window, 0, len(in.Spec.StartWindows))
		for _, w := range in.Spec.StartWindows {
			parsed, err := schedule.ParseCron(w.Cron, w.TimeZone)
			if err != nil {
				continue // trigger has refused it already
			}
			windows = append(windows, schedule.Window{Schedule: parsed, Duration: w.Duration.Duration})
		}
		open, next := schedule.WindowOpen(windows, in.Now)
		if !open {
			return wait(Progressing, v1alpha1.ReasonAwaitingWindow, "Waiting for a start window",
				fmt.Sprintf("A rotation is due since %s and waits for the next start window, which opens at %s.", onTheClock(d.t), onTheClock(next)),
				next.Sub(in.Now)), true
		}
	}
	// A single cluster has nobody to spread its request from.
	if in.Facts.Siblings != nil && len(*in.Facts.Siblings) > 0 && in.Options.RequestSpread > 0 {
		at := from.Add(schedule.Spread(in.Facts.Cluster.ID+stamp, in.Options.RequestSpread))
		if in.Now.Before(at) {
			return wait(Progressing, v1alpha1.ReasonSpreadingRequests, "Waiting for its turn",
				fmt.Sprintf("A rotation is due since %s. The account's %d other clusters may have the same task, so each waits for a time of its own; this one asks OCM at %s unless another has.",
					onTheClock(d.t), len(*in.Facts.Siblings), onTheClock(at)), at.Sub(in.Now)), true
		}
	}
	return Decision{}, false
}

// approves is true when the annotation's value is this T. Both are compared as times, so that any RFC 3339 spelling works.
func approves(annotation string, t time.Time) bool {
	at, err := time.Parse(time.RFC3339, annotation)
	return err == nil && at.Equal(t.Truncate(time.Second))
}
