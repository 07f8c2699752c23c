package capcredentialset

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// noteRequest repeats the value of a requested refresh once every credential is as new as that.
func (s *scope) noteRequest(now time.Time) {
	value := s.set.Annotations[v1alpha1.RefreshRequestedAnnotation]
	at := plan.ParseTime(value).Truncate(time.Second) // what is noted on a Secret is cut to seconds
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
