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

// apply merges the issued credentials into each target, the first as canary: when it fails, the others stay. One of the
// others that fails does not hold up the rest.
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
		if i == 0 && s.targets[0].doc == nil && !heal { // nothing is applied while the canary cannot be
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

// failed leaves a target out that could not be written; the error is what holds up the others too.
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

// noteAge notes which rotation the pull secret in use is of, as far as OCM's list was read.
func (s *scope) noteAge() {
	if s.facts.Rotations != nil {
		s.record().Age(*s.facts.Rotations, s.now())
	}
}

// awaits is true while an entry of a target that can be written waits for its registry.
func (s *scope) awaits() bool {
	return slices.ContainsFunc(s.facts.Targets, func(t decide.TargetFact) bool { return t.Problem == "" && len(t.Changes) > 0 })
}

// held keeps back what the evidence does not allow to be written.
func (s *scope) held(e pullsecret.Entry) bool {
	return !decide.MayWrite(s.input(), s.change(e.Registry, e.Registry))
}

// pausesInAFight is true for a target whose old entries are left alone for a while, whatever is done to the others.
func (s *scope) pausesInAFight(i int) bool {
	return decide.Pauses(s.input(), s.facts.Targets[i])
}

// leaveOut takes a target out of this reconcile: what cannot be done to it now is not tried again before the next.
func (s *scope) leaveOut(t *target, p problem) {
	t.doc, t.problem = nil, p
	s.noteTarget(t.ref, p.reason, p.message, nil, false)
}

// refusedWrite says why a target could not be written.
func (s *scope) refusedWrite(ref v1alpha1.SecretReference, err error) problem {
	if !apierr.MissingRight(err) {
		return problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("An admission policy, a webhook or a quota refuses the change of the target Secret %s. It was not changed. "+
			"The API server's audit log names what refuses it.", ref)}
	}
	return problem{v1alpha1.ReasonForbidden, s.forbidden(ref)}
}

// notePools notes which configuration each pool has before a target is written, whose change makes it render another. None is noted
// when the global pull secret needs no change: then no new configuration will come.
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

// applyTo merges into one target. The resourceVersion is the precondition: what somebody else wrote in between is read anew.
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
		s.leaveOut(t, problem{v1alpha1.ReasonTargetInvalid, fmt.Sprintf("The new entries cannot be merged: %v. The target was not changed.", err)})
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
		s.event(corev1.EventTypeWarning, v1alpha1.ReasonEntryHealed, "Heal", "%s put other credentials into %s; they were replaced again (rotation %s)", decide.WriterName(before), t.ref, r.ID)
		return nil
	}
	s.event(corev1.EventTypeNormal, v1alpha1.ReasonPullSecretUpdated, "Apply", "Wrote the new credentials of rotation %s into %s", r.ID, t.ref)
	return nil
}

// noteCurrent is for a target that has the new credentials already: by somebody else, or by this operator right before a crash.
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

// write updates one target. The answer is what the API server has: it is compared with what was meant.
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

// noteRollback notes that old entries are put back before the first is: without that they would be healed.
func (s *scope) noteRollback() {
	if s.rotation().RolledBackAt == nil {
		s.record().RollBack(s.now())
		s.noteAge()
	}
}

// rollBack puts back the entries that this rotation changed, not the whole document: others may have edited it since.
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

// restore puts the old entries back into one target.
func (s *scope) restore(ctx context.Context, t *target) error {
	old := s.backup[t.ref]
	if old == nil { // it has become a target since
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
	s.event(corev1.EventTypeWarning, v1alpha1.ReasonRolledBack, "RollBack", "Put the old credentials back into %s: rotation %s could not be used", t.ref, s.rotation().ID)
	return nil
}

// brought are the registries of a target whose entry is the one that this rotation issued.
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

// elsewhere is what a target other than the cluster's own pull secret means for machines.
const elsewhere = "Other clusters' nodes are not looked at: whoever reads this Secret decides what they get. HyperShift gives it to existing nodes only " +
	"when spec.pullSecret of the HostedCluster names another Secret; Hive uses it for new clusters, and a SyncSet takes it to those that exist."

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

// maxEntryRows is how many entries of a target the status lists. The account has about six, and a status has a size.
const maxEntryRows = 64

// entryRows are what became of the entries, those that a rotation concerns before the others, and how many are left out.
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
