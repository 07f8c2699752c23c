package decide

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file has Decide's own types for facts of the services and the cluster: the executor converts to them, so that no decision depends on a
// client.

// Cluster describes the cluster.
type Cluster struct {
	// ID of the cluster in OCM. Empty if there is none.
	ID string
	// ReleaseImage is the cluster's own release image, by digest. Empty if unknown.
	ReleaseImage string
	// Hosted is true when the control plane runs elsewhere (HyperShift).
	Hosted bool
	// DisruptiveActions are those of Drain and Reboot that a node takes when the pull-secret file changes. Usually none.
	DisruptiveActions []string
}

// Pool is what a roll-out needs to know of a MachineConfigPool.
type Pool struct {
	Name string
	// Wanted is the rendered configuration that the pool should have, Current the one that it has.
	Wanted, Current string
	// Machines, Updated and DegradedMachines count its machines.
	Machines, Updated, DegradedMachines int32
	Paused, Degraded                    bool
	// Nodes selects its machines.
	Nodes *metav1.LabelSelector
}

// Settled is true if every machine of the pool has the wanted configuration.
func (p Pool) Settled() bool { return p.Wanted == p.Current && p.Updated == p.Machines && !p.Degraded }

// Account is the owner of the OCM credential.
type Account struct {
	ID string
	// Username and Email in OCM.
	Username, Email string
	// ServiceAccount is true for an account that is not a person's. A rotation would rotate its own pull secret.
	ServiceAccount bool
	// Banned accounts get nothing, for instance under an export hold.
	Banned bool
}

// The publicly known statuses of a rotation. Any other status means a rotation under way.
const (
	// RotationPending: requested. The new credentials may or may not have been issued; the old ones still work.
	RotationPending = "pending"
	// RotationCompleted: every cluster has switched, and the old credentials are deleted.
	RotationCompleted = "completed"
)

// Rotation of an account's pull secret, as OCM lists it.
type Rotation struct {
	ID, AccountID string
	// Status in lower case.
	Status string
	// CreatedAt by OCM's clock is never zero; UpdatedAt is zero if OCM does not say.
	CreatedAt, UpdatedAt time.Time
}

// Siblings are the account's other active clusters.
type Siblings struct {
	// Others is how many there are, and Named the first of them.
	Others int
	Named  []Sibling
	// Before is how many of them have a smaller id than this cluster; -1 if OCM cannot tell.
	Before int
	// Unknown: OCM does not let this account list its clusters.
	Unknown bool
}

// Sibling is another active cluster of the account.
type Sibling struct {
	// ClusterID is the cluster's own id; empty before it is installed.
	ClusterID string
	// DisplayName is what people call it in the console.
	DisplayName string
	// Status in OCM's spelling: Active, Disconnected, Reserved or Stale.
	Status string
}

// Outcome of asking a registry about a credential. The strings are shown in status.
type Outcome string

const (
	// Accepted: the registry accepts the credential, and serves the image if one was named.
	Accepted Outcome = "Accepted"
	// Unauthorized: the registry refuses the login.
	Unauthorized Outcome = "Unauthorized"
	// Denied: the login is good, and the registry refuses to serve the image, or anything at all.
	Denied Outcome = "Denied"
	// NotFound: the login is good, and there is no such image.
	NotFound Outcome = "NotFound"
	// Unreachable: the registry could not be reached, or its answer says nothing about the credential.
	Unreachable Outcome = "Unreachable"
	// RateLimited: the registry is rate limiting requests.
	RateLimited Outcome = "RateLimited"
	// TLSError: the connection failed because of TLS, such as a certificate authority that is not trusted.
	TLSError Outcome = "TLSError"
)

// Refused is true if the outcome is evidence against the credential.
func (o Outcome) Refused() bool { return o == Unauthorized || o == Denied }

// Answer of a registry.
type Answer struct {
	Outcome Outcome
	// Message is a sentence for a person, without any part of a credential.
	Message string
	// RetryAfter is how long a RateLimited registry asks to wait; 0 if it does not say.
	RetryAfter time.Duration
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
	Siblings    *Siblings
	Rotations   *[]Rotation // newest first
	// Requested are the rotations that this cluster has requested, with the reason by id, including those by other or deleted objects.
	Requested map[string]v1alpha1.RotationTrigger
	Issued    *IssuedFact
	Pools     *[]Pool
	// Machines are empty where the cluster has no MachineConfigNodes.
	Machines *[]Machine
	// Probes are the Pods that carry the mark of this object's probes.
	Probes *[]ProbeFact
	// ProbeIsOurs is the pool for which this reconcile has recorded an attempt, and not created the Pod.
	ProbeIsOurs string
	// ProbeChecks are the registry's answers about the entries that were replaced and the image that refused machines pull.
	ProbeChecks []Check
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
	f.Siblings, f.Rotations, f.Issued = cmp.Or(seen.Siblings, f.Siblings), cmp.Or(seen.Rotations, f.Rotations), cmp.Or(seen.Issued, f.Issued)
	f.Pools, f.Machines, f.Offer = cmp.Or(seen.Pools, f.Pools), cmp.Or(seen.Machines, f.Machines), cmp.Or(seen.Offer, f.Offer)
	f.RightsKnown, f.BackupKnown = seen.RightsKnown || f.RightsKnown, seen.BackupKnown || f.BackupKnown
	f.Checks, f.IssuedChecks, f.BackupChecks = newer(seen.Checks, f.Checks), newer(seen.IssuedChecks, f.IssuedChecks), newer(seen.BackupChecks, f.BackupChecks)
	f.OldChecks, f.ProbeChecks, f.Probes = newer(seen.OldChecks, f.OldChecks), newer(seen.ProbeChecks, f.ProbeChecks), cmp.Or(seen.Probes, f.Probes)
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
