package main

// OLM itself creates the namespace, the service account and its cluster-wide bindings, takes the Deployment and the
// operator's rights in the whole cluster from the ClusterServiceVersion, and applies the rest as it is in the namespace of the installation.

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/openshift/credential-rotation-operator/hack/release/facts"
)

// parts are the objects of the stream by what OLM makes of them.
type parts struct {
	csv                                  *unstructured.Unstructured
	crds, deployments, samples, verbatim []*unstructured.Unstructured
	clusterRules                         []any
}

// assemble makes the files of the bundle, by their path in it.
func (p *parts) assemble(o options, f *facts.Facts, icon []byte) (map[string]map[string]any, error) {
	if err := p.fillCSV(o, f, icon); err != nil {
		return nil, err
	}
	files := map[string]map[string]any{
		"metadata/annotations.yaml":                                annotations(o, f),
		"manifests/" + packageName + ".clusterserviceversion.yaml": p.csv.Object,
	}
	for _, crd := range p.crds {
		plural, group, _ := strings.Cut(crd.GetName(), ".")
		files["manifests/"+group+"_"+plural+".yaml"] = crd.Object
	}
	for _, object := range p.verbatim {
		// OLM sets the namespace of the installation.
		object.SetNamespace("")
		if object.GetKind() == "RoleBinding" {
			if err := bindWhereItIsInstalled(object); err != nil {
				return nil, err
			}
		}
		files["manifests/"+object.GetName()+"_"+strings.ToLower(object.GetKind())+".yaml"] = object.Object
	}
	files["metadata/properties.yaml"] = properties(p.verbatim)
	return files, nil
}

// mayBeMissing are API groups that not every cluster has. OLM skips optional objects whose kind is missing; otherwise the installation
// would never complete.
var mayBeMissing = []string{"monitoring.coreos.com", "console.openshift.io"}

// properties is metadata/properties.yaml, which says which manifests are optional.
func properties(objects []*unstructured.Unstructured) map[string]any {
	var optional []any
	for _, o := range objects {
		if group := o.GroupVersionKind().Group; slices.Contains(mayBeMissing, group) {
			optional = append(optional, map[string]any{"group": group, "kind": o.GetKind(), "name": o.GetName()})
		}
	}
	slices.SortFunc(optional, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return map[string]any{"properties": []any{map[string]any{"type": "olm.manifests.optional", "value": map[string]any{"manifests": optional}}}}
}

// sort sorts the objects of the manifests by their place in a bundle.
func sort(objects []*unstructured.Unstructured) (*parts, error) {
	p := &parts{}
	roles := rolesByKind{"ClusterRole": {}, "Role": {}}
	var bindings []*unstructured.Unstructured
	for _, object := range objects {
		switch object.GetKind() {
		case "ClusterServiceVersion":
			p.csv = object
		case "CustomResourceDefinition":
			p.crds = append(p.crds, object)
		case "Deployment":
			p.deployments = append(p.deployments, object)
		case "ClusterRole", "Role":
			roles[object.GetKind()][object.GetName()] = object
		case "ClusterRoleBinding", "RoleBinding":
			bindings = append(bindings, object)
		case "Namespace":
		case "ServiceAccount":
			if object.GetName() != packageName { // OLM creates the operator's
				p.verbatim = append(p.verbatim, object)
			}
		default:
			if strings.HasPrefix(object.GetAPIVersion(), "rotation.openshift.io/") {
				p.samples = append(p.samples, object)
			} else {
				p.verbatim = append(p.verbatim, object)
			}
		}
	}
	if p.csv == nil || len(p.crds) == 0 || len(p.deployments) == 0 {
		return nil, fmt.Errorf("a ClusterServiceVersion, a CustomResourceDefinition or a Deployment is missing")
	}
	return p, p.sortRights(roles, bindings)
}

// rolesByKind are roles, by kind and name.
type rolesByKind map[string]map[string]*unstructured.Unstructured

// sortRights moves the operator's rights in the whole cluster into the ClusterServiceVersion; bindings of other subjects remain files.
// So does the Role for the operator's own namespace: as spec.install.spec.permissions OLM would grant it in the whole cluster,
// every Secret included, because the operator is installed for all namespaces (ensureRBACInTargetNamespace in
// pkg/controller/operators/olm/operatorgroup.go of operator-framework/operator-lifecycle-manager).
func (p *parts) sortRights(roles rolesByKind, bindings []*unstructured.Unstructured) error {
	for _, binding := range bindings {
		role, _, _ := unstructured.NestedString(binding.Object, "roleRef", "name")
		kind, _, _ := unstructured.NestedString(binding.Object, "roleRef", "kind")
		bound, ok := roles[kind][role]
		if !ok {
			return fmt.Errorf("%s %s binds %s %s, which does not exist", binding.GetKind(), binding.GetName(), kind, role)
		}
		if binding.GetKind() != "ClusterRoleBinding" || !bindsOperator(binding) {
			p.verbatim = append(p.verbatim, binding)
			continue
		}
		rules, _, _ := unstructured.NestedSlice(bound.Object, "rules")
		p.clusterRules = append(p.clusterRules, rules...)
		delete(roles[kind], role)
	}
	for _, left := range []map[string]*unstructured.Unstructured{roles["ClusterRole"], roles["Role"]} {
		for _, role := range left {
			p.verbatim = append(p.verbatim, role)
		}
	}
	return nil
}

// bindWhereItIsInstalled removes the namespace of the operator's ServiceAccount from a RoleBinding: RBAC then uses the namespace of the
// binding. Subjects in other namespaces, such as Prometheus, keep theirs.
func bindWhereItIsInstalled(binding *unstructured.Unstructured) error {
	subjects, _, err := unstructured.NestedSlice(binding.Object, "subjects")
	if err != nil {
		return fmt.Errorf("the RoleBinding %s: %w", binding.GetName(), err)
	}
	for _, s := range subjects {
		if isOperator(s) {
			delete(s.(map[string]any), "namespace")
		}
	}
	return unstructured.SetNestedSlice(binding.Object, subjects, "subjects")
}

func bindsOperator(binding *unstructured.Unstructured) bool {
	subjects, _, _ := unstructured.NestedSlice(binding.Object, "subjects")
	return slices.ContainsFunc(subjects, isOperator)
}

func isOperator(s any) bool {
	subject, ok := s.(map[string]any)
	return ok && subject["kind"] == "ServiceAccount" && subject["name"] == packageName
}

// fillCSV completes the base of the ClusterServiceVersion.
func (p *parts) fillCSV(o options, f *facts.Facts, icon []byte) error {
	csv := p.csv
	csv.SetNamespace("")
	csv.SetName(packageName + ".v" + o.version)
	if err := p.annotate(o, f); err != nil {
		return err
	}
	deployments, err := p.withImage(o.image)
	if err != nil {
		return err
	}
	spec, ok := csv.Object["spec"].(map[string]any)
	if !ok {
		return fmt.Errorf("the base of the ClusterServiceVersion has no spec")
	}
	spec["version"] = o.version
	spec["icon"] = []any{map[string]any{"base64data": base64.StdEncoding.EncodeToString(icon), "mediatype": "image/svg+xml"}}
	spec["relatedImages"] = []any{
		map[string]any{"name": packageName, "image": o.image},
		map[string]any{"name": packageName + "-must-gather", "image": o.mustGatherImage},
	}
	spec["minKubeVersion"] = f.Kubernetes
	spec["provider"] = map[string]any{"name": f.Provider.Name, "url": f.Provider.URL}
	var maintainers, links []any
	for _, m := range f.Maintainers {
		maintainers = append(maintainers, map[string]any{"name": m.Name, "email": m.Email})
	}
	for _, l := range f.Links {
		links = append(links, map[string]any{"name": l.Name, "url": l.URL})
	}
	spec["maintainers"], spec["links"] = maintainers, links
	spec["install"] = map[string]any{
		"strategy": "deployment",
		"spec": map[string]any{
			"deployments":        deployments,
			"clusterPermissions": []any{map[string]any{"serviceAccountName": packageName, "rules": p.clusterRules}},
		},
	}
	return nil
}

// annotate adds the annotations that are not in the base.
func (p *parts) annotate(o options, f *facts.Facts) error {
	examples := make([]any, 0, len(p.samples))
	for _, sample := range p.samples {
		examples = append(examples, sample.Object)
	}
	raw, err := json.MarshalIndent(examples, "", "  ")
	if err != nil {
		return fmt.Errorf("the samples: %w", err)
	}
	notes := p.csv.GetAnnotations()
	notes["alm-examples"] = string(raw)
	notes["containerImage"] = o.image
	// `oc adm must-gather --all-images` finds the image here.
	notes["operators.openshift.io/must-gather-image"] = o.mustGatherImage
	notes["createdAt"] = f.CreatedAt.UTC().Format(time.RFC3339)
	notes["repository"] = f.Repository
	notes["support"] = f.Support
	p.csv.SetAnnotations(notes)
	return nil
}

// withImage returns the Deployments in the form of a ClusterServiceVersion, with the released image.
func (p *parts) withImage(image string) ([]any, error) {
	deployments := make([]any, 0, len(p.deployments))
	for _, d := range p.deployments {
		if err := setImage(d, image); err != nil {
			return nil, err
		}
		labels := map[string]any{}
		for key, value := range d.GetLabels() {
			labels[key] = value
		}
		deployments = append(deployments, map[string]any{"name": d.GetName(), "label": labels, "spec": d.Object["spec"]})
	}
	return deployments, nil
}

// setImage sets the released image in the Deployment's container.
func setImage(deployment *unstructured.Unstructured, image string) error {
	path := []string{"spec", "template", "spec", "containers"}
	containers, found, err := unstructured.NestedSlice(deployment.Object, path...)
	if err != nil || !found || len(containers) != 1 {
		return fmt.Errorf("the Deployment %s does not have exactly one container", deployment.GetName())
	}
	container, ok := containers[0].(map[string]any)
	if !ok {
		return fmt.Errorf("the container of the Deployment %s is not an object", deployment.GetName())
	}
	container["image"] = image
	return unstructured.SetNestedSlice(deployment.Object, containers, path...)
}

// annotations is metadata/annotations.yaml, which bundle.Dockerfile repeats as labels of the bundle's image.
func annotations(o options, f *facts.Facts) map[string]any {
	const prefix = "operators.operatorframework.io.bundle."
	// A pre-release is not in the default channel, and a bundle must name a channel that contains it.
	byDefault := f.DefaultChannel
	if channels := strings.Split(o.channels, ","); !slices.Contains(channels, byDefault) {
		byDefault = channels[0]
	}
	return map[string]any{"annotations": map[string]any{
		prefix + "mediatype.v1":         "registry+v1",
		prefix + "manifests.v1":         "manifests/",
		prefix + "metadata.v1":          "metadata/",
		prefix + "package.v1":           packageName,
		prefix + "channels.v1":          o.channels,
		prefix + "channel.default.v1":   byDefault,
		"com.redhat.openshift.versions": f.OpenShift,
	}}
}
