package pullsecretrotation

import (
	"fmt"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
	"github.com/openshift/credential-rotation-operator/internal/ocm"
	"github.com/openshift/credential-rotation-operator/internal/registry"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// seeThrough decides while a rotation is under way. Its place in the way is the first time that is missing in
// status.rotation; everything else is derived.
func seeThrough(in Input, d due) Decision {
	r := in.Status.Rotation
	switch {
	case r.ID == "" && r.Reason != v1alpha1.TriggerCatchUp:
		return requesting(in, d)
	case r.IssuedAt == nil:
		return awaitingIssue(in)
	case r.VerifiedAt == nil:
		return verifying(in)
	case r.AppliedAt == nil:
		return applying(in)
	default:
		return afterApply(in)
	}
}

// requesting sends at most one POST for a T. The list is read right before, so that what another cluster, a person or a
// lost answer of our own has started is adopted instead of doubled.
func requesting(in Input, d due) Decision {
	r := in.Status.Rotation
	if in.Facts.Rotations == nil {
		return look(LookAtRotations)
	}
	if known, ok := adoptable(*in.Facts.Rotations, r); ok {
		return adopt(known, r)
	}
	if in.Facts.IntentIsOurs {
		return look(Request)
	}
	if r.IntendedAt != nil {
		if settled := r.IntendedAt.Add(in.Options.settle()); in.Now.Before(settled) && !r.IntendedAt.After(in.Now) {
			return wait(Progressing, v1alpha1.ReasonRotationStarted, "Making sure of the request",
				fmt.Sprintf("A request to OCM was about to be sent at %s and its answer is not known. It may still take effect: OCM's list decides at %s whether another is needed.",
					onTheClock(r.IntendedAt.Time), onTheClock(settled)), settled.Sub(in.Now))
		}
	}
	// The world may have changed since the baseline: the mode, T, the window.
	if in.Spec.Mode != v1alpha1.ModeRotate || !d.set || r.After == nil || !r.After.Time.Equal(d.t.Truncate(time.Second)) {
		return look(Abandon)
	}
	if w, ok := mayRequest(in, d); !ok {
		return w
	}
	return look(RecordIntent)
}

// clockSkew is how far OCM's clock may be behind this cluster's.
const clockSkew = 5 * time.Minute

// adopt takes over a rotation that OCM lists in the place of one of our own. When it was requested before T, it is seen
// through and T still needs its own.
func adopt(known ocm.Rotation, r *v1alpha1.RotationStatus) Decision {
	taken := found(known, r.Reason, nil)
	if r.After != nil && !known.CreatedAt.Before(r.After.Add(-clockSkew)) {
		taken.After = r.After
	}
	return Decision{Step: RecordID, Rotation: taken}
}

// adoptable is the rotation that makes a request of our own unnecessary: one that is pending, one created at or after T,
// or one created since the intent was recorded (OCM's clock may be some minutes behind ours).
func adoptable(rotations []ocm.Rotation, r *v1alpha1.RotationStatus) (ocm.Rotation, bool) {
	if p, ok := pending(rotations); ok {
		return p, true
	}
	if r.After != nil {
		if s, ok := satisfying(rotations, r.After.Time); ok {
			return s, true
		}
	}
	if r.IntendedAt != nil {
		return satisfying(rotations, r.IntendedAt.Add(-clockSkew))
	}
	return ocm.Rotation{}, false
}

// awaitingIssue compares what OCM gives out with the baseline. The status stays "pending" until every cluster has switched:
// waiting for "completed" here would wait for ourselves.
func awaitingIssue(in Input) Decision {
	r := in.Status.Rotation
	if w, early := tooEarlyToPoll(in, r, v1alpha1.ReasonAwaitingIssue); early {
		return w
	}
	if in.Facts.Rotations == nil {
		return look(LookAtRotations)
	}
	current, listed := find(*in.Facts.Rotations, r.ID)
	if !listed {
		return vanished(in)
	}
	if in.Facts.Issued == nil {
		return look(LookAtIssued)
	}
	issued := in.Facts.Issued
	if issued.Present && !issued.SameAsBaseline {
		return look(MarkIssued)
	}
	if current.Status == ocm.RotationCompleted {
		if issued.Present {
			return look(MarkIssued) // somebody had switched this cluster before the baseline was taken
		}
		return Decision{Step: Finish, Rotation: found(current, r.Reason, nil)}
	}
	return awaitIssueMessage(in)
}

func awaitIssueMessage(in Input) Decision {
	r := in.Status.Rotation
	asked := since(r)
	if age := in.Now.Sub(asked); age > in.Options.IssueDeadline {
		return wait(Failing, v1alpha1.ReasonIssueOverdue, "Waiting for new credentials (overdue)",
			fmt.Sprintf("OCM has not issued new credentials for rotation %s, asked at %s; its batch runs four times a day. The pull secret in use is unchanged and keeps working. "+
				"Waiting goes on; open a support case with Red Hat that names the rotation.", r.ID, onTheClock(asked)), pollInterval(in))
	}
	return wait(Progressing, v1alpha1.ReasonAwaitingIssue, "Waiting for new credentials",
		fmt.Sprintf("OCM has not issued new credentials yet; its batch runs four times a day. Rotation %s was asked for at %s.", r.ID, onTheClock(asked)),
		pollInterval(in))
}

// vanished is for a rotation that OCM no longer lists: somebody deleted the record.
func vanished(in Input) Decision {
	r := in.Status.Rotation
	if newest, ok := pending(*in.Facts.Rotations); ok {
		return adopt(newest, r)
	}
	return wait(Stalled, v1alpha1.ReasonRotationVanished, "Rotation vanished",
		fmt.Sprintf("OCM no longer lists rotation %s: somebody deleted its record, and whether it still takes place is not known. It is not requested a second time. "+
			"Set spec.rotateAfter to the present to have another one.", r.ID), recheckForPeople)
}

// verifying asks the registries about the new credentials before anything is written.
func verifying(in Input) Decision {
	r := in.Status.Rotation
	if in.Facts.Issued == nil {
		return look(LookAtIssued)
	}
	if !in.Facts.Issued.Present || !in.Facts.Issued.SameAsIssued {
		return look(MarkIssued)
	}
	if in.Facts.Checks == nil {
		return look(CheckIssued)
	}
	refused, unknown := judge(in.Facts.Checks)
	retry := max(in.Options.VerifyRetry, patience(in.Facts.Checks))
	switch {
	case len(refused) == 0 && len(unknown) == 0:
		return look(MarkVerified)
	case len(refused) > 0 && in.Now.Sub(r.IssuedAt.Time) < in.Options.VerifyDeadline:
		return wait(Progressing, v1alpha1.ReasonVerifying, "Verifying new credentials",
			fmt.Sprintf("The new credentials are not accepted everywhere yet: %s. They may need time to spread; until %s a refusal does not count. Nothing was written.",
				strings.Join(refused, "; "), onTheClock(r.IssuedAt.Add(in.Options.VerifyDeadline))), retry)
	case len(refused) > 0:
		return wait(Failing, v1alpha1.ReasonCredentialsRefused, "New credentials refused",
			fmt.Sprintf("The new credentials are refused: %s. Nothing was written; the pull secret in use keeps working until OCM revokes it. Retried; if it stays, open a "+
				"support case with Red Hat that names rotation %s, or set spec.verification for that registry.", strings.Join(refused, "; "), r.ID), in.Options.PollMin)
	default:
		return wait(Failing, v1alpha1.ReasonVerificationIncomplete, "Verifying new credentials",
			fmt.Sprintf("The new credentials could not be verified: %s. Nothing was written; the pull secret in use keeps working until OCM revokes it. Check the way from this cluster to "+
				"the registry, or set its policy in spec.verification to BestEffort or Skip.", strings.Join(unknown, "; ")), retry)
	}
}

// judge sorts the answers: refused is evidence against the credential, unknown is none but holds a Required registry back.
func judge(checks []Check) (refused, unknown []string) {
	for _, c := range checks {
		said := fmt.Sprintf("%s: %s", c.Registry, c.Result.Message)
		switch {
		case c.Policy == v1alpha1.VerificationSkip || c.Result.Outcome == registry.Accepted:
		case c.Result.Outcome == registry.NotFound && !c.Named: // the login is good, and the image was only our guess
		case c.Result.Outcome.Refused():
			refused = append(refused, said)
		case c.Policy == v1alpha1.VerificationRequired:
			unknown = append(unknown, said)
		}
	}
	return refused, unknown
}

// patience is how long the registries ask to be left alone.
func patience(checks []Check) time.Duration {
	var longest time.Duration
	for _, c := range checks {
		longest = max(longest, c.Result.RetryAfter)
	}
	return longest
}

func applying(in Input) Decision {
	if in.Facts.Issued == nil {
		return look(LookAtIssued)
	}
	if !in.Facts.Issued.Present || !in.Facts.Issued.SameAsIssued {
		return look(MarkIssued)
	}
	if in.Facts.Pools == nil {
		return look(LookAtPools)
	}
	return look(Apply)
}

// afterApply follows the pools and OCM at once: neither waits for the other.
func afterApply(in Input) Decision {
	r := in.Status.Rotation
	if w, ok := oldEntries(in); ok {
		return w
	}
	if r.RolledBackAt != nil && in.Spec.Rollback == v1alpha1.RollbackNever {
		return reissue(in) // a person wants the new credentials after all
	}
	rollingOut := r.RolledOutAt == nil && r.RolledBackAt == nil
	var pools Decision
	if rollingOut {
		if in.Facts.Pools == nil {
			return look(LookAtPools)
		}
		verdict, settled := rollout(in, *in.Facts.Pools)
		if settled {
			return look(MarkRolledOut)
		}
		if verdict.Reason == v1alpha1.ReasonRolloutDegraded {
			return rollBack(in, verdict)
		}
		pools = verdict
	}
	if d, ok := checkApplied(in); ok {
		return d
	}
	ocmSays := awaitingRevocation(in)
	if ocmSays.Step == Finish && rollingOut && pools.Reason != v1alpha1.ReasonRolloutOverdue {
		return pools // the old credentials are gone, the machines not all there: followed on
	}
	if ocmSays.Step != Wait || !rollingOut {
		return ocmSays
	}
	pools.After = min(pools.After, ocmSays.After)
	return pools
}

// checkApplied proves the applied pull secret on the health check's interval, as between rotations.
func checkApplied(in Input) (Decision, bool) {
	next := nextHealthCheck(in, healthInterval(in.Spec))
	if in.Now.Before(next) || len(in.Facts.Targets[0].Own) == 0 || in.Facts.Targets[0].Problem != "" {
		return Decision{}, false
	}
	if in.Facts.Checks == nil {
		return look(CheckInUse), true
	}
	if refused, _ := judge(in.Facts.Checks); len(refused) > 0 && in.Status.Rotation.RolledBackAt == nil {
		verdict := wait(Failing, v1alpha1.ReasonRegistriesRefuse, "Applied credentials refused",
			fmt.Sprintf("The pull secret applied at %s is refused: %s.", onTheClock(in.Status.Rotation.AppliedAt.Time), strings.Join(refused, "; ")), in.Options.PollMin)
		if d := rollBack(in, verdict); d.Step != Wait {
			return d, true
		}
	}
	return look(RecordHealth), true
}

// rollBack puts the old entries back while OCM keeps the old credentials alive, which only its list can tell. Afterwards the
// backup is dead, and putting it back would break the cluster for good.
func rollBack(in Input, verdict Decision) Decision {
	r := in.Status.Rotation
	switch {
	case in.Spec.Rollback == v1alpha1.RollbackNever || r.BackupSecret == "":
		return verdict
	case r.Reason == v1alpha1.TriggerCatchUp:
	case in.Facts.Rotations == nil:
		return look(LookAtRotations)
	default:
		if current, listed := find(*in.Facts.Rotations, r.ID); listed && current.Status != ocm.RotationCompleted {
			return look(RollBack)
		}
	}
	verdict.Reason = v1alpha1.ReasonRollbackImpossible
	verdict.Message += " It is not rolled back: OCM has deleted the old credentials, and putting them back would break the cluster."
	return verdict
}

// reissue starts again from what OCM gives out.
func reissue(in Input) Decision {
	if in.Facts.Issued == nil {
		return look(LookAtIssued)
	}
	return look(MarkIssued)
}

// awaitingRevocation looks whether OCM has deleted the old credentials, or has issued others in the meantime.
func awaitingRevocation(in Input) Decision {
	r := in.Status.Rotation
	if r.Reason == v1alpha1.TriggerCatchUp && r.OCMStatus == ocm.RotationCompleted {
		return Decision{Step: Finish, Rotation: *r}
	}
	if w, early := tooEarlyToPoll(in, r, v1alpha1.ReasonAwaitingRevocation); early {
		return w
	}
	if in.Facts.Rotations == nil {
		return look(LookAtRotations)
	}
	current, listed := find(*in.Facts.Rotations, r.ID)
	if !listed {
		return vanished(in)
	}
	if in.Facts.Issued == nil {
		return look(LookAtIssued)
	}
	if in.Facts.Issued.Present && !in.Facts.Issued.SameAsIssued {
		return look(MarkIssued) // adopted before the batch ran: these are the real new ones
	}
	if current.Status == ocm.RotationCompleted {
		if r.RolledBackAt != nil {
			return look(MarkIssued) // the old credentials are dead: the new ones must go in again
		}
		return Decision{Step: Finish, Rotation: found(current, r.Reason, nil)}
	}
	return awaitRevokeMessage(in)
}

func awaitRevokeMessage(in Input) Decision {
	r := in.Status.Rotation
	asked := since(r)
	after := pollInterval(in)
	if r.RolledBackAt != nil {
		return wait(Stalled, v1alpha1.ReasonRolledBack, "Rolled back",
			fmt.Sprintf("The old entries were put back at %s because a pool degraded or a registry refused the new ones. They die when OCM completes rotation %s; the new ones are then set again. Repair the "+
				"cause before that, and set spec.rollback to Never to have the new ones at once.", onTheClock(r.RolledBackAt.Time), r.ID), after)
	}
	if in.Now.Sub(asked) > in.Options.RevokeDeadline {
		return wait(Failing, v1alpha1.ReasonRevocationOverdue, "Waiting for revocation (overdue)",
			fmt.Sprintf("This cluster uses the new credentials since %s, but OCM has not deleted the old ones of rotation %s, asked for at %s: some other cluster of the account may not have "+
				"switched. The old credential may still be usable. Check the account's other clusters.", onTheClock(r.AppliedAt.Time), r.ID, onTheClock(asked)), after)
	}
	return wait(Progressing, v1alpha1.ReasonAwaitingRevocation, "Waiting for revocation",
		fmt.Sprintf("This cluster uses the new credentials since %s. OCM deletes the old ones when every cluster of the account has switched, which takes up to days.",
			onTheClock(r.AppliedAt.Time)), after)
}

// rollout judges the pools: settled when each has rendered the change and brought it to all its machines. Paused pools are
// named and do not block.
func rollout(in Input, pools []cluster.Pool) (Decision, bool) {
	r := in.Status.Rotation
	if in.Spec.Rollout.WaitForPools != nil && !*in.Spec.Rollout.WaitForPools || !targetsGlobalPullSecret(in.Spec) {
		return Decision{}, true
	}
	wrote := wroteGlobal(in.Status, r)
	var open, degraded []string
	for _, p := range pools {
		before := configurationBefore(r, p.Name)
		switch {
		case p.Paused:
		case p.Degraded:
			degraded = append(degraded, p.Name)
		case wrote && before != "" && p.Wanted == before:
			open = append(open, p.Name+" has not rendered the change yet")
		case !p.Settled():
			open = append(open, fmt.Sprintf("%s has updated %d of %d machines", p.Name, p.Updated, p.Machines))
		}
	}
	switch overdue := in.Now.Sub(r.AppliedAt.Time) > rolloutTimeout(in.Spec); {
	case len(degraded) > 0:
		return wait(Failing, v1alpha1.ReasonRolloutDegraded, "Roll-out degraded",
			fmt.Sprintf("The pull secret was applied at %s, and the pools %s are degraded: their machines may keep the old file. See: oc describe machineconfigpool %s",
				onTheClock(r.AppliedAt.Time), strings.Join(degraded, ", "), strings.Join(degraded, " ")), in.Options.PoolPoll), false
	case len(open) == 0:
		return Decision{}, true
	case overdue:
		return wait(Failing, v1alpha1.ReasonRolloutOverdue, "Rolling out (overdue)",
			fmt.Sprintf("The pull secret was applied at %s, and the roll-out has not ended within %s: %s. It is followed on; see: oc get machineconfigpools",
				onTheClock(r.AppliedAt.Time), rolloutTimeout(in.Spec), strings.Join(open, "; ")), in.Options.PoolPoll), false
	default:
		return wait(Progressing, v1alpha1.ReasonRollingOut, "Rolling out",
			fmt.Sprintf("The pull secret was applied at %s and goes to the machines: %s.", onTheClock(r.AppliedAt.Time), strings.Join(open, "; ")), in.Options.PoolPoll), false
	}
}

// tooEarlyToPoll spares OCM: a reconcile that something else has caused does not ask it again before the next poll.
func tooEarlyToPoll(in Input, r *v1alpha1.RotationStatus, reason string) (Decision, bool) {
	if in.LastPoll.IsZero() || in.Facts.Rotations != nil {
		return Decision{}, false
	}
	rest := in.LastPoll.Add(pollInterval(in)).Sub(in.Now)
	if rest <= 0 || in.LastPoll.After(in.Now) {
		return Decision{}, false
	}
	d := awaitIssueMessage(in)
	if reason == v1alpha1.ReasonAwaitingRevocation {
		d = awaitRevokeMessage(in)
	}
	d.After = rest
	return d, true
}

// pollInterval grows with the age of what is awaited: new credentials since the request, the end of the old ones since
// this cluster switched.
func pollInterval(in Input) time.Duration {
	r := in.Status.Rotation
	if r.AppliedAt != nil {
		return schedule.PollInterval(in.Now.Sub(r.AppliedAt.Time), in.Options.RevokePollMin, in.Options.RevokePollMax)
	}
	return schedule.PollInterval(in.Now.Sub(since(r)), in.Options.PollMin, in.Options.PollMax)
}

// since is when the rotation was asked for, by OCM's word or, before that is known, ours.
func since(r *v1alpha1.RotationStatus) time.Time {
	switch {
	case r.RequestedAt != nil:
		return r.RequestedAt.Time
	case r.StartedAt != nil:
		return r.StartedAt.Time
	}
	return time.Time{}
}

func rolloutTimeout(spec *v1alpha1.PullSecretRotationSpec) time.Duration {
	if spec.Rollout.Timeout == nil {
		return 2 * time.Hour // the schema's default
	}
	return spec.Rollout.Timeout.Duration
}

func configurationBefore(r *v1alpha1.RotationStatus, pool string) string {
	for _, p := range r.Pools {
		if p.Name == pool {
			return p.ConfigurationBefore
		}
	}
	return ""
}

// wroteGlobal is true when this rotation changed the global pull secret by our hand. When somebody else had done it before,
// the pools may have rendered it before we looked.
func wroteGlobal(s *v1alpha1.PullSecretRotationStatus, r *v1alpha1.RotationStatus) bool {
	t := targetStatus(s, v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"})
	return t != nil && t.Result == v1alpha1.ReasonPullSecretUpdated
}
