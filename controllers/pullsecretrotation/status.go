package pullsecretrotation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/conditions"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// summarise puts the decision into the conditions and the columns.
func (s *scope) summarise(d decide.Decision) {
	status := &s.obj.Status
	status.ObservedGeneration = s.obj.Generation
	status.Phase = d.Phase
	status.WaitingFor = ""
	status.NextRotationAfter = nil
	if t, err := decide.Trigger(s.input()); err == nil && t.Next != nil {
		status.NextRotationAfter = decide.TimePtr(*t.Next)
	}
	s.reportTargets(d)
	s.reportOwner()
	s.record().NoteAudit(s.input(), d.Reason)
	switch d.State {
	case decide.Ready:
		conditions.Ready(s.obj, d.Reason, d.Message)
	case decide.Progressing:
		status.WaitingFor = d.Message
		conditions.Progressing(s.obj, d.Reason, d.Message)
	case decide.Failing:
		status.WaitingFor = d.Message
		s.warnOnce(d)
		conditions.Failing(s.obj, d.Reason, d.Message)
	case decide.Stalled:
		status.WaitingFor = d.Message
		s.warnOnce(d)
		conditions.Stalled(s.obj, d.Reason, d.Message)
	case decide.Paused:
		s.reportPaused(d)
	}
	if d.State != decide.Paused {
		conditions.Remove(s.obj, v1alpha1.ConditionSuspended)
	}
	s.reportNames(d)
	s.reportRevocation()
	s.reportProbes()
	s.reportProof()
	s.reportWriter(d)
	s.measure(d)
}

// reportPaused reports that the operator does nothing, so that nothing is reconciling. Ready keeps its last value, which stays unverified.
func (s *scope) reportPaused(d decide.Decision) {
	conditions.Set(s.obj, v1alpha1.ConditionSuspended, metav1.ConditionTrue, d.Reason, d.Message)
	conditions.Remove(s.obj, v1alpha1.ConditionReconciling)
	if meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionReady) == nil {
		conditions.Set(s.obj, v1alpha1.ConditionReady, metav1.ConditionUnknown, d.Reason, d.Message)
	}
}

// reportProbes says whether the machines can pull with the new pull secret.
func (s *scope) reportProbes() {
	status, reason, message, ok := decide.MachinesCanPull(s.input())
	if !ok {
		conditions.Remove(s.obj, v1alpha1.ConditionMachinesCanPull)
		return
	}
	conditions.Set(s.obj, v1alpha1.ConditionMachinesCanPull, status, reason, message)
}

// reportProof withdraws the result of a check that is too old.
func (s *scope) reportProof() {
	if refused, _ := decide.Judge(s.facts.Checks); len(refused) > 0 {
		s.reportAnswers(s.facts.Checks) // the registries are asked again before this has consequences, but the report is true meanwhile
		return
	}
	last := s.obj.Status.LastHealthCheck
	c := meta.FindStatusCondition(s.obj.Status.Conditions, v1alpha1.ConditionPullSecretValid)
	if c == nil || c.Status == metav1.ConditionUnknown || s.obj.Spec.Suspend && last == nil {
		return
	}
	if last != nil && s.now().Sub(last.Time) <= 2*decide.HealthInterval(&s.obj.Spec) {
		return
	}
	if last == nil {
		conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionUnknown, v1alpha1.ReasonRegistriesUnknown,
			"The pull secret in use has not been checked since it was changed. See the condition Ready for the reason.")
		return
	}
	conditions.Set(s.obj, v1alpha1.ConditionPullSecretValid, metav1.ConditionUnknown, v1alpha1.ReasonRegistriesUnknown,
		"The last check of the pull secret in use is older than two health checks, so it is unknown whether it still works. See the condition Ready for the reason.")
}

// reportTargets records unusable targets and, in mode Audit, what a rotation would do to each entry.
func (s *scope) reportTargets(d decide.Decision) {
	s.dropStaleTargets()
	for i, t := range s.targets {
		switch {
		case t.doc == nil:
			s.noteTarget(t.ref, t.problem.reason, t.problem.message, nil, false)
		case s.facts.Targets[i].Problem != "":
			s.noteTarget(t.ref, s.facts.Targets[i].Problem, s.facts.Targets[i].Message, nil, false)
		case decide.Reports(d.Reason) && s.issued != nil:
			_, changes, err := pullsecret.Merge(t.doc, s.issued, s.policy(t, nil))
			if err == nil {
				s.noteTarget(t.ref, v1alpha1.ReasonAudited, "", foreseen(changes), false)
			}
		}
	}
}

// What a rotation would do to an entry, in mode Audit.
const (
	wouldBeReplaced pullsecret.Action = "WouldBeReplaced"
	wouldBeAdded    pullsecret.Action = "WouldBeAdded"
)

// foreseen is what the next rotation does to entries: one that equals a currently issued one is the account's, so it gets the new credential.
func foreseen(changes []pullsecret.Change) []pullsecret.Change {
	next := slices.Clone(changes)
	for i := range next {
		switch next[i].Action {
		case pullsecret.Unchanged, pullsecret.Replaced, pullsecret.Awaited:
			next[i].Action = wouldBeReplaced
		case pullsecret.Added:
			next[i].Action = wouldBeAdded
		}
	}
	return next
}

// dropStaleTargets removes the rows of targets that are no longer in the spec, and of those that have become usable but have not been written
// yet.
func (s *scope) dropStaleTargets() {
	if s.targets == nil {
		return
	}
	s.obj.Status.Targets = slices.DeleteFunc(s.obj.Status.Targets, func(row v1alpha1.TargetStatus) bool {
		ref := v1alpha1.SecretReference{Namespace: row.Namespace, Name: row.Name}
		i := slices.IndexFunc(s.targets, func(t target) bool { return t.ref == ref })
		if i < 0 {
			return true
		}
		if row.Result == v1alpha1.ReasonAccountMismatch || row.Result == v1alpha1.ReasonOwnerUnknown {
			return s.facts.Targets[i].Problem == "" && !s.noted[ref]
		}
		broken := []string{v1alpha1.ReasonTargetMissing, v1alpha1.ReasonTargetInvalid, v1alpha1.ReasonForbidden, v1alpha1.ReasonConflict}
		wasBroken := slices.Contains(broken, row.Result)
		return wasBroken && s.targets[i].doc != nil && !s.noted[ref]
	})
}

// fightMemory is how long an entry must stay unchanged before a fight about it is over: a writer may act only every few hours.
const fightMemory = 24 * time.Hour

// reportWriter sets the condition about another writer that restores other values.
func (s *scope) reportWriter(d decide.Decision) {
	if d.Reason == v1alpha1.ReasonWriterFight {
		conditions.Set(s.obj, v1alpha1.ConditionSecondWriter, metav1.ConditionTrue, d.Reason, d.Message)
		return
	}
	for _, t := range s.obj.Status.Targets {
		if t.Healed >= 3 && t.AppliedAt != nil && s.now().Before(t.AppliedAt.Add(fightMemory)) {
			conditions.Set(s.obj, v1alpha1.ConditionSecondWriter, metav1.ConditionTrue, v1alpha1.ReasonWriterFight,
				fmt.Sprintf("Another writer has put other credentials into %s/%s %d times. The operator last replaced them at %s. Stop that "+
					"writer, or give it the new pull secret.",
					t.Namespace, t.Name, t.Healed, decide.OnTheClock(t.AppliedAt.Time)))
			return
		}
	}
	conditions.Remove(s.obj, v1alpha1.ConditionSecondWriter)
}

// reportPools sets the condition about paused pools: the operator neither unpauses them nor waits for them.
func (s *scope) reportPools(pools []decide.Pool) {
	var paused []string
	for _, p := range pools {
		if p.Paused {
			paused = append(paused, p.Name)
		}
	}
	if len(paused) == 0 || !decide.TargetsGlobal(&s.obj.Spec) {
		conditions.Remove(s.obj, v1alpha1.ConditionPoolsPaused)
		return
	}
	conditions.Set(s.obj, v1alpha1.ConditionPoolsPaused, metav1.ConditionTrue, v1alpha1.ReasonPoolPaused,
		fmt.Sprintf("The pools %s are paused: their machines keep the old pull secret and lose access when OCM revokes it. Unpause them with: %s",
			strings.Join(paused, ", "), command.Line(append(append([]string{"oc", "patch", "machineconfigpool"}, paused...), "--type", "merge", "-p", `{"spec":{"paused":false}}`))))
}
