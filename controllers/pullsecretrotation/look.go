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
	s.noteChange()
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

func (s *scope) accountID() string {
	if s.obj.Status.Account == nil {
		return ""
	}
	return s.obj.Status.Account.ID
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
