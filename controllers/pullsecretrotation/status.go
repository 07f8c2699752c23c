package pullsecretrotation

import (
	"fmt"
	"slices"
	"strings"

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
		conditions.Set(s.obj, v1alpha1.ConditionReady, metav1.ConditionUnknown, d.Reason, d.Message)
		conditions.Remove(s.obj, v1alpha1.ConditionReconciling)
		conditions.Remove(s.obj, v1alpha1.ConditionStalled)
	}
	s.reportWriter(d)
	s.measure(d)
}

// reportTargets notes targets that cannot be used, and in mode Audit what a rotation would do to each entry.
func (s *scope) reportTargets(d decide.Decision) {
	s.dropStaleTargets()
	for _, t := range s.targets {
		switch {
		case t.doc == nil:
			s.noteTarget(t.ref, t.problem.reason, t.problem.message, nil, false)
		case d.Reason == v1alpha1.ReasonAudited && s.issued != nil:
			_, changes, err := pullsecret.Merge(t.doc, s.issued, s.policy())
			if err == nil {
				s.noteTarget(t.ref, v1alpha1.ReasonAudited, "", foreseen(changes), false)
			}
		}
	}
}

// foreseen is what the next rotation does to entries: one that equals what OCM gives out now is the account's, so it gets
// the new credential.
func foreseen(changes []pullsecret.Change) []pullsecret.Change {
	next := slices.Clone(changes)
	for i := range next {
		if next[i].Action == pullsecret.Unchanged {
			next[i].Action = pullsecret.Replaced
		}
	}
	return next
}

// dropStaleTargets removes the rows of targets that the spec no longer names, and of those that have become usable and to
// which nothing was done yet.
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
		wasBroken := row.Result == v1alpha1.ReasonTargetMissing || row.Result == v1alpha1.ReasonTargetInvalid || row.Result == v1alpha1.ReasonForbidden
		return wasBroken && s.targets[i].doc != nil && !s.noted[ref]
	})
}

// reportWriter keeps the condition about somebody who puts old values back.
func (s *scope) reportWriter(d decide.Decision) {
	if d.Reason == v1alpha1.ReasonWriterFight {
		conditions.Set(s.obj, v1alpha1.ConditionSecondWriter, metav1.ConditionTrue, d.Reason, d.Message)
		return
	}
	for _, t := range s.obj.Status.Targets {
		// A fight is over when the entry has stayed for longer than the longest pause.
		if t.Healed >= 3 && t.AppliedAt != nil && s.now().Before(t.AppliedAt.Add(decide.RecheckForPeople)) {
			return
		}
	}
	conditions.Remove(s.obj, v1alpha1.ConditionSecondWriter)
}

// reportPools keeps the condition about paused pools: they are never unpaused, and never waited for.
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
