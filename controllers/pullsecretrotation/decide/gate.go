package decide

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/command"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// mayRequest makes the last checks before this cluster's own request: the effects on others, and whether the time has come. It never holds back a
// rotation under way.
var mayRequest = chain{
	{why: "who else would have to switch, and which machines could not switch?", needs: []*need{needSiblings, needPools}},
	{why: "the request is held back, at most until the next T", then: holds, amend: untilNextT},
}

// holds are the reasons that may hold back a request.
var holds = chain{
	{why: "what a person must decide, or what goes away by itself", check: obstructed},
	{why: "`spec.approval`", check: unapproved},
	{why: "`spec.startWindows`", check: outsideWindows},
	{why: "the account's clusters do not all send requests at once", check: notItsTurn},
}

// untilNextT ends a wait at the next T.
func untilNextT(in Input, held *Decision) *Decision {
	if in.due.Next != nil {
		held.After = min(held.After, in.due.Next.Sub(in.Now))
	}
	return held
}

func obstructed(in Input) *Decision {
	list := requestHolds(in)
	if len(list) == 0 {
		return nil
	}
	return heldBy(in, list[0])
}

// heldBy is the wait for a person, or for what goes away by itself.
func heldBy(in Input, h hold) *Decision {
	return decided(Waiting(Stalled, h.reason, h.phase, fmt.Sprintf("A rotation has been due since "+
		"%s, but %s", OnTheClock(in.due.T), h.sentence), recheckHold(in, h)))
}

// stillHeldByPools is for pools that still hold a rotation back: no event reports that they are ready, and OCM need not be asked.
func stillHeldByPools(in Input) *Decision {
	ready, pools := meta.FindStatusCondition(in.Status.Conditions, v1alpha1.ConditionReady), poolHolds(in)
	if ready == nil || ready.Reason != v1alpha1.ReasonPoolsNotReady || len(pools) == 0 || in.Spec.Mode != v1alpha1.ModeRotate {
		return nil
	}
	return heldBy(in, pools[0])
}

// recheckHold is how often a hold is rechecked: sooner if it goes away by itself than if a person must act.
func recheckHold(in Input, h hold) time.Duration {
	if h.reason == v1alpha1.ReasonForbidden {
		return recheckTarget(TargetFact{Problem: h.reason})
	}
	switch h.reason {
	case v1alpha1.ReasonPoolsNotReady:
		return in.Timing.PoolPoll
	case v1alpha1.ReasonVerificationImpossible:
		return recheckUnprovable(in)
	}
	return RecheckForPeople
}

// hold is a reason not to request a rotation.
type hold struct{ reason, phase, sentence string }

// requestHolds are all holds at present.
func requestHolds(in Input) []hold {
	return slices.Concat(targetHolds(in), siblingHolds(in), registryHolds(in), poolHolds(in), disruptionHolds(in))
}

func targetHolds(in Input) []hold {
	var list []hold
	for _, t := range in.Facts.Targets {
		if t.Problem != "" {
			list = append(list, hold{t.Problem, "Held back by a target", "a target cannot be used, and its credentials would stop working. " + t.Message})
		}
	}
	return list
}

// siblingHolds: other clusters would have to switch too.
func siblingHolds(in Input) []hold {
	if in.Spec.SiblingClusters == v1alpha1.SiblingsAllow {
		return nil
	}
	var list []hold
	if in.Facts.Siblings.Unknown {
		list = append(list, hold{v1alpha1.ReasonSiblingClusters, "Held back by sibling clusters",
			"OCM does not let this account list its clusters, each of which would have to take the new pull secret within days or lose its " +
				"credentials. Make sure that there are no others, or that each has a PullSecretRotation, and set spec.siblingClusters to Allow."})
	}
	if siblings := in.Facts.Siblings; siblings.Others > 0 {
		// The names come last, because there may be too many for a message.
		list = append(list, hold{v1alpha1.ReasonSiblingClusters, "Held back by sibling clusters",
			fmt.Sprintf("the account has %d other active clusters. Each would have to take the new pull secret within days or lose its credentials. Create a "+
				"PullSecretRotation with mode Follow (or Rotate) on each of them, then set spec.siblingClusters to Allow here. They are: %s.",
				siblings.Others, names(siblings))})
	}
	return list
}

// registryHolds: Required registries could not be reached.
func registryHolds(in Input) []hold {
	unknown := unprovable(in)
	if len(unknown) == 0 {
		return nil
	}
	return []hold{{v1alpha1.ReasonVerificationImpossible, "Held back: new credentials could not be verified",
		fmt.Sprintf("registries that spec.verification requires did not check a login at the last health check: %s. New credentials could not be "+
			"verified, and the old ones would stop working. If this lasts, check the connection from this cluster to the registry, or set its policy in "+
			"spec.verification to BestEffort or Skip.", strings.Join(unknown, "; "))}}
}

// poolHolds: pools would not take a change now.
func poolHolds(in Input) []hold {
	pools := unready(in)
	if len(pools) == 0 {
		return nil
	}
	return []hold{{v1alpha1.ReasonPoolsNotReady, "Held back by machines",
		fmt.Sprintf("the pools %s are degraded or in the middle of another change, so their machines might not get the new pull secret in time. "+
			"See: oc get machineconfigpools",
			strings.Join(pools, ", "))}}
}

// disruptionHolds: a change of the pull secret would drain or reboot nodes.
func disruptionHolds(in Input) []hold {
	actions := in.Facts.Cluster.DisruptiveActions
	if len(actions) == 0 || in.Spec.Rollout.AllowNodeDisruption || !TargetsGlobal(in.Spec) {
		return nil
	}
	return []hold{{v1alpha1.ReasonNodeDisruption, "Held back by a node disruption policy",
		fmt.Sprintf("with the node disruption policy of this cluster a change of the pull secret would %s every node. Set the action for "+
			"/var/lib/kubelet/config.json to None in MachineConfiguration/cluster, or accept it with spec.rollout.allowNodeDisruption.",
			strings.ToLower(strings.Join(actions, " and ")))}}
}

// unprovable are the Required registries without a good answer at the last health check: they could not verify new credentials.
func unprovable(in Input) []string {
	var list []string
	for _, r := range in.Status.Registries {
		if isUnprovable(r) {
			list = append(list, r.Registry+": "+r.Message)
		}
	}
	return list
}

func isUnprovable(r v1alpha1.RegistryStatus) bool {
	return r.Policy == v1alpha1.VerificationRequired && slices.Contains([]Outcome{Unreachable, RateLimited, TLSError}, Outcome(r.Result))
}

// unready are the pools that would not take a change now. Paused ones are reported, but do not hold back the request.
func unready(in Input) []string {
	if !followsPools(in.Spec) {
		return nil
	}
	var list []string
	for _, p := range *in.Facts.Pools {
		if !p.Paused && !p.Settled() {
			list = append(list, p.Name)
		}
	}
	return list
}

// names lists clusters, but only as many as a person reads.
func names(siblings *Siblings) string {
	const shown, longest = 10, 48
	list := make([]string, 0, shown)
	for _, s := range siblings.Named[:min(len(siblings.Named), shown)] {
		list = append(list, cut(inSentence(cmp.Or(s.DisplayName, s.ClusterID)), longest))
	}
	if more := siblings.Others - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

// inSentence is a name that people have chosen, as a message may hold it: what a chat or a web page that shows events would take for markup or for a
// link becomes an underscore.
func inSentence(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune(" -_.,:+'()", r) {
			return r
		}
		return '_'
	}, name)
}

func unapproved(in Input) *Decision {
	t := in.due.T
	if in.Spec.Approval != v1alpha1.ApprovalBeforeRequest || approves(in.Approved, t) {
		return nil
	}
	return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingApproval, "Waiting for approval",
		fmt.Sprintf("A rotation has been due since %s and waits for approval. Approve it with: %s",
			OnTheClock(t), command.Line{"oc", "annotate", "--overwrite", "pullsecretrotation", in.Name, v1alpha1.ApprovedAnnotation + "=" + t.UTC().Format(time.RFC3339)}), RecheckForPeople))
}

func outsideWindows(in Input) *Decision {
	if len(in.Spec.StartWindows) == 0 {
		return nil
	}
	opened, next := schedule.WindowOpened(startWindows(in.Spec), in.Now)
	if opened.Open() {
		return nil
	}
	return decided(Waiting(Progressing, v1alpha1.ReasonAwaitingWindow, "Waiting for a start window",
		fmt.Sprintf("A rotation has been due since %s and waits for the next start window, which "+
			"opens at %s.", OnTheClock(in.due.T), OnTheClock(next)), next.Sub(in.Now)))
}

// notItsTurn spreads the requests. A single cluster does not wait.
func notItsTurn(in Input) *Decision {
	others, unknown := knownOthers(in)
	if others == 0 && !unknown {
		return nil
	}
	at := turn(in)
	if !in.Now.Before(at) {
		return nil
	}
	return decided(Waiting(Progressing, v1alpha1.ReasonSpreadingRequests, "Waiting for its turn",
		fmt.Sprintf("A rotation has been due since %s. The account's %d other clusters may be about to request the same, so each waits for a "+
			"different time; this one asks OCM at %s unless another has done so.",
			OnTheClock(in.due.T), others, OnTheClock(at)), at.Sub(in.Now)))
}

// turn is when this cluster may request: a delay after the event that all clusters of the account share, which is T, a change of the object from
// a common repository, or the opening of a window. The delay is constant for each cluster, different between clusters, and short enough for the
// window.
func turn(in Input) time.Time {
	opened, _ := schedule.WindowOpened(startWindows(in.Spec), in.Now)
	from, spread := in.due.T, max(in.Timing.RequestSpread, lookPeriod(in))
	for _, at := range []time.Time{in.Created, in.Edited, opened.At} {
		if at.After(from) && !at.After(in.Now) {
			from = at
		}
	}
	if opened.Open() {
		// Half of the window remains for the requests themselves.
		spread = min(spread, opened.Duration/2)
		if from.Add(spread).After(opened.At.Add(opened.Duration)) {
			spread = 0 // the window closes: now or at the next one
		}
	}
	if _, ok := position(in); ok {
		return from.Add(time.Duration(place(in) * float64(spread)))
	}
	return from.Add(schedule.Spread(in.Facts.Cluster.ID+in.due.T.UTC().Format(time.RFC3339), spread))
}

func startWindows(spec *v1alpha1.PullSecretRotationSpec) []schedule.Window {
	windows := make([]schedule.Window, 0, len(spec.StartWindows))
	for _, w := range spec.StartWindows {
		parsed, err := schedule.ParseCron(w.Cron, w.TimeZone)
		if err != nil {
			continue // Trigger has already refused it
		}
		windows = append(windows, schedule.Window{Schedule: parsed, Duration: w.Duration.Duration})
	}
	return windows
}

// approves is true when the annotation's value is this T. Both are compared as times, so that any RFC 3339 spelling works.
func approves(annotation string, t time.Time) bool {
	at, err := time.Parse(time.RFC3339, annotation)
	return err == nil && at.Equal(t.Truncate(time.Second))
}
