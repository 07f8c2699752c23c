package pullsecretrotation

import (
	"context"
	"fmt"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// The account's rotations, and the credentials that OCM issues.

func (s *scope) lookAtRotations(ctx context.Context) (seen decide.Facts, err error) {
	listed, err := s.rotationsAsCluster(ctx)
	if err != nil {
		return seen, err
	}
	if listed == nil {
		api, err := s.ocm(ctx)
		if err != nil {
			return seen, err
		}
		listed, err = api.Rotations(ctx, s.accountID())
		if s.facts.Account == nil && (ocm.IsKind(err, ocm.OCMForbidden) || ocm.IsKind(err, ocm.NotFound)) {
			return s.lookAtAccount(ctx) // the credential may have become another account's
		}
		if err != nil {
			return seen, err
		}
	}
	s.memory.lastPoll, s.memory.lookedAt = s.now(), s.state()
	rotations := make([]decide.Rotation, 0, len(listed))
	for _, r := range listed {
		rotations = append(rotations, decide.Rotation(r))
	}
	if s.facts.Requested == nil && len(rotations) > 0 {
		if seen.Requested, err = s.requestedHere(ctx); err != nil {
			return seen, err
		}
	}
	seen.Rotations = &rotations
	return seen, nil
}

// rotationsAsCluster reads the list with the cluster's own token in a rotation that another cluster has requested; nil if that is not so, or if
// the answer does not show that rotation: then the OCM credential tells.
func (s *scope) rotationsAsCluster(ctx context.Context) ([]ocm.Rotation, error) {
	if decide.IssuedFrom(s.input()) != decide.FromTransfer || decide.UsesOwnToken(&s.obj.Spec) {
		return nil, nil
	}
	api, err := s.asCluster(ctx)
	if api == nil || err != nil {
		return nil, err
	}
	defer func() { _ = api.Close() }()
	listed, err := api.Rotations(ctx, s.accountID())
	if err != nil {
		return nil, s.notAsCluster(err)
	}
	for _, r := range listed {
		if r.ID == s.rotation().ID {
			return listed, nil
		}
	}
	return nil, nil
}

// asCluster is a client with the cluster's own token; nil if the pull secret has none.
func (s *scope) asCluster(ctx context.Context) (OCM, error) {
	entry, ok := s.clusterEntry()
	if !ok || s.facts.Cluster.ID == "" {
		return nil, nil
	}
	return s.connect(ctx, ocm.Credential{}, ocm.ClusterToken{ClusterID: s.facts.Cluster.ID, Auth: entry.Auth()})
}

// notAsCluster is nil for an error that says that the cluster's own token does not do. Any other is about OCM, and another request would not help.
func (s *scope) notAsCluster(err error) error {
	if ocm.IsKind(err, ocm.OCMUnauthorized) || ocm.IsKind(err, ocm.OCMForbidden) || ocm.IsKind(err, ocm.NotFound) {
		s.log.V(1).Info("OCM does not answer the cluster's own token", "error", err.Error())
		return nil
	}
	return err
}

// lookAtIssued reads the credentials that OCM issues, from where decide.IssuedFrom says.
func (s *scope) lookAtIssued(ctx context.Context) (seen decide.Facts, err error) {
	var raw []byte
	switch from := decide.IssuedFrom(s.input()); {
	case from == decide.FromTransfer && decide.UsesOwnToken(&s.obj.Spec):
		api, err := s.ocm(ctx)
		if err != nil {
			return seen, err
		}
		if raw, seen.Offer, err = s.transferred(ctx, api, ""); err != nil {
			return seen, err
		}
	case from == decide.FromTransfer:
		if raw, seen.Offer, err = s.transferredElsewhere(ctx); err != nil {
			return seen, err
		}
	case from == decide.FromToken:
		if raw, err = s.accessToken(ctx); err != nil {
			return seen, err
		}
	}
	s.issued = nil
	if raw != nil {
		if s.issued, err = pullsecret.Parse(raw); err != nil {
			return seen, &ocm.Error{Kind: ocm.MalformedAnswer, Message: fmt.Sprintf("OCM's answer is not a pull secret: %v. Nothing was written. "+
				"The operator will retry.", err)}
		}
	}
	seen.Issued = &decide.IssuedFact{} // the rest is derived
	if s.facts.Account == nil && s.memory.accountOf != s.clients.account {
		// Credentials issued to another account must not be recorded as this one's.
		account, err := s.lookAtAccount(ctx)
		seen.Account = account.Account
		return seen, err
	}
	return seen, nil
}

func (s *scope) accessToken(ctx context.Context) ([]byte, error) {
	api, err := s.ocm(ctx)
	if err != nil {
		return nil, err
	}
	s.memory.lastToken = s.now()
	return api.AccessToken(ctx)
}

// transferredElsewhere reads, with the cluster's own token, what a rotation requested elsewhere offers to this cluster, and nothing of another
// rotation. If that fails, one access_token may be asked for instead.
func (s *scope) transferredElsewhere(ctx context.Context) ([]byte, *decide.OfferFact, error) {
	raw, offer, refused, err := s.offered(ctx, decide.ElsewhereRequested(s.input()))
	if err != nil || raw != nil || !decide.FallsBack(s.input(), refused) {
		return raw, offer, err
	}
	raw, err = s.accessToken(ctx)
	return raw, offer, err
}

// offered is what OCM offers to this cluster; refused is true if OCM does not answer the cluster's own token.
func (s *scope) offered(ctx context.Context, rotation string) (raw []byte, offer *decide.OfferFact, refused bool, err error) {
	api, err := s.asCluster(ctx)
	if api == nil || err != nil {
		return nil, nil, err == nil, err
	}
	defer func() { _ = api.Close() }()
	if raw, offer, err = s.transferred(ctx, api, rotation); err != nil {
		err = s.notAsCluster(err)
		return nil, nil, err == nil, err
	}
	return raw, offer, false, nil
}

// transferred returns the secret of the newest accepted transfer of this cluster, of one rotation or any, nil if there is none, and the offer of
// the current rotation.
func (s *scope) transferred(ctx context.Context, api OCM, rotation string) ([]byte, *decide.OfferFact, error) {
	transfers, err := api.ClusterTransfers(ctx, s.facts.Cluster.ID)
	if err != nil {
		return nil, nil, err
	}
	var newest *ocm.Transfer
	for i, t := range transfers {
		if s.open(t) && len(t.Secret) > 0 && (rotation == "" || t.RotationID == rotation) && (newest == nil || t.CreatedAt.After(newest.CreatedAt)) {
			newest = &transfers[i]
		}
	}
	if newest == nil {
		return nil, s.offer(transfers), nil
	}
	return newest.Secret, s.offer(transfers), nil
}
