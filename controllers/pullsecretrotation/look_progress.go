package pullsecretrotation

import (
	"context"
	"errors"
	"net/http"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/echo"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// lookAtProgress reports which of the account's clusters have not switched. It follows a reconcile's decision, which does not depend on it, and a
// failure changes nothing else.
func (s *scope) lookAtProgress(ctx context.Context) {
	if !decide.AsksProgress(s.input()) {
		return
	}
	s.memory.lastProgress = s.now()
	api, err := s.ocm(ctx)
	if err != nil {
		return // the next poll reports it
	}
	r := s.rotation()
	seen, err := api.Progress(ctx, s.accountID(), r.ID, r.RequestedAt.Time)
	switch e := (*ocm.Error)(nil); {
	case err == nil:
		s.record().Progressed(decide.Progress{Active: seen.Active, Switched: seen.Switched, NotSwitched: seen.NotSwitched, Lagging: s.laggards(seen.Lagging)}, s.now())
	case ocm.IsKind(err, ocm.OCMForbidden), ocm.IsKind(err, ocm.OCMUnauthorized), ocm.IsKind(err, ocm.NotFound):
		s.record().Progressed(decide.Progress{Refused: true}, s.now())
	case errors.As(err, &e) && (e.Kind == ocm.MalformedAnswer || e.Status == http.StatusBadRequest):
		s.record().Progressed(decide.Progress{}, s.now())
	default: // what is known stays
		s.log.V(1).Info("OCM could not be asked which clusters have not switched", "error", err.Error())
		s.noteLimit(e, s.r.Options.PollMax)
	}
}

// laggards are the clusters with the names that people gave them. No name may carry a credential into the status.
func (s *scope) laggards(list []ocm.Lagging) []decide.Laggard {
	secrets := s.secrets()
	laggards := make([]decide.Laggard, 0, len(list))
	for _, l := range list {
		if echo.Repeats(l.DisplayName, secrets...) {
			l.DisplayName = ""
		}
		laggards = append(laggards, decide.Laggard{ID: l.ClusterID, Name: l.DisplayName, EndsAt: l.EndsAt})
	}
	return laggards
}
