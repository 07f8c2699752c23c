package harness

import (
	"context"
	"fmt"

	configv1 "github.com/openshift/api/config/v1"
	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	operatorv1 "github.com/openshift/api/operator/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Names of objects that every cluster has.
const (
	PullSecretNamespace = "openshift-config"
	PullSecretName      = "pull-secret"
	// ccoNamespace is the namespace of all CredentialsRequests of the release payload.
	ccoNamespace = "openshift-cloud-credential-operator"
)

// Request is a CredentialsRequest of the release payload.
type Request struct {
	// Name of the CredentialsRequest.
	Name string
	// SecretNamespace and SecretName are the Secret that it requests.
	SecretNamespace, SecretName string
}

// PayloadRequests are the seven AWS CredentialsRequests of the release payload. The seventh, that of cluster-api, comes with
// tech preview. Source: the manifests of each component's repository, the same from 4.14 to 4.22.
func PayloadRequests() []Request {
	return []Request{
		{"cloud-credential-operator-iam-ro", ccoNamespace, "cloud-credential-operator-iam-ro-creds"},
		{"aws-ebs-csi-driver-operator", "openshift-cluster-csi-drivers", "ebs-cloud-credentials"},
		{"openshift-image-registry", "openshift-image-registry", "installer-cloud-credentials"},
		{"openshift-ingress", "openshift-ingress-operator", "cloud-credentials"},
		{"openshift-machine-api-aws", "openshift-machine-api", "aws-cloud-credentials"},
		{"openshift-cloud-network-config-controller-aws", "openshift-cloud-network-config-controller", "cloud-credentials"},
		{"openshift-cluster-api-aws", "openshift-cluster-api", "capa-manager-bootstrap-credentials"},
	}
}

// Cluster describes what SeedCluster creates. The zero value is a usual cluster.
type Cluster struct {
	// ID of the cluster. Default: DefaultClusterID.
	ID string
	// ReleaseImage, by digest. Default: one in quay.io/openshift-release-dev/ocp-release.
	ReleaseImage string
	// PullSecret is the document in openshift-config/pull-secret. None: no such Secret.
	PullSecret []byte
	// CredentialsMode of the cloud-credential-operator. Default: Manual.
	CredentialsMode operatorv1.CloudCredentialsMode
	// Region of AWS. Default: us-iso-east-1.
	Region string
	// Machines of each pool. Default: 3.
	Machines int32
}

// DefaultClusterID is the identity of a seeded cluster.
const DefaultClusterID = "6a9e0f7e-3a4b-4c5d-8e6f-1a2b3c4d5e6f"

// defaultReleaseImage has a digest that does not exist.
const defaultReleaseImage = "quay.io/openshift-release-dev/ocp-release@sha256:1111111111111111111111111111111111111111111111111111111111111111"

func (c *Cluster) setDefaults() {
	if c.ID == "" {
		c.ID = DefaultClusterID
	}
	if c.ReleaseImage == "" {
		c.ReleaseImage = defaultReleaseImage
	}
	if c.CredentialsMode == "" {
		c.CredentialsMode = operatorv1.CloudCredentialsModeManual
	}
	if c.Region == "" {
		c.Region = "us-iso-east-1"
	}
	if c.Machines == 0 {
		c.Machines = 3
	}
}

// SeedCluster creates the objects of an OpenShift cluster before the operator is installed, or resets existing ones.
func SeedCluster(ctx context.Context, c client.Client, cluster Cluster) error {
	cluster.setDefaults()
	namespaces := []string{PullSecretNamespace, "openshift-config-managed", ccoNamespace}
	for _, r := range PayloadRequests() {
		namespaces = append(namespaces, r.SecretNamespace)
	}
	for _, name := range namespaces {
		if err := CreateNamespace(ctx, c, name); err != nil {
			return err
		}
	}
	if err := seedConfig(ctx, c, cluster); err != nil {
		return err
	}
	if err := seedPools(ctx, c, cluster.Machines); err != nil {
		return err
	}
	for _, r := range PayloadRequests() {
		if err := Ensure(ctx, c, r.Object()); err != nil {
			return err
		}
	}
	if cluster.PullSecret == nil {
		return nil
	}
	return Ensure(ctx, c, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: PullSecretNamespace, Name: PullSecretName},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: cluster.PullSecret},
	})
}

func seedConfig(ctx context.Context, c client.Client, cluster Cluster) error {
	version := &configv1.ClusterVersion{
		ObjectMeta: metav1.ObjectMeta{Name: "version"},
		Spec:       configv1.ClusterVersionSpec{ClusterID: configv1.ClusterID(cluster.ID), Channel: "stable-4.20"},
		Status: configv1.ClusterVersionStatus{
			Desired:     configv1.Release{Version: "4.20.1", Image: cluster.ReleaseImage},
			VersionHash: "seeded",
			History:     []configv1.UpdateHistory{},
		},
	}
	infrastructure := &configv1.Infrastructure{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
		Spec:       configv1.InfrastructureSpec{PlatformSpec: configv1.PlatformSpec{Type: configv1.AWSPlatformType}},
		Status: configv1.InfrastructureStatus{
			InfrastructureName:     "seeded-x7k2p",
			ControlPlaneTopology:   configv1.HighlyAvailableTopologyMode,
			InfrastructureTopology: configv1.HighlyAvailableTopologyMode,
			CPUPartitioning:        configv1.CPUPartitioningNone,
			PlatformStatus: &configv1.PlatformStatus{
				Type: configv1.AWSPlatformType,
				AWS:  &configv1.AWSPlatformStatus{Region: cluster.Region},
			},
		},
	}
	for _, o := range []client.Object{
		version, infrastructure,
		&configv1.Proxy{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&configv1.Authentication{ObjectMeta: metav1.ObjectMeta{Name: "cluster"}},
		&operatorv1.CloudCredential{
			ObjectMeta: metav1.ObjectMeta{Name: "cluster"},
			Spec: operatorv1.CloudCredentialSpec{
				OperatorSpec:    operatorv1.OperatorSpec{ManagementState: operatorv1.Managed},
				CredentialsMode: cluster.CredentialsMode,
			},
		},
		machineConfiguration(),
	} {
		if err := Ensure(ctx, c, o); err != nil {
			return err
		}
	}
	return nil
}

// machineConfiguration has the machine-config-operator's initial policy: a changed pull secret disrupts no node.
// It is unstructured, because the Go type's empty lists become null, which the schema refuses.
func machineConfiguration() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": operatorv1.GroupVersion.String(),
		"kind":       "MachineConfiguration",
		"metadata":   map[string]any{"name": "cluster"},
		"spec":       map[string]any{"managementState": "Managed"},
		"status": map[string]any{"nodeDisruptionPolicyStatus": map[string]any{"clusterPolicies": map[string]any{
			"files": []any{map[string]any{
				"path": "/var/lib/kubelet/config.json", "actions": []any{map[string]any{"type": "None"}},
			}},
		}}},
	}}
}

func seedPools(ctx context.Context, c client.Client, machines int32) error {
	for _, name := range []string{"master", "worker"} {
		pool := &machineconfigurationv1.MachineConfigPool{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: machineconfigurationv1.MachineConfigPoolSpec{
				MachineConfigSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"machineconfiguration.openshift.io/role": name}},
				NodeSelector:          &metav1.LabelSelector{MatchLabels: map[string]string{"node-role.kubernetes.io/" + name: ""}},
			},
		}
		pool.Spec.Configuration.Name = renderedName(name, seeded)
		pool.Status = settledPool(pool.Spec.Configuration, machines)
		if err := Ensure(ctx, c, pool); err != nil {
			return err
		}
		if err := seedMachines(ctx, c, pool, machines); err != nil {
			return err
		}
	}
	return nil
}

// Object is the CredentialsRequest itself.
func (r Request) Object() *unstructured.Unstructured {
	return CredentialsRequest(r.Name, r.SecretNamespace, r.SecretName, map[string]any{
		"apiVersion": "cloudcredential.openshift.io/v1",
		"kind":       "AWSProviderSpec",
		"statementEntries": []any{map[string]any{
			"effect": "Allow", "action": []any{"ec2:DescribeInstances"}, "resource": "*",
		}},
	})
}

// CredentialsRequest returns one with the given providerSpec, in the payload's namespace.
func CredentialsRequest(name, secretNamespace, secretName string, providerSpec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "cloudcredential.openshift.io/v1",
		"kind":       "CredentialsRequest",
		"metadata":   map[string]any{"namespace": ccoNamespace, "name": name},
		"spec": map[string]any{
			"secretRef":    map[string]any{"namespace": secretNamespace, "name": secretName},
			"providerSpec": providerSpec,
		},
	}}
}

// CreateNamespace creates a namespace unless it exists.
func CreateNamespace(ctx context.Context, c client.Client, name string) error {
	err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating namespace %s: %w", name, err)
	}
	return nil
}

// Ensure creates or updates the object, including its status where that is a subresource.
func Ensure(ctx context.Context, c client.Client, want client.Object) error {
	describe := fmt.Sprintf("%T %s", want, client.ObjectKeyFromObject(want))
	there := want.DeepCopyObject().(client.Object)
	// The API server's response replaces the status, so a copy is kept.
	whole := want.DeepCopyObject().(client.Object)
	switch err := c.Get(ctx, client.ObjectKeyFromObject(want), there); {
	case apierrors.IsNotFound(err):
		if err := c.Create(ctx, want); err != nil {
			return fmt.Errorf("creating %s: %w", describe, err)
		}
	case err != nil:
		return fmt.Errorf("reading %s: %w", describe, err)
	default:
		want.SetResourceVersion(there.GetResourceVersion())
		if err := c.Update(ctx, want); err != nil {
			return fmt.Errorf("updating %s: %w", describe, err)
		}
	}
	if !hasStatus(whole) {
		return nil
	}
	whole.SetResourceVersion(want.GetResourceVersion())
	if err := c.Status().Update(ctx, whole); err != nil {
		return fmt.Errorf("writing the status of %s: %w", describe, err)
	}
	return nil
}

// hasStatus is true for objects that are seeded with a status.
func hasStatus(o client.Object) bool {
	switch o := o.(type) {
	case *configv1.ClusterVersion, *configv1.Infrastructure, *machineconfigurationv1.MachineConfigPool, *machineconfigurationv1.MachineConfigNode:
		return true
	case *unstructured.Unstructured:
		return o.Object["status"] != nil
	}
	return false
}
