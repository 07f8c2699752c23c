package pullsecretrotation

import (
	"context"
	"errors"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// checkTelemetry checks the cloud.openshift.com entry, which belongs to no registry: OCM itself accepts it as the cluster's token. Source: the
// published OpenAPI document, security of current_account.
func (s *scope) checkTelemetry(ctx context.Context, entry pullsecret.Entry) (result decide.Answer, owner string, err error) {
	if err := s.leadsToAllowedHosts(!decide.UsesOwnToken(&s.obj.Spec)); err != nil {
		result, err = unaskable(err)
		return result, "", err
	}
	api, err := s.connect(ctx, ocm.Credential{}, ocm.ClusterToken{ClusterID: s.facts.Cluster.ID, Auth: entry.Auth()})
	if err != nil {
		result, err = unaskable(err)
		return result, "", err
	}
	defer func() { _ = api.Close() }()
	account, err := api.CurrentAccount(ctx)
	if err != nil {
		result, err = refusedToken(err)
		return result, "", err
	}
	if s.accountID() != "" && account.ID != s.accountID() {
		return decide.Answer{Outcome: decide.Denied, Message: "the token belongs to account " + account.ID}, account.ID, nil
	}
	return decide.Answer{Outcome: decide.Accepted, Message: "the token is accepted"}, account.ID, nil
}

// refusedToken interprets an answer in which OCM does not name the owner of a token.
func refusedToken(err error) (decide.Answer, error) {
	switch {
	case ocm.IsKind(err, ocm.OCMUnauthorized):
		return decide.Answer{Outcome: decide.Unauthorized, Message: "OCM refuses the token"}, nil
	case ocm.IsKind(err, ocm.OCMForbidden):
		return decide.Answer{Outcome: decide.Denied, Message: "OCM does not allow the token"}, nil
	default:
		return unaskable(err)
	}
}

// unaskable is the answer for an OCM that cannot be reached: it is not evidence, and the registries are asked anyway.
func unaskable(err error) (decide.Answer, error) {
	e := (*ocm.Error)(nil)
	switch {
	case !errors.As(err, &e):
		return decide.Answer{}, err
	case e.Kind == ocm.OCMRateLimited:
		return decide.Answer{Outcome: decide.RateLimited, Message: "OCM is rate limiting requests", RetryAfter: e.RetryAfter}, nil
	default:
		return decide.Answer{Outcome: decide.Unreachable, Message: e.Message}, nil
	}
}
