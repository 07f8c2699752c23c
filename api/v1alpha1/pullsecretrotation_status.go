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

	// SiblingClusters counts the other active clusters of the account.
	// +optional
	SiblingClusters *int32 `json:"siblingClusters,omitempty"`

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

// RotationTrigger says why this cluster takes part in a rotation.
// +kubebuilder:validation:Enum=RotateAfter;Schedule;StartedElsewhere;CatchUp
type RotationTrigger string

const (
	// TriggerRotateAfter is spec.rotateAfter.
	TriggerRotateAfter RotationTrigger = "RotateAfter"
	// TriggerSchedule is a tick of spec.schedule.
	TriggerSchedule RotationTrigger = "Schedule"
	// TriggerStartedElsewhere is a rotation that somebody else requested: a person, Red Hat or another cluster.
	TriggerStartedElsewhere RotationTrigger = "StartedElsewhere"
	// TriggerCatchUp is a rotation that had ended before this cluster noticed it.
	TriggerCatchUp RotationTrigger = "CatchUp"
)

// RotationStatus is one rotation as seen by this cluster. Each completed step has its time; the times never decrease.
type RotationStatus struct {
	// ID of the rotation in OCM, a KSUID. Empty until it is known.
	// +optional
	ID string `json:"id,omitempty"`
	// AccountID is the account of the rotation.
	// +optional
	AccountID string `json:"accountID,omitempty"`
	// After is the T that this rotation satisfies.
	// +optional
	After *metav1.Time `json:"after,omitempty"`
	// Adopted is true when this object found the rotation in OCM's list instead of requesting it.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// RequestedHere is true when this cluster requested the rotation, by this or another object, which may have been deleted.
	// +optional
	RequestedHere bool `json:"requestedHere,omitempty"`
	// Reason why this cluster takes part in the rotation.
	// +optional
	Reason RotationTrigger `json:"reason,omitempty"`
	// OCMStatus is the last status in OCM: pending or completed. Any other value counts as in progress for as long as a rotation can take, unless
	// its name means failure.
	// +optional
	OCMStatus string `json:"ocmStatus,omitempty"`

	// Baseline fingerprints the account's credentials before the rotation, per registry.
	// +listType=map
	// +listMapKey=registry
	// +optional
	Baseline []EntryFingerprint `json:"baseline,omitempty"`
	// Issued fingerprints the new credentials, per registry.
	// +listType=map
	// +listMapKey=registry
	// +optional
	Issued []EntryFingerprint `json:"issued,omitempty"`
	// Answers of the registries about the new credentials.
	// +listType=map
	// +listMapKey=registry
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Answers []RegistryAnswer `json:"answers,omitempty"`
	// BackupSecret in the operator's namespace holds the old values of the targets' entries that a rotation may change. It is deleted once the
	// registries refuse them all.
	// +optional
	BackupSecret string `json:"backupSecret,omitempty"`
	// Pools with their rendered configurations before the change.
	// +listType=map
	// +listMapKey=name
	// +optional
	Pools []PoolStatus `json:"pools,omitempty"`

	// OfferEndsAt is when OCM's offer of the new credentials to this cluster ends, according to its transfer. From then on OCM may delete the old
	// credentials, whether this cluster has switched or not.
	// +optional
	OfferEndsAt *metav1.Time `json:"offerEndsAt,omitempty"`

	// StartedAt is when this cluster began to take part by recording the baseline.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// IntendedAt is when the intent to request was recorded, right before the POST.
	// +optional
	IntendedAt *metav1.Time `json:"intendedAt,omitempty"`
	// ListedBefore is the newest rotation that OCM listed when the intent was recorded; empty if it listed none. A newer rotation may be the
	// effect of the request.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ListedBefore string `json:"listedBefore,omitempty"`
	// RequestedAt is created_at of the rotation in OCM.
	// +optional
	RequestedAt *metav1.Time `json:"requestedAt,omitempty"`
	// IssuedAt is when the new credentials were first seen.
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`
	// VerifiedAt is when the registries accepted the new credentials.
	// +optional
	VerifiedAt *metav1.Time `json:"verifiedAt,omitempty"`
	// AppliedAt is when the last target had the new credentials.
	// +optional
	AppliedAt *metav1.Time `json:"appliedAt,omitempty"`
	// RolledOutAt is when the pools had the new credentials.
	// +optional
	RolledOutAt *metav1.Time `json:"rolledOutAt,omitempty"`
	// RevokedAt is when OCM reported that the old credentials are deleted.
	// +optional
	RevokedAt *metav1.Time `json:"revokedAt,omitempty"`
	// RevocationTriedAt is when the registries were last asked about the replaced credentials, which OCM reports as deleted.
	// +optional
	RevocationTriedAt *metav1.Time `json:"revocationTriedAt,omitempty"`
	// RevocationAnswers of the registries about the replaced credentials.
	// +listType=map
	// +listMapKey=registry
	// +kubebuilder:validation:MaxItems=32
	// +optional
	RevocationAnswers []RegistryAnswer `json:"revocationAnswers,omitempty"`
	// RevocationProvenAt is when every registry was first seen to refuse the replaced credentials.
	// +optional
	RevocationProvenAt *metav1.Time `json:"revocationProvenAt,omitempty"`
	// RolledBackAt is when the old entries were restored.
	// +optional
	RolledBackAt *metav1.Time `json:"rolledBackAt,omitempty"`
	// GivenUpAt is when the operator gave up a rotation that had not ended: OCM no longer lists it, or it can no longer complete. It satisfies no
	// T.
	// +optional
	GivenUpAt *metav1.Time `json:"givenUpAt,omitempty"`
}

// CredentialStatus is the evidence about one credential at one registry.
type CredentialStatus struct {
	// Registry as written in the pull secret.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Registry string `json:"registry"`
	// Fingerprint of user name and password, by status.salt.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Fingerprint string `json:"fingerprint"`
	// AccountID is the account to which the credential provably belongs: OCM returns this account for the credential, or issues the credential to
	// the account. Empty while nothing proves it.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	AccountID string `json:"accountID,omitempty"`
	// GivenAt is when OCM was first seen to issue the credential.
	// +optional
	GivenAt *metav1.Time `json:"givenAt,omitempty"`
	// VerifiedAt is when the registry last accepted the credential.
	// +optional
	VerifiedAt *metav1.Time `json:"verifiedAt,omitempty"`
	// RefusedSince is since when the registry has refused the credential; empty while it does not.
	// +optional
	RefusedSince *metav1.Time `json:"refusedSince,omitempty"`
}

// EntryFingerprint identifies a credential without revealing it: a salted SHA-256 of user name and password.
type EntryFingerprint struct {
	// Registry as written in the pull secret.
	// +required
	Registry string `json:"registry"`
	// Fingerprint in hex, shortened.
	// +required
	Fingerprint string `json:"fingerprint"`
}

// RegistryAnswer is a registry's answer about a credential that a rotation issued or replaced.
type RegistryAnswer struct {
	// Registry as written in the pull secret.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Registry string `json:"registry"`
	// Result: Accepted, Refused or NotAsked (the spec skips it, no target has it, it could not be asked, or its answer is no evidence).
	// +kubebuilder:validation:Enum=Accepted;Refused;NotAsked
	// +required
	Result string `json:"result"`
	// At is when the registry first gave this answer.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
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
