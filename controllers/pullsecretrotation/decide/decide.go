package decide

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Step is what to do next. One function of the reconciler performs each step.
type Step string

// The steps: first those that only gather facts, then those that have an effect and persist it.
const (
	Wait            Step = "Wait"
	LookAtCluster   Step = "LookAtCluster"
	LookAtTargets   Step = "LookAtTargets"
	LookAtRights    Step = "LookAtRights"
	LookAtAccount   Step = "LookAtAccount"
	LookAtOwner     Step = "LookAtOwner"
	LookAtSiblings  Step = "LookAtSiblings"
	LookAtRotations Step = "LookAtRotations"
	LookAtIssued    Step = "LookAtIssued"
	LookAtPools     Step = "LookAtPools"
	LookAtMachines  Step = "LookAtMachines"
	LookAtOffer     Step = "LookAtOffer"
	LookAtBackup    Step = "LookAtBackup"
	CheckIssued     Step = "CheckIssued"
	CheckInUse      Step = "CheckInUse"
	CheckBackup     Step = "CheckBackup"
	CheckOld        Step = "CheckOld"
	Begin           Step = "Begin"
	Abandon         Step = "Abandon"
	RecordIntent    Step = "RecordIntent"
	Request         Step = "Request"
	RecordID        Step = "RecordID"
	MarkIssued      Step = "MarkIssued"
	MarkVerified    Step = "MarkVerified"
	Apply           Step = "Apply"
	Heal            Step = "Heal"
	RollBack        Step = "RollBack"
	MarkRolledOut   Step = "MarkRolledOut"
	Finish          Step = "Finish"
	RecordSatisfied Step = "RecordSatisfied"
	RecordHealth    Step = "RecordHealth"

	RecordRevocation Step = "RecordRevocation"
	DropBackup       Step = "DropBackup"

	LookAtProbes Step = "LookAtProbes"
	CheckProbe   Step = "CheckProbe"
	PlanProbe    Step = "PlanProbe"
	StartProbe   Step = "StartProbe"
	RecordProbes Step = "RecordProbes"
	DropProbes   Step = "DropProbes"
)

// RecheckForPeople is how often the operator rechecks, without an event, a state that only a person can fix.
const RecheckForPeople = time.Hour

// State says how a Wait is reported.
type State string

// The states, in the words of kstatus.
const (
	Ready       State = "Ready"
	Progressing State = "Progressing"
	Failing     State = "Failing"
	Stalled     State = "Stalled"
	Paused      State = "Paused"
)

// Decision is one Step and, for Wait, how to report it and for how long.
type Decision struct {
	Step Step

	// State, Reason, Phase and Message report a Wait.
	State   State
	Reason  string
	Phase   string
	Message string
	// After is when to decide again at the latest.
	After time.Duration

	// Rotation with which Begin starts, or which RecordID, RecordSatisfied and Finish record.
	Rotation v1alpha1.RotationStatus

	// Pool of which PlanProbe and StartProbe ask Machine, and All to remove even the Pods whose answer is awaited.
	Pool, Machine string
	All           bool
}

// Input is everything that a decision depends on.
type Input struct {
	Name string
	// Generation of the spec.
	Generation int64
	Created    time.Time
	Edited     time.Time // when somebody last changed the spec or the metadata; zero when unknown
	Approved   string    // value of the annotation that approves a T
	Spec       *v1alpha1.PullSecretRotationSpec
	Status     *v1alpha1.PullSecretRotationStatus
	Facts      *Facts
	Timing     *Timing
	// LastPoll is when OCM was last asked for its list, by this process.
	LastPoll time.Time
	// LastToken is when OCM was last asked for an access_token, and ChangedSince when the spec, the OCM credential and the trusted CAs were first
	// seen as they are, by this process.
	LastToken, ChangedSince time.Time
	// LastProgress is when this process last asked which clusters have not switched.
	LastProgress time.Time
	// Unproven is true if the targets, the spec, the OCM credential or the trusted CAs have changed since this process last checked the pull
	// secret in use; Unasked, if they have changed since it last asked OCM.
	Unproven, Unasked bool
	// Unswept is true until this process has looked for Pods of a probe that are not on record, if the spec has one.
	Unswept bool
	Now     time.Time

	// due and dueErr are the results of Trigger, once Decide has begun.
	due    Due
	dueErr error
}

// Decide names the next step. It has no effects, and equal inputs give equal decisions.
func Decide(in Input) Decision {
	in.due, in.dueErr = Trigger(in)
	return afterPods(in, untilProof(in, *wayIn.decide(in)))
}

// wayIn comes first in every state.
var wayIn = chain{
	{why: "no Pod outlives the wish for its answer", then: tidy},
	{why: "`spec.suspend` stops everything", when: func(in Input) bool { return in.Spec.Suspend }, check: suspended},
	{why: "an invalid name must not reach any request", check: invalidNames},
	{why: "an invalid schedule makes no T", check: invalidSchedule},
	{why: "HyperShift overwrites the global pull secret of a hosted cluster", needs: []*need{needCluster}, check: hosted},
	{why: "everything else depends on the targets", needs: []*need{needTargets}},
	{why: "after an event that the account's clusters share they do not ask OCM all at once", when: looksTooEarly, check: awaitsItsTurn},
	{why: "the condition PoolsPaused is removed when the pools are unpaused", when: poolsReportedPaused, needs: []*need{needPools}},
	{why: "a refusal proves that replaced credentials are dead", then: proveDead},
	{why: "a rotation under way is completed", when: seesThrough, then: seeThrough},
	{why: "otherwise one may be due, or under way unnoticed", then: betweenRotations},
}

func suspended(in Input) *Decision {
	message := "spec.suspend is true: nothing is requested, written or healed. Set it to false to resume."
	if r := in.Status.Rotation; UnderWay(r) && r.ID != "" && r.AppliedAt == nil {
		message += fmt.Sprintf(" The pull secret in use stops working when OCM ends rotation %s, which is under way.", r.ID)
	}
	return decided(Waiting(Paused, v1alpha1.ReasonSuspended, "Suspended", message, RecheckForPeople))
}

func invalidNames(in Input) *Decision {
	err := InvalidNames(in.Spec)
	if err == nil {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonInvalidSpec, "Invalid spec",
		fmt.Sprintf("%v. Nothing is read, requested or written until the spec is corrected.", err), RecheckForPeople))
}

func invalidSchedule(in Input) *Decision {
	if in.dueErr == nil {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonInvalidSpec, "Invalid spec",
		fmt.Sprintf("%v. No rotation can be scheduled until the spec is corrected.", in.dueErr), RecheckForPeople))
}

func hosted(in Input) *Decision {
	if !in.Facts.Cluster.Hosted || !TargetsGlobal(in.Spec) {
		return nil
	}
	return decided(Waiting(Stalled, v1alpha1.ReasonHostedControlPlane, "Hosted control plane",
		"This cluster's control plane is hosted: HyperShift overwrites openshift-config/pull-secret from the HostedCluster. "+
			"Nothing was changed. Run a PullSecretRotation on the management cluster, with the target "+
			"HostedCluster.spec.pullSecret.", RecheckForPeople))
}

func poolsReportedPaused(in Input) bool {
	return meta.IsStatusConditionTrue(in.Status.Conditions, v1alpha1.ConditionPoolsPaused)
}

func seesThrough(in Input) bool { return UnderWay(in.Status.Rotation) && !auditing(in) }

func auditing(in Input) bool { return in.Spec.Mode == v1alpha1.ModeAudit }

// Do is the decision for a step.
func Do(s Step) Decision { return Decision{Step: s} }

// Waiting is the decision to wait, with how to report it and for how long.
func Waiting(s State, reason, phase, message string, after time.Duration) Decision {
	return Decision{Step: Wait, State: s, Reason: reason, Phase: phase, Message: message, After: after}
}

// UnderWay is true from the baseline until OCM has deleted the old credentials.
func UnderWay(r *v1alpha1.RotationStatus) bool { return r != nil && r.RevokedAt == nil }

// GlobalPullSecret is the cluster's own, which the machine-config-operator brings to the machines.
var GlobalPullSecret = v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"}

// TargetsGlobal is true if the cluster's own pull secret is a target.
func TargetsGlobal(spec *v1alpha1.PullSecretRotationSpec) bool {
	for _, t := range spec.Targets {
		if t.Namespace == "openshift-config" && t.Name == "pull-secret" {
			return true
		}
	}
	return false
}

// UsesOwnToken is true for a follower that can use only the cluster's own token for OCM.
func UsesOwnToken(spec *v1alpha1.PullSecretRotationSpec) bool {
	return spec.Mode == v1alpha1.ModeFollow && spec.OCM.CredentialsSecretRef == nil
}

// OnTheClock formats a time for a message. Messages hold absolute times, because a relative one would change the status at every reconcile.
func OnTheClock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
