package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RotationMode says what the operator may do.
// +kubebuilder:validation:Enum=Rotate;Follow;Audit
type RotationMode string

const (
	// ModeRotate requests rotations and applies them.
	ModeRotate RotationMode = "Rotate"
	// ModeFollow never requests: it applies the rotations that somebody else requested.
	ModeFollow RotationMode = "Follow"
	// ModeAudit reads and reports; it requests and writes nothing.
	ModeAudit RotationMode = "Audit"
)

// ApprovalPolicy says whether a person must approve.
// +kubebuilder:validation:Enum=None;BeforeRequest
type ApprovalPolicy string

const (
	// ApprovalNone needs nobody.
	ApprovalNone ApprovalPolicy = "None"
	// ApprovalBeforeRequest holds the request back until the annotation ApprovedAnnotation names this rotation's T.
	// There is no later approval: after the request OCM's clock runs.
	ApprovalBeforeRequest ApprovalPolicy = "BeforeRequest"
)

// SiblingPolicy says what the other active clusters of the account mean.
// +kubebuilder:validation:Enum=Refuse;Allow
type SiblingPolicy string

const (
	// SiblingsRefuse requests nothing while the account has other active clusters.
	SiblingsRefuse SiblingPolicy = "Refuse"
	// SiblingsAllow requests although other clusters must switch too.
	SiblingsAllow SiblingPolicy = "Allow"
)

// ForeignPolicy says what happens to entries that the account did not issue.
// +kubebuilder:validation:Enum=Keep;Replace
type ForeignPolicy string

const (
	// ForeignKeep leaves them.
	ForeignKeep ForeignPolicy = "Keep"
	// ForeignReplace replaces them by the account's own where the account has an entry for the same registry.
	ForeignReplace ForeignPolicy = "Replace"
)

// VerificationPolicy says what a registry's answer means for the rotation.
// +kubebuilder:validation:Enum=Required;BestEffort;Skip
type VerificationPolicy string

const (
	// VerificationRequired holds the new credential back until the registry has accepted it.
	VerificationRequired VerificationPolicy = "Required"
	// VerificationBestEffort holds it back only when the registry refuses it; an unreachable registry does not.
	VerificationBestEffort VerificationPolicy = "BestEffort"
	// VerificationSkip does not ask the registry.
	VerificationSkip VerificationPolicy = "Skip"
)

// RollbackPolicy says who restores the old entries when the new ones fail.
// +kubebuilder:validation:Enum=Automatic;Never
type RollbackPolicy string

const (
	// RollbackAutomatic restores the entries that the operator changed, while the old credentials still live.
	RollbackAutomatic RollbackPolicy = "Automatic"
	// RollbackNever leaves that to a person.
	RollbackNever RollbackPolicy = "Never"
)

// ApprovedAnnotation on a PullSecretRotation approves the request for one T: its value is that T in RFC 3339.
const ApprovedAnnotation = "rotation.openshift.io/approved-rotation-after"

// PullSecretRotationSpec states what must be true: the account's pull secret has been rotated after T, and this
// cluster uses the new one.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'Rotate' || has(self.rotateAfter) || has(self.schedule)",message="mode Rotate needs rotateAfter or schedule: without either, nothing would ever be rotated"
// +kubebuilder:validation:XValidation:rule="self.mode != 'Follow' || (!has(self.rotateAfter) && !has(self.schedule))",message="mode Follow never requests a rotation: remove rotateAfter and schedule, or use mode Rotate"
// +kubebuilder:validation:XValidation:rule="self.mode == 'Follow' || (has(self.ocm) && has(self.ocm.credentialsSecretRef))",message="ocm.credentialsSecretRef is needed unless mode is Follow: name a Secret in the operator's namespace with the key token, or client-id and client-secret"
type PullSecretRotationSpec struct {
	// Mode: Rotate requests and applies, Follow applies what others requested, Audit only reports.
	// +kubebuilder:default=Rotate
	// +optional
	Mode RotationMode `json:"mode,omitempty"`

	// RotateAfter is T: the account's pull secret must have been rotated at or after this time. With a schedule too, the
	// later of the two counts.
	// +optional
	RotateAfter *metav1.Time `json:"rotateAfter,omitempty"`

	// Schedule makes T the last tick since this object was created.
	// +optional
	Schedule *RotationSchedule `json:"schedule,omitempty"`

	// StartWindows are when a rotation may be requested. None: at any time. They never hold back a rotation under way.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	StartWindows []StartWindow `json:"startWindows,omitempty"`

	// Approval: BeforeRequest waits for the annotation rotation.openshift.io/approved-rotation-after.
	// +kubebuilder:default=None
	// +optional
	Approval ApprovalPolicy `json:"approval,omitempty"`

	// SiblingClusters: a rotation is per account. Refuse requests nothing while other clusters of the account are active.
	// +kubebuilder:default=Refuse
	// +optional
	SiblingClusters SiblingPolicy `json:"siblingClusters,omitempty"`

	// Suspend stops every effect, and says so.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// OCM is how OpenShift Cluster Manager is reached.
	// +kubebuilder:default={}
	// +optional
	OCM OCMSpec `json:"ocm,omitempty"`

	// Entries says which entries of the pull secret may change.
	// +kubebuilder:default={}
	// +optional
	Entries EntriesSpec `json:"entries,omitempty"`

	// Verification per registry. Defaults: quay.io, registry.redhat.io, registry.connect.redhat.com and
	// cloud.openshift.com are Required.
	// +listType=map
	// +listMapKey=registry
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Verification []RegistryVerification `json:"verification,omitempty"`

	// Targets are the Secrets of type kubernetes.io/dockerconfigjson that get the new entries, the first one as canary.
	// +kubebuilder:default={{namespace: "openshift-config", name: "pull-secret"}}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +optional
	Targets []SecretReference `json:"targets,omitempty"`

	// Rollout says how the MachineConfigPools are followed.
	// +kubebuilder:default={}
	// +optional
	Rollout RolloutSpec `json:"rollout,omitempty"`

	// Rollback of the changed entries, possible only while OCM keeps the old credentials alive.
	// +kubebuilder:default=Automatic
	// +optional
	Rollback RollbackPolicy `json:"rollback,omitempty"`

	// HealthCheckInterval is how often the pull secret in use is proven against the registries between rotations.
	// +kubebuilder:default="6h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('30s') && duration(self) <= duration('168h')",message="healthCheckInterval must be between 30s and 168h: an offline token dies after 30 days without use"
	// +optional
	HealthCheckInterval *metav1.Duration `json:"healthCheckInterval,omitempty"`
}

// RotationSchedule is a cron expression in a time zone.
type RotationSchedule struct {
	// Cron has the five usual fields: minute, hour, day of month, month, day of week.
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^\\\\s*\\\\S+(\\\\s+\\\\S+){4}\\\\s*$')",message="cron needs five fields: minute, hour, day of month, month, day of week"
	Cron string `json:"cron"`
	// TimeZone is an IANA name.
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// StartWindow opens at each tick of Cron and stays open for Duration.
type StartWindow struct {
	// Cron has the five usual fields.
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^\\\\s*\\\\S+(\\\\s+\\\\S+){4}\\\\s*$')",message="cron needs five fields: minute, hour, day of month, month, day of week"
	Cron string `json:"cron"`
	// Duration the window stays open.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="duration must be between 1m and 168h"
	Duration metav1.Duration `json:"duration"`
	// TimeZone is an IANA name.
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MaxLength=64
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// OCMSpec is how OpenShift Cluster Manager is reached.
type OCMSpec struct {
	// URL of the API.
	// +kubebuilder:default="https://api.openshift.com"
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && !self.contains('@')",message="url must be an https:// URL without user name: the token is sent to it"
	// +optional
	URL string `json:"url,omitempty"`

	// TokenURL of the SSO.
	// +kubebuilder:default="https://sso.redhat.com/auth/realms/redhat-external/protocol/openid-connect/token"
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && !self.contains('@')",message="tokenURL must be an https:// URL without user name: the credential is sent to it"
	// +optional
	TokenURL string `json:"tokenURL,omitempty"`

	// CredentialsSecretRef names a Secret in the operator's namespace with the key token (an offline or refresh token),
	// or client-id and client-secret. Optional for mode Follow, which can use the cluster's own token.
	// +optional
	CredentialsSecretRef *LocalReference `json:"credentialsSecretRef,omitempty"`

	// CABundleConfigMapRef names a ConfigMap in the operator's namespace whose key ca-bundle.crt is trusted besides the
	// system's roots, for OCM and for the registries.
	// +optional
	CABundleConfigMapRef *LocalReference `json:"caBundleConfigMapRef,omitempty"`

	// AccountID is an optional pin. It is only compared with current_account, never used in a request.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	AccountID string `json:"accountID,omitempty"`
}

// EntriesSpec says which entries of the pull secret may change.
type EntriesSpec struct {
	// AddMissing names registries whose entry is added when it is absent. None by default: a missing
	// cloud.openshift.com is an opt-out of telemetry.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +optional
	AddMissing []string `json:"addMissing,omitempty"`

	// Foreign is what happens to an entry for one of the account's registries that the account did not issue, such as a
	// registry service account of the customer.
	// +kubebuilder:default=Keep
	// +optional
	Foreign ForeignPolicy `json:"foreign,omitempty"`
}

// RegistryVerification is how one registry is asked.
type RegistryVerification struct {
	// Registry as it is written in the pull secret.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Registry string `json:"registry"`
	// Policy: Required, BestEffort or Skip.
	// +kubebuilder:default=Required
	// +optional
	Policy VerificationPolicy `json:"policy,omitempty"`
	// Image whose manifest must be readable, to prove the right to pull and not only the login. Default: the cluster's own
	// release image for its registry, a login for the others.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Image string `json:"image,omitempty"`
}

// RolloutSpec says how the MachineConfigPools are followed.
type RolloutSpec struct {
	// WaitForPools follows the pools until each machine has the new file. Paused pools are reported and do not block.
	// +kubebuilder:default=true
	// +optional
	WaitForPools *bool `json:"waitForPools,omitempty"`
	// Timeout after which a roll-out that has not ended is reported. It is followed on all the same.
	// +kubebuilder:default="2h"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="timeout must be between 1m and 168h"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// AllowNodeDisruption requests a rotation although the cluster's node disruption policy drains or reboots nodes when
	// the pull secret changes.
	// +optional
	AllowNodeDisruption bool `json:"allowNodeDisruption,omitempty"`
}

// PullSecretRotationStatus is what the operator knows and has done.
type PullSecretRotationStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions speak of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions follow kstatus: Ready, Reconciling, Stalled; and PullSecretValid, PoolsPaused, SecondWriter.
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

	// Account whose pull secret is rotated.
	// +optional
	Account *AccountStatus `json:"account,omitempty"`

	// SiblingClusters counts the other active clusters of the account.
	// +optional
	SiblingClusters *int32 `json:"siblingClusters,omitempty"`

	// NextRotationAfter is the next T that is still to come.
	// +optional
	NextRotationAfter *metav1.Time `json:"nextRotationAfter,omitempty"`

	// PullSecretIssuedAt is when OCM's latest finished rotation of the account was created, as far as known.
	// +optional
	PullSecretIssuedAt *metav1.Time `json:"pullSecretIssuedAt,omitempty"`

	// LastHealthCheck is when the pull secret in use was last proven against the registries.
	// +optional
	LastHealthCheck *metav1.Time `json:"lastHealthCheck,omitempty"`

	// OCMCredential is the credential that OCM is asked with. An offline token dies after 30 days without use.
	// +optional
	OCMCredential *OCMCredentialStatus `json:"ocmCredential,omitempty"`

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
	History []RotationStatus `json:"history,omitempty"`
}

// AccountStatus is the account that current_account named.
type AccountStatus struct {
	// ID of the account, a KSUID.
	ID string `json:"id"`
	// Username of the account.
	// +optional
	Username string `json:"username,omitempty"`
}

// OCMCredentialStatus is the credential that OCM is asked with, without any of it.
type OCMCredentialStatus struct {
	// Type: Token (an offline or refresh token), ServiceAccount (client id and secret) or ClusterToken.
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
	// After is the T that this rotation satisfies.
	// +optional
	After *metav1.Time `json:"after,omitempty"`
	// Adopted is true when this cluster found the rotation instead of requesting it.
	// +optional
	Adopted bool `json:"adopted,omitempty"`
	// Reason why this cluster takes part.
	// +optional
	Reason RotationTrigger `json:"reason,omitempty"`
	// OCMStatus is the status as OCM last gave it: pending or completed. Other values count as in progress.
	// +optional
	OCMStatus string `json:"ocmStatus,omitempty"`

	// Salt of the fingerprints, random for each rotation.
	// +optional
	Salt string `json:"salt,omitempty"`
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
	// BackupSecret in the operator's namespace holds the targets' documents from before the change.
	// +optional
	BackupSecret string `json:"backupSecret,omitempty"`
	// Pools and the rendered configuration each had before the change.
	// +listType=map
	// +listMapKey=name
	// +optional
	Pools []PoolStatus `json:"pools,omitempty"`

	// StartedAt is when this cluster began to take part: the baseline was taken.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// IntendedAt is when the intent to request was recorded, right before the POST.
	// +optional
	IntendedAt *metav1.Time `json:"intendedAt,omitempty"`
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
}

// EntryFingerprint identifies a credential without holding it: a salted SHA-256 of user name and password.
type EntryFingerprint struct {
	// Registry as it is written in the pull secret.
	Registry string `json:"registry"`
	// Fingerprint in hex, shortened.
	Fingerprint string `json:"fingerprint"`
}

// PoolStatus is a MachineConfigPool before the change.
type PoolStatus struct {
	// Name of the pool.
	Name string `json:"name"`
	// ConfigurationBefore is the rendered configuration the pool had before the change.
	// +optional
	ConfigurationBefore string `json:"configurationBefore,omitempty"`
}

// RegistryStatus is what a registry said last.
type RegistryStatus struct {
	// Registry as it is written in the pull secret.
	Registry string `json:"registry"`
	// Result: Accepted, Unauthorized, Denied, NotFound, Unreachable, RateLimited, TLSError, Skipped or Absent.
	Result string `json:"result"`
	// Message in words, without any part of a credential.
	// +optional
	Message string `json:"message,omitempty"`
	// CheckedAt is when it last changed its answer.
	// +optional
	CheckedAt *metav1.Time `json:"checkedAt,omitempty"`
}

// TargetStatus is what was done to a target.
type TargetStatus struct {
	// Namespace of the Secret.
	Namespace string `json:"namespace"`
	// Name of the Secret.
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
	// +optional
	Entries []EntryStatus `json:"entries,omitempty"`
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
	Registry string `json:"registry"`
	// Action: Replaced, Added, Unchanged, KeptForeign or KeptAbsent; in mode Audit what it would be.
	Action string `json:"action"`
}

// PullSecretRotation keeps the Red Hat pull secret of a cluster rotated and alive.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=psr,categories=rotation
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.status.account.username`
// +kubebuilder:printcolumn:name="Secret-Age",type=date,JSONPath=`.status.pullSecretIssuedAt`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.nextRotationAfter`
// +kubebuilder:printcolumn:name="Waiting-For",type=string,priority=1,JSONPath=`.status.waitingFor`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PullSecretRotation struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec PullSecretRotationSpec `json:"spec"`
	// +optional
	Status PullSecretRotationStatus `json:"status,omitempty"`
}

// GetConditions and SetConditions serve the shared condition code.
func (r *PullSecretRotation) GetConditions() []metav1.Condition { return r.Status.Conditions }

// SetConditions replaces the conditions.
func (r *PullSecretRotation) SetConditions(c []metav1.Condition) { r.Status.Conditions = c }

// PullSecretRotationList is a list of PullSecretRotation.
//
// +kubebuilder:object:root=true
type PullSecretRotationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PullSecretRotation `json:"items"`
}
