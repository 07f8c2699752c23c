package pullsecretrotation

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// markRolledOut notes that the pools have the new file.
func (s *scope) markRolledOut() error {
	r := s.rotation()
	s.record().MarkRolledOut(s.now())
	if s.facts.Pools == nil {
		return nil
	}
	for _, p := range *s.facts.Pools {
		if p.Paused {
			s.event(corev1.EventTypeWarning, v1alpha1.ReasonPoolPaused, "RollOut", "The pool %s is paused: its %d machines keep the old pull secret until it is unpaused", p.Name, p.Machines)
		}
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRolledOut, "RollOut", "The machines have the new pull secret of rotation %s", r.ID)
	return nil
}

// finish ends a rotation: OCM has deleted the old credentials.
func (s *scope) finish(ctx context.Context, seen v1alpha1.RotationStatus) error {
	// Before the end is on record: what fails here is done again.
	if err := s.dropBackups(ctx); err != nil {
		return err
	}
	r := s.rotation()
	s.record().Finish(seen.OCMStatus, s.now())
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationCompleted, "Finish", "Rotation %s of account %s has ended: OCM has deleted the old credentials", r.ID, s.accountID())
	s.facts.Checks = nil
	s.deriveFacts()
	return nil
}
