package decide

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file is about which of the account's clusters have not switched. That is reported and decides nothing.

const (
	// keptLaggards and longestName are the schema's bounds.
	keptLaggards, longestName = 20, 128
	// refusedPause is how long OCM is left alone after it has refused to tell.
	refusedPause = 24 * time.Hour
)

// Progress is how far the account's clusters are with a rotation.
type Progress struct {
	// Refused: OCM does not let the account see it.
	Refused bool
	// Active is how many clusters OCM must say something about. Switched and NotSwitched are how many it says it about; with fewer than Active the
	// answer is incomplete.
	Active, Switched, NotSwitched int
	// Lagging are the first of those that have not switched, the soonest to lose access first.
	Lagging []Laggard
}

// Laggard is a cluster that has not switched.
type Laggard struct {
	ID, Name string
	// EndsAt is until when OCM waits for it; zero if OCM does not say.
	EndsAt time.Time
}

// AsksProgress is true if a reconcile that has asked OCM about the rotation anyway also asks which clusters have not switched.
func AsksProgress(in Input) bool {
	return awaitsSiblings(in) && reportsForAll(in) && !offersEnded(in) && in.Facts.Rotations != nil && listed(in) && !askedProgressLately(in)
}

// awaitsSiblings is true while the account's clusters can switch to the rotation.
func awaitsSiblings(in Input) bool {
	r := in.Status.Rotation
	return UnderWay(r) && r.ID != "" && r.IssuedAt != nil && r.RequestedAt != nil && r.OCMStatus != RotationCompleted && hasSiblings(in)
}

// reportsForAll is true for the cluster that requested the rotation and, as a person may have, for the first by position.
func reportsForAll(in Input) bool {
	r := in.Status.Rotation
	if UsesOwnToken(in.Spec) || !accountKnown(in) || r.AccountID != in.Status.Account.ID {
		return false
	}
	place, known := position(in)
	return !r.Adopted || r.RequestedHere || known && place == 0
}

// reported is what OCM last said about the current rotation; nil if it was not asked.
func reported(in Input) *v1alpha1.SiblingsStatus {
	if s := in.Status.Siblings; s != nil && s.RotationID == in.Status.Rotation.ID {
		return s
	}
	return nil
}

// offersEnded is true once OCM's list lacks clusters: then the last report stays.
func offersEnded(in Input) bool {
	s := reported(in)
	return s != nil && s.FirstOfferEndsAt != nil && !in.Now.Before(s.FirstOfferEndsAt.Time)
}

func askedProgressLately(in Input) bool {
	pause, last := in.Timing.ProgressPause, in.LastProgress
	if s := reported(in); s != nil && s.AskedAt != nil {
		if s.Answer == v1alpha1.SiblingsRefused {
			pause = max(pause, refusedPause)
		}
		if s.AskedAt.After(last) {
			last = s.AskedAt.Time
		}
	}
	return !last.IsZero() && !last.After(in.Now) && in.Now.Sub(last) < pause
}

// Progressed records an answer. One that is incomplete says nothing: a cluster that is missing in it may lag.
func (s Record) Progressed(p Progress, now time.Time) {
	n := s.Siblings
	n.RotationID, n.AskedAt, n.Answer = s.Rotation.ID, TimePtr(now), v1alpha1.SiblingsComplete
	n.Switched, n.NotSwitched, n.FirstOfferEndsAt, n.Lagging = nil, nil, nil, nil
	switch {
	case p.Refused:
		n.Answer = v1alpha1.SiblingsRefused
		return
	case p.Switched+p.NotSwitched < max(p.Active, 1):
		n.Answer = v1alpha1.SiblingsIncomplete
		return
	}
	n.Switched, n.NotSwitched = count(p.Switched), count(p.NotSwitched)
	for _, l := range p.Lagging[:min(len(p.Lagging), keptLaggards)] {
		row := v1alpha1.LaggingCluster{ID: l.ID, Name: cut(l.Name, longestName)}
		if !l.EndsAt.IsZero() {
			row.OfferEndsAt = TimePtr(l.EndsAt.Truncate(time.Second))
		}
		n.Lagging = append(n.Lagging, row)
	}
	n.FirstOfferEndsAt = firstEnd(n.Lagging)
}

// progressEnds is for the end of a rotation: OCM had waited for every cluster whose offer was still open, so these have switched since it was asked.
func (s Record) progressEnds(now time.Time) {
	n := s.Siblings
	if n == nil || n.RotationID != s.Rotation.ID || n.NotSwitched == nil {
		return
	}
	if n.FirstOfferEndsAt != nil && !now.Before(n.FirstOfferEndsAt.Time) && int(*n.NotSwitched) > len(n.Lagging) {
		return // of those that are not named it is unknown
	}
	all := *n.Switched + *n.NotSwitched
	n.Lagging = slices.DeleteFunc(n.Lagging, func(l v1alpha1.LaggingCluster) bool { return l.OfferEndsAt == nil || now.Before(l.OfferEndsAt.Time) })
	n.NotSwitched = count(len(n.Lagging))
	n.Switched, n.FirstOfferEndsAt = count(int(all-*n.NotSwitched)), firstEnd(n.Lagging)
}

// firstEnd is when the first of the offers ends.
func firstEnd(list []v1alpha1.LaggingCluster) (first *metav1.Time) {
	for _, l := range list {
		if l.OfferEndsAt != nil && (first == nil || l.OfferEndsAt.Before(first)) {
			first = l.OfferEndsAt
		}
	}
	return first.DeepCopy()
}

// Lagging is how many of the account's clusters have not switched to the rotation under way, and when the first of them loses access; nil while
// that is unknown.
func Lagging(s *v1alpha1.PullSecretRotationStatus) (clusters *int32, first *metav1.Time) {
	n := s.Siblings
	if !UnderWay(s.Rotation) || s.Rotation.OCMStatus == RotationCompleted || n == nil || n.RotationID == "" || n.RotationID != s.Rotation.ID {
		return nil, nil
	}
	return n.NotSwitched, n.FirstOfferEndsAt
}

func count(n int) *int32 {
	known := int32(min(max(n, 0), 1<<30))
	return &known
}

func cut(text string, longest int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), longest)])
}
