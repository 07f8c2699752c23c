package pullsecretrotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/apierr"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// apply merges the issued credentials into each target. If the first one, the canary, fails, the others stay unchanged; any other that fails does
// not hold up the rest.
func (s *scope) apply(ctx context.Context, d decide.Decision) error {
	heal := d.Step == decide.Heal
	for i := range s.targets {
		if heal && s.pausesInAFight(i) {
			continue
		}
		if err := s.applyTo(ctx, &s.targets[i], heal); err != nil {
			if err := s.failed(i, err); err != nil {
				return err
			}
		}
		if i == 0 && s.targets[0].doc == nil && !heal { // nothing is applied while the canary cannot be written
			return nil
		}
	}
	s.deriveFacts()
	if s.rotation().AppliedAt == nil && !s.awaits() {
		s.record().Applied(s.now())
		s.noteAge()
	}
	if s.wrote || s.rotation().AppliedAt != nil && !heal {
		s.record().Unproven()
	}
	return nil
}

// failed leaves out a target that could not be written; it returns an error that also holds up the others.
func (s *scope) failed(i int, err error) error {
	t := &s.targets[i]
	switch {
	case errors.Is(err, errTargetChanged):
		return err
	case i == 0 && apierr.MissingRight(err):
		return &forbiddenError{s.forbidden(t.ref)}
	case i == 0 || !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err):
		return fmt.Errorf("writing the target %s: %w", t.ref, err)
	}
	s.leaveOut(t, s.refusedWrite(t.ref, err))
	return nil
}

// noteAge records the rotation of the pull secret in use, if OCM's list was read.
func (s *scope) noteAge() {
	if s.facts.Rotations != nil {
		s.record().Age(*s.facts.Rotations, s.now())
	}
}

// awaits is true while an entry of a writable target waits for its registry.
func (s *scope) awaits() bool {
	return slices.ContainsFunc(s.facts.Targets, func(t decide.TargetFact) bool { return t.Problem == "" && len(t.Changes) > 0 })
}

// held holds back entries that the evidence does not allow to be written.
func (s *scope) held(e pullsecret.Entry) bool {
	return !decide.MayWrite(s.input(), s.change(e.Registry, e.Registry))
}

// pausesInAFight is true for a target whose old entries are left alone for a while because of a fight.
func (s *scope) pausesInAFight(i int) bool {
	return decide.Pauses(s.input(), s.facts.Targets[i])
}

// leaveOut excludes a target from the rest of this reconcile: a failed action is not retried before the next one.
func (s *scope) leaveOut(t *target, p problem) {
	t.doc, t.problem = nil, p
	s.noteTarget(t.ref, p.reason, p.message, nil, false)
}

// refusedWrite says why a target could not be written.
func (s *scope) refusedWrite(ref v1alpha1.SecretReference, err error) problem {
	if !apierr.MissingRight(err) {
		return problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("An admission policy, a webhook or a quota refuses the change of the target "+
			"Secret %s. It was not changed. See the API server's audit log for what refuses it.", ref)}
	}
	return problem{v1alpha1.ReasonForbidden, s.forbidden(ref)}
}

// notePools records each pool's configuration before a target is written, because the change makes the pool render another. It records none if
// the global pull secret needs no change, because then no new configuration will come.
func (s *scope) notePools() {
	if len(s.rotation().Pools) == 0 && s.facts.Pools != nil && s.changesGlobal() {
		s.record().Before(*s.facts.Pools)
	}
}

func (s *scope) changesGlobal() bool {
	for _, t := range s.targets {
		if t.doc == nil || t.ref != decide.GlobalPullSecret {
			continue
		}
		merged, _, err := pullsecret.Merge(t.doc, s.issued, s.policy(t, s.held))
		return err == nil && !bytes.Equal(merged, t.doc.Raw())
	}
	return false
}

// applyTo merges into one target. The resourceVersion is the precondition: after a concurrent write the target is read again.
func (s *scope) applyTo(ctx context.Context, t *target, heal bool) error {
	if t.doc == nil {
		s.noteTarget(t.ref, t.problem.reason, t.problem.message, nil, false)
		return nil
	}
	if owner, _ := s.owner(*t); owner != s.accountID() {
		if reason, message := s.foreign(t.ref, owner); reason != "" {
			s.noteTarget(t.ref, reason, message, nil, false)
		}
		return nil
	}
	merged, changes, err := pullsecret.Merge(t.doc, s.issued, s.policy(*t, s.held))
	if err != nil {
		s.leaveOut(t, problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The new entries could not be merged: %v. The target was not changed.", err)})
		return nil
	}
	if bytes.Equal(merged, t.doc.Raw()) {
		s.noteCurrent(t, changes, heal)
		return nil
	}
	r, before, late := s.rotation(), writer(t.secret), !decide.Applied(decide.TargetRow(&s.obj.Status, t.ref))
	if err := s.write(ctx, t, merged); err != nil {
		return err
	}
	s.noteTarget(t.ref, v1alpha1.ReasonPullSecretUpdated, "", changes, true)
	if heal && !late {
		s.record().Healed(t.ref)
		heals.WithLabelValues(s.obj.Name, t.ref.Namespace, t.ref.Name).Inc()
		s.event(corev1.EventTypeWarning, v1alpha1.ReasonEntryHealed, "Heal", "%s put other credentials into %s; the operator replaced them again "+
			"(rotation %s)", decide.WriterName(before), t.ref, r.ID)
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonPullSecretUpdated, "Apply", "Wrote the new credentials of rotation %s into %s", r.ID, t.ref)
	return nil
}

// noteCurrent is for a target that already has the new credentials: from somebody else, or from this operator right before a crash.
func (s *scope) noteCurrent(t *target, changes []pullsecret.Change, heal bool) {
	r := s.rotation()
	result, ours := v1alpha1.ReasonAlreadyCurrent, false
	if writer(t.secret) == managedfields.Operator && len(r.Pools) > 0 {
		result = v1alpha1.ReasonPullSecretUpdated
		at := decide.TargetRow(&s.obj.Status, t.ref)
		ours = !heal && (at == nil || at.AppliedAt == nil || r.IssuedAt == nil || at.AppliedAt.Before(r.IssuedAt))
	}
	s.noteTarget(t.ref, result, "", changes, ours)
	if !heal {
		s.event(corev1.EventTypeNormal, result, "Apply", "%s has the new credentials of rotation %s", t.ref, r.ID)
	}
}

// write updates one target. It compares the API server's answer with what was meant to be written.
func (s *scope) write(ctx context.Context, t *target, document []byte) error {
	updated := t.secret.DeepCopy()
	updated.Data[corev1.DockerConfigJsonKey] = document
	patch := client.MergeFromWithOptions(t.secret, client.MergeFromWithOptimisticLock{})
	if err := s.r.Client.Patch(ctx, updated, patch, client.FieldOwner(managedfields.Operator)); apierrors.IsConflict(err) {
		return errTargetChanged
	} else if err != nil {
		return err
	}
	s.wrote = true
	t.secret, t.doc = updated, parse(updated.Data[corev1.DockerConfigJsonKey])
	if t.doc == nil || !bytes.Equal(t.doc.Raw(), document) {
		return errTargetAltered
	}
	return nil
}

// noteRollback records the rollback before the first write, because otherwise the old entries would be healed.
func (s *scope) noteRollback() {
	if s.rotation().RolledBackAt == nil {
		s.record().RollBack(s.now())
		s.noteAge()
	}
}

// rollBack restores the entries that this rotation changed, not the whole document: others may have edited it since.
func (s *scope) rollBack(ctx context.Context, _ decide.Decision) error {
	for i := range s.targets {
		if t := &s.targets[i]; t.doc != nil {
			if err := s.restore(ctx, t); i > 0 && (apierrors.IsForbidden(err) || apierrors.IsInvalid(err)) {
				s.leaveOut(t, s.refusedWrite(t.ref, err))
			} else if err != nil {
				return fmt.Errorf("restoring the target %s: %w", t.ref, err)
			}
		}
	}
	return nil
}

// restore restores the old entries in one target.
func (s *scope) restore(ctx context.Context, t *target) error {
	old := s.backup[t.ref]
	if old == nil { // it has become a target since the backup
		s.noteTarget(t.ref, v1alpha1.ReasonRolledBack, "", nil, false)
		return nil
	}
	merged, changes, err := pullsecret.Restore(t.doc, old, s.brought(t))
	if err != nil {
		return err
	}
	if bytes.Equal(merged, t.doc.Raw()) {
		s.noteTarget(t.ref, v1alpha1.ReasonRolledBack, "", nil, false)
		return nil
	}
	if err := s.write(ctx, t, merged); err != nil {
		return err
	}
	s.noteTarget(t.ref, v1alpha1.ReasonRolledBack, "", changes, true)
	s.event(corev1.EventTypeWarning, v1alpha1.ReasonRolledBack, "RollBack", "Restored the old credentials in %s: a registry refused those of "+
		"rotation %s", t.ref, s.rotation().ID)
	return nil
}

// brought are the registries of a target whose entry was issued by this rotation.
func (s *scope) brought(t *target) []string {
	r := s.rotation()
	var list []string
	for _, name := range t.doc.Registries() {
		entry, _ := t.doc.Entry(name)
		if decide.Holds(r.Issued, s.fingerprint(entry)) {
			list = append(list, name)
		}
	}
	return list
}

// elsewhere explains a target other than the cluster's own pull secret.
const elsewhere = "The operator does not follow other clusters' nodes: the consumers of this Secret update them. HyperShift updates existing nodes " +
	"only if spec.pullSecret of the HostedCluster names another Secret; Hive uses the Secret for new clusters, and a SyncSet for existing ones."

// noteTarget records the result of one target.
func (s *scope) noteTarget(ref v1alpha1.SecretReference, result, message string, changes []pullsecret.Change, wrote bool) {
	status := decide.TargetRow(&s.obj.Status, ref)
	if status == nil {
		s.obj.Status.Targets = append(s.obj.Status.Targets, v1alpha1.TargetStatus{Namespace: ref.Namespace, Name: ref.Name})
		status = &s.obj.Status.Targets[len(s.obj.Status.Targets)-1]
	}
	if message == "" && ref != decide.GlobalPullSecret && (result == v1alpha1.ReasonPullSecretUpdated || result == v1alpha1.ReasonAlreadyCurrent) {
		message = elsewhere
	}
	status.Result, status.Message = result, message
	if s.noted == nil {
		s.noted = map[v1alpha1.SecretReference]bool{}
	}
	s.noted[ref] = true
	if changes != nil {
		status.Entries, status.EntriesNotListed = entryRows(changes)
	}
	if wrote {
		status.AppliedAt = s.timestamp()
	}
}

// maxEntryRows is how many entries of a target the status lists. An account has about six, and the size of a status is limited.
const maxEntryRows = 64

// entryRows are the rows of the entries, first those that a rotation may change, and how many are left out.
func entryRows(changes []pullsecret.Change) (rows []v1alpha1.EntryStatus, rest int32) {
	others := func(c pullsecret.Change) bool { return c.Action == pullsecret.KeptForeign }
	listed := changes
	if len(changes) > maxEntryRows {
		listed = slices.SortedStableFunc(slices.Values(changes), func(a, b pullsecret.Change) int {
			switch {
			case others(a) == others(b):
				return 0
			case others(a):
				return 1
			}
			return -1
		})[:maxEntryRows]
	}
	for _, c := range listed {
		rows = append(rows, v1alpha1.EntryStatus{Registry: c.Registry, Action: string(c.Action)})
	}
	return rows, int32(len(changes) - len(listed))
}
