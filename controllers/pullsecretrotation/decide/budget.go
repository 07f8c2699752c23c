package decide

import (
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// This file keeps the budget of an account: OCM sees all its clusters as one client. Each has a moment of its own in a period that grows with
// their number, and asks for an access_token only if nothing else will do.

const (
	// longestPeriod is enough for a fleet that asks at LookPace; a larger one asks faster, but no faster than fastestPace: with the nine
	// requests of the longest look, that is 18 a second for the account.
	longestPeriod = time.Hour
	fastestPace   = 500 * time.Millisecond
	// tokenPace is the interval between two clusters of an account that ask for an access_token without need: 450 an hour, less than half of
	// what OCM's published load profile expects of everybody.
	tokenPace = 8 * time.Second
	// countLife is for how long a number of clusters is good.
	countLife = 24 * time.Hour
	// transferPatience is two of OCM's batches: a cluster to which OCM has offered nothing by then may have been left out.
	transferPatience = 12 * time.Hour
)

// knownOthers is how many other clusters the account has, as just asked or as recorded; unknown if OCM does not tell.
func knownOthers(in Input) (others int, unknown bool) {
	if s := in.Facts.Siblings; s != nil {
		return s.Others, s.Unknown
	}
	return clusters(in) - 1, false
}

// clusters is how many clusters share the account's budget: one while that is unknown.
func clusters(in Input) int {
	if s := in.Status.Siblings; s != nil && s.Clusters != nil {
		return max(int(*s.Clusters), 1)
	}
	return 1
}

func hasSiblings(in Input) bool { return clusters(in) > 1 }

// CountIsOld is true if the number of clusters is to be asked again.
func CountIsOld(in Input) bool {
	s := in.Status.Siblings
	return s == nil || s.CountedAt.After(in.Now) || in.Now.Sub(s.CountedAt.Time) >= countLife
}

// position is the cluster's place in the order of ids.
func position(in Input) (int, bool) {
	s := in.Status.Siblings
	if s == nil || s.Position == nil || int(*s.Position) >= clusters(in) {
		return 0, false
	}
	return int(*s.Position), true
}

// place is the cluster's place in a period, in [0,1).
func place(in Input) float64 {
	if p, ok := position(in); ok {
		return (float64(p) + 0.5) / float64(clusters(in))
	}
	return schedule.Place(in.Status.ClusterID)
}

// lookPeriod is the time in which each of the account's clusters may ask OCM once. A single one may at any time.
func lookPeriod(in Input) time.Duration {
	n := clusters(in)
	if n == 1 {
		return 0
	}
	each := func(pace time.Duration) time.Duration { return time.Duration(n) * pace }
	return min(each(in.Timing.LookPace), max(longestPeriod, each(fastestPace)))
}

// nextTurn is the first moment at or after a time at which this cluster asks OCM.
func nextTurn(in Input, at time.Time) time.Time { return schedule.Slot(at, lookPeriod(in), place(in)) }

// atItsTurn lengthens a wait until this cluster's moment.
func atItsTurn(in Input, wait time.Duration) time.Duration {
	return nextTurn(in, in.Now.Add(wait)).Sub(in.Now)
}

// AtItsTurn is the same for a wait after a failure, when all the account's clusters may have failed together.
func AtItsTurn(in Input, wait time.Duration) time.Duration { return atItsTurn(in, wait) }

// looksTooEarly is true after a start of the operator, or an edit, until this cluster's moment has come. A change of a target is not such an
// event: it happens to one cluster.
func looksTooEarly(in Input) bool {
	if in.ChangedSince.IsZero() || in.ChangedSince.After(in.Now) || !in.LastPoll.IsZero() && !in.Unasked && !in.Unproven {
		return false
	}
	return in.Now.Before(nextTurn(in, in.ChangedSince))
}

func awaitsItsTurn(in Input) *Decision {
	at := nextTurn(in, in.ChangedSince)
	return decided(Waiting(Progressing, v1alpha1.ReasonSpreadingRequests, "Waiting for its turn",
		fmt.Sprintf("The operator has started, or the object was changed, perhaps on each of the account's %d clusters at once. So that they do not ask "+
			"OCM all together, this one asks at %s.", clusters(in), at.UTC().Format("2006-01-02 15:04:05 UTC")), at.Sub(in.Now)))
}

// Source is from where issued credentials are read.
type Source string

// The sources.
const (
	// FromToken is `POST access_token`.
	FromToken Source = "access_token"
	// FromTransfer is what OCM has accepted for this cluster, read with the cluster's own token.
	FromTransfer Source = "cluster_transfers"
	// FromNowhere: nothing needs them now, and it is not this cluster's turn to ask.
	FromNowhere Source = "nowhere"
)

// IssuedFrom is from where the issued credentials are read. Only the cluster that has requested a rotation needs an access_token.
func IssuedFrom(in Input) Source {
	switch {
	case UsesOwnToken(in.Spec):
		return FromTransfer
	case !hasSiblings(in):
		return FromToken
	case ElsewhereRequested(in) != "":
		if needsToken(in) {
			return FromToken
		}
		return FromTransfer
	case UnderWay(in.Status.Rotation) || isDueNow(in) || urgent(in) || tokenTurn(in):
		return FromToken
	}
	return FromNowhere
}

// ElsewhereRequested is the id of the rotation that this cluster takes part in, or is about to, and that another cluster or a person has
// requested; empty if there is none.
func ElsewhereRequested(in Input) string {
	r := in.Status.Rotation
	switch {
	case UnderWay(r) && !auditing(in):
		if r.ID != "" && r.Adopted && !r.RequestedHere && in.Status.Account != nil && r.AccountID == in.Status.Account.ID {
			return r.ID
		}
	case in.Facts.Rotations != nil:
		if p, ok := pending(*in.Facts.Rotations, in.Now); ok {
			if _, here := in.Facts.Requested[p.ID]; !here {
				return p.ID
			}
		}
	}
	return ""
}

// needsToken is true for what no transfer can tell: what OCM issues after the end of a rotation, without a record of it, after a rollback, or
// while somebody else writes other credentials to a target.
func needsToken(in Input) bool {
	r := in.Status.Rotation
	switch {
	case !UnderWay(r):
		return urgent(in)
	case in.Facts.Rotations != nil && !listed(in), r.RolledBackAt != nil:
		return true
	case r.AppliedAt == nil:
		return r.OCMStatus == RotationCompleted
	}
	return urgent(in)
}

// urgent is true if the pull secret in use may have stopped working, or a target has other credentials than it should.
func urgent(in Input) bool {
	if refusedInUse(in.Status) != nil || in.Facts.Owner != nil && in.Facts.Owner.Dead {
		return true
	}
	for _, t := range in.Facts.Targets {
		if len(t.Old)+len(t.Other) > 0 {
			return true
		}
	}
	return false
}

// CountMatters is true if the number of siblings decides whether a rotation is requested.
func CountMatters(in Input) bool { return isDueNow(in) || auditing(in) }

// isDueNow is isDue for an input outside of Decide.
func isDueNow(in Input) bool {
	in.due, in.dueErr = Trigger(in)
	return in.dueErr == nil && isDue(in)
}

// FallsBack is true if one access_token may be asked for after the transfer has brought nothing: because OCM refused the cluster's own token, or
// because it offers nothing although it should.
func FallsBack(in Input, refused bool) bool {
	r := in.Status.Rotation
	if UsesOwnToken(in.Spec) || UnderWay(r) && r.AppliedAt != nil || !tokenTurn(in) {
		return false
	}
	return refused || offerIsLate(in)
}

func offerIsLate(in Input) bool {
	if r := in.Status.Rotation; UnderWay(r) {
		return r.IssuedAt != nil || in.Now.Sub(since(r)) >= transferPatience
	}
	p, _ := pending(*in.Facts.Rotations, in.Now)
	return in.Now.Sub(p.CreatedAt) >= transferPatience
}

// tokenPeriod is the time in which each of the account's clusters may ask for one access_token without need.
func tokenPeriod(in Input) time.Duration { return time.Duration(clusters(in)) * tokenPace }

// fallbackTurn is this cluster's next moment for an access_token while it may have to fall back to one; false where every poll is such a moment.
func fallbackTurn(in Input, after time.Time) (time.Time, bool) {
	r, period := in.Status.Rotation, tokenPeriod(in)
	if period <= longestPeriod || UsesOwnToken(in.Spec) || !UnderWay(r) || r.AppliedAt != nil || ElsewhereRequested(in) == "" {
		return time.Time{}, false
	}
	return schedule.Slot(after.Add(time.Nanosecond), period, place(in)), true
}

// tokenTurn is true if this cluster may ask for an access_token without need: within an hour of its moment, so that looks which come late do not
// come together. Up to 450 clusters may all ask once after a start.
func tokenTurn(in Input) bool {
	period := tokenPeriod(in)
	if !hasSiblings(in) {
		return true
	}
	if last := in.LastToken; !last.After(in.Now) && in.Now.Before(schedule.Slot(last.Add(time.Nanosecond), period, place(in))) {
		return false
	}
	return !in.Now.Before(schedule.Slot(in.Now.Add(-longestPeriod), period, place(in)))
}
