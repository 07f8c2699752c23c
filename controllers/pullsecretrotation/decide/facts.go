package decide

import "time"

// This file has what Decide knows of the services and the cluster, in words of its own: the executor translates, so that no
// decision depends on a client.

// Cluster is what the cluster is.
type Cluster struct {
	// ID of the cluster, by which OCM knows it. Empty when there is none.
	ID string
	// ReleaseImage is the cluster's own release image, by digest. Empty when unknown.
	ReleaseImage string
	// Hosted is true when the control plane runs elsewhere (HyperShift).
	Hosted bool
	// DisruptiveActions are what a node does when the pull-secret file changes, of Drain and Reboot. Usually none.
	DisruptiveActions []string
}

// Pool is a MachineConfigPool as far as a roll-out needs it.
type Pool struct {
	Name string
	// Wanted and Current are the rendered configurations that the pool should have and has.
	Wanted, Current string
	// Machines, Updated and DegradedMachines count its machines.
	Machines, Updated, DegradedMachines int32
	Paused, Degraded                    bool
}

// Settled is true when every machine of the pool has what the pool should have.
func (p Pool) Settled() bool { return p.Wanted == p.Current && p.Updated == p.Machines && !p.Degraded }

// Account is whom the OCM credential belongs to.
type Account struct {
	ID string
	// Username and Email as OCM shows them.
	Username, Email string
	// ServiceAccount tells that it is no person. Its rotation would rotate its own pull secret.
	ServiceAccount bool
	// Banned accounts get nothing, for instance under an export hold.
	Banned bool
}

// The statuses of a rotation that are publicly known. Anything else is a rotation under way.
const (
	// RotationPending: requested. The new credentials may or may not have been issued; the old ones are still good.
	RotationPending = "pending"
	// RotationCompleted: every cluster has switched, and the old credentials are deleted.
	RotationCompleted = "completed"
)

// Rotation of an account's pull secret, as OCM lists it.
type Rotation struct {
	ID, AccountID string
	// Status in lower case.
	Status string
	// CreatedAt by OCM's clock, never zero; UpdatedAt zero when OCM does not say.
	CreatedAt, UpdatedAt time.Time
}

// Sibling is another active cluster of the account.
type Sibling struct {
	// ClusterID is the cluster's own id; empty before it is installed.
	ClusterID string
	// DisplayName is what people call it in the console.
	DisplayName string
	// Status as OCM spells it: Active, Disconnected, Reserved or Stale.
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
	// Unreachable: the registry could not be asked, or its answer says nothing about the credential.
	Unreachable Outcome = "Unreachable"
	// RateLimited: the registry wants to be left alone for a while.
	RateLimited Outcome = "RateLimited"
	// TLSError: the connection failed because of TLS, such as a certificate authority that is not trusted.
	TLSError Outcome = "TLSError"
)

// Refused tells whether the outcome is evidence against the credential.
func (o Outcome) Refused() bool { return o == Unauthorized || o == Denied }

// Answer of a registry.
type Answer struct {
	Outcome Outcome
	// Message is a sentence for a person, without any part of a credential.
	Message string
	// RetryAfter is how long a RateLimited registry asks to wait; 0 when it does not say.
	RetryAfter time.Duration
}
