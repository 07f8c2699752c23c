package cli

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// View is the status of all objects, as -o json prints it.
type View struct {
	PullSecretRotations []RotationView `json:"pullSecretRotations"`
	CAPCredentialSets   []SetView      `json:"capCredentialSets"`
}

// State is the part that both kinds have in common.
type State struct {
	Name string `json:"name"`
	// Ready is True, False or Unknown; Reason is a condition reason, Message its sentence.
	Ready   string `json:"ready"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	// Stalled: somebody must act.
	Stalled bool `json:"stalled,omitempty"`
	// Outdated: the operator has not seen the latest spec yet.
	Outdated bool `json:"outdated,omitempty"`
	// Warnings are the other conditions that report a problem.
	Warnings []string `json:"warnings,omitempty"`
}

// RotationView is a PullSecretRotation.
type RotationView struct {
	State
	Mode    v1alpha1.RotationMode   `json:"mode"`
	Phase   string                  `json:"phase"`
	Waiting *Waiting                `json:"waiting,omitempty"`
	Account *v1alpha1.AccountStatus `json:"account,omitempty"`
	// Siblings is what OCM says of all active clusters of the account.
	Siblings       *v1alpha1.SiblingsStatus  `json:"siblings,omitempty"`
	SecretIssuedAt *metav1.Time              `json:"pullSecretIssuedAt,omitempty"`
	Next           *metav1.Time              `json:"next,omitempty"`
	Targets        []v1alpha1.TargetStatus   `json:"targets"`
	Registries     []v1alpha1.RegistryStatus `json:"registries"`
	History        []RotationRecord          `json:"history"`
}

// Waiting says what an object waits for.
type Waiting struct {
	For string `json:"for"`
	// What happened at Since: asked, issued, applied, due ...; empty if the wait itself began then.
	What  string    `json:"what,omitempty"`
	Since time.Time `json:"since"`
}

// RotationRecord is one rotation, the current or an earlier one.
type RotationRecord struct {
	ID string `json:"id,omitempty"`
	// Actor is who requested it, Reason why this cluster takes part.
	Actor        string                   `json:"actor"`
	Reason       v1alpha1.RotationTrigger `json:"reason"`
	After        *metav1.Time             `json:"after,omitempty"`
	RequestedAt  *metav1.Time             `json:"requestedAt,omitempty"`
	IssuedAt     *metav1.Time             `json:"issuedAt,omitempty"`
	VerifiedAt   *metav1.Time             `json:"verifiedAt,omitempty"`
	AppliedAt    *metav1.Time             `json:"appliedAt,omitempty"`
	RolledOutAt  *metav1.Time             `json:"rolledOutAt,omitempty"`
	RevokedAt    *metav1.Time             `json:"revokedAt,omitempty"`
	RolledBackAt *metav1.Time             `json:"rolledBackAt,omitempty"`
}

// SetView is a CAPCredentialSet.
type SetView struct {
	State
	Credentials       string                            `json:"credentials"`
	EarliestExpiry    *metav1.Time                      `json:"earliestExpiry,omitempty"`
	NextRefresh       *metav1.Time                      `json:"nextRefresh,omitempty"`
	ClientCertificate *v1alpha1.ClientCertificateStatus `json:"clientCertificate,omitempty"`
	Targets           []v1alpha1.CredentialTargetStatus `json:"targets"`
	TargetsNotListed  int32                             `json:"targetsNotListed,omitempty"`
	NotServed         int32                             `json:"notServed,omitempty"`
}

// troubleWhen has each condition beside those of kstatus, and the status in which it speaks of trouble.
var troubleWhen = map[string]metav1.ConditionStatus{
	v1alpha1.ConditionPullSecretValid:        metav1.ConditionFalse,
	v1alpha1.ConditionClientCertificateValid: metav1.ConditionFalse,
	v1alpha1.ConditionOldCredentialsRevoked:  metav1.ConditionFalse,
	v1alpha1.ConditionMachinesCanPull:        metav1.ConditionFalse,
	v1alpha1.ConditionUpgradeReady:           metav1.ConditionFalse,
	v1alpha1.ConditionSpecMatches:            metav1.ConditionFalse,
	v1alpha1.ConditionSuspended:              metav1.ConditionTrue,
	v1alpha1.ConditionPoolsPaused:            metav1.ConditionTrue,
	v1alpha1.ConditionSecondWriter:           metav1.ConditionTrue,
	v1alpha1.ConditionClockSkewed:            metav1.ConditionTrue,
	v1alpha1.ConditionExpiryDoubtful:         metav1.ConditionTrue,
}

func stateOf(name string, generation, observed int64, conditions []metav1.Condition) State {
	s := State{Name: name, Ready: "Unknown", Reason: "NotSeen", Message: "The operator has not seen this object yet: check that it is running.", Outdated: observed < generation}
	if ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); ready != nil {
		s.Ready, s.Reason, s.Message = string(ready.Status), ready.Reason, ready.Message
	}
	s.Stalled = meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionStalled)
	for _, c := range conditions {
		if trouble := troubleWhen[c.Type]; trouble != "" && c.Status == trouble && c.Message != s.Message {
			s.Warnings = append(s.Warnings, c.Message)
		}
	}
	return s
}

func rotationView(o *v1alpha1.PullSecretRotation, now time.Time) RotationView {
	status := &o.Status
	v := RotationView{
		State: stateOf(o.Name, o.Generation, status.ObservedGeneration, status.Conditions), Mode: o.Spec.Mode, Phase: status.Phase,
		Account: shownAccount(status), Siblings: status.Siblings, SecretIssuedAt: status.PullSecretIssuedAt, Next: status.NextRotationAfter,
		Targets: listed(status.Targets), Registries: listed(status.Registries), History: []RotationRecord{},
	}
	if what, at, ok := decide.WaitingSince(o, now); ok {
		v.Waiting = &Waiting{For: status.WaitingFor, What: what, Since: at}
	}
	if r := status.Rotation; r != nil && r.RevokedAt == nil {
		v.History = append(v.History, record(r))
	}
	for i := range status.History {
		v.History = append(v.History, record(&status.History[i]))
	}
	return v
}

// listed is a list that is not null in JSON either, so that a program can go through it.
func listed[T any](list []T) []T { return append([]T{}, list...) }

// shownAccount is the account of the pull secret or, while nothing proves it, that of the OCM credential.
func shownAccount(s *v1alpha1.PullSecretRotationStatus) *v1alpha1.AccountStatus {
	if s.PullSecretAccount != nil {
		return s.PullSecretAccount
	}
	return s.Account
}

// somebodyElse requests rotations that this cluster takes part in.
const somebodyElse = "somebody else"

// actor is who requested a rotation.
func actor(r *v1alpha1.RotationStatus) string {
	if r.Adopted && !r.RequestedHere {
		return somebodyElse
	}
	return "this cluster"
}

func record(r *v1alpha1.RotationStatus) RotationRecord {
	return RotationRecord{
		ID: r.ID, Actor: actor(r), Reason: r.Reason, After: r.After, RequestedAt: r.RequestedAt, IssuedAt: r.IssuedAt, VerifiedAt: r.VerifiedAt,
		AppliedAt: r.AppliedAt, RolledOutAt: r.RolledOutAt, RevokedAt: r.RevokedAt, RolledBackAt: r.RolledBackAt,
	}
}

func setView(o *v1alpha1.CAPCredentialSet) SetView {
	status := &o.Status
	return SetView{
		State: stateOf(o.Name, o.Generation, status.ObservedGeneration, status.Conditions), Credentials: status.Credentials,
		EarliestExpiry: status.EarliestExpiry, NextRefresh: status.NextRefresh, ClientCertificate: status.ClientCertificate,
		Targets: listed(status.Targets), TargetsNotListed: status.TargetsNotListed, NotServed: status.NotServed,
	}
}
