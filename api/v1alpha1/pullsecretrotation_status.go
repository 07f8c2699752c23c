package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PullSecretRotationStatus is the observed state of a PullSecretRotation.
type PullSecretRotationStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions describe.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions follow kstatus: Ready, Reconciling, Stalled; and PullSecretValid, OldCredentialsRevoked, Suspended, PoolsPaused,
	// SecondWriter, SpecMatches.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Phase for people; the conditions are for machines.
	// +optional
	Phase string `json:"phase,omitempty"`

	// WaitingFor says what the operator waits for, since when, and what happens next.
	// +optional
	WaitingFor string `json:"waitingFor,omitempty"`

	// ClusterID is the id of this cluster in OCM, so that reports of many clusters can be combined.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ClusterID string `json:"clusterID,omitempty"`

	// Account of the OCM credential, whose rotations are read and requested.
	// +optional
	Account *AccountStatus `json:"account,omitempty"`

	// PullSecretAccount is the account to which the first target's pull secret provably belongs. Empty while nothing proves it.
	// +optional
	PullSecretAccount *AccountStatus `json:"pullSecretAccount,omitempty"`

	// Siblings is what OCM says of all active clusters of the account.
	// +optional
	Siblings *SiblingsStatus `json:"siblings,omitempty"`

	// NextRotationAfter is the next T in the future.
	// +optional
	NextRotationAfter *metav1.Time `json:"nextRotationAfter,omitempty"`

	// Schedule is the spec's schedule as last seen, and since when it has been in force. T counts from then.
	// +optional
	Schedule *ScheduleStatus `json:"schedule,omitempty"`

	// PullSecretIssuedAt is when the rotation of the pull secret in use was created, if known: the latest that has ended, or the current one once
	// it is applied.
	// +optional
	PullSecretIssuedAt *metav1.Time `json:"pullSecretIssuedAt,omitempty"`

	// LastHealthCheck is when the pull secret in use was last checked with the registries.
	// +optional
	LastHealthCheck *metav1.Time `json:"lastHealthCheck,omitempty"`

	// OCMCredential is the credential used for OCM. An offline token expires after 30 days without use.
	// +optional
	OCMCredential *OCMCredentialStatus `json:"ocmCredential,omitempty"`

	// Salt of all fingerprints in this status, random for each object.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Salt string `json:"salt,omitempty"`

	// Credentials is the evidence about each credential: whose it is, and since when which registry accepts or refuses it. Entries are written,
	// healed and rolled back based on it.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=96
	// +optional
	Credentials []CredentialStatus `json:"credentials,omitempty"`

	// Unmatched lists names in the spec that match nothing: registries in verification that no target has and OCM does not issue credentials for,
	// and entries to add that OCM does not issue. At most 32 are listed.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=320
	// +optional
	Unmatched []string `json:"unmatched,omitempty"`

	// Audit identifies the report of mode Audit that the condition Ready holds.
	// +optional
	Audit *AuditStatus `json:"audit,omitempty"`

	// Rotation is the current rotation or the last one.
	// +optional
	Rotation *RotationStatus `json:"rotation,omitempty"`

	// Registries with their last answers.
	// +listType=map
	// +listMapKey=registry
	// +optional
	Registries []RegistryStatus `json:"registries,omitempty"`

	// Targets and what the operator did to each.
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +optional
	Targets []TargetStatus `json:"targets,omitempty"`

	// History of the last ten rotations, newest first.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +optional
	History []RotationStatus `json:"history,omitempty"` //nolint:kubeapilinter // an intent has neither id nor times yet
}

// AuditStatus identifies the last report of mode Audit. If any of the values changes, the operator makes a new report.
type AuditStatus struct {
	// ObservedGeneration is the generation of the spec in the report.
	// +required
	ObservedGeneration int64 `json:"observedGeneration"`
	// DueSince is the T that is due and not satisfied; empty if there is none.
	// +optional
	DueSince *metav1.Time `json:"dueSince,omitempty"`
	// NextAfter is the next T; empty if there is none.
	// +optional
	NextAfter *metav1.Time `json:"nextAfter,omitempty"`
	// ReportedAt is when the report was made.
	// +required
	ReportedAt metav1.Time `json:"reportedAt"`
}

// ScheduleStatus is the schedule in force.
type ScheduleStatus struct {
	// Cron as in the spec.
	// +kubebuilder:validation:MaxLength=128
	// +required
	Cron string `json:"cron"`
	// TimeZone as in the spec.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Since is when the object was created with the schedule, or when its edit was first seen.
	// +required
	Since metav1.Time `json:"since"`
}

// AccountStatus is an account in OCM.
type AccountStatus struct {
	// ID of the account, a KSUID.
	// +required
	ID string `json:"id"`
	// Username of the account.
	// +optional
	Username string `json:"username,omitempty"`
}

// OCMCredentialStatus describes the credential used for OCM, without any of its content.
type OCMCredentialStatus struct {
	// Type: Token (an offline or refresh token), ServiceAccount (client id and secret) or ClusterToken.
	// +required
	Type string `json:"type"`
	// IssuedAt is when the token was issued, by its own claim.
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`
	// LastUsedAt is when it was used for the last health check.
	// +optional
	LastUsedAt *metav1.Time `json:"lastUsedAt,omitempty"`
}

// PoolStatus is the state of a MachineConfigPool before the change.
type PoolStatus struct {
	// Name of the pool.
	// +required
	Name string `json:"name"`
	// ConfigurationBefore is the rendered configuration the pool had before the change.
	// +optional
	ConfigurationBefore string `json:"configurationBefore,omitempty"`
	// DegradedBefore is true for a pool that was already degraded before the change. Such a pool causes no rollback.
	// +optional
	DegradedBefore bool `json:"degradedBefore,omitempty"`
}

// MachinesStatus is how far a roll-out is by machine.
type MachinesStatus struct {
	// Total is the number of machines with a MachineConfigNode.
	// +kubebuilder:validation:Minimum=0
	// +required
	Total int32 `json:"total"`
	// Updated is how many of them have the new file.
	// +kubebuilder:validation:Minimum=0
	// +required
	Updated int32 `json:"updated"`
	// Lagging are the machines that do not have it or are degraded; at most 20, the degraded ones first.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	// +optional
	Lagging []LaggingMachine `json:"lagging,omitempty"`
}

// LaggingMachine is a machine that does not have the new file, or is degraded.
type LaggingMachine struct {
	// Name of the machine's node.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// Pool that it belongs to.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	Pool string `json:"pool,omitempty"`
	// Condition of its MachineConfigNode that says why: NodeDegraded, the step of the update that is under way, or Updated. Empty if none does, as
	// before its turn.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Condition string `json:"condition,omitempty"`
	// Reason of that condition. It is left out if it is not a plain word, or resembles a credential.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Reason string `json:"reason,omitempty"`
}

// RegistryStatus is the last answer of a registry.
type RegistryStatus struct {
	// Registry as written in the pull secret.
	// +required
	Registry string `json:"registry"`
	// Result: Accepted, Unauthorized, Denied, NotFound, Unreachable, RateLimited, TLSError or Skipped.
	// +required
	Result string `json:"result"`
	// Policy with which the registry was checked.
	// +optional
	Policy VerificationPolicy `json:"policy,omitempty"`
	// Message explains the result, without any part of a credential.
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when the registry began to give this result.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// CheckedAt is when the registry was last asked.
	// +optional
	CheckedAt *metav1.Time `json:"checkedAt,omitempty"`
}

// TargetStatus is what the operator did to a target.
type TargetStatus struct {
	// Namespace of the Secret.
	// +required
	Namespace string `json:"namespace"`
	// Name of the Secret.
	// +required
	Name string `json:"name"`
	// Result: a condition reason, such as PullSecretUpdated, AlreadyCurrent, TargetMissing or Forbidden.
	// +optional
	Result string `json:"result,omitempty"`
	// Message explains the result.
	// +optional
	Message string `json:"message,omitempty"`
	// Entries and what the operator did with each.
	// +listType=map
	// +listMapKey=registry
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Entries []EntryStatus `json:"entries,omitempty"`
	// EntriesNotListed counts the entries that are not listed: at most 64 are, first those that a rotation may change.
	// +optional
	EntriesNotListed int32 `json:"entriesNotListed,omitempty"`
	// AppliedAt is when the operator last wrote the Secret.
	// +optional
	AppliedAt *metav1.Time `json:"appliedAt,omitempty"`
	// Healed counts how often the operator replaced an old value again.
	// +optional
	Healed int32 `json:"healed,omitempty"`
}

// EntryStatus is what the operator did with an entry.
type EntryStatus struct {
	// Registry as written in the pull secret.
	// +required
	Registry string `json:"registry"`
	// Action: Replaced, Added, Unchanged, Awaited (the new credential is not proven yet), KeptForeign or KeptAbsent; in mode Audit
	// WouldBeReplaced, WouldBeAdded, KeptForeign or KeptAbsent.
	// +required
	Action string `json:"action"`
}
