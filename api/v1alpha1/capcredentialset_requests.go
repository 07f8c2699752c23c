package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CredentialsRequestsSpec selects CredentialsRequests and gives them roles.
// +kubebuilder:validation:XValidation:rule="(has(self.secretRoleKey) && self.secretRoleKey == 'AllowListed') == (has(self.allowedRoles) && size(self.allowedRoles) > 0)",message="allowedRoles is required with secretRoleKey: AllowListed, and has no effect without it"
type CredentialsRequestsSpec struct {
	// Namespaces whose CredentialsRequests are served in addition to those of openshift-cloud-credential-operator. Anyone who may create a
	// CredentialsRequest there decides which Secrets get credentials.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +optional
	Namespaces []string `json:"namespaces,omitempty"`

	// Selector by label. Default: all AWS CredentialsRequests of the namespaces.
	// +optional
	Selector *LabelSelector `json:"selector,omitempty"`

	// Exclude lists CredentialsRequests that are not served.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=500
	// +optional
	Exclude []RequestReference `json:"exclude,omitempty"`

	// Roles of CredentialsRequests by name. All others get defaultRole.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2000
	// +optional
	Roles []RequestRole `json:"roles,omitempty"`

	// DefaultRole of CredentialsRequests without another role.
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f]*$`
	// +kubebuilder:validation:MaxLength=512
	// +optional
	DefaultRole string `json:"defaultRole,omitempty"`

	// SecretRoleKey: Ignore (default), or AllowListed: if roles names none, the Secret's data key "role", which cap-token-refresh used, chooses
	// among allowedRoles. Anyone who may edit such a Secret can then choose its role.
	// +optional
	SecretRoleKey SecretRoleKeyPolicy `json:"secretRoleKey,omitempty"`

	// AllowedRoles are the roles that a Secret's data key "role" may name.
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +kubebuilder:validation:items:Pattern=`^[^\x00-\x1f\x7f-\x9f]+$`
	// +optional
	AllowedRoles []string `json:"allowedRoles,omitempty"`

	// AdoptExisting also takes over Secrets of CredentialsRequests whose content the operator has not written, such as those of
	// cap-token-refresh. Without it the operator leaves them alone and reports SecretNotOurs.
	// +optional
	AdoptExisting bool `json:"adoptExisting,omitempty"`
}

// LabelSelector selects by labels as usual in Kubernetes; all requirements must be met.
// +kubebuilder:validation:XValidation:rule="!has(self.matchLabels) || self.matchLabels.all(k, size(k) <= 317 && size(self.matchLabels[k]) <= 63)",message="matchLabels must hold labels: a key has at most 317 characters and a value 63"
type LabelSelector struct {
	// MatchLabels are labels with their values.
	// +kubebuilder:validation:MaxProperties=16
	// +optional
	MatchLabels map[string]string `json:"matchLabels,omitempty"`
	// MatchExpressions are requirements with operators.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	MatchExpressions []LabelRequirement `json:"matchExpressions,omitempty"`
}

// LabelRequirement is one requirement of a selector.
type LabelRequirement struct {
	// Key of the label.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	// +required
	Key string `json:"key"`
	// Operator: In, NotIn, Exists or DoesNotExist.
	// +kubebuilder:validation:Enum=In;NotIn;Exists;DoesNotExist
	// +required
	Operator metav1.LabelSelectorOperator `json:"operator"`
	// Values for In and NotIn.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	// +optional
	Values []string `json:"values,omitempty"`
}

// RequestReference names a CredentialsRequest.
type RequestReference struct {
	// Namespace of the CredentialsRequest; openshift-cloud-credential-operator if omitted.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the CredentialsRequest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +required
	Name string `json:"name"`
}

// RequestRole gives a CredentialsRequest its role.
type RequestRole struct {
	// Namespace of the CredentialsRequest; openshift-cloud-credential-operator if omitted.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name of the CredentialsRequest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +required
	Name string `json:"name"`
	// Role as CAP knows it.
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f]+$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	Role string `json:"role"`
}

// Each of these is owned as a whole: with owners of its single fields, each write of a set that lists a thousand of them is a half dearer.

// SecretRole gives a Secret its role.
// +structType=atomic
type SecretRole struct {
	SecretReference `json:",inline"`
	// Role as CAP knows it.
	// +kubebuilder:validation:Pattern=`^[^\x00-\x1f\x7f-\x9f]+$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +required
	Role string `json:"role"`
}
