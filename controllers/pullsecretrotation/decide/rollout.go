package decide

import (
	"fmt"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// rollout judges the pools and, where there are MachineConfigNodes, each machine: nil if all of them have the change. Paused pools are reported,
// but not awaited.
func rollout(in Input) *Decision {
	r := in.Status.Rotation
	if !followsPools(in.Spec) {
		return nil
	}
	var open, degraded, sick []string
	for _, p := range *in.Facts.Pools {
		before := poolBefore(r, p.Name)
		behind := laggards(in.Status, p, machines(in))
		switch {
		case p.Paused:
		case p.Degraded && before.DegradedBefore:
			open = append(open, p.Name+" is degraded, as it was before the change")
		case p.Degraded:
			degraded, sick = append(degraded, p.Name), append(sick, p.Name+naming(behind))
		case unrendered(in.Status, p):
			open = append(open, p.Name+" has not rendered the change yet")
		case !p.Settled():
			open = append(open, fmt.Sprintf("%s has updated %d of %d machines%s", p.Name, p.Updated, p.Machines, naming(behind)))
		case len(behind) > 0:
			open = append(open, p.Name+" counts all its machines as updated"+naming(behind))
		}
	}
	poll := poolPoll(in)
	switch overdue := in.Now.Sub(r.AppliedAt.Time) > rolloutTimeout(in.Spec); {
	case len(degraded) > 0:
		return decided(Waiting(Failing, v1alpha1.ReasonRolloutDegraded, "Roll-out degraded",
			fmt.Sprintf("The pull secret was applied at %s, but the pools %s are degraded: their machines may keep the old file. See: %s",
				OnTheClock(r.AppliedAt.Time), strings.Join(sick, "; "), append(command.Line{"oc", "describe", "machineconfigpool"}, degraded...)), poll))
	case len(open) == 0:
		return nil
	case overdue:
		return decided(Waiting(Failing, v1alpha1.ReasonRolloutOverdue, "Rolling out (overdue)",
			fmt.Sprintf("The pull secret was applied at %s, but the roll-out has taken longer than %s: %s. The operator keeps following it; see: "+
				"oc get machineconfigpools",
				OnTheClock(r.AppliedAt.Time), rolloutTimeout(in.Spec), strings.Join(open, "; ")), poll))
	default:
		return decided(Waiting(Progressing, v1alpha1.ReasonRollingOut, "Rolling out",
			fmt.Sprintf("The pull secret was applied at %s and is being rolled out to the "+
				"machines: %s.", OnTheClock(r.AppliedAt.Time), strings.Join(open, "; ")), poll))
	}
}

// longestPoolPoll is how often pools that have been stuck for long are polled: only a person can help them.
const longestPoolPoll = 10 * time.Minute

// poolPoll is short for as long as a roll-out may take, and grows after that.
func poolPoll(in Input) time.Duration {
	late := in.Now.Sub(in.Status.Rotation.AppliedAt.Time) - rolloutTimeout(in.Spec)
	return schedule.PollInterval(max(late, 0), in.Timing.PoolPoll, longestPoolPoll)
}

// followsPools is true if the rotation involves the pools.
func followsPools(spec *v1alpha1.PullSecretRotationSpec) bool {
	return (spec.Rollout.WaitForPools == nil || *spec.Rollout.WaitForPools) && TargetsGlobal(spec)
}

func rolloutTimeout(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.Rollout.Timeout == nil {
		return 2 * time.Hour // the schema's default
	}
	return spec.Rollout.Timeout.Duration
}

// poolBefore is a pool's state before the change; empty if it was not recorded because somebody else made the change.
func poolBefore(r *v1alpha1.RotationStatus, pool string) v1alpha1.PoolStatus {
	for _, p := range r.Pools {
		if p.Name == pool {
			return p
		}
	}
	return v1alpha1.PoolStatus{}
}

// wroteGlobal is true if the operator itself changed the global pull secret in this rotation. If somebody else did, the pools may have rendered
// it before the operator looked.
func wroteGlobal(s *v1alpha1.PullSecretRotationStatus) bool {
	t := TargetRow(s, v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"})
	return t != nil && t.Result == v1alpha1.ReasonPullSecretUpdated
}
