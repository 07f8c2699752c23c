package decide

import (
	"cmp"
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
}

// Facts have been gathered since the reconcile began. A nil fact is not known yet.
type Facts struct {
	Cluster *Cluster
	Targets []TargetFact // never empty once known, since a spec has at least one target
	// Switched: the cluster had new credentials before the rotation under way was found.
	Switched bool
	// RightsKnown is true once the rights to write the targets have been checked.
	RightsKnown bool
	Account     *Account
	Owner       *OwnerFact
	Siblings    *[]Sibling
	// SiblingsUnknown: OCM does not let this account list its clusters.
	SiblingsUnknown bool
	Rotations       *[]Rotation // newest first
	// Requested are the rotations that this cluster has requested, with the reason by id, including those by other or deleted objects.
	Requested map[string]v1alpha1.RotationTrigger
	Issued    *IssuedFact
	Pools     *[]Pool
	// Checks are the registries' answers about the pull secret in use, IssuedChecks those about the issued credentials, BackupChecks those about
	// the old entries of the registries that refuse the applied ones.
	Checks, IssuedChecks, BackupChecks []Check
	// OldChecks are those about the credentials that a rotation has replaced, while their deletion is being proven.
	OldChecks []Check
	// BackupKnown is true once it was looked for the old entries; where they are gone, the record no longer names them.
	BackupKnown bool
	// Proven is true once this reconcile has checked the pull secret in use.
	Proven bool
	// Offer is OCM's offer of this rotation's credentials to this cluster.
	Offer *OfferFact
	// IntentIsOurs is true when this reconcile recorded the intent and has not sent the request.
	IntentIsOurs bool
}

// Add takes over what a look has found.
func (f *Facts) Add(seen Facts) {
	f.Cluster, f.Account, f.Owner = cmp.Or(seen.Cluster, f.Cluster), cmp.Or(seen.Account, f.Account), cmp.Or(seen.Owner, f.Owner)
	f.Siblings, f.SiblingsUnknown = cmp.Or(seen.Siblings, f.Siblings), seen.SiblingsUnknown || f.SiblingsUnknown
	f.Rotations, f.Issued = cmp.Or(seen.Rotations, f.Rotations), cmp.Or(seen.Issued, f.Issued)
	f.Pools, f.Offer = cmp.Or(seen.Pools, f.Pools), cmp.Or(seen.Offer, f.Offer)
	f.RightsKnown, f.BackupKnown = seen.RightsKnown || f.RightsKnown, seen.BackupKnown || f.BackupKnown
	f.Checks, f.IssuedChecks, f.BackupChecks = newer(seen.Checks, f.Checks), newer(seen.IssuedChecks, f.IssuedChecks), newer(seen.BackupChecks, f.BackupChecks)
	f.OldChecks = newer(seen.OldChecks, f.OldChecks)
	if seen.Requested != nil {
		f.Requested = seen.Requested
	}
}

func newer(seen, known []Check) []Check {
	if seen != nil {
		return seen
	}
	return known
}

// TargetFact is a target Secret without its content.
type TargetFact struct {
	Ref v1alpha1.SecretReference
	// Problem is a reason, and Message its sentence; empty when the target is fine.
	Problem, Message string
	// Owner is the account to which the target provably belongs; empty while nothing proves it.
	Owner string
	// Asks is true if the target has a cloud.openshift.com token about which OCM has not been asked yet.
	Asks bool
	// Own are the registries whose entry belongs to the account.
	Own []string
	// Old are those of them with a value known to be old, and Other those with an unknown value although the last rotation brought another.
	Old, Other []string
	// Changes are the entries that a write of the issued credentials would change; none while these are unknown.
	Changes []Change
	// Writer is the field manager that last changed the document, according to managedFields.
	Writer string
}

// OwnerFact is the owner of the cluster's own cloud.openshift.com token.
type OwnerFact struct {
	// AccountID is empty if the token is dead or absent.
	AccountID string
	// Dead: OCM refuses the token. Absent: the pull secret has none.
	Dead, Absent bool
	// Email in the cluster's entry, compared if the token is dead.
	Email string
	// Known: an entry's value, which OCM issues or has issued to the account, proves that the account is the owner.
	Known bool
}

// IssuedFact describes the credentials that OCM issues now.
type IssuedFact struct {
	// Present is false if there are none yet (a follower without an accepted transfer).
	Present bool
	// SameAsBaseline: equal to the fingerprints in status.rotation.baseline. SameAsIssued: to those in issued.
	SameAsBaseline, SameAsIssued bool
	// Superseded: OCM has issued others since. This comes from a server that lags behind.
	Superseded bool
	// GivenBefore: OCM issued them before the current rotation was requested.
	GivenBefore bool
	// FirstGiven is when OCM was first seen to issue the last of them.
	FirstGiven time.Time
	// InUse: each entry of the account in each target equals the issued one.
	InUse bool
}

// OfferFact is OCM's offer (a transfer) of a rotation's credentials to this cluster.
type OfferFact struct {
	// Open: OCM waits for the cluster to switch. It is false once the cluster has switched or the time is over.
	Open bool
	// EndsAt is until when, zero where OCM does not say.
	EndsAt time.Time
}

// Check is the answer of one registry.
type Check struct {
	Registry string
	// Target of the entry; empty for the first target.
	Target string
	Policy v1alpha1.VerificationPolicy
	// Named is true if the spec names the image, which must then exist.
	Named  bool
	Result Answer
	// Fingerprint of the checked credential.
	Fingerprint string
	// Since is when the registry began to refuse it; zero unless it does.
	Since time.Time
	// Account that OCM names when it is asked with the credential.
	Account string
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
	// Unproven is true if the targets, the spec, the OCM credential or the trusted CAs have changed since this process last checked the pull
	// secret in use; Unasked, if they have changed since it last asked OCM.
	Unproven, Unasked bool
	Now               time.Time

	// due and dueErr are the results of Trigger, once Decide has begun.
	due    Due
	dueErr error
}

// Decide names the next step. It has no effects, and equal inputs give equal decisions.
func Decide(in Input) Decision {
	in.due, in.dueErr = Trigger(in)
	return untilProof(in, *wayIn.decide(in))
}

// wayIn comes first in every state.
var wayIn = chain{
	{why: "`spec.suspend` stops everything", when: func(in Input) bool { return in.Spec.Suspend }, check: suspended},
	{why: "an invalid name must not reach any request", check: invalidNames},
	{why: "an invalid schedule makes no T", check: invalidSchedule},
	{why: "HyperShift overwrites the global pull secret of a hosted cluster", needs: []*need{needCluster}, check: hosted},
	{why: "everything else depends on the targets", needs: []*need{needTargets}},
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
