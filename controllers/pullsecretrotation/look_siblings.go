package pullsecretrotation

import (
	"context"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
)

// lookAtSiblings counts the account's other clusters. Before a request the answer must be known; otherwise it only sets the pace, and a failure
// does not hold up anything.
func (s *scope) lookAtSiblings(ctx context.Context) (seen decide.Facts, err error) {
	api, err := s.ocm(ctx)
	if err != nil {
		return seen, err
	}
	counted, err := api.Siblings(ctx, s.accountID(), s.facts.Cluster.ID)
	switch {
	case err == nil:
	case ocm.IsKind(err, ocm.OCMForbidden):
		seen.Siblings = &decide.Siblings{Unknown: true, Before: -1}
		return seen, nil
	case !decide.CountMatters(s.input()) && !ocm.IsKind(err, ocm.OCMRateLimited):
		s.log.V(1).Info("the account's clusters could not be counted", "error", err.Error())
		seen.Siblings = s.siblingsOnRecord()
		return seen, nil
	default:
		return seen, err
	}
	siblings := &decide.Siblings{Others: counted.Others, Before: counted.Before}
	for _, o := range counted.Named {
		siblings.Named = append(siblings.Named, decide.Sibling(o))
	}
	seen.Siblings = siblings
	return seen, nil
}

// siblingsOnRecord are as counted before.
func (s *scope) siblingsOnRecord() *decide.Siblings {
	known := s.obj.Status.Siblings
	if known == nil || known.Clusters == nil {
		return &decide.Siblings{Unknown: true, Before: -1}
	}
	siblings := &decide.Siblings{Others: int(*known.Clusters) - 1, Before: -1}
	if known.Position != nil {
		siblings.Before = int(*known.Position)
	}
	return siblings
}

// noteSiblings records how many clusters share the account's budget, and which place this one has among them.
func (s *scope) noteSiblings(seen *decide.Siblings) {
	var clusters, position *int32
	if !seen.Unknown {
		clusters = ptr.To(int32(min(seen.Others, 1<<30) + 1))
	}
	if clusters != nil && seen.Before >= 0 {
		position = ptr.To(int32(min(seen.Before, 1<<30)))
	}
	if n := s.obj.Status.Siblings; n != nil && !decide.CountIsOld(s.input()) && ptr.Equal(n.Clusters, clusters) && ptr.Equal(n.Position, position) {
		return // the time alone is not worth a write at each look
	}
	if s.obj.Status.Siblings == nil {
		s.obj.Status.Siblings = &v1alpha1.SiblingsStatus{}
	}
	n := s.obj.Status.Siblings
	n.CountedAt, n.Clusters, n.Position = *s.timestamp(), clusters, position
}
