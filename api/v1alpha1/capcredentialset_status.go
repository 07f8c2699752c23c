package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CAPCredentialSetStatus is the observed state of a CAPCredentialSet.
type CAPCredentialSetStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions describe; -1 until the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions follow kstatus: Ready, Reconciling, Stalled; and ClientCertificateValid, SpecMatches, SecondWriter, ClockSkewed,
	// Suspended.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Credentials is the number of fresh credentials and of all, such as 7/7.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Credentials string `json:"credentials,omitempty"`
	// Expired counts the Secrets whose credential has expired: AWS refuses whatever uses them.
	// +optional
	Expired int32 `json:"expired,omitempty"`
	// EarliestExpiry of all credentials.
	// +optional
	EarliestExpiry *metav1.Time `json:"earliestExpiry,omitempty"`
	// NextRefresh is when the next refresh is due.
	// +optional
	NextRefresh *metav1.Time `json:"nextRefresh,omitempty"`
	// LastHandledRefresh is the last value of the annotation rotation.openshift.io/refresh-requested-at that the operator has carried out.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	LastHandledRefresh string `json:"lastHandledRefresh,omitempty"`
	// Proof describes CAP's latest good answer. After a change of the spec, the client certificate or the CAs, Ready is not True until CAP has
	// given another good answer.
	// +optional
	Proof *CAPProof `json:"proof,omitempty"`
	// ClientCertificate that CAP is asked with.
	// +optional
	ClientCertificate *ClientCertificateStatus `json:"clientCertificate,omitempty"`

	// Targets are the Secrets, failing ones first, at most 200. Fresh ones are listed until there are 50 rows.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=200
	// +optional
	Targets []CredentialTargetStatus `json:"targets,omitempty"`
	// TargetsNotListed counts the Secrets that are not listed in Targets.
	// +optional
	TargetsNotListed int32 `json:"targetsNotListed,omitempty"`

	// Upgrade is what CAP said of the roles that the next release needs.
	// +optional
	Upgrade *UpgradeStatus `json:"upgrade,omitempty"`

	// NotServed counts the AWS CredentialsRequests that are not served because they use STS tokens (stsIAMRoleARN).
	// +optional
	NotServed int32 `json:"notServed,omitempty"`
}

// UpgradeStatus is what CAP said of the roles that the next release needs and no Secret has yet.
type UpgradeStatus struct {
	// Generation of the spec that CAP was asked by.
	// +required
	Generation int64 `json:"generation"`
	// Certificate is the SHA-256 fingerprint, in hexadecimal, of the client certificate that was shown to CAP.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Certificate string `json:"certificate,omitempty"`
	// Roles and CAP's answer to each, at most 64.
	// +listType=map
	// +listMapKey=role
	// +kubebuilder:validation:MaxItems=64
	// +optional
	Roles []RoleTrial `json:"roles,omitempty"`
}

// RoleTrial is CAP's answer when it was asked for a role once.
type RoleTrial struct {
	// Role as CAP knows it.
	// +kubebuilder:validation:MaxLength=512
	// +required
	Role string `json:"role"`
	// Result: Fresh if CAP gave a credential, or the reason why it did not.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Result string `json:"result"`
	// At is when CAP was asked.
	// +required
	At metav1.Time `json:"at"`
}

// CAPProof describes a good answer of CAP.
type CAPProof struct {
	// Generation of the spec with which CAP was asked.
	// +required
	Generation int64 `json:"generation"`
	// Certificate is the SHA-256 fingerprint, in hexadecimal, of the client certificate that was sent to CAP.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Certificate string `json:"certificate"`
	// Authorities is the SHA-256 digest, in hexadecimal, of the CAs with which CAP's server certificate was checked.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Authorities string `json:"authorities"`
	// At is when CAP was asked.
	// +required
	At metav1.Time `json:"at"`
}

// ClientCertificateStatus is the client certificate in use.
type ClientCertificateStatus struct {
	// Subject of the certificate.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Subject string `json:"subject,omitempty"`
	// NotAfter is when it expires.
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`
}

// CredentialTargetStatus is one Secret.
type CredentialTargetStatus struct {
	// Namespace of the Secret.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Namespace string `json:"namespace"`
	// Name of the Secret.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
	// CredentialsRequest that asks for it, namespace/name; empty for a Secret named in spec.secrets.
	// +kubebuilder:validation:MaxLength=317
	// +optional
	CredentialsRequest string `json:"credentialsRequest,omitempty"`
	// Role whose credential it holds.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Role string `json:"role,omitempty"`
	// ExpiresAt of the credential in the Secret.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
	// Expiry says how expiresAt is known: Told (CAP gives it), Assumed, Zoneless (CAP gives it without a time zone) or Unreadable.
	// +optional
	Expiry ExpiryKnowledge `json:"expiry,omitempty"`
	// RefreshedAt is when the credential was fetched.
	// +optional
	RefreshedAt *metav1.Time `json:"refreshedAt,omitempty"`
	// NextRefresh is when the credential is due for its next refresh.
	// +optional
	NextRefresh *metav1.Time `json:"nextRefresh,omitempty"`
	// Result: a condition reason, such as Fresh, AuthenticationRefused or NoRole.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Result string `json:"result"`
	// Message explains the result.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// ExpiryKnowledge says how the expiry of a credential is known.
// +kubebuilder:validation:Enum=Told;Assumed;Zoneless;Unreadable
type ExpiryKnowledge string

const (
	// ExpiryTold: CAP gives it.
	ExpiryTold ExpiryKnowledge = "Told"
	// ExpiryAssumed: CAP gives none, so the current spec.refresh.assumedLifetime applies.
	ExpiryAssumed ExpiryKnowledge = "Assumed"
	// ExpiryZoneless: CAP gives a time without a time zone; the assumed lifetime is the upper limit.
	ExpiryZoneless ExpiryKnowledge = "Zoneless"
	// ExpiryUnreadable: CAP gives something that is not a time; half of the assumed lifetime applies.
	ExpiryUnreadable ExpiryKnowledge = "Unreadable"
)
