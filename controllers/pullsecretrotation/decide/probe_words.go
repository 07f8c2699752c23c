package decide

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// besideProbes reports the probes instead of OCM's progress. The end of the rotation waits until each pool has answered or is no longer asked.
func besideProbes(in Input, said *Decision) *Decision {
	if !Probing(in) || said.Step != Wait && said.Step != Finish {
		return said
	}
	outstanding := anyProbe(unanswered)(in)
	if said.Step == Finish && !outstanding {
		return said
	}
	switch {
	case anyProbe(refusedProbe)(in) && said.Step == Wait && said.State != Failing && said.State != Stalled:
		said = decided(Waiting(Failing, v1alpha1.ReasonProbeRefused, "A machine is refused", refusedWords(in), said.After))
	case outstanding && (said.Step == Finish || said.State == Ready):
		said = decided(Waiting(Progressing, v1alpha1.ReasonProbing, "Asking the machines", probingWords(in), longestProbePause))
	}
	said.After = min(said.After, untilProbe(in))
	return said
}

// unanswered is true for a probe whose pool may still give its first answer.
func unanswered(in Input, p v1alpha1.ProbeStatus) bool {
	return open(in, p) && p.Result != v1alpha1.ProbeRefused
}

// untilProbe is how long it is until a probe needs attention.
func untilProbe(in Input) time.Duration {
	next := longestProbePause
	for _, p := range probes(in) {
		switch {
		case !open(in, p):
		case p.Pod != "":
			next = min(next, in.Timing.PoolPoll)
		case !probeIsDue(in, p):
			next = min(next, nextAttempt(in, p).Sub(in.Now))
		default: // its pool has lost the file
			next = min(next, in.Timing.PoolPoll)
		}
	}
	return max(next, time.Second)
}

func poolsOf(in Input, is func(Input, v1alpha1.ProbeStatus) bool) []v1alpha1.ProbeStatus {
	return slices.DeleteFunc(slices.Clone(probes(in)), func(p v1alpha1.ProbeStatus) bool { return !is(in, p) })
}

// sayPools names pools with their machines, at most namedInMessage.
func sayPools(list []v1alpha1.ProbeStatus) string {
	var names []string
	for _, p := range list[:min(len(list), namedInMessage)] {
		name := p.Pool
		if p.Machine != "" {
			name += " (" + p.Machine + ")"
		}
		names = append(names, name)
	}
	if rest := len(list) - len(names); rest > 0 {
		names = append(names, fmt.Sprintf("%d more", rest))
	}
	return strings.Join(names, ", ")
}

func probingWords(in Input) string {
	list := poolsOf(in, unanswered)
	first := forgotten(in, list[0])
	for _, p := range list {
		if at := forgotten(in, p); at.Before(first) {
			first = at
		}
	}
	return fmt.Sprintf("The machines have the pull secret that was applied at %s. One machine of each pool is asked to pull %s with it, from %s on, when kubelet has forgotten the old file. "+
		"The answer of these pools is awaited: %s.",
		OnTheClock(in.Status.Rotation.AppliedAt.Time), in.Spec.Rollout.Probe.Image, OnTheClock(first), sayPools(list))
}

func refusedWords(in Input) string {
	list := poolsOf(in, refusedProbe)
	since := list[0].RefusedSince.Time
	for _, p := range list {
		if p.RefusedSince.Time.Before(since) {
			since = p.RefusedSince.Time
		}
	}
	words := fmt.Sprintf("The registry refuses to serve %s to machines that have the pull secret applied at %s: pool %s, since %s.",
		in.Spec.Rollout.Probe.Image, OnTheClock(in.Status.Rotation.AppliedAt.Time), sayPools(list), OnTheClock(since))
	until := since.Add(in.Timing.VerifyDeadline)
	if in.Spec.Rollback != v1alpha1.RollbackNever && in.Now.Before(until) {
		return words + fmt.Sprintf(" If that is still so at %s and the registry serves it to the old entry, the operator will restore the old entries.", OnTheClock(until))
	}
	return words + " The old entries are not restored: spec.rollback forbids it, the registry refuses them too, or OCM may delete them at any time. " +
		"Check that the account may pull this image, and whether these machines use a mirror or another entry for it."
}

// MachinesCanPull is the condition about the probes; ok is false if there is nothing to say.
func MachinesCanPull(in Input) (status metav1.ConditionStatus, reason, message string, ok bool) {
	r := in.Status.Rotation
	if in.Spec.Rollout.Probe == nil || r == nil || r.AppliedAt == nil || r.RolledBackAt != nil || len(r.Probes) == 0 {
		return "", "", "", false
	}
	for _, v := range verdicts {
		list := poolsOf(in, func(_ Input, p v1alpha1.ProbeStatus) bool { return p.Result == v.result })
		if len(list) > 0 {
			return v.status, v.reason, fmt.Sprintf(v.words, sayPools(list), list[0].Image) + tried(list), true
		}
	}
	return "", "", "", false
}

// verdicts are what results mean for the condition, the worst first.
var verdicts = []struct {
	result v1alpha1.ProbeResult
	status metav1.ConditionStatus
	reason string
	words  string
}{
	{v1alpha1.ProbeRefused, metav1.ConditionFalse, v1alpha1.ReasonProbeRefused,
		"The registry refuses machines of the pools %s that pull %s with the new pull secret."},
	{v1alpha1.ProbeFailed, metav1.ConditionFalse, v1alpha1.ReasonProbeFailed,
		"Machines of the pools %s cannot pull %s, and not because they are refused: it may be the network, a mirror or the registry itself. See the events of the machines' other Pods."},
	{v1alpha1.ProbeNotFound, metav1.ConditionUnknown, v1alpha1.ReasonProbeImageMissing,
		"The registry does not have, for machines of the pools %s, the image %s. Name one in spec.rollout.probe.image that the account may pull."},
	{v1alpha1.ProbeNotCreated, metav1.ConditionUnknown, v1alpha1.ReasonProbeNotCreated,
		"The API server refuses the Pod with which a machine of the pools %s is to pull %s. A policy, a quota, or a missing right or service account in the operator's namespace can be the cause; see the operator's log."},
	{v1alpha1.ProbeNotStarted, metav1.ConditionUnknown, v1alpha1.ReasonProbeNotStarted,
		"No machine of the pools %s has begun in time to pull %s. See whether they are ready and have room for a small Pod."},
	{"", metav1.ConditionUnknown, v1alpha1.ReasonProbing,
		"Machines of the pools %s have not answered yet whether they can pull %s with the new pull secret."},
	{v1alpha1.ProbePulled, metav1.ConditionTrue, v1alpha1.ReasonProbesPulled,
		"A machine of each of the pools %s has pulled %s with the new pull secret."},
}

// ReasonOfProbe is the condition's reason for a result; one that has ended without any was never started.
func ReasonOfProbe(result v1alpha1.ProbeResult) string {
	for _, v := range verdicts {
		if v.result == cmp.Or(result, v1alpha1.ProbeNotStarted) {
			return v.reason
		}
	}
	return v1alpha1.ReasonProbeNotStarted
}

// tried says whether there will be another attempt.
func tried(list []v1alpha1.ProbeStatus) string {
	for _, p := range list {
		if p.TriedAt == nil || p.Result == v1alpha1.ProbePulled {
			continue
		}
		if p.EndedAt != nil {
			return fmt.Sprintf(" The last attempt was at %s, and no other follows in this rotation.", OnTheClock(p.TriedAt.Time))
		}
		return fmt.Sprintf(" The last attempt was at %s; the operator tries again while the rotation is under way.", OnTheClock(p.TriedAt.Time))
	}
	return ""
}
