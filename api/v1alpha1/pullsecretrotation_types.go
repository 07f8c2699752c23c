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
	// ModeFollow never requests a rotation: it applies those that somebody else requested.
	ModeFollow RotationMode = "Follow"
	// ModeAudit reads and reports, but requests and writes nothing.
	ModeAudit RotationMode = "Audit"
)

// ApprovalPolicy says whether a person must approve a rotation.
// +kubebuilder:validation:Enum=None;BeforeRequest
type ApprovalPolicy string

const (
	// ApprovalNone requires no approval.
	ApprovalNone ApprovalPolicy = "None"
	// ApprovalBeforeRequest holds the request back until the annotation ApprovedAnnotation names this rotation's T. There is no later approval,
	// because OCM's deadlines run from the request.
	ApprovalBeforeRequest ApprovalPolicy = "BeforeRequest"
)

// SiblingPolicy says what the other active clusters of the account mean.
// +kubebuilder:validation:Enum=Refuse;Allow
type SiblingPolicy string

const (
	// SiblingsRefuse requests no rotation while the account has other active clusters.
	SiblingsRefuse SiblingPolicy = "Refuse"
	// SiblingsAllow requests a rotation although other clusters must switch too.
	SiblingsAllow SiblingPolicy = "Allow"
)

// ForeignPolicy says what happens to entries that the account did not issue.
// +kubebuilder:validation:Enum=Keep;Replace
type ForeignPolicy string

const (
	// ForeignKeep keeps them.
	ForeignKeep ForeignPolicy = "Keep"
	// ForeignReplace replaces them with the account's own entries for the same registry.
	ForeignReplace ForeignPolicy = "Replace"
)

// VerificationPolicy says what a registry's answer means for the rotation.
// +kubebuilder:validation:Enum=Required;BestEffort;Skip
type VerificationPolicy string

const (
	// VerificationRequired holds the new credential back until the registry has accepted it.
	VerificationRequired VerificationPolicy = "Required"
	// VerificationBestEffort holds it back only if the registry refuses it, not if the registry is unreachable.
	VerificationBestEffort VerificationPolicy = "BestEffort"
	// VerificationSkip does not ask the registry.
	VerificationSkip VerificationPolicy = "Skip"
)

// RollbackPolicy says who restores the old entries when the new ones fail.
// +kubebuilder:validation:Enum=Automatic;Never
type RollbackPolicy string

const (
	// RollbackAutomatic restores the entries that the operator changed, as long as the old credentials work.
	RollbackAutomatic RollbackPolicy = "Automatic"
	// RollbackNever leaves that to a person.
	RollbackNever RollbackPolicy = "Never"
)

// ApprovedAnnotation on a PullSecretRotation approves the request for one T: its value is that T in RFC 3339.
const ApprovedAnnotation = "rotation.openshift.io/approved-rotation-after"

// PullSecretRotationSpec describes the desired state: the account's pull secret has been rotated after T, and this cluster uses the new one.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'Rotate' || has(self.rotateAfter) || has(self.schedule)",message="mode Rotate needs rotateAfter or schedule: without either, nothing would ever be rotated"
// +kubebuilder:validation:XValidation:rule="self.mode != 'Follow' || (!has(self.rotateAfter) && !has(self.schedule))",message="mode Follow never requests a rotation: remove rotateAfter and schedule, or use mode Rotate"
// +kubebuilder:validation:XValidation:rule="self.mode == 'Follow' || (has(self.ocm) && has(self.ocm.credentialsSecretRef))",message="ocm.credentialsSecretRef is required unless mode is Follow: name a Secret in the operator's namespace with the key token, or client-id and client-secret"
type PullSecretRotationSpec struct {
	// Mode: Rotate requests and applies rotations, Follow applies those that others requested, Audit only reports.
	// +kubebuilder:default=Rotate
	// +optional
	Mode RotationMode `json:"mode,omitempty"`

	// RotateAfter is T: the account's pull secret must have been rotated at or after this time. If there is also a schedule, the later of the two
	// counts.
	// +optional
	RotateAfter *metav1.Time `json:"rotateAfter,omitempty"`

	// Schedule makes T the last tick since this object was created, or since its schedule was last edited: a new schedule never makes a T in the
	// past.
	// +optional
	Schedule *RotationSchedule `json:"schedule,omitempty"`

	// StartWindows are when a rotation may be requested. Default: at any time. They never delay a rotation under way.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	StartWindows []StartWindow `json:"startWindows,omitempty"`

	// Approval: BeforeRequest waits for the annotation rotation.openshift.io/approved-rotation-after.
	// +kubebuilder:default=None
	// +optional
	Approval ApprovalPolicy `json:"approval,omitempty"`

	// SiblingClusters: a rotation affects all clusters of the account. Refuse requests none while other clusters of the account are active.
	// +kubebuilder:default=Refuse
	// +optional
	SiblingClusters SiblingPolicy `json:"siblingClusters,omitempty"`

	// Suspend stops all actions of the operator for this object, and shows the condition Suspended.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// OCM says how to reach OpenShift Cluster Manager.
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

	// Targets are the Secrets of type kubernetes.io/dockerconfigjson (other than the cluster's own pull secret also Opaque, with the key
	// .dockerconfigjson) that get the new entries, the first one before the others.
	// +kubebuilder:default={{namespace: "openshift-config", name: "pull-secret"}}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=name
	// +optional
	Targets []SecretReference `json:"targets,omitempty"`

	// Rollout says how the operator follows the MachineConfigPools.
	// +kubebuilder:default={}
	// +optional
	Rollout RolloutSpec `json:"rollout,omitempty"`

	// Rollback of the changed entries, which is possible only while OCM keeps the old credentials.
	// +kubebuilder:default=Automatic
	// +optional
	Rollback RollbackPolicy `json:"rollback,omitempty"`

	// HealthCheckInterval is how often the pull secret in use is checked with the registries between rotations.
	// +kubebuilder:default="6h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$')",message="healthCheckInterval must be written in h, m and s, such as 36h or 1h30m: there is no unit for days"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$') || (duration(self) >= duration('30s') && duration(self) <= duration('48h'))",message="healthCheckInterval must be between 30s and 48h: a rotation that somebody else requests must be noticed well before OCM deletes the old credentials"
	// +optional
	HealthCheckInterval *metav1.Duration `json:"healthCheckInterval,omitempty"`
}

// RotationSchedule is a cron expression in a time zone.
type RotationSchedule struct {
	// Cron has the five usual fields: minute, hour, day of month, month, day of week. It ticks at most once a day: minute and hour must be single
	// numbers.
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[-0-9A-Za-z*/,?@ \t]*$`
	// +kubebuilder:validation:XValidation:rule="self.matches('^\\\\s*\\\\S+(\\\\s+\\\\S+){4}\\\\s*$')",message="cron needs five fields: minute, hour, day of month, month, day of week"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^\\\\s*\\\\S+(\\\\s+\\\\S+){4}\\\\s*$') || self.matches('^\\\\s*[0-9]{1,2}\\\\s+[0-9]{1,2}\\\\s')",message="cron must tick at most once a day, because a rotation takes days: name one minute and one hour"
	// +required
	Cron string `json:"cron"`
	// TimeZone is an IANA name.
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+/-]*$`
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// StartWindow opens at each tick of Cron and stays open for Duration.
type StartWindow struct {
	// Cron has the five usual fields.
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[-0-9A-Za-z*/,?@ \t]*$`
	// +kubebuilder:validation:XValidation:rule="self.matches('^\\\\s*\\\\S+(\\\\s+\\\\S+){4}\\\\s*$')",message="cron needs five fields: minute, hour, day of month, month, day of week"
	// +required
	Cron string `json:"cron"`
	// Duration for which the window stays open.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$')",message="duration must be written in h, m and s, such as 36h or 1h30m: there is no unit for days"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$') || (duration(self) >= duration('1m') && duration(self) <= duration('168h'))",message="duration must be between 1m and 168h"
	// +required
	Duration metav1.Duration `json:"duration"`
	// TimeZone is an IANA name; UTC if omitted.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+/-]*$`
	// +optional
	TimeZone string `json:"timeZone,omitempty"`
}

// OCMSpec says how to reach OpenShift Cluster Manager.
type OCMSpec struct {
	// URL of the API.
	// +kubebuilder:default="https://api.openshift.com"
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != '' && url(self).getEscapedPath() in ['', '/'] && !self.matches('[@?#]')",message="url must be https:// and a host, without user name, path, query or fragment: the token is sent to it"
	// +optional
	URL string `json:"url,omitempty"`

	// TokenURL of the SSO.
	// +kubebuilder:default="https://sso.redhat.com/auth/realms/redhat-external/protocol/openid-connect/token"
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != '' && !self.matches('[@?#]')",message="tokenURL must be an https:// URL of a host, without user name, query or fragment: the credential is sent to it"
	// +optional
	TokenURL string `json:"tokenURL,omitempty"`

	// CredentialsSecretRef names a Secret in the operator's namespace with the key token (an offline or refresh token),
	// or client-id and client-secret. Optional for mode Follow, which can use the cluster's own token.
	// +optional
	CredentialsSecretRef *LocalReference `json:"credentialsSecretRef,omitempty"`

	// CABundleConfigMapRef names a ConfigMap in the operator's namespace whose key ca-bundle.crt holds CAs for OCM and the registries, trusted in
	// addition to the system's.
	// +optional
	CABundleConfigMapRef *LocalReference `json:"caBundleConfigMapRef,omitempty"`

	// AccountID is an optional pin. It is only compared with the account of the credential, never used in a request. Where nothing proves whose the
	// cluster's pull secret is, it says that the cluster is to use this account's.
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_-]*$`
	// +optional
	AccountID string `json:"accountID,omitempty"`
}

// EntriesSpec says which entries of the pull secret may change.
type EntriesSpec struct {
	// AddMissing names registries whose entry is added if it is absent. Default: none, because a missing cloud.openshift.com means that the
	// cluster opted out of telemetry.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^(https?://)?[A-Za-z0-9][-A-Za-z0-9._]*(:[0-9]{1,5})?(/[-A-Za-z0-9._~/]*)?$`
	// +optional
	AddMissing []string `json:"addMissing,omitempty"`

	// Foreign says what happens to an entry for one of the account's registries that was not issued to the account, such as a customer's registry
	// service account.
	// +kubebuilder:default=Keep
	// +optional
	Foreign ForeignPolicy `json:"foreign,omitempty"`
}

// RegistryVerification says how one registry is checked.
type RegistryVerification struct {
	// Registry as written in the pull secret: host[:port][/path].
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^(https?://)?[A-Za-z0-9][-A-Za-z0-9._]*(:[0-9]{1,5})?(/[-A-Za-z0-9._~/]*)?$`
	// +required
	Registry string `json:"registry"`
	// Policy: Required, BestEffort or Skip; Required if omitted.
	// +optional
	Policy VerificationPolicy `json:"policy,omitempty"`
	// Image whose manifest must be readable, to prove the right to pull and not only the login. Default: the cluster's own
	// release image for its registry, ubi8/ubi:latest for registry.redhat.io, a login for the others.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^([A-Za-z0-9][-A-Za-z0-9._]*(:[0-9]{1,5})?(/[a-z0-9][-a-z0-9._]*)+(:[A-Za-z0-9_][-A-Za-z0-9._]*)?(@[a-z0-9]+:[a-f0-9]+)?)?$`
	// +optional
	Image string `json:"image,omitempty"`
}

// RolloutSpec says how the operator follows the MachineConfigPools.
//
// +kubebuilder:validation:XValidation:rule="!has(self.probe) || !has(self.waitForPools) || self.waitForPools",message="probe needs waitForPools: without the pools it is not known when a machine has the new file"
type RolloutSpec struct {
	// WaitForPools follows the pools until each machine has the new file. Paused pools are reported and do not block.
	// +kubebuilder:default=true
	// +optional
	WaitForPools *bool `json:"waitForPools,omitempty"`
	// Timeout after which an unfinished roll-out is reported as overdue. The operator keeps following it.
	// +kubebuilder:default="2h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$')",message="timeout must be written in h, m and s, such as 36h or 1h30m: there is no unit for days"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$') || (duration(self) >= duration('1m') && duration(self) <= duration('168h'))",message="timeout must be between 1m and 168h"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// AllowNodeDisruption requests a rotation although the cluster's node disruption policy drains or reboots nodes when
	// the pull secret changes.
	// +optional
	AllowNodeDisruption bool `json:"allowNodeDisruption,omitempty"`
	// Probe has one machine of each pool pull an image with the new pull secret, after the roll-out. Default: none does.
	// +optional
	Probe *RolloutProbe `json:"probe,omitempty"`
}

// RolloutProbe says how machines show that they can pull.
type RolloutProbe struct {
	// Image that only the pull secret may pull, small and of a registry whose entry the rotation replaces: host/path, with a tag or a digest. It is
	// pulled and never run.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][-A-Za-z0-9._]*(:[0-9]{1,5})?(/[a-z0-9]+([._]|__|-+|[a-z0-9]+)*)+(:[A-Za-z0-9_][-A-Za-z0-9._]{0,127})?(@sha256:[a-f0-9]{64})?$`
	// +kubebuilder:validation:XValidation:rule="self.matches('(:[^/]+|@[^/]+)$')",message="image must have a tag or a digest: without either, it would be whatever is latest"
	// +kubebuilder:validation:XValidation:rule="self.matches('^([^/]*[.:][^/]*|localhost)/')",message="image must begin with the host of its registry"
	// +required
	Image string `json:"image"`
	// Pools whose machines pull it. Default: all. A paused pool does so once it is unpaused and has the new file.
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +optional
	Pools []string `json:"pools,omitempty"`
	// Timeout after which a pool of which no machine has given an answer is no longer asked, counted from when its machines have forgotten the old
	// file. A refused pull is an answer: it is repeated for as long as the rotation is under way.
	// +kubebuilder:default="1h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$')",message="timeout must be written in h, m and s, such as 36h or 1h30m: there is no unit for days"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([0-9]+([.][0-9]+)?(h|m|s|ms))+$') || (duration(self) >= duration('1m') && duration(self) <= duration('24h'))",message="timeout must be between 1m and 24h"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// PullSecretRotation rotates the Red Hat pull secret of a cluster and keeps it working.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=psr,categories=rotation
// +kubebuilder:printcolumn:name="Mode",type=string,JSONPath=`.spec.mode`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.status.pullSecretAccount.username`
// +kubebuilder:printcolumn:name="Secret-Age",type=date,JSONPath=`.status.pullSecretIssuedAt`
// +kubebuilder:printcolumn:name="Next",type=string,JSONPath=`.status.nextRotationAfter`
// +kubebuilder:printcolumn:name="Waiting-For",type=string,priority=1,JSONPath=`.status.waitingFor`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PullSecretRotation struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// +required
	Spec PullSecretRotationSpec `json:"spec"` //nolint:kubeapilinter // an object without a spec would be a slip, although each field has a default
	// +kubebuilder:default={observedGeneration:-1}
	// +optional
	Status PullSecretRotationStatus `json:"status,omitempty"`
}

// GetConditions returns the conditions, for code that both kinds share.
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
