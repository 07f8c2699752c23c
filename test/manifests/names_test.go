package manifests

import (
	"fmt"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/config"
)

// notNames are invalid names, including those that are dangerous in a message, a terminal or a shell.
var notNames = []string{
	"", "y; oc adm policy add-cluster-role-to-user cluster-admin mallory #", "$(id)", "`id`", "../..", "a/b", "A", "-a", "a b", "a\nb", "a\x1b[2J", "ä", strings.Repeat("a", 254),
}

func TestNames_OfACAPCredentialSetAreNames(t *testing.T) {
	for field, spec := range map[string]string{
		"the certificate's Secret":           `{endpoint: {clientCertificateSecretRef: {name: %q}}}`,
		"a namespace of CredentialsRequests": `{credentialsRequests: {namespaces: [%q]}}`,
		"an excluded CredentialsRequest":     `{credentialsRequests: {exclude: [{name: %q}]}}`,
		"a CredentialsRequest with a role":   `{credentialsRequests: {roles: [{name: %q, role: R}]}}`,
		"the namespace of one with a role":   `{credentialsRequests: {roles: [{namespace: %q, name: a, role: R}]}}`,
		"a Secret":                           `{secrets: [{namespace: a, name: %q, role: R}]}`,
		"the namespace of a Secret":          `{secrets: [{namespace: %q, name: a, role: R}]}`,
		"a workload":                         `{restartTargets: [{kind: Deployment, namespace: a, name: %q}]}`,
		"the namespace of a workload":        `{restartTargets: [{kind: Deployment, namespace: %q, name: a}]}`,
	} {
		if err := create(t, "CAPCredentialSet", fmt.Sprintf(spec, "a-1")); err != nil {
			t.Errorf("%s: a valid name is refused: %v", field, err)
		}
		for _, name := range notNames {
			if err := create(t, "CAPCredentialSet", fmt.Sprintf(spec, name)); err == nil {
				t.Errorf("%s: %.40q is accepted", field, name)
			}
		}
	}
}

func TestNames_RolesOfACAPCredentialSetAreRoles(t *testing.T) {
	for field, spec := range map[string]string{
		"the default role":      `{credentialsRequests: {defaultRole: %q}}`,
		"a role":                `{credentialsRequests: {roles: [{name: a, role: %q}]}}`,
		"an allowed role":       `{credentialsRequests: {secretRoleKey: AllowListed, allowedRoles: [%q]}}`,
		"the role of a Secret":  `{secrets: [{namespace: a, name: a, role: %q}]}`,
		"the endpoint's agency": `{endpoint: {agency: %q}}`,
	} {
		if err := create(t, "CAPCredentialSet", fmt.Sprintf(spec, "Rôle, of some/kind")); err != nil {
			t.Errorf("%s: a valid one is refused: %v", field, err)
		}
		for _, role := range []string{"a\nb", "a\x1bb", "a\u009bb", strings.Repeat("a", 513)} {
			if err := create(t, "CAPCredentialSet", fmt.Sprintf(spec, role)); err == nil {
				t.Errorf("%s: %.40q is accepted", field, role)
			}
		}
	}
}

// TestSizes checks that no object of the kind can outgrow etcd.
func TestSizes_EveryFreePartOfACAPCredentialSetIsBounded(t *testing.T) {
	seen := 0
	for _, raw := range config.CRDs() {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			t.Fatal(err)
		}
		if crd.Spec.Names.Kind != "CAPCredentialSet" {
			continue
		}
		for _, part := range []string{"spec", "status"} {
			schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties[part]
			walk(&schema, part, func(path string, s *apiextensionsv1.JSONSchemaProps) {
				seen++
				if problem := unbounded(s); problem != "" {
					t.Errorf("%s: %s", path, problem)
				}
			})
		}
	}
	if seen < 50 {
		t.Errorf("only %d parts were checked", seen)
	}
}

// unbounded returns a missing limit of a schema. The values of a map are limited by a rule, which the table of refusals tests.
func unbounded(s *apiextensionsv1.JSONSchemaProps) string {
	switch {
	case s.Type == "string" && len(s.Enum) == 0 && s.MaxLength == nil && s.Format != "date-time":
		return "a string without maxLength"
	case s.Type == "array" && s.MaxItems == nil:
		return "a list without maxItems"
	case s.AdditionalProperties != nil && (s.MaxProperties == nil || len(s.XValidations) == 0 && !boundedByParent[s.Description]):
		return "a map without maxProperties or a rule about its keys and values"
	}
	return ""
}

// boundedByParent are maps whose rule is one level up.
var boundedByParent = map[string]bool{"MatchLabels are labels with their values.": true}

func TestDefaults_AreNotInsideListsOfACAPCredentialSet(t *testing.T) {
	for _, raw := range config.CRDs() {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			t.Fatal(err)
		}
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		walk(&schema, "spec", func(path string, s *apiextensionsv1.JSONSchemaProps) {
			if crd.Spec.Names.Kind == "CAPCredentialSet" && strings.Contains(path, "[]") && s.Default != nil {
				t.Errorf("%s has a default: each \"kubectl apply\" of an unchanged file would change the object", path)
			}
		})
	}
}
