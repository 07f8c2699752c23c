package decide

import (
	"fmt"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// rollout judges the pools: nil when each has rendered the change and brought it to all its machines. Paused pools are named and do
// not block.
func rollout(in Input) *Decision {
	r := in.Status.Rotation
	if !followsPools(in.Spec) {
		return nil
	}
	wrote := wroteGlobal(in.Status)
	var open, degraded []string
	for _, p := range *in.Facts.Pools {
		before := poolBefore(r, p.Name)
		switch {
		case p.Paused:
		case p.Degraded && before.DegradedBefore:
			open = append(open, p.Name+" is degraded, and was before the change")
		case p.Degraded:
			degraded = append(degraded, p.Name)
		case wrote && before.ConfigurationBefore != "" && p.Wanted == before.ConfigurationBefore:
			open = append(open, p.Name+" has not rendered the change yet")
		case !p.Settled():
			open = append(open, fmt.Sprintf("%s has updated %d of %d machines", p.Name, p.Updated, p.Machines))
		}
	}
	poll := poolPoll(in)
	switch overdue := in.Now.Sub(r.AppliedAt.Time) > rolloutTimeout(in.Spec); {
	case len(degraded) > 0:
		return decided(Waiting(Failing, v1alpha1.ReasonRolloutDegraded, "Roll-out degraded",
			fmt.Sprintf("The pull secret was applied at %s, and the pools %s are degraded: their machines may keep the old file. See: %s",
				OnTheClock(r.AppliedAt.Time), strings.Join(degraded, ", "), append(command.Line{"oc", "describe", "machineconfigpool"}, degraded...)), poll))
	case len(open) == 0:
		return nil
	case overdue:
		return decided(Waiting(Failing, v1alpha1.ReasonRolloutOverdue, "Rolling out (overdue)",
			fmt.Sprintf("The pull secret was applied at %s, and the roll-out has not ended within %s: %s. It is followed on; see: oc get machineconfigpools",
				OnTheClock(r.AppliedAt.Time), rolloutTimeout(in.Spec), strings.Join(open, "; ")), poll))
	default:
		return decided(Waiting(Progressing, v1alpha1.ReasonRollingOut, "Rolling out",
			fmt.Sprintf("The pull secret was applied at %s and goes to the machines: %s.", OnTheClock(r.AppliedAt.Time), strings.Join(open, "; ")), poll))
	}
}

// longestPoolPoll is how often pools are looked at that have been stuck for long: only a person helps them.
const longestPoolPoll = 10 * time.Minute

// poolPoll follows a roll-out closely for as long as it may take, and ever less closely after that.
func poolPoll(in Input) time.Duration {
	late := in.Now.Sub(in.Status.Rotation.AppliedAt.Time) - rolloutTimeout(in.Spec)
	return schedule.PollInterval(max(late, 0), in.Timing.PoolPoll, longestPoolPoll)
}

// followsPools is true when the pools have to do with the rotation.
func followsPools(spec *v1alpha1.PullSecretRotationSpec) bool {
	return (spec.Rollout.WaitForPools == nil || *spec.Rollout.WaitForPools) && TargetsGlobal(spec)
}

func rolloutTimeout(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.Rollout.Timeout == nil {
		return 2 * time.Hour // the schema's default
	}
	return spec.Rollout.Timeout.Duration
}

// poolBefore is a pool before the change; empty when it was not noted, because the change was not this operator's.
func poolBefore(r *v1alpha1.RotationStatus, pool string) v1alpha1.PoolStatus {
	for _, p := range r.Pools {
		if p.Name == pool {
			return p
		}
	}
	return v1alpha1.PoolStatus{}
}

// wroteGlobal is true when this rotation changed the global pull secret by our hand. When somebody else had done it before,
// the pools may have rendered it before we looked.
func wroteGlobal(s *v1alpha1.PullSecretRotationStatus) bool {
	t := TargetRow(s, v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"})
	return t != nil && t.Result == v1alpha1.ReasonPullSecretUpdated
}
