package manifests

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/config"
)

// goodSpec is a valid spec of each kind, which each row of refusals makes invalid.
var goodSpec = map[string]string{
	"PullSecretRotation": `
rotateAfter: "2026-11-20T00:00:00Z"
ocm: {credentialsSecretRef: {name: ocm}}
`,
	"CAPCredentialSet": `
endpoint: {url: "https://cap.example.com/api/v1/credentials", agency: A, mission: M, clientCertificateSecretRef: {name: cap}}
`,
}

// refusals has at least one row for each validation rule of the two kinds: a spec with one mistake.
var refusals = []struct {
	kind string
	// rule is the path of the rule in the spec, and says is part of its message, which is then compared in full with the schema's.
	rule, says string
	// spec is merged into goodSpec; null removes a field.
	spec string
}{
	{"PullSecretRotation", "", "mode Rotate needs rotateAfter or schedule", `{rotateAfter: null}`},
	{"PullSecretRotation", "", "mode Follow never requests", `{mode: Follow}`},
	{"PullSecretRotation", "", "mode Follow never requests", `{mode: Follow, rotateAfter: null, schedule: {cron: "0 3 * * *"}}`},
	{"PullSecretRotation", "", "ocm.credentialsSecretRef is required", `{ocm: null}`},
	{"PullSecretRotation", "", "ocm.credentialsSecretRef is required", `{mode: Audit, rotateAfter: null, ocm: {credentialsSecretRef: null}}`},
	{"PullSecretRotation", "healthCheckInterval", "between 30s and 48h", `{healthCheckInterval: 1s}`},
	{"PullSecretRotation", "healthCheckInterval", "between 30s and 48h", `{healthCheckInterval: 800h}`},
	{"PullSecretRotation", "healthCheckInterval", "between 30s and 48h", `{healthCheckInterval: 48h1s}`},
	{"PullSecretRotation", "healthCheckInterval", "there is no unit for days", `{healthCheckInterval: 7d}`},
	{"PullSecretRotation", "startWindows[].duration", "there is no unit for days", `{startWindows: [{cron: "0 3 * * *", duration: 1d}]}`},
	{"PullSecretRotation", "rollout.timeout", "there is no unit for days", `{rollout: {timeout: 1d}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "https:///x"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "https://api.openshift.com/path"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "https://api.openshift.com?x=y"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "https://api.openshift.com#x"}}`},
	{"PullSecretRotation", "ocm.tokenURL", "the credential is sent to it", `{ocm: {tokenURL: "https:///token"}}`},
	{"PullSecretRotation", "ocm.tokenURL", "the credential is sent to it", `{ocm: {tokenURL: "https://u:p@sso.redhat.com/token"}}`},
	{"PullSecretRotation", "ocm.tokenURL", "the credential is sent to it", `{ocm: {tokenURL: "https://sso.redhat.com/token?x"}}`},
	{"PullSecretRotation", "schedule.cron", "five fields", `{schedule: {cron: "@daily"}}`},
	{"PullSecretRotation", "schedule.cron", "once a day", `{schedule: {cron: "0 */6 * * *"}}`},
	{"PullSecretRotation", "schedule.cron", "once a day", `{schedule: {cron: "*/5 3 * * *"}}`},
	{"PullSecretRotation", "startWindows[].cron", "five fields", `{startWindows: [{cron: "0 0 3 * * *", duration: 1h}]}`},
	{"PullSecretRotation", "startWindows[].duration", "between 1m and 168h", `{startWindows: [{cron: "0 3 * * *", duration: 0s}]}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "http://api.openshift.com"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "https://me:secret@api.openshift.com"}}`},
	{"PullSecretRotation", "ocm.url", "the token is sent to it", `{ocm: {url: "api.openshift.com"}}`},
	{"PullSecretRotation", "ocm.tokenURL", "the credential is sent to it", `{ocm: {tokenURL: "http://sso.redhat.com/token"}}`},
	{"PullSecretRotation", "rollout.timeout", "between 1m and 168h", `{rollout: {timeout: 1s}}`},
	{"PullSecretRotation", "rollout", "probe needs waitForPools", `{rollout: {waitForPools: false, probe: {image: "quay.io/a/b:c"}}}`},
	{"PullSecretRotation", "rollout.probe.image", "must have a tag or a digest", `{rollout: {probe: {image: "quay.io:443/a/b"}}}`},
	{"PullSecretRotation", "rollout.probe.image", "must begin with the host", `{rollout: {probe: {image: "library/busybox:1"}}}`},
	{"PullSecretRotation", "rollout.probe.timeout", "there is no unit for days", `{rollout: {probe: {image: "quay.io/a/b:c", timeout: 1d}}}`},
	{"PullSecretRotation", "rollout.probe.timeout", "between 1m and 24h", `{rollout: {probe: {image: "quay.io/a/b:c", timeout: 25h}}}`},

	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "http://cap.example.com/"}}`},
	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "https://cap.example.com/?role=R"}}`},
	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "https://cap.example.com/#x"}}`},
	{"CAPCredentialSet", "endpoint.url", "without query, fragment or user name", `{endpoint: {url: "https://u@cap.example.com/"}}`},
	{"CAPCredentialSet", "endpoint.url", "with a host", `{endpoint: {url: "https:///x"}}`},
	{"CAPCredentialSet", "endpoint.url", "with a host", `{endpoint: {url: "https://:8443/x"}}`},
	{"CAPCredentialSet", "endpoint.proxy", "must be none, or", `{endpoint: {proxy: "socks5://proxy.example.com:1080"}}`},
	{"CAPCredentialSet", "endpoint.proxy", "must be none, or", `{endpoint: {proxy: "http://user:password@proxy.example.com:3128"}}`},
	{"CAPCredentialSet", "endpoint.proxy", "must be none, or", `{endpoint: {proxy: "http:///"}}`},
	{"CAPCredentialSet", "endpoint.proxy", "must be none, or", `{endpoint: {proxy: "http://proxy.example.com/path"}}`},
	{"CAPCredentialSet", "endpoint.proxy", "must be none, or", `{endpoint: {proxy: proxy.example.com}}`},
	{"CAPCredentialSet", "endpoint.tls", "not be newer than maxVersion", `{endpoint: {tls: {minVersion: VersionTLS13, maxVersion: VersionTLS12}}}`},
	{"CAPCredentialSet", "endpoint.tls", "not both", `{endpoint: {tls: {caConfigMapRef: {name: a}, caSecretRef: {name: b}}}}`},
	{"CAPCredentialSet", "verification", "with a host, and without query, fragment or user name", `{verification: {endpoint: "https://u:p@sts.example.com"}}`},
	{"CAPCredentialSet", "verification", "with a host, and without query, fragment or user name", `{verification: {endpoint: "https:///x"}}`},
	{"CAPCredentialSet", "endpoint.extraParameters", "they have their own fields", `{endpoint: {extraParameters: {roleName: R}}}`},
	{"CAPCredentialSet", "endpoint.extraParameters", "values of at most 1024", `{endpoint: {extraParameters: {a: "` + strings.Repeat("x", 1025) + `"}}}`},
	{"CAPCredentialSet", "endpoint.extraParameters", "values of at most 1024", `{endpoint: {extraParameters: {"": b}}}`},
	{"CAPCredentialSet", "credentialsRequests", "allowedRoles is required with", `{credentialsRequests: {secretRoleKey: AllowListed}}`},
	{"CAPCredentialSet", "credentialsRequests", "allowedRoles is required with", `{credentialsRequests: {secretRoleKey: AllowListed, allowedRoles: []}}`},
	{"CAPCredentialSet", "credentialsRequests", "allowedRoles is required with", `{credentialsRequests: {allowedRoles: [R]}}`},
	{"CAPCredentialSet", "credentialsRequests.selector", "must hold labels", `{credentialsRequests: {selector: {matchLabels: {a: "` + strings.Repeat("x", 64) + `"}}}}`},
	{"CAPCredentialSet", "credentialsRequests.selector", "must hold labels", `{credentialsRequests: {selector: {matchLabels: {` + strings.Repeat("x", 318) + `: a}}}}`},
	{"CAPCredentialSet", "endpoint.timeout", "between 1s and 5m", `{endpoint: {timeout: 1h}}`},
	{"CAPCredentialSet", "endpoint.timeout", "between 1s and 5m", `{endpoint: {timeout: 1 minute}}`},
	{"CAPCredentialSet", "refresh.assumedLifetime", "between 1m and 36h", `{refresh: {assumedLifetime: 1s}}`},
	{"CAPCredentialSet", "refresh.assumedLifetime", "between 1m and 36h", `{refresh: {assumedLifetime: 7d}}`},
	{"CAPCredentialSet", "verification", "endpoint must be an https:// URL", `{verification: {endpoint: "http://sts.example.com"}}`},
	{"CAPCredentialSet", "verification", "endpoint must be an https:// URL", `{verification: {endpoint: "https://u:p@sts.example.com"}}`},
	{"CAPCredentialSet", "verification", "endpoint must be an https:// URL", `{verification: {endpoint: "https:///x"}}`},
}

// noName is refused by a pattern or a size in every field.
var noName = []string{
	`"y; oc adm policy add-cluster-role-to-user cluster-admin mallory #"`, `"../.."`, `"$(id)"`, `"a b"`, `"a\nb"`, `"a\u001b[2J"`, `"a\u202eb"`, `"'"`, `"--as=admin"`, `""`,
	`"` + strings.Repeat("a", 1100) + `"`,
}

func TestValidation_RefusesInvalidNamesInEveryField(t *testing.T) {
	for field, spec := range map[string]string{
		"targets[].namespace":           `{targets: [{namespace: %s, name: s}]}`,
		"targets[].name":                `{targets: [{namespace: n, name: %s}]}`,
		"ocm.credentialsSecretRef.name": `{ocm: {credentialsSecretRef: {name: %s}}}`,
		"ocm.caBundleConfigMapRef.name": `{ocm: {caBundleConfigMapRef: {name: %s}}}`,
		"ocm.accountID":                 `{ocm: {accountID: %s}}`,
		"entries.addMissing[]":          `{entries: {addMissing: [%s]}}`,
		"verification[].registry":       `{verification: [{registry: %s}]}`,
		"verification[].image":          `{verification: [{registry: r, image: %s}]}`,
		"schedule.timeZone":             `{schedule: {cron: "0 3 * * *", timeZone: %s}}`,
		"startWindows[].timeZone":       `{startWindows: [{cron: "0 3 * * *", duration: 1h, timeZone: %s}]}`,
	} {
		optional := strings.HasSuffix(field, "timeZone") || strings.HasSuffix(field, "image") || strings.HasSuffix(field, "accountID")
		for _, name := range noName {
			if optional && (name == `""` || name == `"--as=admin"` && field == "ocm.accountID") {
				continue
			}
			if err := create(t, "PullSecretRotation", fmt.Sprintf(spec, name)); err == nil {
				t.Errorf("%s: %.60s is accepted", field, name)
			}
		}
	}
}

func TestValidation_AcceptsValidNames(t *testing.T) {
	for _, spec := range []string{
		`{targets: [{namespace: openshift-config, name: pull-secret}, {namespace: n1, name: a.b-c}]}`,
		`{entries: {addMissing: [cloud.openshift.com, "mirror.example.com:5000/team"]}}`,
		`{verification: [{registry: quay.io, image: "quay.io/openshift-release-dev/ocp-release@sha256:` + strings.Repeat("0", 64) + `"}, {registry: "https://index.docker.io/v1/"}, {registry: "r:5000", image: "r:5000/a/b:v1.2"}]}`,
		`{schedule: {cron: "0 3 1-7 * MON", timeZone: America/Argentina/Buenos_Aires}, startWindows: [{cron: "*/5 0,12 * * *", duration: 1h30m, timeZone: Etc/GMT+5}]}`,
		`{ocm: {url: "https://api.openshift.com/", tokenURL: "https://sso.redhat.com/a/b"}}`,
	} {
		if err := create(t, "PullSecretRotation", spec); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

// kubectl replaces a list as a whole, so with a default inside a list item each apply of an unchanged file would be a change with a new
// generation.
func TestPullSecretRotation_HasNoDefaultInAListItem(t *testing.T) {
	var walk func(path string, inList bool, s *apiextensionsv1.JSONSchemaProps)
	walk = func(path string, inList bool, s *apiextensionsv1.JSONSchemaProps) {
		if inList && s.Default != nil {
			t.Errorf("%s has a default", path)
		}
		for name, p := range s.Properties {
			walk(path+"."+name, inList, &p)
		}
		if s.Items != nil && s.Items.Schema != nil {
			walk(path+"[]", true, s.Items.Schema)
		}
		if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
			walk(path+"{}", true, s.AdditionalProperties.Schema)
		}
	}
	for _, raw := range config.CRDs() {
		crd := apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			t.Fatal(err)
		}
		if crd.Spec.Names.Kind == "PullSecretRotation" {
			walk("", false, crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
		}
	}
}

func TestPullSecretRotation_AnUnchangedFileAppliedTwiceChangesNothing(t *testing.T) {
	file := []byte(`{"apiVersion":"rotation.openshift.io/v1alpha1","kind":"PullSecretRotation","metadata":{"name":"applied"},"spec":{
		"rotateAfter":"2026-11-20T00:00:00Z","ocm":{"credentialsSecretRef":{"name":"ocm"}},
		"startWindows":[{"cron":"0 3 * * *","duration":"1h"}],"verification":[{"registry":"quay.io"}],"entries":{"addMissing":["cloud.openshift.com"]},
		"targets":[{"namespace":"openshift-config","name":"pull-secret"}]}}`)
	object := &unstructured.Unstructured{}
	if err := object.UnmarshalJSON(file); err != nil {
		t.Fatal(err)
	}
	if err := server.admin.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.admin.Delete(context.Background(), object) })
	current, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	// As kubectl does for a custom resource.
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(file, file, current)
	if err != nil || string(patch) != "{}" {
		t.Errorf("the second apply would send %s (%v)", patch, err)
	}
}

func TestValidation_AcceptsAValidSpec(t *testing.T) {
	for kind := range goodSpec {
		if err := create(t, kind, `{}`); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestValidation_RefusesEachInvalidSpecWithItsMessage(t *testing.T) {
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
				t.Fatalf("the schema has no rule at %q with %q", row.rule, row.says)
			}
			err := create(t, row.kind, row.spec)
			if err == nil || !strings.Contains(err.Error(), message) {
				t.Errorf("the API server returned: %v\nwant: %s", err, message)
			}
		})
	}
	for _, rule := range rules {
		if !tested[rule.String()] {
			t.Errorf("no row tests %s", rule)
		}
	}
}

// create creates an object with goodSpec changed by patch, as a dry run.
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
