package pullsecretrotation

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// telemetryRegistry is the entry that is the cluster's own token for OCM.
const telemetryRegistry = "cloud.openshift.com"

func (s *scope) lookAtCluster(ctx context.Context) error {
	facts, err := cluster.ReadFacts(ctx, s.r.Reader)
	if err != nil {
		return err
	}
	known := decide.Cluster(facts)
	s.facts.Cluster, s.obj.Status.ClusterID = &known, ""
	if len(known.ID) <= 64 {
		s.obj.Status.ClusterID = known.ID
	}
	return nil
}

func (s *scope) lookAtPools(ctx context.Context) error {
	read, err := cluster.ReadPools(ctx, s.r.Reader)
	if err != nil {
		return err
	}
	pools := make([]decide.Pool, 0, len(read))
	for _, p := range read {
		pools = append(pools, decide.Pool(p))
	}
	s.facts.Pools = &pools
	s.reportPools(pools)
	return nil
}

// lookAtTargets reads each target past any cache: there is none of Secrets.
func (s *scope) lookAtTargets(ctx context.Context) error {
	s.targets = nil
	claimed, err := s.claims(ctx)
	if err != nil {
		return err
	}
	for _, ref := range s.obj.Spec.Targets {
		t := target{ref: ref, problem: conflict(ref, claimed[ref])}
		if claimed[ref] == "" {
			if t, err = s.readTarget(ctx, ref); err != nil {
				return err
			}
		}
		s.targets = append(s.targets, t)
	}
	s.lookAround(ctx)
	s.deriveFacts()
	return nil
}

// mayBeTarget is true for the type of a pull secret. HyperShift's and Hive's tools create theirs without a type too, which is Opaque;
// the machine-config-operator takes the cluster's own in no other type than its own.
func mayBeTarget(ref v1alpha1.SecretReference, t corev1.SecretType) bool {
	return t == corev1.SecretTypeDockerConfigJson || (t == corev1.SecretTypeOpaque || t == "") && ref != decide.GlobalPullSecret
}

func (s *scope) readTarget(ctx context.Context, ref v1alpha1.SecretReference) (target, error) {
	t := target{ref: ref, secret: &corev1.Secret{}}
	err := s.r.Reader.Get(ctx, client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name}, t.secret)
	switch {
	case apierrors.IsNotFound(err):
		t.problem = problem{v1alpha1.ReasonTargetMissing, fmt.Sprintf("The target Secret %s does not exist. No rotation is begun. Create it with type %s, or remove it from spec.targets.",
			ref, corev1.SecretTypeDockerConfigJson)}
	case apierrors.IsForbidden(err):
		t.problem = problem{v1alpha1.ReasonForbidden, s.forbidden(ref)}
	case err != nil:
		return t, fmt.Errorf("reading the target %s: %w", ref, err)
	case !mayBeTarget(ref, t.secret.Type):
		t.problem = problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The target Secret %s has type %s, not %s. It was not changed. Name a pull secret in spec.targets.",
			ref, t.secret.Type, corev1.SecretTypeDockerConfigJson)}
	case ptr.Deref(t.secret.Immutable, false):
		t.problem = problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The target Secret %s is immutable, so nobody can change it. Replace it by one that is not, or remove it from spec.targets.", ref)}
	default:
		doc, err := pullsecret.Parse(t.secret.Data[corev1.DockerConfigJsonKey])
		if err != nil {
			t.problem = problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The target Secret %s holds no pull secret: %v. It was not changed. Repair its key %s.",
				ref, err, corev1.DockerConfigJsonKey)}
			break
		}
		t.doc = doc
	}
	return t, nil
}

func (s *scope) lookAtSiblings(ctx context.Context) error {
	api, err := s.ocm(ctx)
	if err != nil {
		return err
	}
	all, err := api.ActiveSubscriptions(ctx, s.accountID())
	if ocm.IsKind(err, ocm.OCMForbidden) {
		s.facts.Siblings, s.facts.SiblingsUnknown, s.obj.Status.SiblingClusters = &[]decide.Sibling{}, true, nil
		return nil
	}
	if err != nil {
		return err
	}
	siblings := make([]decide.Sibling, 0, len(all))
	for _, o := range all {
		if o.ClusterID != s.facts.Cluster.ID {
			siblings = append(siblings, decide.Sibling(o))
		}
	}
	s.facts.Siblings = &siblings
	s.obj.Status.SiblingClusters = ptr.To(int32(min(len(siblings), 1<<30)))
	return nil
}

func (s *scope) accountID() string {
	if s.obj.Status.Account == nil {
		return ""
	}
	return s.obj.Status.Account.ID
}

func (s *scope) lookAtRotations(ctx context.Context) error {
	api, err := s.ocm(ctx)
	if err != nil {
		return err
	}
	listed, err := api.Rotations(ctx, s.accountID())
	if s.facts.Account == nil && (ocm.IsKind(err, ocm.OCMForbidden) || ocm.IsKind(err, ocm.NotFound)) {
		return s.lookAtAccount(ctx) // maybe the credential has become another account's
	}
	if err != nil {
		return err
	}
	s.memory.lastPoll, s.memory.lookedAt = s.now(), s.state()
	rotations := make([]decide.Rotation, 0, len(listed))
	for _, r := range listed {
		rotations = append(rotations, decide.Rotation(r))
	}
	s.facts.Rotations = &rotations
	if s.facts.Requested == nil && len(rotations) > 0 {
		if s.facts.Requested, err = s.requestedHere(ctx); err != nil {
			return err
		}
	}
	if r := s.rotation(); decide.UnderWay(r) {
		if listed, ok := decide.FindRotation(rotations, r.ID); ok {
			if listed.Status == decide.RotationCompleted && r.OCMStatus != listed.Status && r.AppliedAt == nil {
				s.obj.Status.LastHealthCheck = nil // the old credentials have just died: what is in use is proven at once
			}
			r.OCMStatus = listed.Status
		}
	}
	s.noteAge()
	return nil
}

// noteAge says which rotation the pull secret in use is of: the latest that has ended, or the one under way once it is applied.
func (s *scope) noteAge() {
	if s.facts.Rotations == nil {
		return
	}
	now := s.rotation()
	applied := now != nil && now.AppliedAt != nil && now.RolledBackAt == nil
	for _, r := range *s.facts.Rotations { // newest first
		if r.Status == decide.RotationCompleted || applied && r.ID == now.ID {
			// In the resolution of the status: a fraction would be written anew at each look.
			// OCM's clock may be ahead: nothing is younger than now.
			created := r.CreatedAt
			if created.After(s.now()) {
				created = s.now()
			}
			s.obj.Status.PullSecretIssuedAt = decide.TimePtr(created.Truncate(time.Second))
			return
		}
	}
}

// lookAtIssued reads what OCM gives out: by access_token, or for a follower with nothing but the cluster's token, by the
// transfer that OCM accepted for this cluster.
func (s *scope) lookAtIssued(ctx context.Context) error {
	api, err := s.ocm(ctx)
	if err != nil {
		return err
	}
	var raw []byte
	if decide.UsesOwnToken(&s.obj.Spec) {
		raw, err = s.transferred(ctx, api)
	} else {
		raw, err = api.AccessToken(ctx)
	}
	if err != nil {
		return err
	}
	s.issued = nil
	if raw != nil {
		if s.issued, err = pullsecret.Parse(raw); err != nil {
			return &ocm.Error{Kind: ocm.MalformedAnswer, Message: fmt.Sprintf("OCM's answer is not a pull secret: %v. Nothing was written. It is asked again.", err)}
		}
	}
	s.facts.Issued = &decide.IssuedFact{}
	if s.facts.Account == nil && s.memory.knows != s.clients.account {
		s.deriveFacts()
		if err := s.lookAtAccount(ctx); err != nil { // what another account is given must not be noted as this one's
			return err
		}
	}
	if s.issued != nil && s.accountID() != "" {
		s.record().Given(s.accountID(), s.fingerprints(s.issued, all), s.now())
	}
	s.deriveFacts()
	return nil
}

// transferred is the secret of the newest accepted transfer of this cluster; nil when there is none.
func (s *scope) transferred(ctx context.Context, api OCM) ([]byte, error) {
	transfers, err := api.ClusterTransfers(ctx, s.facts.Cluster.ID)
	if err != nil {
		return nil, err
	}
	var newest *ocm.Transfer
	for i, t := range transfers {
		if s.open(t) && len(t.Secret) > 0 && (newest == nil || t.CreatedAt.After(newest.CreatedAt)) {
			newest = &transfers[i]
		}
	}
	s.noteOffer(transfers)
	if newest == nil {
		return nil, nil
	}
	return newest.Secret, nil
}

// open is true for a transfer by which OCM waits for this cluster to switch. One that belongs to no rotation hands the cluster over
// to another account, which is a person's decision.
func (s *scope) open(t ocm.Transfer) bool {
	return t.RotationID != "" && t.Status == ocm.TransferAccepted && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(s.now()))
}

// noteOffer notes whether, and until when, OCM waits for this cluster to switch to the rotation under way.
func (s *scope) noteOffer(transfers []ocm.Transfer) {
	r := s.rotation()
	if !decide.UnderWay(r) || r.ID == "" {
		return
	}
	s.facts.Offer = &decide.OfferFact{}
	for _, t := range transfers {
		if t.RotationID != r.ID || !s.open(t) {
			continue
		}
		s.facts.Offer.Open = true
		if !t.ExpiresAt.IsZero() {
			r.OfferEndsAt = decide.TimePtr(t.ExpiresAt.Truncate(time.Second))
		}
	}
}

// lookAtOffer asks OCM whether it still waits for this cluster. What cannot be asked is no open offer: then nothing is put back,
// and the time is reckoned from the issue.
func (s *scope) lookAtOffer(ctx context.Context) error {
	s.facts.Offer = &decide.OfferFact{}
	api, err := s.ocm(ctx)
	if err != nil {
		return err
	}
	transfers, err := api.ClusterTransfers(ctx, s.facts.Cluster.ID)
	if err != nil {
		s.log.Info("the cluster's transfers cannot be read", "error", err.Error())
		return nil
	}
	s.noteOffer(transfers)
	return nil
}

// errClusterTokenDead marks a follower that has nothing left to ask OCM with.
var errClusterTokenDead = errors.New("cluster token dead")
