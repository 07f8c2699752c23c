package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PullSecretRotationStatus is what the operator knows and has done.
type PullSecretRotationStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions speak of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions follow kstatus: Ready, Reconciling, Stalled; and PullSecretValid, OldCredentialsRevoked, Suspended, PoolsPaused,
	// SecondWriter, SpecMatches.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Phase in words, for people; the conditions are for machines.
	// +optional
	Phase string `json:"phase,omitempty"`

	// WaitingFor says what the operator waits for, since when, and what happens next.
	// +optional
	WaitingFor string `json:"waitingFor,omitempty"`

	// ClusterID is the id of this cluster, by which OCM knows it, so that reports of many clusters can be put together.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ClusterID string `json:"clusterID,omitempty"`

	// Account that the OCM credential belongs to: the one whose rotations are read and requested.
	// +optional
	Account *AccountStatus `json:"account,omitempty"`

	// PullSecretAccount is the account that the first target's pull secret is proven to be of. Empty while nothing proves any.
	// +optional
	PullSecretAccount *AccountStatus `json:"pullSecretAccount,omitempty"`

	// SiblingClusters counts the other active clusters of the account.
	// +optional
	SiblingClusters *int32 `json:"siblingClusters,omitempty"`

	// NextRotationAfter is the next T that is still to come.
	// +optional
	NextRotationAfter *metav1.Time `json:"nextRotationAfter,omitempty"`

	// Schedule is the spec's schedule as it was last looked at, and since when it is in force. T counts from then.
	// +optional
	Schedule *ScheduleStatus `json:"schedule,omitempty"`

	// PullSecretIssuedAt is when the rotation was created that the pull secret in use is of, as far as known: the latest that has
	// ended, or the one under way once it is applied.
	// +optional
	PullSecretIssuedAt *metav1.Time `json:"pullSecretIssuedAt,omitempty"`

	// LastHealthCheck is when the pull secret in use was last proven against the registries.
	// +optional
	LastHealthCheck *metav1.Time `json:"lastHealthCheck,omitempty"`

	// OCMCredential is the credential that OCM is asked with. An offline token dies after 30 days without use.
	// +optional
	OCMCredential *OCMCredentialStatus `json:"ocmCredential,omitempty"`

	// Salt of all fingerprints in this status, random for each object.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Salt string `json:"salt,omitempty"`

	// Credentials are what is known of each credential: whose it is, and which registry accepts or refuses it since when. It is
	// the evidence on which entries are written, healed and rolled back.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=96
	// +optional
	Credentials []CredentialStatus `json:"credentials,omitempty"`

	// Unmatched are names in the spec that match nothing: a registry of verification that no target has and OCM gives nothing out for,
	// an entry to add that OCM does not give out. At most 32 are listed.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=320
	// +optional
	Unmatched []string `json:"unmatched,omitempty"`

	// Audit is what the report of mode Audit is about, which the condition Ready holds.
	// +optional
	Audit *AuditStatus `json:"audit,omitempty"`

	// Rotation is the rotation under way or the last one.
	// +optional
	Rotation *RotationStatus `json:"rotation,omitempty"`

	// Registries and what they said last.
	// +listType=map
	// +listMapKey=registry
	// +optional
	Registries []RegistryStatus `json:"registries,omitempty"`

	// Targets and what was done to each.
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

// AuditStatus is what the last report of mode Audit is about. A report about other values is made anew.
type AuditStatus struct {
	// ObservedGeneration is the generation of the spec that was reported on.
	// +required
	ObservedGeneration int64 `json:"observedGeneration"`
	// DueSince is the T that is due and not satisfied; empty when none is.
	// +optional
	DueSince *metav1.Time `json:"dueSince,omitempty"`
	// NextAfter is the next T; empty when there is none.
	// +optional
	NextAfter *metav1.Time `json:"nextAfter,omitempty"`
	// ReportedAt is when the report was made.
	// +required
	ReportedAt metav1.Time `json:"reportedAt"`
}

// ScheduleStatus is a schedule in force.
type ScheduleStatus struct {
	// Cron as in the spec.
	// +kubebuilder:validation:MaxLength=128
	// +required
	Cron string `json:"cron"`
	// TimeZone as in the spec.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
	// Since is when the object was created with it, or when the edit was first seen.
	// +required
	Since metav1.Time `json:"since"`
}

// AccountStatus is the account that current_account named.
type AccountStatus struct {
	// ID of the account, a KSUID.
	// +required
	ID string `json:"id"`
	// Username of the account.
	// +optional
	Username string `json:"username,omitempty"`
}

// OCMCredentialStatus is the credential that OCM is asked with, without any of it.
type OCMCredentialStatus struct {
	// Type: Token (an offline or refresh token), ServiceAccount (client id and secret) or ClusterToken.
	// +required
	Type string `json:"type"`
	// IssuedAt of a token, as it says itself.
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
	// TriggerStartedElsewhere is a rotation that somebody else requested: a person, Red Hat, another cluster.
	TriggerStartedElsewhere RotationTrigger = "StartedElsewhere"
	// TriggerCatchUp is a rotation that had ended before this cluster looked.
	TriggerCatchUp RotationTrigger = "CatchUp"
)

// RotationStatus is one rotation as this cluster saw it. A step that has happened has its time; the times never go back.
type RotationStatus struct {
	// ID that OCM gave the rotation, a KSUID. Empty until it is known.
	// +optional
	ID string `json:"id,omitempty"`
	// AccountID is the account whose rotation it is.
	// +optional
	AccountID string `json:"accountID,omitempty"`
	// After is the T that this rotation satisfies.
	// +optional
	After *metav1.Time `json:"after,omitempty"`
	// Adopted is true when this object found the rotation in OCM's list instead of requesting it.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// RequestedHere is true when this cluster requested the rotation: by this object, by one that was deleted since, or by another.
	// +optional
	RequestedHere bool `json:"requestedHere,omitempty"`
	// Reason why this cluster takes part.
	// +optional
	Reason RotationTrigger `json:"reason,omitempty"`
	// OCMStatus is the status as OCM last gave it: pending or completed. Other values count as in progress for as long as
	// a rotation can be, unless they say by their name that it has failed.
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
	// Answers are what the registries said of the new credentials.
	// +listType=map
	// +listMapKey=registry
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Answers []RegistryAnswer `json:"answers,omitempty"`
	// BackupSecret in the operator's namespace holds the targets' entries from before the change that a rotation may change, until
	// OCM has deleted the old credentials.
	// +optional
	BackupSecret string `json:"backupSecret,omitempty"`
	// Pools and the rendered configuration each had before the change.
	// +listType=map
	// +listMapKey=name
	// +optional
	Pools []PoolStatus `json:"pools,omitempty"`

	// OfferEndsAt is when OCM's offer of the new credentials to this cluster ends, as its transfer says. OCM may delete the old
	// credentials from then on, whether this cluster has switched or not.
	// +optional
	OfferEndsAt *metav1.Time `json:"offerEndsAt,omitempty"`

	// StartedAt is when this cluster began to take part: the baseline was taken.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// IntendedAt is when the intent to request was recorded, right before the POST.
	// +optional
	IntendedAt *metav1.Time `json:"intendedAt,omitempty"`
	// ListedBefore is the newest rotation that OCM listed when the intent was recorded; empty when it listed none. A rotation that
	// is newer may be the effect of the request.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ListedBefore string `json:"listedBefore,omitempty"`
	// RequestedAt is created_at of the rotation in OCM.
	// +optional
	RequestedAt *metav1.Time `json:"requestedAt,omitempty"`
	// IssuedAt is when the new credentials were first seen.
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`
	// VerifiedAt is when the registries accepted them.
	// +optional
	VerifiedAt *metav1.Time `json:"verifiedAt,omitempty"`
	// AppliedAt is when the last target had them.
	// +optional
	AppliedAt *metav1.Time `json:"appliedAt,omitempty"`
	// RolledOutAt is when the pools had them.
	// +optional
	RolledOutAt *metav1.Time `json:"rolledOutAt,omitempty"`
	// RevokedAt is when OCM reported that the old credentials are deleted.
	// +optional
	RevokedAt *metav1.Time `json:"revokedAt,omitempty"`
	// RolledBackAt is when the old entries were put back.
	// +optional
	RolledBackAt *metav1.Time `json:"rolledBackAt,omitempty"`
	// GivenUpAt is when the operator stopped waiting for a rotation that had not ended: OCM no longer lists it, or it cannot
	// complete any more. It satisfies no T.
	// +optional
	GivenUpAt *metav1.Time `json:"givenUpAt,omitempty"`
}

// CredentialStatus is the evidence about one credential at one registry.
type CredentialStatus struct {
	// Registry as it is written in the pull secret.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Registry string `json:"registry"`
	// Fingerprint of user name and password, by status.salt.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Fingerprint string `json:"fingerprint"`
	// AccountID is the account that the credential is of, as OCM has proven: it names this account when asked with the
	// credential, or gives the credential out to the account. Empty while nothing proves it.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	AccountID string `json:"accountID,omitempty"`
	// GivenAt is when OCM was first seen to give the credential out.
	// +optional
	GivenAt *metav1.Time `json:"givenAt,omitempty"`
	// VerifiedAt is when the registry last accepted the credential.
	// +optional
	VerifiedAt *metav1.Time `json:"verifiedAt,omitempty"`
	// RefusedSince is since when the registry refuses it; empty while it does not.
	// +optional
	RefusedSince *metav1.Time `json:"refusedSince,omitempty"`
}

// EntryFingerprint identifies a credential without holding it: a salted SHA-256 of user name and password.
type EntryFingerprint struct {
	// Registry as it is written in the pull secret.
	// +required
	Registry string `json:"registry"`
	// Fingerprint in hex, shortened.
	// +required
	Fingerprint string `json:"fingerprint"`
}

// RegistryAnswer is what a registry said of the credential that a rotation issued for it.
type RegistryAnswer struct {
	// Registry as it is written in the pull secret.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Registry string `json:"registry"`
	// Result: Accepted, Refused or NotAsked (the spec skips it, no target has it, or it could not be asked).
	// +kubebuilder:validation:Enum=Accepted;Refused;NotAsked
	// +required
	Result string `json:"result"`
	// At is when it first said so.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
}

// PoolStatus is a MachineConfigPool before the change.
type PoolStatus struct {
	// Name of the pool.
	// +required
	Name string `json:"name"`
	// ConfigurationBefore is the rendered configuration the pool had before the change.
	// +optional
	ConfigurationBefore string `json:"configurationBefore,omitempty"`
	// DegradedBefore is true for a pool that was degraded before the change already. The change is not rolled back for it.
	// +optional
	DegradedBefore bool `json:"degradedBefore,omitempty"`
}

// RegistryStatus is what a registry said last.
type RegistryStatus struct {
	// Registry as it is written in the pull secret.
	// +required
	Registry string `json:"registry"`
	// Result: Accepted, Unauthorized, Denied, NotFound, Unreachable, RateLimited, TLSError or Skipped.
	// +required
	Result string `json:"result"`
	// Policy is how much its word counted.
	// +optional
	Policy VerificationPolicy `json:"policy,omitempty"`
	// Message in words, without any part of a credential.
	// +optional
	Message string `json:"message,omitempty"`
	// Since is when it began to answer so.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// CheckedAt is when it was last asked.
	// +optional
	CheckedAt *metav1.Time `json:"checkedAt,omitempty"`
}

// TargetStatus is what was done to a target.
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
	// Message in words.
	// +optional
	Message string `json:"message,omitempty"`
	// Entries and what became of each.
	// +listType=map
	// +listMapKey=registry
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Entries []EntryStatus `json:"entries,omitempty"`
	// EntriesNotListed counts further entries: at most 64 are listed, those that a rotation concerns first.
	// +optional
	EntriesNotListed int32 `json:"entriesNotListed,omitempty"`
	// AppliedAt is when the operator last wrote the Secret.
	// +optional
	AppliedAt *metav1.Time `json:"appliedAt,omitempty"`
	// Healed counts how often an old value was replaced again.
	// +optional
	Healed int32 `json:"healed,omitempty"`
}

// EntryStatus is what became of an entry.
type EntryStatus struct {
	// Registry as it is written in the pull secret.
	// +required
	Registry string `json:"registry"`
	// Action: Replaced, Added, Unchanged, Awaited (the new credential is not proven yet), KeptForeign or KeptAbsent; in mode Audit
	// WouldBeReplaced, WouldBeAdded, KeptForeign or KeptAbsent.
	// +required
	Action string `json:"action"`
}
