package pullsecretrotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// telemetryRegistry is the registry whose entry is the cluster's own token for OCM.
const telemetryRegistry = "cloud.openshift.com"

func (s *scope) lookAtCluster(ctx context.Context) (seen decide.Facts, err error) {
	read, err := cluster.ReadFacts(ctx, s.r.Reader)
	if err != nil {
		return seen, err
	}
	seen.Cluster = ptr.To(decide.Cluster(read))
	return seen, nil
}

func (s *scope) lookAtPools(ctx context.Context) (seen decide.Facts, err error) {
	read, err := cluster.ReadPools(ctx, s.r.Reader)
	if err != nil {
		return seen, err
	}
	pools := make([]decide.Pool, 0, len(read))
	for _, p := range read {
		pools = append(pools, decide.Pool(p))
	}
	seen.Pools = &pools
	return seen, nil
}

// lookAtTargets reads each target from the API server: Secrets are not cached.
func (s *scope) lookAtTargets(ctx context.Context) (seen decide.Facts, err error) {
	claimed, err := s.claims(ctx)
	if err != nil {
		return seen, err
	}
	targets := make([]target, 0, len(s.obj.Spec.Targets))
	for _, ref := range s.obj.Spec.Targets {
		t := target{ref: ref, problem: conflict(ref, claimed[ref])}
		if claimed[ref] == "" {
			if t, err = s.readTarget(ctx, ref); err != nil {
				return seen, err
			}
		}
		targets = append(targets, t)
	}
	s.targets = targets // the facts about them are derived
	s.lookAround(ctx)
	return seen, nil
}

// mayBeTarget is true for the type of a pull secret. HyperShift's and Hive's tools also create theirs as Opaque; for the cluster's own the
// machine-config-operator accepts only the proper type.
func mayBeTarget(ref v1alpha1.SecretReference, t corev1.SecretType) bool {
	return t == corev1.SecretTypeDockerConfigJson || (t == corev1.SecretTypeOpaque || t == "") && ref != decide.GlobalPullSecret
}

func (s *scope) readTarget(ctx context.Context, ref v1alpha1.SecretReference) (target, error) {
	t := target{ref: ref, secret: &corev1.Secret{}}
	err := s.r.Reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, t.secret)
	switch {
	case apierrors.IsNotFound(err):
		t.problem = problem{v1alpha1.ReasonTargetMissing, fmt.Sprintf("The target Secret %s does not exist. No rotation begins. Create it with "+
			"type %s, or remove it from spec.targets.",
			ref, corev1.SecretTypeDockerConfigJson)}
	case apierrors.IsForbidden(err):
		t.problem = problem{v1alpha1.ReasonForbidden, s.forbidden(ref)}
	case err != nil:
		return t, fmt.Errorf("reading the target %s: %w", ref, err)
	case !mayBeTarget(ref, t.secret.Type):
		t.problem = problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The target Secret %s has type %s, not %s. It was not changed. Name a pull "+
			"secret in spec.targets.",
			ref, t.secret.Type, corev1.SecretTypeDockerConfigJson)}
	case ptr.Deref(t.secret.Immutable, false):
		t.problem = problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The target Secret %s is immutable, so it cannot be changed. Replace it with "+
			"a mutable one, or remove it from spec.targets.", ref)}
	default:
		doc, err := pullsecret.Parse(t.secret.Data[corev1.DockerConfigJsonKey])
		if err != nil {
			t.problem = problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The target Secret %s holds no valid pull secret: %v. It was not changed. Fix its key %s.",
				ref, err, corev1.DockerConfigJsonKey)}
			break
		}
		t.doc = doc
	}
	return t, nil
}

func (s *scope) lookAtSiblings(ctx context.Context) (seen decide.Facts, err error) {
	api, err := s.ocm(ctx)
	if err != nil {
		return seen, err
	}
	listed, err := api.ActiveSubscriptions(ctx, s.accountID())
	if ocm.IsKind(err, ocm.OCMForbidden) {
		seen.Siblings, seen.SiblingsUnknown = &[]decide.Sibling{}, true
		return seen, nil
	}
	if err != nil {
		return seen, err
	}
	siblings := make([]decide.Sibling, 0, len(listed))
	for _, o := range listed {
		if o.ClusterID != s.facts.Cluster.ID {
			siblings = append(siblings, decide.Sibling(o))
		}
	}
	seen.Siblings = &siblings
	return seen, nil
}

func (s *scope) accountID() string {
	if s.obj.Status.Account == nil {
		return ""
	}
	return s.obj.Status.Account.ID
}

func (s *scope) lookAtRotations(ctx context.Context) (seen decide.Facts, err error) {
	api, err := s.ocm(ctx)
	if err != nil {
		return seen, err
	}
	listed, err := api.Rotations(ctx, s.accountID())
	if s.facts.Account == nil && (ocm.IsKind(err, ocm.OCMForbidden) || ocm.IsKind(err, ocm.NotFound)) {
		return s.lookAtAccount(ctx) // the credential may have become another account's
	}
	if err != nil {
		return seen, err
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

// lookAtIssued reads the credentials that OCM issues: with access_token or, for a follower with only the cluster's token, from the transfer that
// OCM accepted for this cluster.
func (s *scope) lookAtIssued(ctx context.Context) (seen decide.Facts, err error) {
	api, err := s.ocm(ctx)
	if err != nil {
		return seen, err
	}
	var raw []byte
	if decide.UsesOwnToken(&s.obj.Spec) {
		raw, seen.Offer, err = s.transferred(ctx, api)
	} else {
		raw, err = api.AccessToken(ctx)
	}
	if err != nil {
		return seen, err
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

// transferred returns the secret of the newest accepted transfer of this cluster, nil if there is none, and the offer of the current rotation.
func (s *scope) transferred(ctx context.Context, api OCM) ([]byte, *decide.OfferFact, error) {
	transfers, err := api.ClusterTransfers(ctx, s.facts.Cluster.ID)
	if err != nil {
		return nil, nil, err
	}
	var newest *ocm.Transfer
	for i, t := range transfers {
		if s.open(t) && len(t.Secret) > 0 && (newest == nil || t.CreatedAt.After(newest.CreatedAt)) {
			newest = &transfers[i]
		}
	}
	if newest == nil {
		return nil, s.offer(transfers), nil
	}
	return newest.Secret, s.offer(transfers), nil
}

// open is true for a transfer with which OCM waits for this cluster to switch. One without a rotation hands the cluster over to another account,
// which is a person's decision.
func (s *scope) open(t ocm.Transfer) bool {
	return t.RotationID != "" && t.Status == ocm.TransferAccepted && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(s.now()))
}

// offer says whether, and until when, OCM waits for this cluster to switch to the current rotation; nil if there is none.
func (s *scope) offer(transfers []ocm.Transfer) *decide.OfferFact {
	r := s.rotation()
	if !decide.UnderWay(r) || r.ID == "" {
		return nil
	}
	offer := &decide.OfferFact{}
	for _, t := range transfers {
		if t.RotationID != r.ID || !s.open(t) {
			continue
		}
		offer.Open = true
		if !t.ExpiresAt.IsZero() {
			offer.EndsAt = t.ExpiresAt
		}
	}
	return offer
}

// lookAtOffer asks OCM whether it still waits for this cluster. An unknown offer counts as closed: then there is no rollback, and deadlines run
// from the issue.
func (s *scope) lookAtOffer(ctx context.Context) (seen decide.Facts, err error) {
	seen.Offer = &decide.OfferFact{}
	api, err := s.ocm(ctx)
	if err != nil {
		return seen, err
	}
	transfers, err := api.ClusterTransfers(ctx, s.facts.Cluster.ID)
	if err != nil {
		s.log.Info("the cluster's transfers could not be read", "error", err.Error())
		return seen, nil
	}
	seen.Offer = cmp.Or(s.offer(transfers), seen.Offer)
	return seen, nil
}

// errClusterTokenDead marks a follower without a valid credential for OCM.
var errClusterTokenDead = errors.New("cluster token dead")
