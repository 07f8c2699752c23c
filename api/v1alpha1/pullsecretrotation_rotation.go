package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

	// Machines are how far the roll-out is by machine, where the cluster has MachineConfigNodes. They are counted until the roll-out has ended.
	// +optional
	Machines *MachinesStatus `json:"machines,omitempty"`

	// Probes are what machines of the pools have pulled with the new file, by pool; only with spec.rollout.probe.
	// +listType=map
	// +listMapKey=pool
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Probes []ProbeStatus `json:"probes,omitempty"`

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
