package pullsecretrotation

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// begin records the baseline and the backup of a rotation that will be requested (no id yet), was found pending, or ended before this cluster
// noticed it.
func (s *scope) begin(ctx context.Context, d decide.Decision) error {
	r := d.Rotation
	r.AccountID = s.accountID()
	r.StartedAt = s.timestamp()
	r.Baseline = s.baseline(r)
	if r.Reason == v1alpha1.TriggerCatchUp {
		r.IssuedAt = s.timestamp()
		r.Issued = s.fingerprints(s.issued, all)
	}
	name, err := s.backUp(ctx, r)
	if err != nil {
		return err
	}
	r.BackupSecret = name
	s.record().Begin(r)
	switch {
	case r.ID == "":
	case r.RequestedHere:
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "This cluster takes part in rotation %s of account %s, which it "+
			"has requested (%s)", r.ID, s.accountID(), r.Reason)
	default:
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "This cluster takes part in rotation %s of account %s, which it "+
			"did not request (%s)",
			r.ID, s.accountID(), r.Reason)
	}
	return nil
}

// baseline identifies the old credentials. For a rotation that this cluster requests, these are the ones that OCM issues right before. A rotation
// that was found may already have issued new ones, so there they are the account's entries that the cluster uses.
func (s *scope) baseline(r v1alpha1.RotationStatus) []v1alpha1.EntryFingerprint {
	if r.Adopted {
		for _, t := range s.targets {
			if t.doc == nil {
				continue
			}
			owner, _ := s.owner(t)
			if list := s.fingerprints(t.doc, func(e pullsecret.Entry) bool { return s.own(owner, e) }); len(list) > 0 {
				return list
			}
		}
	}
	if s.issued == nil {
		return nil
	}
	return s.fingerprints(s.issued, all)
}

func all(pullsecret.Entry) bool { return true }

// abandon gives up the current rotation.
func (s *scope) abandon(context.Context, decide.Decision) error {
	s.record().Abandon(s.now())
	return nil
}

// recordSatisfied records that somebody else's rotation makes the cluster's own unnecessary.
func (s *scope) recordSatisfied(_ context.Context, d decide.Decision) error {
	r := d.Rotation
	r.AccountID = s.accountID()
	if !s.record().Satisfied(r) {
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationAdopted, "Adopt", "Rotation %s of account %s satisfies %s; the operator requests no other",
		r.ID, s.accountID(), decide.OnTheClock(r.After.Time))
	return nil
}
