package decide

import "time"

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
