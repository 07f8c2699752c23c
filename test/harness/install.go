package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Installation is the operator as config/install.yaml installs it, except for the Deployment: the process is started by
// StartOperator, with the rights of the ServiceAccount and no others.
type Installation struct {
	// Namespace of the operator.
	Namespace string
	// ServiceAccount in that namespace.
	ServiceAccount string
}

// installed are the kinds of config/install.yaml for the operator's identity and rights. The rest needs missing controllers (Deployment) or
// kinds (ServiceMonitor), or is already installed (CRDs).
var installed = map[string]bool{
	"Namespace": true, "ServiceAccount": true,
	"ClusterRole": true, "ClusterRoleBinding": true, "Role": true, "RoleBinding": true,
}

// probeAccount is the service account of the Pods that only pull an image. It has no rights.
const probeAccount = "credential-rotation-probe"

// InstallOperator applies the shipped namespace, service account and RBAC.
func InstallOperator(ctx context.Context, c client.Client) (*Installation, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return nil, err
	}
	manifest, err := os.ReadFile(filepath.Join(root, "config", "install.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the shipped manifests (make manifests writes them): %w", err)
	}
	return InstallManifests(ctx, c, manifest)
}

// InstallManifests does the same with other manifests, such as those of an overlay.
func InstallManifests(ctx context.Context, c client.Client, manifest []byte) (*Installation, error) {
	objects, err := ParseManifests(manifest)
	if err != nil {
		return nil, err
	}
	var i Installation
	for _, o := range objects {
		if o.GetKind() == "ServiceAccount" && o.GetName() != probeAccount {
			if i.ServiceAccount != "" {
				return nil, fmt.Errorf("the manifests have two ServiceAccounts, %s and %s, want one", i.ServiceAccount, o.GetName())
			}
			i.Namespace, i.ServiceAccount = o.GetNamespace(), o.GetName()
		}
		if !installed[o.GetKind()] {
			continue
		}
		if o.GetNamespace() != "" {
			// Roles may be in namespaces of OpenShift that an empty control plane lacks.
			if err := CreateNamespace(ctx, c, o.GetNamespace()); err != nil {
				return nil, err
			}
		}
		if err := Apply(ctx, c, o); err != nil {
			return nil, err
		}
	}
	if i.ServiceAccount == "" {
		return nil, errors.New("the manifests have no ServiceAccount")
	}
	return &i, nil
}

// Apply applies an object as `kubectl apply --server-side` does.
func Apply(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(o.DeepCopy()), client.FieldOwner("harness"), client.ForceOwnership)
	if err != nil {
		return fmt.Errorf("applying %s %s: %w", o.GetKind(), client.ObjectKeyFromObject(o), err)
	}
	return nil
}

// Kubeconfig returns a kubeconfig for the API server at url, whose CA is caPEM, with only a token of the operator's
// ServiceAccount, as in a pod.
func (i *Installation) Kubeconfig(ctx context.Context, c client.Client, url string, caPEM []byte) ([]byte, error) {
	lifetime := int64(24 * 60 * 60)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: i.Namespace, Name: i.ServiceAccount}}
	if err := c.SubResource("token").Create(ctx, account, request); err != nil {
		return nil, fmt.Errorf("requesting a token of %s/%s: %w", i.Namespace, i.ServiceAccount, err)
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["cluster"] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: caPEM}
	config.AuthInfos["operator"] = &clientcmdapi.AuthInfo{Token: request.Status.Token}
	config.Contexts["operator"] = &clientcmdapi.Context{Cluster: "cluster", AuthInfo: "operator", Namespace: i.Namespace}
	config.CurrentContext = "operator"
	return clientcmd.Write(*config)
}

// ParseManifests reads a file of YAML documents.
func ParseManifests(manifest []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); errors.Is(err, io.EOF) {
			return objects, nil
		} else if err != nil {
			return nil, fmt.Errorf("parsing manifests: %w", err)
		}
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(raw); err != nil {
			return nil, fmt.Errorf("parsing manifests: %w", err)
		}
		objects = append(objects, o)
	}
}
