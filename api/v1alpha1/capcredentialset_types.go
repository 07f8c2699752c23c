package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// STSPolicy says whether the operator checks a credential with STS before it writes it.
// +kubebuilder:validation:Enum=Off;BestEffort;Required
type STSPolicy string

const (
	// STSOff does not check.
	STSOff STSPolicy = "Off"
	// STSBestEffort does not write a credential that STS refuses; an unreachable STS does not prevent the write.
	STSBestEffort STSPolicy = "BestEffort"
	// STSRequired writes only credentials that STS has accepted.
	STSRequired STSPolicy = "Required"
)

// SecretRoleKeyPolicy says whether the data key "role" of a served Secret counts.
// +kubebuilder:validation:Enum=Ignore;AllowListed
type SecretRoleKeyPolicy string

const (
	// SecretRoleKeyIgnore: only the spec gives roles.
	SecretRoleKeyIgnore SecretRoleKeyPolicy = "Ignore"
	// SecretRoleKeyAllowListed: the key chooses among spec.credentialsRequests.allowedRoles.
	SecretRoleKeyAllowListed SecretRoleKeyPolicy = "AllowListed"
)

// DefaultRequestsNamespace is the namespace of the release payload's CredentialsRequests. It is always served.
const DefaultRequestsNamespace = "openshift-cloud-credential-operator"

// RestartKind is the kind of a workload that can be restarted.
// +kubebuilder:validation:Enum=Deployment;DaemonSet;StatefulSet
type RestartKind string

const (
	// RestartDeployment names a Deployment.
	RestartDeployment RestartKind = "Deployment"
	// RestartDaemonSet names a DaemonSet.
	RestartDaemonSet RestartKind = "DaemonSet"
	// RestartStatefulSet names a StatefulSet.
	RestartStatefulSet RestartKind = "StatefulSet"
)

const (
	// RefreshRequestedAnnotation on a CAPCredentialSet forces a refresh of every credential that is older than its value, a time in RFC 3339.
	// status.lastHandledRefresh repeats the value when the refresh is done.
	RefreshRequestedAnnotation = "rotation.openshift.io/refresh-requested-at"

	// The bookkeeping of a set is in annotations of its Secrets: consumers hash the data, never the metadata.

	// CredentialSetAnnotation names the CAPCredentialSet that owns the Secret.
	CredentialSetAnnotation = "rotation.openshift.io/credential-set"
	// RoleAnnotation is the role whose credential the Secret holds.
	RoleAnnotation = "rotation.openshift.io/role"
	// ExpiresAtAnnotation is when the credential expires, RFC 3339.
	ExpiresAtAnnotation = "rotation.openshift.io/expires-at"
	// ExpiryAnnotation says how the expiry is known: Told, Assumed, Zoneless or Unreadable.
	ExpiryAnnotation = "rotation.openshift.io/expiry"
	// RefreshedAtAnnotation is when the credential was fetched, RFC 3339 with fractions of a second.
	RefreshedAtAnnotation = "rotation.openshift.io/refreshed-at"
	// SealAnnotation is a keyed hash (MAC) over the Secret's identity, the role, the times and the keys that the operator wrote. Bookkeeping that
	// does not match it is ignored.
	SealAnnotation = "rotation.openshift.io/seal"
	// RestartedAtAnnotation on a pod template restarts the workload.
	RestartedAtAnnotation = "rotation.openshift.io/restarted-at"
)

// CAPCredentialSetSpec says where credentials come from and which Secrets hold them.
type CAPCredentialSetSpec struct {
	// Endpoint is the C2S Access Portal.
	// +required
	Endpoint CAPEndpoint `json:"endpoint"`

	// CredentialsRequests says which of the cluster's AWS CredentialsRequests are served, and with which role. Without this field the set serves
	// only the Secrets in secrets. Empty ({}), it serves all CredentialsRequests in the namespace openshift-cloud-credential-operator.
	// +optional
	CredentialsRequests *CredentialsRequestsSpec `json:"credentialsRequests,omitempty"`

	// Secrets are served in addition to those of the CredentialsRequests. The operator takes them over whatever they hold.
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=2000
	// +optional
	Secrets []SecretRole `json:"secrets,omitempty"`

	// Refresh says when credentials are refreshed.
	// +kubebuilder:default={}
	// +optional
	Refresh RefreshSpec `json:"refresh,omitempty"`

	// Verification by AWS STS before a credential is written.
	// +kubebuilder:default={}
	// +optional
	Verification CAPVerification `json:"verification,omitempty"`

	// CreateMissingSecrets creates missing Secrets (type Opaque) in existing namespaces.
	// +kubebuilder:default=true
	// +optional
	CreateMissingSecrets *bool `json:"createMissingSecrets,omitempty"`

	// RestartTargets are workloads that cannot reload credentials. The operator restarts each once per refresh that changes a Secret in its
	// namespace.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +optional
	RestartTargets []RestartTarget `json:"restartTargets,omitempty"`

	// Upgrade prepares the next release of OpenShift.
	// +optional
	Upgrade *UpgradeSpec `json:"upgrade,omitempty"`

	// Suspend stops all actions of the operator for this object, and shows the condition Suspended.
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// UpgradeSpec prepares the next release of OpenShift.
type UpgradeSpec struct {
	// Prepare names a ConfigMap in the operator's namespace whose values hold the CredentialsRequests of the next release, as
	// `oc adm release extract --credentials-requests --cloud=aws` writes them. Each role that only they need is tried at CAP once,
	// and nothing is written. The condition UpgradeReady says whether anything is missing.
	// +optional
	Prepare *LocalReference `json:"prepare,omitempty"`
}

// RefreshSpec says when credentials are refreshed.
type RefreshSpec struct {
	// AtLifetimePercent is the percentage of its lifetime after which a credential is refreshed.
	// +kubebuilder:default=50
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=90
	// +optional
	AtLifetimePercent int32 `json:"atLifetimePercent,omitempty"`
	// JitterPercent is the maximum percentage of its lifetime by which a refresh comes earlier, constant for each role; 0 means none.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=40
	// +optional
	JitterPercent *int32 `json:"jitterPercent,omitempty"`
	// AssumedLifetime of a credential for which CAP gives no expiry.
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$') && duration(self) >= duration('1m') && duration(self) <= duration('36h')",message="assumedLifetime must be between 1m and 36h, in h, m and s"
	// +optional
	AssumedLifetime *metav1.Duration `json:"assumedLifetime,omitempty"`
}

// CAPVerification says how credentials are checked with AWS STS.
// +kubebuilder:validation:XValidation:rule="!has(self.endpoint) || self.endpoint.size() == 0 || (isURL(self.endpoint) && url(self.endpoint).getScheme() == 'https' && url(self.endpoint).getHostname().size() > 0 && !self.endpoint.contains('?') && !self.endpoint.contains('#') && !self.endpoint.contains('@'))",message="verification.endpoint must be an https:// URL with a host, and without query, fragment or user name"
type CAPVerification struct {
	// STS: Off, BestEffort or Required.
	// +kubebuilder:default=Off
	// +optional
	STS STSPolicy `json:"sts,omitempty"`
	// Region. Default: the cluster's own.
	// +kubebuilder:validation:Pattern=`^([a-z]{2,}(-[a-z]+)+-[0-9]+)?$`
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Region string `json:"region,omitempty"`
	// Endpoint. Default: the cluster's own service endpoint for STS, else that of the region.
	// +kubebuilder:validation:MaxLength=2048
	// +optional
	Endpoint string `json:"endpoint,omitempty"`
}

// RestartTarget is a workload that cannot reload credentials.
type RestartTarget struct {
	// Kind: Deployment, DaemonSet or StatefulSet.
	// +required
	Kind RestartKind `json:"kind"`
	// Namespace of the workload.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Namespace string `json:"namespace"`
	// Name of the workload.
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`
}

// CAPCredentialSet refreshes the AWS credentials of a cluster that gets them from a C2S Access Portal (CAP).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=capset,categories=rotation
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Fresh",type=string,JSONPath=`.status.credentials`
// +kubebuilder:printcolumn:name="Expired",type=integer,JSONPath=`.status.expired`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.nextRefresh`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.earliestExpiry`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CAPCredentialSet struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec CAPCredentialSetSpec `json:"spec"`
	// +kubebuilder:default={"observedGeneration":-1}
	// +optional
	Status CAPCredentialSetStatus `json:"status,omitempty"`
}

// GetConditions returns the conditions, for code that both kinds share.
func (s *CAPCredentialSet) GetConditions() []metav1.Condition { return s.Status.Conditions }

// SetConditions replaces the conditions.
func (s *CAPCredentialSet) SetConditions(c []metav1.Condition) { s.Status.Conditions = c }

// CAPCredentialSetList is a list of CAPCredentialSet.
//
// +kubebuilder:object:root=true
type CAPCredentialSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CAPCredentialSet `json:"items"`
}
