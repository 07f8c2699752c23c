package cli

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// Report is the record of rotations, as -o json prints it.
type Report struct {
	TakenAt   time.Time          `json:"takenAt"`
	Rotations []ReportedRotation `json:"rotations"`
}

// ReportedRotation is one rotation as seen by one cluster.
type ReportedRotation struct {
	ClusterID string `json:"clusterID,omitempty"`
	// Object is the name of the PullSecretRotation.
	Object    string `json:"pullSecretRotation"`
	AccountID string `json:"accountID,omitempty"`
	Username  string `json:"username,omitempty"`
	ID        string `json:"id,omitempty"`
	// Actor is who requested it, Reason why this cluster takes part, Due the time after which a rotation was wanted.
	Actor  string                   `json:"actor"`
	Reason v1alpha1.RotationTrigger `json:"reason,omitempty"`
	Due    *metav1.Time             `json:"due,omitempty"`
	// Outcome is how it ended, or InProgress.
	Outcome Outcome `json:"outcome"`
	// Steps in the order in which they happened.
	Steps      []ReportedStep            `json:"steps"`
	Registries []v1alpha1.RegistryAnswer `json:"registries,omitempty"`
	// Replaced is what the registries said of the replaced credentials, after OCM had deleted them.
	Replaced []v1alpha1.RegistryAnswer `json:"replacedCredentials,omitempty"`
	// Pools that were followed to know that the machines have it.
	Pools []string `json:"pools,omitempty"`
	// Machines that had it when the roll-out or the rotation ended, and which did not; counted only where the cluster has MachineConfigNodes.
	Machines *v1alpha1.MachinesStatus `json:"machines,omitempty"`
	// Pulls are what machines answered that were to pull an image with the new file.
	Pulls []ReportedPull `json:"pulls,omitempty"`
	// Secrets that hold its credentials, for the last rotation that was applied.
	Secrets []ReportedSecret `json:"secrets,omitempty"`
}

// ReportedStep is something that happened.
type ReportedStep struct {
	Step string      `json:"step"`
	At   metav1.Time `json:"at"`
}

// ReportedPull is the last answer of a pool's machine. Without a time, there was none.
type ReportedPull struct {
	Pool    string               `json:"pool"`
	Machine string               `json:"machine,omitempty"`
	Image   string               `json:"image"`
	Result  v1alpha1.ProbeResult `json:"result,omitempty"`
	At      *metav1.Time         `json:"at,omitempty"`
}

// ReportedSecret is a Secret that holds the credentials of a rotation, and when the operator wrote it; without a time, somebody else did.
type ReportedSecret struct {
	Secret    string       `json:"secret"`
	WrittenAt *metav1.Time `json:"writtenAt,omitempty"`
}

// Outcome is how a rotation ended.
type Outcome string

// The outcomes of a rotation.
const (
	// InProgress: it has not ended.
	InProgress Outcome = "InProgress"
	// Completed: the cluster has switched, and OCM has deleted the old credentials.
	Completed Outcome = "Completed"
	// EndedElsewhere: it had ended before this cluster took part, so the cluster has no steps of its own.
	EndedElsewhere Outcome = "EndedElsewhere"
	// RolledBack: this cluster went back to the old credentials.
	RolledBack Outcome = "RolledBack"
	// GivenUp: the operator stopped waiting, because OCM no longer lists it or it cannot complete.
	GivenUp Outcome = "GivenUp"
)

// step is a kind of step, with its words and where its time is.
type step struct {
	name, column, words string
	at                  func(*v1alpha1.RotationStatus) *metav1.Time
}

// steps are the columns of the CSV, and order steps with equal times.
var steps = []step{
	{"Started", "started_at", "this cluster recorded the credentials in use", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.StartedAt }},
	{"Intended", "intended_at", "the request was about to be sent to OCM", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.IntendedAt }},
	{"Requested", "requested_at", "OCM created the rotation (by OCM's clock)", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.RequestedAt }},
	{"Issued", "issued_at", "OCM was seen to issue new credentials", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.IssuedAt }},
	{"Verified", "verified_at", "the registries had answered, and none refused the new " +
		"credentials", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.VerifiedAt }},
	{"Applied", "applied_at", "the last target Secret had the new credentials", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.AppliedAt }},
	{"RolledOut", "rolled_out_at", "the machines had the new credentials", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.RolledOutAt }},
	{"RolledBack", "rolled_back_at", "the old credentials were restored", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.RolledBackAt }},
	{"Revoked", "revoked_at", "OCM said that the old credentials are deleted", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.RevokedAt }},
	{"Proven", "revocation_proven_at", "every registry refused the old credentials", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.RevocationProvenAt }},
	{"GivenUp", "given_up_at", "the operator stopped waiting for OCM", func(r *v1alpha1.RotationStatus) *metav1.Time { return r.GivenUpAt }},
}

// stepApproved is the only step that no rotation records: it is the object's current approval.
const stepApproved = "Approved"

// reported are the rotations that an object knows of, the oldest first.
func reported(o *v1alpha1.PullSecretRotation) []ReportedRotation {
	var list []ReportedRotation
	records := recorded(&o.Status)
	applied := slices.IndexFunc(records, func(r *v1alpha1.RotationStatus) bool { return r.AppliedAt != nil })
	for i, r := range records {
		row := reportedRotation(o, r)
		if i == applied && r.RolledBackAt == nil {
			row.Secrets = reportedSecrets(o.Status.Targets, r)
		}
		list = append(list, row)
	}
	slices.Reverse(list)
	return list
}

// recorded are the recorded rotations, the newest first, each once.
func recorded(s *v1alpha1.PullSecretRotationStatus) []*v1alpha1.RotationStatus {
	var all []*v1alpha1.RotationStatus
	if r := s.Rotation; r != nil && !slices.ContainsFunc(s.History, func(h v1alpha1.RotationStatus) bool { return h.ID == r.ID && r.ID != "" }) {
		all = append(all, r)
	}
	for i := range s.History {
		all = append(all, &s.History[i])
	}
	return all
}

func reportedRotation(o *v1alpha1.PullSecretRotation, r *v1alpha1.RotationStatus) ReportedRotation {
	row := ReportedRotation{
		ClusterID: o.Status.ClusterID, Object: o.Name, AccountID: r.AccountID, ID: r.ID, Actor: actor(r), Reason: r.Reason, Due: r.After,
		Outcome: outcomeOf(r), Steps: []ReportedStep{}, Registries: decide.Record{PullSecretRotationStatus: &o.Status}.Answers(r),
		Replaced: r.RevocationAnswers, Machines: r.Machines,
	}
	for _, p := range r.Probes {
		row.Pulls = append(row.Pulls, ReportedPull{Pool: p.Pool, Machine: p.Machine, Image: p.Image, Result: p.Result, At: p.TriedAt})
	}
	if known := o.Status.Account; row.AccountID == "" && known != nil {
		row.AccountID = known.ID // begun, but not requested yet
	}
	for _, known := range []*v1alpha1.AccountStatus{o.Status.Account, o.Status.PullSecretAccount} {
		if known != nil && known.ID == row.AccountID {
			row.Username = known.Username
		}
	}
	for _, s := range steps {
		if at := s.at(r); at != nil {
			row.Steps = append(row.Steps, ReportedStep{s.name, *at})
		}
	}
	if at := approvedAt(o, r); at != nil {
		row.Steps = append(row.Steps, ReportedStep{stepApproved, *at})
	}
	slices.SortStableFunc(row.Steps, func(a, b ReportedStep) int { return a.At.Compare(b.At.Time) })
	if r.RolledOutAt != nil {
		for _, p := range r.Pools {
			row.Pools = append(row.Pools, p.Name)
		}
	}
	return row
}

// approvedAt is when the object's current approval was written, if it is for this rotation.
func approvedAt(o *v1alpha1.PullSecretRotation, r *v1alpha1.RotationStatus) *metav1.Time {
	if r.After == nil || o.Spec.Approval != v1alpha1.ApprovalBeforeRequest || !decide.Approves(o, r.After.Time) {
		return nil
	}
	return managedfields.WrittenAt(o.ManagedFields, func(f managedfields.Fields) bool { return f.HasAnnotation(v1alpha1.ApprovedAnnotation) })
}

// reportedSecrets are those with the credentials of the last applied rotation.
func reportedSecrets(targets []v1alpha1.TargetStatus, r *v1alpha1.RotationStatus) []ReportedSecret {
	var list []ReportedSecret
	for _, t := range targets {
		row := ReportedSecret{Secret: t.Namespace + "/" + t.Name}
		switch t.Result {
		case v1alpha1.ReasonPullSecretUpdated, v1alpha1.ReasonEntryHealed:
			row.WrittenAt = t.AppliedAt
		case v1alpha1.ReasonAlreadyCurrent:
		default:
			continue
		}
		if row.WrittenAt.Before(r.IssuedAt) { // two times that are known
			row.WrittenAt = nil
		}
		list = append(list, row)
	}
	return list
}

func outcomeOf(r *v1alpha1.RotationStatus) Outcome {
	switch {
	case r.RolledBackAt != nil:
		return RolledBack
	case r.GivenUpAt != nil:
		return GivenUp
	case r.RevokedAt != nil && r.AppliedAt != nil:
		return Completed
	case r.RevokedAt != nil || r.StartedAt == nil && r.OCMStatus == decide.RotationCompleted:
		return EndedElsewhere
	}
	return InProgress
}
