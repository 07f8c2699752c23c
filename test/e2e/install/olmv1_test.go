package install

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// extensionFiles are the shipped objects for OLM v1 in another namespace, with node selection.
func extensionFiles(t *testing.T, namespace string) []*unstructured.Unstructured {
	t.Helper()
	root, err := harness.RepositoryRoot()
	must(t, err)
	var all []*unstructured.Unstructured
	for _, file := range []string{"olm-v1/namespace.yaml", "olm-v1/installer.yaml", "overlays/olm-v1-infra/nodes.yaml"} {
		raw, err := os.ReadFile(filepath.Join(root, "config", file))
		must(t, err)
		objects, err := harness.ParseManifests(bytes.ReplaceAll(raw, []byte(suggested), []byte(namespace)))
		must(t, err)
		all = append(all, objects...)
	}
	return all
}

// installer is a client with only the rights of config/olm-v1's ServiceAccount.
func installer(t *testing.T, namespace string) client.Client {
	t.Helper()
	config := rest.CopyConfig(cp.Admin)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":credential-rotation-operator-installer",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	c, err := client.New(config, client.Options{Scheme: cp.Scheme})
	must(t, err)
	return c
}

// allowed checks a right at the API server, as OLM v1 does before it installs.
func allowed(ctx context.Context, c client.Client, verb string, o *unstructured.Unstructured, named bool) error {
	kind := o.GroupVersionKind()
	mapping, err := c.RESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	attributes := &authorizationv1.ResourceAttributes{Verb: verb, Group: kind.Group, Resource: mapping.Resource.Resource, Namespace: o.GetNamespace()}
	if named {
		attributes.Name = o.GetName()
	}
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: attributes}}
	if err := c.Create(ctx, review); err != nil {
		return err
	}
	if !review.Status.Allowed {
		return fmt.Errorf("it may not %s %s %s", verb, mapping.Resource.Resource, attributes.Name)
	}
	return nil
}

// mayManage checks each verb that OLM v1 needs.
func mayManage(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	var missing []error
	for _, verb := range []string{"create", "list", "watch"} {
		missing = append(missing, allowed(ctx, c, verb, o, false))
	}
	for _, verb := range []string{"get", "update", "patch", "delete"} {
		missing = append(missing, allowed(ctx, c, verb, o, true))
	}
	return errors.Join(missing...)
}

// configured is the Deployment with the configuration of the ClusterExtension.
func configured(t *testing.T, deployment, extension *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	config, found, err := unstructured.NestedMap(extension.Object, "spec", "config", "inline", "deploymentConfig")
	must(t, err)
	selector, _, _ := unstructured.NestedMap(config, "nodeSelector")
	more, _, _ := unstructured.NestedSlice(config, "tolerations")
	if !found || len(selector) == 0 || len(more) == 0 {
		t.Fatal("the ClusterExtension configures no nodes")
	}
	pod := []string{"spec", "template", "spec"}
	own, _, err := unstructured.NestedSlice(deployment.Object, append(slices.Clone(pod), "tolerations")...)
	must(t, err)
	must(t, unstructured.SetNestedMap(deployment.Object, selector, append(slices.Clone(pod), "nodeSelector")...))
	must(t, unstructured.SetNestedSlice(deployment.Object, append(own, more...), append(slices.Clone(pod), "tolerations")...))
	return deployment
}

func TestByOLMv1_TheRightsOfTheInstallerSufficeToInstallUpgradeAndUninstall(t *testing.T) {
	must(t, cp.InstallMonitoringKinds())
	must(t, cp.InstallConsoleKinds())
	t.Cleanup(func() { bringBackOurKinds(t) })
	const namespace = "by-olm-v1"
	files := extensionFiles(t, namespace)
	extension := files[len(files)-1]
	for _, o := range files[:len(files)-1] {
		must(t, harness.Apply(t.Context(), cp.Client, o))
	}
	bundle, err := harness.RenderBundle(namespace)
	must(t, err)
	objects := slices.Concat(bundle.Objects, []*unstructured.Unstructured{configured(t, bundle.Deployment, extension)})
	c := installer(t, namespace)
	harness.Eventually(t, "the installer may manage every object", func(ctx context.Context) error {
		var missing []error
		for _, o := range objects {
			missing = append(missing, mayManage(ctx, c, o))
		}
		return errors.Join(missing...)
	})
	for _, o := range objects {
		must(t, harness.Apply(t.Context(), c, o))
	}
	operator := start(t, &harness.Installation{Namespace: namespace, ServiceAccount: bundle.ServiceAccount})
	must(t, operator.WaitReady(t.Context()))

	// The next version's rights have another name.
	for _, o := range objects {
		if kind := o.GroupVersionKind(); kind.Group == rbacv1.GroupName && o.GetName() == bundle.Version {
			next := o.DeepCopy()
			next.SetName(bundle.Version + "-next")
			must(t, harness.Apply(t.Context(), c, next))
			objects = append(objects, next)
		}
	}
	for _, o := range slices.Backward(objects) {
		must(t, c.Delete(t.Context(), o))
	}
	eventuallyWithoutOurKinds(t)
}

// The installer may grant only the operator's rights.
func TestByOLMv1_TheInstallerCannotGrantMoreRightsThanTheOperatorHas(t *testing.T) {
	const namespace = "by-olm-v1-bounded"
	for _, o := range extensionFiles(t, namespace) {
		if !meta.IsNoMatchError(func() error { _, err := cp.Client.IsObjectNamespaced(o); return err }()) {
			must(t, harness.Apply(t.Context(), cp.Client, o))
		}
	}
	c := installer(t, namespace)
	secrets := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"namespace": "kube-system"}}}
	harness.Eventually(t, "its rights are in effect", func(ctx context.Context) error {
		return allowed(ctx, c, "create", &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": namespace}}}, false)
	})
	for _, verb := range []string{"list", "watch", "delete", "update"} {
		if allowed(t.Context(), c, verb, secrets, false) == nil {
			t.Errorf("the installer may %s all Secrets of another namespace", verb)
		}
	}
	for verb, rule := range map[string]rbacv1.PolicyRule{
		"read Secrets": {APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}},
		"delete pods":  {APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"delete"}},
	} {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "too-much"}, Rules: []rbacv1.PolicyRule{rule}}
		if err := c.Create(t.Context(), role); !apierrors.IsForbidden(err) {
			t.Errorf("a role to %s in all namespaces: %v, want Forbidden", verb, err)
		}
	}
}
