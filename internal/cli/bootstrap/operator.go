package bootstrap

// The operator's own manifests, one object per file, in an order in which they can be applied.

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/openshift/credential-rotation-operator/internal/payload"
)

// operatorNamespace is the operator's namespace in its manifests.
const operatorNamespace = "openshift-credential-rotation-operator"

// Steps of the order in which the files are applied; a file's name starts with its step.
const (
	stepNamespace = iota * 10
	stepKinds
	stepRights
	stepSettings
	stepTargetNamespaces
	stepSecrets
	stepSet
	stepDeployment
)

// steps of the kinds of the operator's own manifests.
var steps = map[string]int{
	"Namespace": stepNamespace, "CustomResourceDefinition": stepKinds,
	"ServiceAccount": stepRights, "Role": stepRights, "RoleBinding": stepRights, "ClusterRole": stepRights, "ClusterRoleBinding": stepRights,
	"ConfigMap": stepSettings, "Service": stepSettings, "PodDisruptionBudget": stepSettings, "Deployment": stepDeployment,
}

// object is one object of the output.
type object struct {
	step            int
	kind, namespace string
	name            string
	content         string
	secret          bool // it holds a secret
}

// filename sorts by step, and names the object.
func (o object) filename() string {
	parts := []string{"credential-rotation-operator", fmt.Sprintf("%02d", o.step), strings.ToLower(o.kind)}
	if o.namespace != "" && o.namespace != operatorNamespace {
		parts = append(parts, o.namespace)
	}
	return strings.Join(append(parts, o.name), "_") + ".yaml"
}

// newObject renders an object of our own.
func newObject(step int, content map[string]any) (object, error) {
	text, err := render(content)
	if err != nil {
		return object{}, err
	}
	metadata, _ := content["metadata"].(map[string]any)
	o := object{step: step, content: text}
	o.kind, _ = content["kind"].(string)
	o.name, _ = metadata["name"].(string)
	o.namespace, _ = metadata["namespace"].(string)
	o.secret = o.kind == "Secret"
	return o, nil
}

// operatorObjects splits the operator's manifests, and replaces the image if one is given. granted are the names of the Secrets outside its own
// namespace that its rights cover.
func operatorObjects(install []byte, image string) (objects []object, granted []string, err error) {
	for _, d := range payload.Split(install) {
		doc, mapping, err := payload.Parse(d.Text)
		if err != nil {
			return nil, nil, fmt.Errorf("the operator's own manifests: %w", err)
		}
		if mapping == nil {
			continue
		}
		o := object{kind: payload.Text(mapping, "kind"), namespace: payload.Text(mapping, "metadata", "namespace"), name: payload.Text(mapping, "metadata", "name"), content: d.Text}
		step, known := steps[o.kind]
		if !known {
			return nil, nil, fmt.Errorf("the operator's own manifests hold a %s, whose place in the order is unknown", o.kind)
		}
		o.step = step
		switch o.kind {
		case "Deployment":
			if err := setImage(mapping, image); err != nil {
				return nil, nil, err
			}
			if o.content, err = render(doc); err != nil {
				return nil, nil, err
			}
		case "ClusterRole":
			granted = append(granted, grantedSecrets(mapping)...)
		}
		objects = append(objects, o)
	}
	return objects, granted, nil
}

// setImage replaces the manager's image.
func setImage(deployment *yaml.Node, image string) error {
	containers := payload.Get(deployment, "spec", "template", "spec", "containers")
	if containers == nil || len(containers.Content) == 0 {
		return fmt.Errorf("the operator's Deployment has no container")
	}
	if image != "" {
		set(containers.Content[0], "image", scalar(containers.Content[0], image))
	}
	return nil
}

// grantedSecrets are the resourceNames of a ClusterRole's rules that allow writing Secrets.
func grantedSecrets(role *yaml.Node) []string {
	var names []string
	rules := payload.Get(role, "rules")
	if rules == nil {
		return nil
	}
	for _, rule := range rules.Content {
		if slices.Contains(list(rule, "resources"), "secrets") && slices.Contains(list(rule, "verbs"), "patch") {
			names = append(names, list(rule, "resourceNames")...)
		}
	}
	return names
}

// list is a sequence of scalars.
func list(mapping *yaml.Node, key string) []string {
	var values []string
	if node := payload.Get(mapping, key); node != nil && node.Kind == yaml.SequenceNode {
		for _, n := range node.Content {
			values = append(values, n.Value)
		}
	}
	return values
}
