package bootstrap

// The objects of one particular cluster: the set, the client certificate, and for each CredentialsRequest the Secret with its namespace and, if
// the operator's own rights do not cover it, the right to write it.

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/internal/cluster"
)

const certificateSecretName = "cap-client-certificate"

// clusterObjects are those objects. If credentials is nil, the Secrets are empty, and `seed` or the operator fills them.
func (i *install) clusterObjects(requests []cluster.CredentialsRequest, roles map[string]string, granted []string, certificate map[string][]byte, credentials map[string]awscreds.Credential) ([]object, error) {
	var objects []object
	var failed error
	add := func(step int, content map[string]any) {
		o, err := newObject(step, content)
		if err != nil {
			failed = err
		}
		objects = append(objects, o)
	}
	add(stepSecrets, secretObject(operatorNamespace, certificateSecretName, nil, certificate))
	add(stepSet, i.setObject())

	namespaces := map[string][]string{} // Secrets to which the operator has no right yet, by namespace
	written := map[types.NamespacedName]bool{}
	for _, r := range requests {
		if _, known := namespaces[r.Secret.Namespace]; !known {
			namespaces[r.Secret.Namespace] = nil
			add(stepTargetNamespaces, map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": r.Secret.Namespace}})
		}
		if written[r.Secret] {
			continue
		}
		written[r.Secret] = true
		role := roles[r.Name]
		add(stepSecrets, secretObject(r.Secret.Namespace, r.Secret.Name, map[string]any{roleAnnotation: role}, awscreds.Render(credentials[role])))
		if !slices.Contains(granted, r.Secret.Name) {
			namespaces[r.Secret.Namespace] = append(namespaces[r.Secret.Namespace], r.Secret.Name)
		}
	}
	for namespace, names := range namespaces {
		if len(names) > 0 {
			add(stepTargetNamespaces+1, roleObject(namespace, names))
			add(stepTargetNamespaces+1, roleBindingObject(namespace))
		}
	}
	return objects, failed
}

// setObject is the CAPCredentialSet.
func (i *install) setObject() map[string]any {
	endpoint := map[string]any{
		"url": i.portal.URL, "dialect": i.portal.Dialect, "agency": i.portal.Agency, "mission": i.portal.Mission,
		"clientCertificateSecretRef": map[string]any{"name": certificateSecretName},
	}
	if len(i.portal.ExtraParameters) > 0 {
		endpoint["extraParameters"] = i.portal.ExtraParameters
	}
	if i.portal.Timeout != defaultPortalTimeout {
		endpoint["timeout"] = i.portal.Timeout.String()
	}
	assigned := []any{}
	for _, name := range slices.Sorted(maps.Keys(i.roles)) { // including those that match no request yet
		assigned = append(assigned, map[string]any{"name": name, "role": i.roles[name]})
	}
	served := map[string]any{}
	if len(assigned) > 0 {
		served["roles"] = assigned
	}
	if i.defaultRole != "" {
		served["defaultRole"] = i.defaultRole
	}
	return map[string]any{
		"apiVersion": "rotation.openshift.io/v1alpha1", "kind": "CAPCredentialSet",
		"metadata": map[string]any{"name": i.name},
		"spec":     map[string]any{"endpoint": endpoint, "credentialsRequests": served},
	}
}

func secretObject(namespace, name string, annotations map[string]any, data map[string][]byte) map[string]any {
	metadata := map[string]any{"namespace": namespace, "name": name}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	secret := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
	if len(data) > 0 {
		values := map[string]any{}
		for key, value := range data {
			values[key] = string(value)
		}
		secret["stringData"] = values
	}
	return secret
}

// grantName is the name of the Role and its binding for Secrets that the operator's own rights do not name.
const grantName = "credential-rotation-operator-secrets"

// roleObject grants the same verbs as the ClusterRole grants for the Secrets that it names.
func roleObject(namespace string, names []string) map[string]any {
	return map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
		"metadata": map[string]any{"namespace": namespace, "name": grantName},
		"rules": []any{map[string]any{
			"apiGroups": []any{""}, "resources": []any{"secrets"}, "resourceNames": names,
			"verbs": []any{"get", "list", "watch", "create", "patch"},
		}},
	}
}

func roleBindingObject(namespace string) map[string]any {
	return map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
		"metadata": map[string]any{"namespace": namespace, "name": grantName},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": grantName},
		"subjects": []any{map[string]any{"kind": "ServiceAccount", "name": "credential-rotation-operator", "namespace": operatorNamespace}},
	}
}

// describe returns a line for the summary.
func (o object) describe() string {
	if o.namespace == "" {
		return fmt.Sprintf("%s %s", o.kind, o.name)
	}
	return fmt.Sprintf("%s %s/%s", o.kind, o.namespace, o.name)
}
