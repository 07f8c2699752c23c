package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// InstallBundle installs the shipped bundle as the Operator Lifecycle Manager does for an operator of all namespaces, except for
// the Deployment: the objects of the bundle go into the namespace as they are, and of the ClusterServiceVersion it makes the
// service account and its rights in the whole cluster. Kinds that the cluster lacks are left out.
func InstallBundle(ctx context.Context, c client.Client, namespace string) (*Installation, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(root, "bundle", "manifests", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if err := CreateNamespace(ctx, c, namespace); err != nil {
		return nil, err
	}
	var i *Installation
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		objects, err := parseManifests(raw)
		if err != nil {
			return nil, err
		}
		for _, o := range objects {
			if o.GetKind() == "ClusterServiceVersion" {
				if i, err = installFromCSV(ctx, c, namespace, o); err != nil {
					return nil, err
				}
				continue
			}
			if err := applyInto(ctx, c, namespace, o); err != nil {
				return nil, err
			}
		}
	}
	if i == nil {
		return nil, errors.New("the bundle has no ClusterServiceVersion: run `make bundle`")
	}
	return i, nil
}

// applyInto applies an object, in the namespace if its kind has one.
func applyInto(ctx context.Context, c client.Client, namespace string, o *unstructured.Unstructured) error {
	namespaced, err := c.IsObjectNamespaced(o)
	if meta.IsNoMatchError(err) {
		return nil
	} else if err != nil {
		return err
	}
	if namespaced {
		o.SetNamespace(namespace)
	}
	return Apply(ctx, c, o)
}

// installFromCSV makes the service account and its rights in the whole cluster.
func installFromCSV(ctx context.Context, c client.Client, namespace string, csv *unstructured.Unstructured) (*Installation, error) {
	permissions, _, err := unstructured.NestedSlice(csv.Object, "spec", "install", "spec", "clusterPermissions")
	if err != nil || len(permissions) != 1 {
		return nil, fmt.Errorf("the ClusterServiceVersion has %d clusterPermissions, want one: %w", len(permissions), err)
	}
	permission, _ := permissions[0].(map[string]any)
	name, _ := permission["serviceAccountName"].(string)
	i := &Installation{Namespace: namespace, ServiceAccount: name}
	const rbac = "rbac.authorization.k8s.io/v1"
	olm := map[string]any{"name": csv.GetName()}
	for _, object := range []map[string]any{
		{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": name, "namespace": namespace}},
		{"apiVersion": rbac, "kind": "ClusterRole", "metadata": olm, "rules": permission["rules"]},
		{"apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": olm,
			"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": csv.GetName()},
			"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": name, "namespace": namespace}}},
	} {
		if err := Apply(ctx, c, &unstructured.Unstructured{Object: object}); err != nil {
			return nil, err
		}
	}
	return i, nil
}
