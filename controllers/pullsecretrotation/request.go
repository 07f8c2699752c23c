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

// noteIntent records that a request is about to be sent. A process that finds an intent without an id looks for the request's effect before
// sending another; one that cannot persist it, because another replica has, sends none.
func (s *scope) noteIntent() { s.record().Intend(*s.facts.Rotations, s.now()) }

// claimIntent marks the persisted intent as this reconcile's. The list is read again right before the request, because another cluster may have
// been quicker.
func (s *scope) claimIntent(context.Context, decide.Decision) error {
	s.facts.IntentIsOurs = true
	s.facts.Rotations = nil
	return nil
}

// takeBackIntent withdraws the intent of a reconcile that ends before the request was sent.
func (s *scope) takeBackIntent() {
	if r := s.rotation(); r != nil && s.facts.IntentIsOurs {
		s.record().NotSent()
	}
}

// request sends the one POST.
func (s *scope) request(ctx context.Context, _ decide.Decision) error {
	s.facts.IntentIsOurs = false // whatever the outcome, this intent is used up
	api, err := s.ocm(ctx)
	if err != nil {
		return err
	}
	made, err := api.RequestRotation(ctx, s.accountID())
	s.facts.Rotations = nil // the list is outdated in any case
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
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationRequested, "Request", "Requested a rotation of the pull secret of account %s (%s): rotation %s",
		s.accountID(), r.Reason, r.ID)
	return nil
}

// errAnswerLost marks a request that may have taken effect.
var errAnswerLost = errors.New("the answer to the request was lost")

// recordID adopts a rotation from the list. It may have issued credentials before the baseline was read from OCM, so the baseline is what the
// cluster uses: compared with the new credentials themselves, they would never seem to arrive.
func (s *scope) recordID(ctx context.Context, d decide.Decision) error {
	r := s.rotation()
	before := *r
	before.Adopted = true
	s.record().Adopt(d.Rotation, s.baseline(before))
	if r.RequestedHere {
		s.noteRequested(ctx, r.ID, r.Reason)
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationRequested, "Request", "Rotation %s of account %s is the one that this cluster "+
			"requested", r.ID, s.accountID())
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "This cluster takes part in rotation %s of account %s instead of "+
		"requesting another", r.ID, s.accountID())
	return nil
}

// markIssued records that OCM issues other credentials than before. The later steps are then repeated.
func (s *scope) markIssued(context.Context, decide.Decision) error {
	r := s.rotation()
	s.record().MarkIssued(s.fingerprints(s.issued, all), s.now())
	s.facts.IssuedChecks = nil
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonCredentialsIssued, "Receive", "OCM has issued new credentials for account %s, rotation %s", s.accountID(), r.ID)
	return nil
}

// parse is for documents that have already been parsed successfully.
func parse(raw []byte) *pullsecret.Document {
	doc, err := pullsecret.Parse(raw)
	if err != nil {
		return nil
	}
	return doc
}
