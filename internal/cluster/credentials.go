package cluster

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// Objects of the cloud-credential-operator that matter here. Source: openshift/cloud-credential-operator, pkg/operator/constants and
// pkg/operator/utils.
const (
	// credentialsModeManual is the one mode in which the cloud-credential-operator leaves the Secrets alone.
	credentialsModeManual = "Manual"
	// legacyModeNamespace and legacyModeName identify the ConfigMap that switched it off before 4.6.
	legacyModeNamespace = "openshift-cloud-credential-operator"
	legacyModeName      = "cloud-credential-operator-config"
	// awsProviderKind distinguishes AWS requests from those of other clouds: the release payload holds all of them.
	awsProviderKind = "AWSProviderSpec"
	// legacyCronJobName is the CronJob of github.com/staebler/cap-token-refresh.
	legacyCronJobName = "cap-token-refresh"
)

// CredentialsRequest says which credentials a component needs, and in which Secret. No importable Go module has the kind
// (cloudcredential.openshift.io/v1), and few of its fields matter here. Only those for AWS are kept.
type CredentialsRequest struct {
	Namespace, Name string
	Labels          labels.Set
	// Secret is where the component expects the credentials.
	Secret types.NamespacedName
	// TimedToken is true if the request uses its own STS token (stsIAMRoleARN): the cloud-credential-operator writes that Secret even in mode
	// Manual.
	TimedToken bool
}

// String is the usual namespace/name.
func (r CredentialsRequest) String() string { return r.Namespace + "/" + r.Name }

// ReadCredentialsRequest reads a CredentialsRequest through a function that returns the text at a path; isAWS is false for another cloud's. It
// validates nothing.
func ReadCredentialsRequest(text func(path ...string) string) (r CredentialsRequest, isAWS bool) {
	return CredentialsRequest{
		Namespace: text("metadata", "namespace"), Name: text("metadata", "name"),
		Secret:     types.NamespacedName{Namespace: text("spec", "secretRef", "namespace"), Name: text("spec", "secretRef", "name")},
		TimedToken: text("spec", "providerSpec", "stsIAMRoleARN") != "",
	}, text("spec", "providerSpec", "kind") == awsProviderKind
}

// ParseCredentialsRequest reads a CredentialsRequest of the cluster; ok is false if it is another cloud's, names no Secret, or is being deleted.
func ParseCredentialsRequest(u *unstructured.Unstructured) (r CredentialsRequest, ok bool) {
	r, isAWS := ReadCredentialsRequest(func(path ...string) string {
		text, _, _ := unstructured.NestedString(u.Object, path...)
		return text
	})
	r.Labels = u.GetLabels()
	if !isAWS || r.Secret.Namespace == "" || r.Secret.Name == "" || u.GetDeletionTimestamp() != nil {
		return CredentialsRequest{}, false
	}
	return r, true
}

// sortRequests sorts them by namespace and name.
func sortRequests(requests []CredentialsRequest) {
	slices.SortFunc(requests, func(a, b CredentialsRequest) int { return strings.Compare(a.String(), b.String()) })
}

// CredentialsMode is the mode of the cloud-credential-operator.
type CredentialsMode struct {
	// Known is false until it has been read.
	Known bool
	// Installed is false if the cluster has no cloud-credential-operator.
	Installed bool
	// Mode is spec.credentialsMode of cloudcredential.operator.openshift.io/cluster; empty means the default.
	Mode string
	// LegacyDisabled is true if the old ConfigMap switches it off.
	LegacyDisabled bool
}

// Manual is true when the cloud-credential-operator leaves the Secrets alone.
func (m CredentialsMode) Manual() bool {
	return m.Known && (!m.Installed || m.Mode == credentialsModeManual || m.Mode == "" && m.LegacyDisabled)
}

// String names the mode for people.
func (m CredentialsMode) String() string {
	if m.Mode == "" {
		return "Default"
	}
	return m.Mode
}

// CronJob is a cap-token-refresh CronJob that is not suspended.
type CronJob struct{ Namespace, Name, Schedule string }

func parseCronJob(u *unstructured.Unstructured) (c CronJob, running bool) {
	schedule, _, _ := unstructured.NestedString(u.Object, "spec", "schedule")
	suspended, _, _ := unstructured.NestedBool(u.Object, "spec", "suspend")
	return CronJob{Namespace: u.GetNamespace(), Name: u.GetName(), Schedule: schedule}, !suspended && u.GetDeletionTimestamp() == nil
}
