package pullsecretrotation

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// markRolledOut records that the pools have the new file.
func (s *scope) markRolledOut(context.Context, decide.Decision) error {
	r := s.rotation()
	s.record().MarkRolledOut(s.now())
	looked := 0 // pools that were followed
	for _, p := range ptr.Deref(s.facts.Pools, nil) {
		if !p.Paused {
			looked++
			continue
		}
		s.event(corev1.EventTypeWarning, v1alpha1.ReasonPoolPaused, "RollOut", "The pool %s is paused: its %d machines keep the old pull secret "+
			"until it is unpaused", p.Name, p.Machines)
	}
	if looked == 0 || !ptr.Deref(s.obj.Spec.Rollout.WaitForPools, true) || !decide.TargetsGlobal(&s.obj.Spec) {
		s.event(corev1.EventTypeNormal, v1alpha1.ReasonRolledOut, "RollOut", "The operator did not check whether the machines have the pull secret "+
			"of rotation %s: it follows no MachineConfigPool", r.ID)
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRolledOut, "RollOut", "The machines have the new pull secret of rotation %s", r.ID)
	return nil
}

// finish ends a rotation: OCM says that it has deleted the old credentials. Its backup stays until they are proven dead.
func (s *scope) finish(ctx context.Context, d decide.Decision) error {
	// Before the end is recorded, so that a failure here is retried.
	if err := s.dropOtherBackups(ctx); err != nil {
		return err
	}
	r := s.rotation()
	s.record().Finish(d.Rotation.OCMStatus, s.now())
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonRotationCompleted, "Finish", "Rotation %s of account %s has ended: OCM has deleted the old "+
		"credentials", r.ID, s.accountID())
	s.facts.Checks = nil
	return nil
}
