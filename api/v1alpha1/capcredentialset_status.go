package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CAPCredentialSetStatus is what the operator knows and has done.
type CAPCredentialSetStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions speak of; -1 until the operator has seen the object.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions follow kstatus: Ready, Reconciling, Stalled; and ClientCertificateValid, SpecMatches, SecondWriter, ClockSkewed,
	// Suspended.
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Credentials is fresh/all, such as 7/7.
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Credentials string `json:"credentials,omitempty"`
	// Expired counts the Secrets whose credential has expired: what reads them gets nothing from AWS.
	// +optional
	Expired int32 `json:"expired,omitempty"`
	// EarliestExpiry of all credentials.
	// +optional
	EarliestExpiry *metav1.Time `json:"earliestExpiry,omitempty"`
	// NextRefresh that is due.
	// +optional
	NextRefresh *metav1.Time `json:"nextRefresh,omitempty"`
	// LastHandledRefresh is the value of the annotation rotation.openshift.io/refresh-requested-at that has been carried out.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	LastHandledRefresh string `json:"lastHandledRefresh,omitempty"`
	// Proof is CAP's latest good answer, and what it was asked with. While the spec, the client certificate or the CAs are others,
	// CAP is asked once more, and Ready is not True before it has answered well.
	// +optional
	Proof *CAPProof `json:"proof,omitempty"`
	// ClientCertificate that the portal is asked with.
	// +optional
	ClientCertificate *ClientCertificateStatus `json:"clientCertificate,omitempty"`

	// Targets, failing ones first, at most 200.
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=200
	// +optional
	Targets []CredentialTargetStatus `json:"targets,omitempty"`
	// TargetsNotListed counts what Targets has no room for.
	// +optional
	TargetsNotListed int32 `json:"targetsNotListed,omitempty"`

	// NotServed counts the AWS CredentialsRequests that are left alone because they use STS tokens (stsIAMRoleARN).
	// +optional
	NotServed int32 `json:"notServed,omitempty"`
}

// CAPProof is a good answer of CAP.
type CAPProof struct {
	// Generation of the spec that CAP was asked by.
	// +required
	Generation int64 `json:"generation"`
	// Certificate is the SHA-256 fingerprint, in hexadecimal, of the client certificate that was shown to CAP.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Certificate string `json:"certificate"`
	// Authorities is the SHA-256 digest, in hexadecimal, of the CAs that CAP's own certificate was checked by.
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
	// CredentialsRequest that asks for it, namespace/name; empty for one named in spec.secrets.
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
	// Expiry is how that is known: Told by CAP, Assumed, told Zoneless, or Unreadable.
	// +optional
	Expiry ExpiryKnowledge `json:"expiry,omitempty"`
	// RefreshedAt is when it was fetched.
	// +optional
	RefreshedAt *metav1.Time `json:"refreshedAt,omitempty"`
	// NextRefresh of it.
	// +optional
	NextRefresh *metav1.Time `json:"nextRefresh,omitempty"`
	// Result: a condition reason, such as Fresh, AuthenticationRefused or NoRole.
	// +kubebuilder:validation:MaxLength=64
	// +required
	Result string `json:"result"`
	// Message in words.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Message string `json:"message,omitempty"`
}

// ExpiryKnowledge says how the end of a credential's life is known.
// +kubebuilder:validation:Enum=Told;Assumed;Zoneless;Unreadable
type ExpiryKnowledge string

const (
	// ExpiryTold: CAP has told it.
	ExpiryTold ExpiryKnowledge = "Told"
	// ExpiryAssumed: CAP tells none, so spec.refresh.assumedLifetime counts, whatever it is at present.
	ExpiryAssumed ExpiryKnowledge = "Assumed"
	// ExpiryZoneless: CAP tells a time without a zone, which counts for no more than the assumed lifetime.
	ExpiryZoneless ExpiryKnowledge = "Zoneless"
	// ExpiryUnreadable: CAP tells something that is no time; half of the assumed lifetime counts.
	ExpiryUnreadable ExpiryKnowledge = "Unreadable"
)
