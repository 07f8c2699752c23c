package pullsecretrotation

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// noteIntent notes that a request is about to be sent. Whoever finds an intent without an id looks for the request's effect before
// sending another; whoever fails to persist it, because another replica has, sends none.
func (s *scope) noteIntent() { s.record().Intend(*s.facts.Rotations, s.now()) }

// claimIntent is for once it is persisted. The list is read again right before the request: another cluster may have been quicker.
func (s *scope) claimIntent(context.Context, decide.Decision) error {
	s.facts.IntentIsOurs = true
	s.facts.Rotations = nil
	return nil
}

// takeBackIntent is for a reconcile that ends between the intent and the request: nothing was sent.
func (s *scope) takeBackIntent() {
	if r := s.rotation(); r != nil && s.facts.IntentIsOurs {
		s.record().NotSent()
	}
}

// request sends the one POST.
func (s *scope) request(ctx context.Context, _ decide.Decision) error {
	s.facts.IntentIsOurs = false // whatever comes of it, this intent is used up
	api, err := s.ocm(ctx)
	if err != nil {
		return err
	}
	made, err := api.RequestRotation(ctx, s.accountID())
	s.facts.Rotations = nil // outdated in any case
	if err != nil {
		if ocm.Ambiguous(err) {
			return errors.Join(errAnswerLost, err)
		}
		s.record().NotSent()
		return err
	}
	s.memory.lastPoll = s.now()
	r := s.rotation()
	s.record().Requested(decide.Rotation(made))
	s.noteRequested(ctx, r.ID, r.Reason)
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationRequested, "Request", "Asked OCM to rotate the pull secret of account %s (%s); it is rotation %s",
		s.accountID(), r.Reason, r.ID)
	return nil
}

// errAnswerLost marks a request that may have had its effect.
var errAnswerLost = errors.New("the answer to the request was lost")

// recordID takes over a rotation that the list shows. It may have issued before the baseline was read from OCM, so the
// baseline is what the cluster uses: told from the new credentials themselves, they would never seem to come.
func (s *scope) recordID(ctx context.Context, d decide.Decision) error {
	r := s.rotation()
	before := *r
	before.Adopted = true
	s.record().Adopt(d.Rotation, s.baseline(before))
	if r.RequestedHere {
		s.noteRequested(ctx, r.ID, r.Reason)
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationRequested, "Request", "Rotation %s of account %s is the one that this cluster asked OCM for", r.ID, s.accountID())
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "Rotation %s of account %s is adopted instead of requesting another", r.ID, s.accountID())
	return nil
}

// markIssued notes that OCM gives out other credentials than before. What was done with earlier ones is done again.
func (s *scope) markIssued(context.Context, decide.Decision) error {
	r := s.rotation()
	s.record().MarkIssued(s.fingerprints(s.issued, all), s.now())
	s.facts.IssuedChecks = nil
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonCredentialsIssued, "Receive", "OCM gives out new credentials for account %s, rotation %s", s.accountID(), r.ID)
	return nil
}

// parse is for documents that are already known to parse.
func parse(raw []byte) *pullsecret.Document {
	doc, err := pullsecret.Parse(raw)
	if err != nil {
		return nil
	}
	return doc
}
