package decide

import (
	"cmp"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// This file decides when a machine of each pool pulls spec.rollout.probe.image with the new file, and what follows from its answer. Each Pod is
// on record, by name, before it exists, and by its UID once it does: whoever comes after a crash knows what to remove and whom to believe.

// ProbeFact is a Pod that carries the mark of this object's probes.
type ProbeFact struct {
	Pod, UID string
	// Machine to which it is bound; empty before that.
	Machine string
	// Result is the machine's answer; empty while there is none.
	Result v1alpha1.ProbeResult
	// Late is what it comes to if there is none in time.
	Late v1alpha1.ProbeResult
}

// tidy removes Pods in every state of the object, also in a suspended one.
var tidy = chain{
	{why: "a process that has died may have left a Pod that is not on record", when: unswept, needs: []*need{needProbes}},
	{why: "a Pod for whose answer nobody waits is removed", when: leavesPods, check: does(DropProbes)},
}

// probeMachines has a machine of each pool pull the image.
var probeMachines = chain{
	{why: "the attempt is on record: the Pod is created", when: planned, check: startProbe},
	{why: "what do the machines say that are pulling?", when: hasPod, needs: []*need{needProbes}},
	{why: "an answer, or the end of an attempt, is recorded", when: anyProbe(concluded), check: does(RecordProbes)},
	{why: "which pools have the new file, and which of their machines?", when: asksPools, needs: []*need{needPools, needMachines}},
	{why: "once kubelet has forgotten the old file, a machine is asked", when: mayPlan, check: planProbe},
}

// judgeProbe restores the old entries if a machine is refused, and its registry serves the image to the entry that was replaced.
var judgeProbe = chain{
	{why: "is the entry that was replaced still there?", when: hasBackup, needs: []*need{needBackup}},
	{why: "and does its registry serve the image to it?", when: hasBackup, needs: []*need{needProbeChecks}},
	{why: "it does", when: all(hasBackup, oldPulls), then: rollBack},
}

// Probing is true while machines are to pull the image.
func Probing(in Input) bool {
	r := in.Status.Rotation
	return in.Spec.Rollout.Probe != nil && !in.Spec.Suspend && !auditing(in) && UnderWay(r) && r.AppliedAt != nil && r.RolledBackAt == nil && followsPools(in.Spec)
}

func unswept(in Input) bool { return in.Unswept }

func probes(in Input) []v1alpha1.ProbeStatus {
	if in.Status.Rotation == nil {
		return nil
	}
	return in.Status.Rotation.Probes
}

// anyProbe is true if one of the probes is.
func anyProbe(is func(Input, v1alpha1.ProbeStatus) bool) func(Input) bool {
	return func(in Input) bool {
		return slices.ContainsFunc(probes(in), func(p v1alpha1.ProbeStatus) bool { return is(in, p) })
	}
}

// Awaited is true for a probe whose Pod is to go on.
func Awaited(in Input, p v1alpha1.ProbeStatus) bool {
	return p.Pod != "" && Probing(in) && wanted(in.Spec, p) && p.TriedAt == nil && p.EndedAt == nil
}

// wanted is true for what the spec asks for now.
func wanted(spec *v1alpha1.PullSecretRotationSpec, p v1alpha1.ProbeStatus) bool {
	return spec.Rollout.Probe != nil && p.Image == spec.Rollout.Probe.Image && listedPool(spec, p.Pool)
}

func listedPool(spec *v1alpha1.PullSecretRotationSpec, pool string) bool {
	pools := spec.Rollout.Probe.Pools
	return len(pools) == 0 || slices.Contains(pools, pool)
}

// leavesPods is true if a Pod on record is to go, or one was seen that is not on record.
func leavesPods(in Input) bool {
	idle := anyProbe(func(in Input, p v1alpha1.ProbeStatus) bool { return p.Pod != "" && !Awaited(in, p) })
	return idle(in) || in.Facts.Probes != nil && slices.ContainsFunc(*in.Facts.Probes, func(f ProbeFact) bool { return !Believed(in, f) })
}

// Believed is true for a Pod whose UID is on record, and whose answer is awaited.
func Believed(in Input, f ProbeFact) bool {
	return slices.ContainsFunc(probes(in), func(p v1alpha1.ProbeStatus) bool { return Awaited(in, p) && p.Pod == f.Pod && p.PodUID == f.UID })
}

// givesUpPods are steps that end, or renew, the record of a rotation and with it that of its Pods.
var givesUpPods = []Step{Begin, Abandon, MarkIssued, Heal, RollBack, Finish}

// afterPods removes Pods before their record goes away.
func afterPods(in Input, d Decision) Decision {
	if slices.Contains(givesUpPods, d.Step) && hasPod(in) {
		return Decision{Step: DropProbes, All: true}
	}
	return d
}

func hasPod(in Input) bool {
	return anyProbe(func(_ Input, p v1alpha1.ProbeStatus) bool { return p.Pod != "" })(in)
}

func planned(in Input) bool { return in.Facts.ProbeIsOurs != "" }

func startProbe(in Input) *Decision {
	return &Decision{Step: StartProbe, Pool: in.Facts.ProbeIsOurs}
}

// outcome of an attempt that has ended. An attempt whose Pod somebody has removed ends without one, and so does one whose Pod was never recorded.
func outcome(in Input, p v1alpha1.ProbeStatus) (result v1alpha1.ProbeResult, machine string, over bool) {
	if !Awaited(in, p) || in.Facts.Probes == nil {
		return "", "", false
	}
	i := slices.IndexFunc(*in.Facts.Probes, func(f ProbeFact) bool { return f.Pod == p.Pod && f.UID == p.PodUID })
	if i < 0 {
		return p.Result, p.Machine, true
	}
	f := (*in.Facts.Probes)[i]
	if f.Result == "" && !in.Now.Before(p.StartedAt.Add(in.Timing.ProbeAttempt)) {
		f.Result = cmp.Or(f.Late, v1alpha1.ProbeNotStarted)
	}
	return f.Result, cmp.Or(f.Machine, p.Machine), f.Result != ""
}

// concluded is true for a probe with something to record.
func concluded(in Input, p v1alpha1.ProbeStatus) bool {
	_, _, over := outcome(in, p)
	return over || gaveUp(in, p)
}

// gaveUp is true for a pool that is no longer asked: its time is over, and there is no answer.
func gaveUp(in Input, p v1alpha1.ProbeStatus) bool {
	return p.Pod == "" && p.EndedAt == nil && wanted(in.Spec, p) && p.Result != v1alpha1.ProbeRefused && !in.Now.Before(probeEnds(in, p))
}

// forgotten is when kubelet no longer uses the old file.
func forgotten(in Input, p v1alpha1.ProbeStatus) time.Time {
	return p.FileSince.Add(in.Timing.ProbeDelay)
}

// probeEnds is when a pool without an answer is no longer asked.
func probeEnds(in Input, p v1alpha1.ProbeStatus) time.Time {
	return forgotten(in, p).Add(probeTimeout(in.Spec))
}

func probeTimeout(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.Rollout.Probe.Timeout == nil {
		return time.Hour // the schema's default
	}
	return spec.Rollout.Probe.Timeout.Duration
}

// longestProbePause is the longest pause between attempts at a pool.
const longestProbePause = time.Hour

// nextAttempt is when a machine is asked: as soon as it may be, and after an attempt with pauses that grow.
func nextAttempt(in Input, p v1alpha1.ProbeStatus) time.Time {
	if p.StartedAt == nil {
		return forgotten(in, p)
	}
	last := p.StartedAt.Time
	if p.TriedAt != nil {
		last = p.TriedAt.Time
	}
	return last.Add(schedule.PollInterval(last.Sub(forgotten(in, p)), in.Timing.VerifyRetry, longestProbePause))
}

// open is true for a pool that is still to be asked.
func open(in Input, p v1alpha1.ProbeStatus) bool {
	return p.EndedAt == nil && wanted(in.Spec, p)
}

func probeIsDue(in Input, p v1alpha1.ProbeStatus) bool {
	return open(in, p) && p.Pod == "" && !gaveUp(in, p) && !in.Now.Before(nextAttempt(in, p))
}

// asksPools is true if it matters which pools have the new file: one is due, or none was seen to have it yet.
func asksPools(in Input) bool { return anyProbe(probeIsDue)(in) || lacksPool(in) }

// lacksPool is true if a pool that is to be asked has not been seen with the new file.
func lacksPool(in Input) bool {
	names := in.Spec.Rollout.Probe.Pools
	if len(names) == 0 {
		for _, p := range in.Status.Rotation.Pools {
			names = append(names, p.Name)
		}
	}
	known := func(name string) bool {
		return slices.ContainsFunc(probes(in), func(p v1alpha1.ProbeStatus) bool { return p.Pool == name && wanted(in.Spec, p) })
	}
	if len(names) == 0 {
		return len(probes(in)) == 0
	}
	return slices.ContainsFunc(names, func(name string) bool { return !known(name) })
}

func mayPlan(in Input) bool { return dueProbe(in) != nil }

// dueProbe is the first probe that is due in a pool that has the new file. If one is due, the pools and machines are known.
func dueProbe(in Input) *v1alpha1.ProbeStatus {
	for _, p := range probes(in) {
		if !probeIsDue(in, p) {
			continue
		}
		if pool := seenPool(in, p.Pool); pool != nil && hasFile(in.Status, *pool, machines(in)) {
			return &p
		}
	}
	return nil
}

func seenPool(in Input, name string) *Pool {
	for i := range *in.Facts.Pools {
		if p := &(*in.Facts.Pools)[i]; p.Name == name {
			return p
		}
	}
	return nil
}

func planProbe(in Input) *Decision {
	p := dueProbe(in)
	return &Decision{Step: PlanProbe, Pool: p.Pool, Machine: machineFor(in, *p)}
}

// hasFile is true for a pool whose machines all have the new file, and which has machines.
func hasFile(s *v1alpha1.PullSecretRotationStatus, p Pool, machines []Machine) bool {
	return p.Machines > 0 && !p.Paused && p.Settled() && !unrendered(s, p) && len(laggards(s, p, machines)) == 0
}

// machineFor is the machine that pulls: the same as before, or the next by name if that one never began. It is empty where there are no
// MachineConfigNodes: the scheduler then chooses among the pool's.
func machineFor(in Input, p v1alpha1.ProbeStatus) string {
	var names []string
	for _, m := range machines(in) {
		if m.Pool == p.Pool && !m.Degraded {
			names = append(names, m.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	i := slices.Index(names, p.Machine)
	if i >= 0 && p.Result == v1alpha1.ProbeNotStarted {
		i++
	}
	return names[max(i, 0)%len(names)]
}

// refusedProbe is true for a probe whose machine its registry refuses.
func refusedProbe(in Input, p v1alpha1.ProbeStatus) bool {
	return open(in, p) && p.Result == v1alpha1.ProbeRefused && p.RefusedSince != nil
}

// refusedForLong is true once a refusal has lasted as long as one of a registry must, before it has consequences.
func refusedForLong(in Input, p v1alpha1.ProbeStatus) bool {
	return refusedProbe(in, p) && !in.Now.Before(p.RefusedSince.Add(in.Timing.VerifyDeadline))
}

// probeCondemns is true if a machine's refusal may lead to a rollback.
func probeCondemns(in Input) bool {
	return Probing(in) && in.Spec.Rollback != v1alpha1.RollbackNever && anyProbe(refusedForLong)(in)
}

func oldPulls(in Input) bool { return accepts(in.Facts.ProbeChecks) }
