package capcredentialset

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// noteRequest records a requested refresh as handled once every credential is at least as new.
func (s *scope) noteRequest(now time.Time) {
	value := s.set.Annotations[v1alpha1.RefreshRequestedAnnotation]
	at := plan.ParseTime(value).Truncate(time.Second) // the times on a Secret are truncated to seconds
	if at.IsZero() || at.After(now) || s.hold != nil || len(value) > 64 {
		return
	}
	for i := range s.plan.Rows {
		if s.plan.Rows[i].FetchedAt.Before(at) {
			return
		}
	}
	s.set.Status.LastHandledRefresh = value
}
