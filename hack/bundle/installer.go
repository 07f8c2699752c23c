package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

// OLM v1 installs a bundle with the rights of a ServiceAccount that the administrator provides. These are the rights that this bundle needs, as
// derived in docs/howto/derive-service-account.md of operator-framework/operator-controller.

const (
	installerName = packageName + "-installer"
	rbacAPI       = "rbac.authorization.k8s.io/v1"
	installerNote = "# Written by `make bundle`. The rights with which OLM v1 installs, upgrades and removes this bundle, and no others. OLM v1 names the\n" +
		"# ClusterRole and the ClusterRoleBinding of the operator after a hash, so that those two rules cannot name them.\n"
)

// installer is the ServiceAccount for OLM v1 with its rights.
func (p *parts) installer() []map[string]any {
	cluster, own := p.installerRules()
	subject := []any{map[string]any{"kind": "ServiceAccount", "name": installerName, "namespace": suggestedNamespace}}
	named := func() map[string]any { return map[string]any{"name": installerName} }
	inNamespace := func() map[string]any { return map[string]any{"name": installerName, "namespace": suggestedNamespace} }
	ref := func(kind string) map[string]any {
		return map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": installerName}
	}
	return []map[string]any{
		{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": inNamespace()},
		{"apiVersion": rbacAPI, "kind": "ClusterRole", "metadata": named(), "rules": cluster},
		{"apiVersion": rbacAPI, "kind": "ClusterRoleBinding", "metadata": named(), "roleRef": ref("ClusterRole"), "subjects": subject},
		{"apiVersion": rbacAPI, "kind": "Role", "metadata": inNamespace(), "rules": own},
		{"apiVersion": rbacAPI, "kind": "RoleBinding", "metadata": inNamespace(), "roleRef": ref("Role"), "subjects": subject},
	}
}

// installerRules are for the whole cluster and for the operator's namespace. Whoever creates a Role must hold the rights in it.
func (p *parts) installerRules() (cluster, own []any) {
	cluster = append(cluster, rule("olm.operatorframework.io", "clusterextensions/finalizers", []string{"update"}, packageName))
	global, local := names{}, names{}
	global.add(schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRole"}, "")
	global.add(schema.GroupVersionKind{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "ClusterRoleBinding"}, "")
	for _, o := range slices.Concat(p.crds, p.verbatim) {
		if slices.Contains(clusterKinds, o.GetKind()) {
			global.add(o.GroupVersionKind(), o.GetName())
		} else {
			local.add(o.GroupVersionKind(), o.GetName())
		}
	}
	local.add(schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}, packageName)
	for _, d := range p.deployments {
		local.add(d.GroupVersionKind(), d.GetName())
	}
	cluster = slices.Concat(cluster, global.rules(), p.clusterRules)
	own = local.rules()
	byName := func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetKind()+a.GetName(), b.GetKind()+b.GetName())
	}
	for _, o := range slices.SortedFunc(slices.Values(p.verbatim), byName) { // the same order each time
		rules, _, _ := unstructured.NestedSlice(o.Object, "rules")
		switch o.GetKind() {
		case "ClusterRole":
			cluster = append(cluster, rules...)
		case "Role":
			own = append(own, rules...)
		}
	}
	return cluster, own
}

// clusterKinds are the kinds without a namespace that a bundle may have.
var clusterKinds = []string{"CustomResourceDefinition", "ClusterRole", "ConsoleQuickStart", "ConsoleYAMLSample"}

// names are those of the objects, by resource. An empty one stands for a name that is not known.
type names map[schema.GroupResource][]string

func (n names) add(kind schema.GroupVersionKind, name string) {
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	n[plural.GroupResource()] = append(n[plural.GroupResource()], name)
}

// rules allow managing the objects. The verbs create, list and watch cannot be limited to names.
func (n names) rules() []any {
	var rules []any
	byText := func(a, b schema.GroupResource) int { return strings.Compare(a.String(), b.String()) }
	for _, r := range slices.SortedFunc(maps.Keys(n), byText) {
		known := slices.Sorted(slices.Values(n[r]))
		if known[0] == "" {
			known = nil
		}
		rules = append(rules, rule(r.Group, r.Resource, []string{"create", "list", "watch"}), rule(r.Group, r.Resource, []string{"get", "update", "patch", "delete"}, known...))
	}
	return rules
}

func rule(group, resource string, verbs []string, names ...string) map[string]any {
	r := map[string]any{"apiGroups": []any{group}, "resources": []any{resource}, "verbs": list(verbs)}
	if len(names) > 0 {
		r["resourceNames"] = list(names)
	}
	return r
}

func list(texts []string) []any {
	all := make([]any, 0, len(texts))
	for _, t := range texts {
		all = append(all, t)
	}
	return all
}

// writeInstaller writes the objects to a file.
func writeInstaller(file string, objects []map[string]any) error {
	text := installerNote
	for i, o := range objects {
		raw, err := yaml.Marshal(o)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if i > 0 {
			text += "---\n"
		}
		text += string(raw)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
