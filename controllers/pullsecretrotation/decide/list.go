package decide

import (
	"fmt"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file reads OCM's list of rotations, which may hold records that failed, never end or are years old, with undocumented statuses.

const (
	// rotationLife is after how long an incomplete rotation is no longer expected to complete: the longest published lifetime of a transfer. OCM
	// ignores expired transfers, so whatever could complete has completed.
	rotationLife = 15 * 24 * time.Hour
	// clockSkew is how far this cluster's clock and OCM's may be apart: an hour for a wrong time zone, plus some slack.
	clockSkew = 65 * time.Minute
)

// endings are statuses whose name says that a rotation will not complete. OCM publishes no list, so any other word counts as under way for as
// long as a rotation can take.
var endings = []string{"failed", "failure", "error", "errored", "cancelled", "canceled", "rejected", "declined", "rescinded", "expired", "aborted",
	"deleted", "denied", "revoked", "timeout", "timed_out", "timedout"}

// lives is true for a rotation that can still complete.
func lives(r Rotation, now time.Time) bool {
	return r.Status != RotationCompleted && !slices.Contains(endings, r.Status) && r.CreatedAt.After(now.Add(-rotationLife))
}

// pending is the newest rotation that can still complete. One older than the newest completed rotation has been overtaken.
func pending(rotations []Rotation, now time.Time) (Rotation, bool) {
	for _, r := range rotations { // newest first
		switch {
		case r.Status == RotationCompleted:
			return Rotation{}, false
		case lives(r, now):
			return r, true
		}
	}
	return Rotation{}, false
}

// satisfying is the newest rotation that counts for T: completed, or able to complete, and created at or after T. OCM's clock and this cluster's
// may disagree, so one from shortly before T also counts, unless this object knew it before T was set: then a person wants another rotation.
func satisfying(rotations []Rotation, t time.Time, in Input) (Rotation, bool) {
	for _, r := range rotations {
		if r.Status != RotationCompleted && !lives(r, in.Now) {
			continue
		}
		if !r.CreatedAt.Before(t) || !r.CreatedAt.Before(t.Add(-clockSkew)) && !onRecord(in.Status, r.ID) {
			return r, true
		}
		return Rotation{}, false // the others are older
	}
	return Rotation{}, false
}

func onRecord(s *v1alpha1.PullSecretRotationStatus, id string) bool {
	return s.Rotation != nil && s.Rotation.ID == id || slices.ContainsFunc(s.History, func(h v1alpha1.RotationStatus) bool { return h.ID == id })
}

// forT is the T that a rotation satisfies: the one that is due, or the next one if the rotation was created so shortly before it that clock skew
// may be the reason; nil if there is none.
func forT(r Rotation, d Due) *time.Time {
	switch {
	case d.Set && !r.CreatedAt.Before(d.T.Add(-clockSkew)):
		return &d.T
	case d.Next != nil && !r.CreatedAt.Before(d.Next.Add(-clockSkew)):
		return d.Next
	}
	return nil
}

// FindRotation finds a rotation in OCM's list.
func FindRotation(rotations []Rotation, id string) (Rotation, bool) {
	for _, r := range rotations {
		if r.ID == id {
			return r, true
		}
	}
	return Rotation{}, false
}

// effect is true if a listed rotation may result from this cluster's own request: the intent is recorded, the answer is not, and the rotation was
// not listed when the intent was recorded.
func effect(r Rotation, in Input) bool {
	own := in.Status.Rotation
	if own == nil || own.IntendedAt == nil || in.Facts.IntentIsOurs || r.ID == own.ListedBefore {
		return false
	}
	known := slices.ContainsFunc(in.Status.History, func(h v1alpha1.RotationStatus) bool { return h.ID == r.ID })
	return !known && !r.CreatedAt.Before(own.IntendedAt.Add(-clockSkew))
}

// oddStatus is a sentence about an unusual status of the current rotation, or empty.
func oddStatus(r *v1alpha1.RotationStatus, now time.Time) string {
	if r.OCMStatus == RotationPending && now.Sub(since(r)) < rotationLife {
		return ""
	}
	return fmt.Sprintf(" The rotation's status in OCM is %q. If that is wrong, delete the record: ocm delete %s", r.OCMStatus, recordPath(r))
}

// recordPath is the path of a rotation in OCM's API.
func recordPath(r *v1alpha1.RotationStatus) string {
	return fmt.Sprintf("/api/accounts_mgmt/v1/accounts/%s/pull_secret_rotation/%s", r.AccountID, r.ID)
}
