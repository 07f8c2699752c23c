package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// InstallBundle installs the shipped bundle as the Operator Lifecycle Manager does for an operator of all namespaces, except for
// the Deployment. Kinds that the cluster lacks are left out.
func InstallBundle(ctx context.Context, c client.Client, namespace string) (*Installation, error) {
	bundle, err := RenderBundle(namespace)
	if err != nil {
		return nil, err
	}
	if err := CreateNamespace(ctx, c, namespace); err != nil {
		return nil, err
	}
	for _, o := range bundle.Objects {
		switch _, err := c.IsObjectNamespaced(o); {
		case meta.IsNoMatchError(err):
			continue
		case err != nil:
			return nil, err
		}
		if err := Apply(ctx, c, o); err != nil {
			return nil, err
		}
	}
	return &Installation{Namespace: namespace, ServiceAccount: bundle.ServiceAccount}, nil
}

// RenderedBundle are the objects that the Operator Lifecycle Manager creates from the bundle for an operator of all namespaces.
type RenderedBundle struct {
	// Objects in an order in which they can be created: all but the Deployment.
	Objects []*unstructured.Unstructured
	// Deployment of the operator.
	Deployment *unstructured.Unstructured
	// ServiceAccount is its name.
	ServiceAccount string
	// Version is the name of the ClusterServiceVersion, and of the operator's rights in the whole cluster.
	Version string
}

// clusterScoped are the kinds in the bundle that have no namespace.
var clusterScoped = []string{"CustomResourceDefinition", "ClusterRole", "ConsoleQuickStart", "ConsoleYAMLSample"}

// RenderBundle renders the shipped bundle: its objects go into the namespace unchanged; the service account, its cluster-wide rights and the
// Deployment come from the ClusterServiceVersion.
func RenderBundle(namespace string) (*RenderedBundle, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "bundle", "manifests", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var bundle RenderedBundle
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		objects, err := ParseManifests(raw)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			switch {
			case o.GetKind() == "ClusterServiceVersion":
				if err := bundle.renderCSV(namespace, o); err != nil {
					return nil, err
				}
				continue
			case !slices.Contains(clusterScoped, o.GetKind()):
				o.SetNamespace(namespace)
			}
			bundle.Objects = append(bundle.Objects, o)
		}
	}
	if bundle.Deployment == nil {
		return nil, errors.New("the bundle has no ClusterServiceVersion: run `make bundle`")
	}
	return &bundle, nil
}

// renderCSV renders the service account, its cluster-wide rights and the Deployment.
func (b *RenderedBundle) renderCSV(namespace string, csv *unstructured.Unstructured) error {
	permissions, _, err := unstructured.NestedSlice(csv.Object, "spec", "install", "spec", "clusterPermissions")
	if err != nil || len(permissions) != 1 {
		return fmt.Errorf("the ClusterServiceVersion has %d clusterPermissions, want one: %w", len(permissions), err)
	}
	deployments, _, err := unstructured.NestedSlice(csv.Object, "spec", "install", "spec", "deployments")
	if err != nil || len(deployments) != 1 {
		return fmt.Errorf("the ClusterServiceVersion has %d deployments, want one: %w", len(deployments), err)
	}
	permission, _ := permissions[0].(map[string]any)
	deployment, _ := deployments[0].(map[string]any)
	b.Version = csv.GetName()
	b.ServiceAccount, _ = permission["serviceAccountName"].(string)
	const rbac = "rbac.authorization.k8s.io/v1"
	for _, object := range []map[string]any{
		{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": b.ServiceAccount, "namespace": namespace}},
		{"apiVersion": rbac, "kind": "ClusterRole", "metadata": map[string]any{"name": csv.GetName()}, "rules": permission["rules"]},
		{"apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": map[string]any{"name": csv.GetName()},
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": csv.GetName()},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": b.ServiceAccount, "namespace": namespace}}},
	} {
		b.Objects = append(b.Objects, &unstructured.Unstructured{Object: object})
	}
	b.Deployment = &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "spec": deployment["spec"],
		"metadata": map[string]any{"name": deployment["name"], "namespace": namespace, "labels": deployment["label"]},
	}}
	return nil
}
