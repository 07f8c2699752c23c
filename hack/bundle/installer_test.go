package main

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// shippedInstaller is the file with the rights for OLM v1.
const shippedInstaller = "../../config/olm-v1/installer.yaml"

// rightsOf are single rights, such as "patch rbac.authorization.k8s.io/roles credential-rotation-operator".
func rightsOf(rules []rbacv1.PolicyRule) map[string]bool {
	rights := map[string]bool{}
	for _, r := range rules {
		names := r.ResourceNames
		if len(names) == 0 {
			names = []string{"*"}
		}
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					for _, name := range names {
						rights[verb+" "+group+"/"+resource+" "+name] = true
					}
				}
			}
		}
	}
	return rights
}

func rulesIn(t *testing.T, o *unstructured.Unstructured) []rbacv1.PolicyRule {
	t.Helper()
	var role rbacv1.ClusterRole
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &role); err != nil {
		t.Fatal(err)
	}
	return role.Rules
}

// needed are the rights that OLM v1 must have in the whole cluster and in the namespace: to manage each object, and to grant what it grants.
func needed(t *testing.T) (cluster, own map[string]bool) {
	t.Helper()
	cluster, own = map[string]bool{"update olm.operatorframework.io/clusterextensions/finalizers credential-rotation-operator": true}, map[string]bool{}
	manage := func(rights map[string]bool, resource, name string) {
		for _, verb := range []string{"create", "list", "watch"} {
			rights[verb+" "+resource+" *"] = true
		}
		for _, verb := range []string{"get", "update", "patch", "delete"} {
			rights[verb+" "+resource+" "+name] = true
		}
	}
	csv := loadShipped(t).CSV.Spec.InstallStrategy.StrategySpec
	for _, p := range csv.ClusterPermissions {
		maps.Copy(cluster, rightsOf(p.Rules))
		manage(own, "/serviceaccounts", p.ServiceAccountName)
	}
	for _, d := range csv.DeploymentSpecs {
		manage(own, "apps/deployments", d.Name)
	}
	// OLM v1 names these two itself.
	manage(cluster, "rbac.authorization.k8s.io/clusterroles", "*")
	manage(cluster, "rbac.authorization.k8s.io/clusterrolebindings", "*")
	for file, kind := range manifestsOf(t) {
		raw, err := os.ReadFile(shipped + "/manifests/" + file)
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(raw, &o.Object); err != nil {
			t.Fatal(err)
		}
		resource := o.GroupVersionKind().Group + "/" + strings.ToLower(kind) + "s"
		switch kind {
		case "ClusterServiceVersion":
		case "ClusterRole":
			maps.Copy(cluster, rightsOf(rulesIn(t, o)))
		case "CustomResourceDefinition", "ConsoleQuickStart", "ConsoleYAMLSample":
			manage(cluster, resource, o.GetName())
		default:
			manage(own, resource, o.GetName())
			maps.Copy(own, rightsOf(rulesIn(t, o))) // of a Role; the others have none
		}
	}
	return cluster, own
}

func TestTheInstallerOfOLMv1_HasExactlyTheRightsThatTheBundleNeeds(t *testing.T) {
	raw, err := os.ReadFile(shippedInstaller)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]map[string]bool{}
	for _, o := range objects {
		if strings.HasSuffix(o.GetKind(), "Role") {
			given[o.GetKind()] = rightsOf(rulesIn(t, o))
		}
	}
	cluster, own := needed(t)
	for kind, want := range map[string]map[string]bool{"ClusterRole": cluster, "Role": own} {
		for _, right := range slices.Sorted(maps.Keys(want)) {
			if !given[kind][right] {
				t.Errorf("the %s lacks %q: run make bundle", kind, right)
			}
		}
		for _, right := range slices.Sorted(maps.Keys(given[kind])) {
			if !want[right] {
				t.Errorf("the %s has %q, which nothing needs", kind, right)
			}
		}
	}
}
