package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	"golang.org/x/mod/semver"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The tests of this file are the rules of external pipelines for a bundle, under their names there. They run on the bundle of the
// checkout, and by `make verify-release` on that of a release.

// manifestsOf are the kinds of the bundle's manifests, by file.
func manifestsOf(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shipped, "manifests", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	kinds := map[string]string{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var object struct{ Kind string }
		if err := yaml.Unmarshal(raw, &object); err != nil {
			t.Fatal(err)
		}
		kinds[filepath.Base(file)] = object.Kind
	}
	return kinds
}

// bundleMetadata is metadata/annotations.yaml.
func bundleMetadata(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(shipped, "metadata", "annotations.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct{ Annotations map[string]string }
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		t.Fatal(err)
	}
	return metadata.Annotations
}

// TestRule_OperatorPipelines repeats the static checks of the community's and the certified operators: operator-pipelines,
// docs/users/static_checks.md. Those of the upgrade graph (check_dangling_bundles, check_upgrade_graph_loop,
// check_replaces_availability, check_olm_bundle_object_in_fbc) are rules of the catalog, in hack/release/catalog.
func TestRule_OperatorPipelines(t *testing.T) {
	csv, metadata := loadShipped(t).CSV, bundleMetadata(t)
	name := metadata["operators.operatorframework.io.bundle.package.v1"]
	t.Run("check_required_fields", func(t *testing.T) { requiredFields(t, csv.Spec) })
	t.Run("check_operator_name", func(t *testing.T) {
		if !strings.HasPrefix(csv.Name, name+".v") {
			t.Errorf("the package is %s, the ClusterServiceVersion %s", name, csv.Name)
		}
	})
	t.Run("check_operator_name_unique", func(t *testing.T) {
		csvs := 0
		for _, kind := range manifestsOf(t) {
			if kind == "ClusterServiceVersion" {
				csvs++
			}
		}
		if csvs != 1 {
			t.Errorf("%d ClusterServiceVersions, want one", csvs)
		}
	})
	t.Run("check_operator_version_directory_name", func(t *testing.T) {
		if csv.Name != name+".v"+csv.Spec.Version.String() {
			t.Errorf("%s is version %s", csv.Name, csv.Spec.Version)
		}
	})
	t.Run("check_network_policy_presence", func(t *testing.T) {
		for file, kind := range manifestsOf(t) {
			if kind == "NetworkPolicy" {
				t.Errorf("%s is a NetworkPolicy, which OLM does not manage", file)
			}
		}
	})
	t.Run("check_pruned_graph", func(t *testing.T) {
		if csv.Annotations["olm.skipRange"] != "" && csv.Spec.Replaces == "" {
			t.Error("skipRange without replaces removes earlier versions from the graph")
		}
	})
	t.Run("check_api_version_constraints", func(t *testing.T) {
		// OpenShift 4.n has Kubernetes 1.(n+13).
		var minor int
		if _, err := fmt.Sscanf(metadata["com.redhat.openshift.versions"], "v4.%d", &minor); err != nil {
			t.Fatal(err)
		}
		if least := "v" + csv.Spec.MinKubeVersion; semver.Compare(least, kubernetesOf(minor)) > 0 {
			t.Errorf("minKubeVersion is %s, but OpenShift 4.%d has %s", least, minor, kubernetesOf(minor))
		}
	})
	t.Run("check_ci_upgrade_graph and check_schema_operator_ci_config", func(t *testing.T) {
		raw, err := os.ReadFile("../../config/manifests/ci.yaml")
		if err != nil {
			t.Fatal(err)
		}
		var ci struct {
			UpdateGraph string `json:"updateGraph"`
		}
		if err := yaml.UnmarshalStrict(raw, &ci); err != nil || !slices.Contains([]string{"replaces-mode", "semver-mode"}, ci.UpdateGraph) {
			t.Errorf("updateGraph is %q (%v)", ci.UpdateGraph, err)
		}
	})
}

func kubernetesOf(openShiftMinor int) string { return fmt.Sprintf("v1.%d.0", openShiftMinor+13) }

func requiredFields(t *testing.T, spec v1alpha1.ClusterServiceVersionSpec) {
	t.Helper()
	for field, ok := range map[string]bool{
		"displayName":   len(spec.DisplayName) >= 3 && len(spec.DisplayName) <= 50,
		"description":   len(spec.Description) >= 20,
		"version":       semver.IsValid("v" + spec.Version.String()),
		"maintainers":   len(spec.Maintainers) > 0 && strings.Contains(spec.Maintainers[0].Email, "@"),
		"provider.name": len(spec.Provider.Name) >= 3,
		"links":         len(spec.Links) > 0,
	} {
		if !ok {
			t.Errorf("spec.%s is missing or invalid", field)
		}
	}
	for _, icon := range spec.Icon {
		raw, err := base64.StdEncoding.DecodeString(icon.Data)
		if err != nil || icon.MediaType != "image/svg+xml" || !strings.Contains(string(raw), "<svg") {
			t.Errorf("the icon is not an SVG (%v)", err)
		}
	}
	if len(spec.Icon) != 1 {
		t.Errorf("%d icons, want one", len(spec.Icon))
	}
}

var digestPinned = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)

// TestRule_PreflightOperator checks the operator policy of openshift-preflight (internal/policy/operator) as far as it needs no cluster.
func TestRule_PreflightOperator(t *testing.T) {
	csv := loadShipped(t).CSV
	t.Run("RequiredAnnotations", func(t *testing.T) {
		for _, feature := range []string{"disconnected", "fips-compliant", "proxy-aware", "tls-profiles", "token-auth-aws", "token-auth-azure", "token-auth-gcp"} {
			if v := csv.Annotations["features.operators.openshift.io/"+feature]; v != "true" && v != "false" {
				t.Errorf("%s is %q", feature, v)
			}
		}
	})
	t.Run("RelatedImages", func(t *testing.T) {
		related := map[string]bool{}
		for _, r := range csv.Spec.RelatedImages {
			related[r.Image] = true
		}
		for _, d := range csv.Spec.InstallStrategy.StrategySpec.DeploymentSpecs {
			for _, c := range slices.Concat(d.Spec.Template.Spec.InitContainers, d.Spec.Template.Spec.Containers) {
				if !related[c.Image] {
					t.Errorf("%s is not among the related images", c.Image)
				}
			}
		}
	})
	t.Run("RestrictedNetworkAware", func(t *testing.T) {
		// The operator starts no other image, so it needs no RELATED_IMAGE_ variable.
		if csv.Annotations["features.operators.openshift.io/disconnected"] != "true" || len(csv.Spec.RelatedImages) == 0 {
			t.Error("it does not declare support for disconnected networks")
		}
		for _, r := range csv.Spec.RelatedImages {
			if shipped != "../../bundle" && !digestPinned.MatchString(r.Image) {
				t.Errorf("%s is not pinned by digest", r.Image)
			}
		}
	})
	t.Run("SecurityContextConstraints", func(t *testing.T) { restricted(t, csv) })
	t.Run("DeployableByOLM", func(t *testing.T) {
		if !slices.ContainsFunc(csv.Spec.InstallModes, func(m v1alpha1.InstallMode) bool { return m.Supported }) {
			t.Error("there is no install mode")
		}
	})
}

// Restricted pods need only the constraints restricted-v2, which everyone may use.
func restricted(t *testing.T, csv *v1alpha1.ClusterServiceVersion) {
	t.Helper()
	strategy := csv.Spec.InstallStrategy.StrategySpec
	for _, p := range slices.Concat(strategy.Permissions, strategy.ClusterPermissions) {
		for _, rule := range p.Rules {
			if slices.Contains(rule.Resources, "securitycontextconstraints") {
				t.Errorf("it requires the constraints %v", rule.ResourceNames)
			}
		}
	}
	pod := strategy.DeploymentSpecs[0].Spec.Template.Spec
	if pod.HostNetwork || pod.HostPID || pod.HostIPC || pod.SecurityContext == nil || pod.SecurityContext.RunAsUser != nil ||
		pod.SecurityContext.RunAsNonRoot == nil || !*pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile == nil {
		t.Errorf("the pod's security context is %+v", pod.SecurityContext)
	}
	for _, c := range pod.Containers {
		if s := c.SecurityContext; s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, corev1.Capability("ALL")) {
			t.Errorf("the security context of %s is %+v", c.Name, c.SecurityContext)
		}
	}
}

// supportedByV1 are the kinds of a registry+v1 bundle that operator-controller applies (internal/operator-controller/rukpak/bundle).
var supportedByV1 = []string{
	"ClusterServiceVersion", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "ServiceAccount", "Service", "Secret", "ConfigMap",
	"PodDisruptionBudget", "PriorityClass", "VerticalPodAutoscaler", "ConsoleYAMLSample", "ConsoleQuickStart", "ConsoleCLIDownload", "ConsoleLink", "ConsolePlugin",
	"PrometheusRule", "ServiceMonitor",
}

// TestRule_OLMv1 checks the requirements of OLM v1 for a registry+v1 bundle: docs/project/olmv1_limitations.md of operator-controller.
func TestRule_OLMv1(t *testing.T) {
	csv := loadShipped(t).CSV
	t.Run("must support AllNamespaces", func(t *testing.T) {
		if !slices.Contains(csv.Spec.InstallModes, v1alpha1.InstallMode{Type: v1alpha1.InstallModeTypeAllNamespaces, Supported: true}) {
			t.Error("it does not")
		}
	})
	t.Run("must not declare dependencies", func(t *testing.T) {
		for _, name := range []string{"dependencies.yaml", "properties.yaml"} {
			raw, err := os.ReadFile(filepath.Join(shipped, "metadata", name))
			if err == nil && regexp.MustCompile(`olm\.(gvk\.required|package\.required|constraint|gvk|package)\b`).Match(raw) {
				t.Errorf("%s declares some", name)
			}
		}
		if n := len(csv.Spec.CustomResourceDefinitions.Required) + len(csv.Spec.APIServiceDefinitions.Required) + len(csv.Spec.APIServiceDefinitions.Owned); n > 0 {
			t.Errorf("it requires %d kinds of others, or has an API server", n)
		}
	})
	t.Run("no webhooks, which need a certificate provider", func(t *testing.T) {
		if len(csv.Spec.WebhookDefinitions) > 0 {
			t.Error("it has some")
		}
	})
	t.Run("no OperatorConditions", func(t *testing.T) {
		for _, p := range csv.Spec.InstallStrategy.StrategySpec.ClusterPermissions {
			for _, rule := range p.Rules {
				if slices.Contains(rule.Resources, "operatorconditions") {
					t.Error("it requires them")
				}
			}
		}
	})
	t.Run("kinds of the manifests are supported", func(t *testing.T) {
		for file, kind := range manifestsOf(t) {
			if !slices.Contains(supportedByV1, kind) {
				t.Errorf("%s is a %s", file, kind)
			}
		}
	})
	t.Run("bundle configuration finds a pod without node selector that it would contradict", func(t *testing.T) {
		pod := csv.Spec.InstallStrategy.StrategySpec.DeploymentSpecs[0].Spec.Template.Spec
		if len(pod.NodeSelector) > 0 || pod.Affinity != nil && pod.Affinity.NodeAffinity != nil && pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
			t.Error("the pod requires certain nodes, which an administrator's selector cannot change")
		}
	})
	t.Run("examples are JSON", func(t *testing.T) {
		if !json.Valid([]byte(csv.Annotations["alm-examples"])) {
			t.Error("they are not")
		}
	})
}

// OLM never completes an installation with an object whose kind the cluster does not have, unless the object is optional.
func TestBundle_IsInstalledWhereMonitoringOrTheConsoleIsMissing(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(shipped, "metadata", "properties.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var stated struct {
		Properties []struct {
			Type  string
			Value struct {
				Manifests []struct{ Group, Kind, Name string }
			}
		}
	}
	if err := yaml.Unmarshal(raw, &stated); err != nil || len(stated.Properties) != 1 || stated.Properties[0].Type != "olm.manifests.optional" {
		t.Fatalf("%+v (%v)", stated, err)
	}
	optional := map[string]bool{}
	for _, m := range stated.Properties[0].Value.Manifests {
		if m.Group == "" || m.Name == "" {
			t.Errorf("%+v is not an object", m)
		}
		optional[m.Kind+"/"+m.Name] = true
	}
	builtIn := []string{"ClusterServiceVersion", "CustomResourceDefinition", "ClusterRole", "Role", "RoleBinding", "Service", "ServiceAccount", "PodDisruptionBudget"}
	for file, kind := range manifestsOf(t) {
		name, _, _ := strings.Cut(file, "_")
		if slices.Contains(builtIn, kind) == optional[kind+"/"+name] {
			t.Errorf("%s: optional is %t", file, optional[kind+"/"+name])
		}
	}
}
