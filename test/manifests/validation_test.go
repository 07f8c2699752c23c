package manifests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/config"
)

// goodSpec is a valid spec of each kind, which a row of refusals makes wrong.
var goodSpec = map[string]string{
	"PullSecretRotation": `
rotateAfter: "2026-11-20T00:00:00Z"
ocm: {credentialsSecretRef: {name: ocm}}
`,
	"CAPCredentialSet": `
endpoint: {url: "https://cap.example.com/api/v1/credentials", agency: A, mission: M, clientCertificateSecretRef: {name: cap}}
`,
}

// refusals has one row or more for each validation rule of the two kinds: a spec that is wrong in one way.
var refusals = []struct {
	kind string
	// rule is where in the spec the rule stands, and says what of the message, which is compared with the schema's in whole.
	rule, says string
	// spec is merged into goodSpec; null removes a field.
	spec string
}{
	{"PullSecretRotation", "", "mode Rotate needs rotateAfter or schedule", `{rotateAfter: null}`},
	{"PullSecretRotation", "", "mode Follow never requests", `{mode: Follow}`},
	{"PullSecretRotation", "", "mode Follow never requests", `{mode: Follow, rotateAfter: null, schedule: {cron: "0 3 * * *"}}`},
	{"PullSecretRotation", "", "ocm.credentialsSecretRef is needed", `{ocm: null}`},
	{"PullSecretRotation", "", "ocm.credentialsSecretRef is needed", `{mode: Audit, rotateAfter: null, ocm: {credentialsSecretRef: null}}`},
	{"PullSecretRotation", "healthCheckInterval", "between 30s and 168h", `{healthCheckInterval: 1s}`},
	{"PullSecretRotation", "healthCheckInterval", "between 30s and 168h", `{healthCheckInterval: 800h}`},
	{"PullSecretRotation", "schedule.cron", "five fields", `{schedule: {cron: "@daily"}}`},
	{"PullSecretRotation", "startWindows[].cron", "five fields", `{startWindows: [{cron: "0 0 3 * * *", duration: 1h}]}`},
	{"PullSecretRotation", "startWindows[].duration", "between 1m and 168h", `{startWindows: [{cron: "0 3 * * *", duration: 0s}]}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "http://api.openshift.com"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "https://me:secret@api.openshift.com"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "api.openshift.com"}}`},
	{"PullSecretRotation", "ocm.tokenURL", "the credential is sent to it", `{ocm: {tokenURL: "http://sso.redhat.com/token"}}`},
	{"PullSecretRotation", "rollout.timeout", "between 1m and 168h", `{rollout: {timeout: 1s}}`},

	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "http://cap.example.com/"}}`},
	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "https://cap.example.com/?role=R"}}`},
	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "https://cap.example.com/#x"}}`},
	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "https://u@cap.example.com/"}}`},
	{"CAPCredentialSet", "endpoint.extraParameters", "they have fields of their own", `{endpoint: {extraParameters: {roleName: R}}}`},
	{"CAPCredentialSet", "endpoint.timeout", "between 1s and 5m", `{endpoint: {timeout: 1h}}`},
	{"CAPCredentialSet", "refresh.assumedLifetime", "between 1m and 36h", `{refresh: {assumedLifetime: 1s}}`},
	{"CAPCredentialSet", "verification", "endpoint must be an https:// URL", `{verification: {endpoint: "http://sts.example.com"}}`},
}

func TestValidation_AcceptsAGoodSpec(t *testing.T) {
	for kind := range goodSpec {
		if err := create(t, kind, `{}`); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestValidation_RefusesEachWrongSpecWithItsSentence(t *testing.T) {
	rules := validationRules(t)
	tested := map[string]bool{}
	for _, row := range refusals {
		t.Run(row.kind+" "+row.rule+" "+row.spec, func(t *testing.T) {
			var message string
			for _, rule := range rules {
				if rule.kind == row.kind && rule.path == row.rule && strings.Contains(rule.message, row.says) {
					message, tested[rule.String()] = rule.message, true
				}
			}
			if message == "" {
				t.Fatalf("the schema has no rule at %q that says %q", row.rule, row.says)
			}
			err := create(t, row.kind, row.spec)
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("the API server said: %v\nwant: %s", err, message)
			}
		})
	}
	for _, rule := range rules {
		if !tested[rule.String()] {
			t.Errorf("no row tests %s", rule)
		}
	}
}

// create asks the API server to create an object with goodSpec changed by patch, without keeping it.
func create(t *testing.T, kind, patch string) error {
	t.Helper()
	var spec, change map[string]any
	if err := yaml.Unmarshal([]byte(goodSpec[kind]), &spec); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(patch), &change); err != nil {
		t.Fatal(err)
	}
	merge(spec, change)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "rotation.openshift.io/v1alpha1", "kind": kind,
		"metadata": map[string]any{"generateName": "test-"}, "spec": spec,
	}}
	return server.admin.Create(t.Context(), object, client.DryRunAll)
}

func merge(into, change map[string]any) {
	for key, value := range change {
		inner, isMap := value.(map[string]any)
		outer, hasMap := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && hasMap:
			merge(outer, inner)
		default:
			into[key] = value
		}
	}
}

// validationRule is an x-kubernetes-validations entry of a CRD.
type validationRule struct{ kind, path, message string }

func (r validationRule) String() string { return fmt.Sprintf("%s %s: %s", r.kind, r.path, r.message) }

func validationRules(t *testing.T) []validationRule {
	t.Helper()
	var rules []validationRule
	for _, raw := range config.CRDs() {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			t.Fatal(err)
		}
		for _, version := range crd.Spec.Versions {
			spec := version.Schema.OpenAPIV3Schema.Properties["spec"]
			walk(&spec, "", func(path string, s *apiextensionsv1.JSONSchemaProps) {
				for _, rule := range s.XValidations {
					rules = append(rules, validationRule{crd.Spec.Names.Kind, path, rule.Message})
				}
			})
		}
	}
	if len(rules) == 0 {
		t.Fatal("the CRDs have no validation rules")
	}
	return rules
}

func walk(s *apiextensionsv1.JSONSchemaProps, path string, visit func(string, *apiextensionsv1.JSONSchemaProps)) {
	visit(path, s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		walk(&property, strings.TrimPrefix(path+"."+name, "."), visit)
	}
	if s.Items != nil && s.Items.Schema != nil {
		walk(s.Items.Schema, path+"[]", visit)
	}
}
