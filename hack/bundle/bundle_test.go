package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
	interfaces "github.com/operator-framework/api/pkg/validation/interfaces"
	"sigs.k8s.io/yaml"
)

// shipped is the bundle of the checkout or of a release.
var shipped = "../../bundle"

func init() { flag.StringVar(&shipped, "bundle", shipped, "the bundle to test") }

func loadShipped(t *testing.T) *manifests.Bundle {
	t.Helper()
	bundle, err := manifests.GetBundleFromDir(shipped)
	if err != nil {
		t.Fatal(err)
	}
	return bundle
}

func TestBundle_PassesTheValidationOfTheOperatorFramework(t *testing.T) {
	validators := interfaces.Validators{
		validation.ClusterServiceVersionValidator, validation.CustomResourceDefinitionValidator, validation.BundleValidator,
		validation.OperatorHubV2Validator, validation.StandardCapabilitiesValidator, validation.StandardCategoriesValidator,
		validation.ObjectValidator, validation.GoodPracticesValidator,
	}
	for _, result := range validators.Validate(loadShipped(t).ObjectsToValidate()...) {
		for _, finding := range slices.Concat(result.Errors, result.Warnings) {
			// A false alarm: a rule for cronjobs or events names a group without a version.
			if strings.Contains(finding.Error(), "removed in v1.25") && strings.Contains(finding.Error(), ".Rules[") {
				continue
			}
			t.Errorf("%s: %v", result.Name, finding)
		}
	}
}

func TestBundle_GivesTheOperatorTheRightsOfTheManifestsAndNoOthers(t *testing.T) {
	spec := loadShipped(t).CSV.Spec.InstallStrategy.StrategySpec
	// OLM turns permissions into cluster-wide rights when the operator is installed for all namespaces.
	if len(spec.ClusterPermissions) != 1 || len(spec.Permissions) != 0 {
		t.Fatalf("%d cluster permissions and %d permissions, want one and none", len(spec.ClusterPermissions), len(spec.Permissions))
	}
	secrets := 0
	for _, rule := range spec.ClusterPermissions[0].Rules {
		if slices.Contains(rule.Resources, "secrets") {
			secrets++
			if len(rule.ResourceNames) == 0 {
				t.Errorf("the bundle allows %v on every Secret of the cluster", rule.Verbs)
			}
		}
	}
	if secrets != 2 {
		t.Errorf("%d rules for Secrets, want the two of config/rbac/role_secrets.yaml", secrets)
	}
}

func TestBundle_InstallsForTheWholeClusterOnly(t *testing.T) {
	for _, mode := range loadShipped(t).CSV.Spec.InstallModes {
		if want := mode.Type == "AllNamespaces"; mode.Supported != want {
			t.Errorf("install mode %s: supported is %t, want %t: the kinds are cluster-scoped", mode.Type, mode.Supported, want)
		}
	}
}

func TestBundle_HasAnExampleOfEachKind(t *testing.T) {
	var examples []struct{ Kind string }
	if err := json.Unmarshal([]byte(loadShipped(t).CSV.Annotations["alm-examples"]), &examples); err != nil {
		t.Fatal(err)
	}
	for _, owned := range loadShipped(t).CSV.Spec.CustomResourceDefinitions.Owned {
		if !slices.ContainsFunc(examples, func(e struct{ Kind string }) bool { return e.Kind == owned.Kind }) {
			t.Errorf("no example of %s", owned.Kind)
		}
	}
}

func TestBundle_DescribesOnlyFieldsThatExist(t *testing.T) {
	bundle := loadShipped(t)
	for _, owned := range bundle.CSV.Spec.CustomResourceDefinitions.Owned {
		for _, crd := range bundle.V1CRDs {
			if crd.Name != owned.Name {
				continue
			}
			top := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
			exists := func(part, path string) bool {
				schema := top[part]
				for _, name := range strings.Split(path, ".") {
					next, ok := schema.Properties[name]
					if !ok {
						return false
					}
					schema = next
				}
				return true
			}
			for _, d := range owned.SpecDescriptors {
				if !exists("spec", d.Path) {
					t.Errorf("%s has no spec.%s", owned.Kind, d.Path)
				}
			}
			for _, d := range owned.StatusDescriptors {
				if !exists("status", d.Path) {
					t.Errorf("%s has no status.%s", owned.Kind, d.Path)
				}
			}
		}
	}
}

func TestBundleImage_HasTheLabelsOfTheAnnotations(t *testing.T) {
	dockerfile, err := os.ReadFile("../../bundle.Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(shipped, "metadata", "annotations.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct{ Annotations map[string]string }
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		t.Fatal(err)
	}
	for key, value := range metadata.Annotations {
		if line := "LABEL " + key + "=" + value + "\n"; !strings.Contains(string(dockerfile), line) {
			t.Errorf("bundle.Dockerfile has no line %q", line)
		}
	}
}

// A mirror builds the bundle with its own image and version.
func TestRun_UsesTheGivenVersionAndImageEverywhere(t *testing.T) {
	manifestStream, err := exec.Command("go", "tool", "-modfile=../tools/go.mod", "kustomize", "build", "../../config/manifests").Output()
	if err != nil {
		t.Fatal(err)
	}
	const image = "mirror.example.com:5000/operators/credential-rotation-operator@sha256:1111"
	const gather = "mirror.example.com:5000/operators/must-gather@sha256:2222"
	out := t.TempDir()
	if err := run(options{version: "9.8.7", image: image, mustGatherImage: gather, icon: "../../config/manifests/icon.svg", facts: "../release/release.yaml", out: out}, bytes.NewReader(manifestStream)); err != nil {
		t.Fatal(err)
	}
	bundle, err := manifests.GetBundleFromDir(out)
	if err != nil {
		t.Fatal(err)
	}
	csv := bundle.CSV
	if csv.Name != "credential-rotation-operator.v9.8.7" || csv.Spec.Version.String() != "9.8.7" {
		t.Errorf("the bundle is %s, version %s", csv.Name, csv.Spec.Version)
	}
	for where, got := range map[string]string{
		"the annotation containerImage": csv.Annotations["containerImage"],
		"relatedImages":                 csv.Spec.RelatedImages[0].Image,
		"the Deployment":                csv.Spec.InstallStrategy.StrategySpec.DeploymentSpecs[0].Spec.Template.Spec.Containers[0].Image,
	} {
		if got != image {
			t.Errorf("%s has the image %s", where, got)
		}
	}
	if note, related := csv.Annotations["operators.openshift.io/must-gather-image"], csv.Spec.RelatedImages[1].Image; note != gather || related != gather {
		t.Errorf("must-gather's image is %q in the annotation and %q among the related images", note, related)
	}
}

func TestRun_RefusesIncompleteManifests(t *testing.T) {
	icon := filepath.Join(t.TempDir(), "icon.svg")
	if err := os.WriteFile(icon, []byte("<svg/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := options{version: "1.2.3", image: "i", mustGatherImage: "g", icon: icon, facts: "../release/release.yaml", out: t.TempDir()}
	err := run(o, bytes.NewBufferString("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"))
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("error = %v; want what is missing", err)
	}
	if err := run(options{}, &bytes.Buffer{}); err == nil {
		t.Error("missing flags are not reported")
	}
}
