package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/operator-framework/api/pkg/operators/v1alpha1"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// installed are the objects of one kind in config/install.yaml.
func installed(t *testing.T, kind string) []*unstructured.Unstructured {
	t.Helper()
	raw, err := os.ReadFile("../../config/install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	objects, err := decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	objects = slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() != kind })
	if len(objects) == 0 {
		t.Fatalf("config/install.yaml has no %s", kind)
	}
	return objects
}

// plain is v in the form of JSON, for comparisons.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBundle_RunsTheDeploymentOfTheManifestsWithTheirRights(t *testing.T) {
	install := loadShipped(t).CSV.Spec.InstallStrategy.StrategySpec
	deployment := installed(t, "Deployment")[0]
	if len(install.DeploymentSpecs) != 1 {
		t.Fatalf("%d Deployments, want one", len(install.DeploymentSpecs))
	}
	// Both are decoded into the type, so that defaults are equal.
	own := install.DeploymentSpecs[0]
	theirs := &appsv1.DeploymentSpec{}
	spec, _, _ := unstructured.NestedMap(deployment.Object, "spec")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, theirs); err != nil {
		t.Fatal(err)
	}
	if own.Name != deployment.GetName() || !reflect.DeepEqual(plain(t, own.Spec), plain(t, theirs)) {
		t.Errorf("the Deployment %s differs from that of config/install.yaml: run make bundle", own.Name)
	}

	rules := func(kind string) []any {
		var all []any
		for _, role := range installed(t, kind) {
			// Those for people are files of the bundle.
			if role.GetLabels()["rbac.authorization.k8s.io/aggregate-to-view"] == "" && role.GetLabels()["rbac.authorization.k8s.io/aggregate-to-edit"] == "" {
				r, _, _ := unstructured.NestedSlice(role.Object, "rules")
				all = append(all, r...)
			}
		}
		return all
	}
	if !reflect.DeepEqual(plain(t, install.ClusterPermissions[0].Rules), plain(t, rules("ClusterRole"))) {
		t.Error("the cluster permissions are not the rules of the ClusterRoles of config/install.yaml: run make bundle")
	}
	// The rights in its own namespace are files of the bundle; the binding names no namespace, so that it works in any.
	for _, kind := range []string{"Role", "RoleBinding"} {
		want := installed(t, kind)[0]
		want.SetNamespace("")
		if subjects, found, _ := unstructured.NestedSlice(want.Object, "subjects"); found {
			delete(subjects[0].(map[string]any), "namespace")
			if err := unstructured.SetNestedSlice(want.Object, subjects, "subjects"); err != nil {
				t.Fatal(err)
			}
		}
		raw, err := os.ReadFile(filepath.Join(shipped, "manifests", want.GetName()+"_"+strings.ToLower(kind)+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var own any
		if err := yaml.Unmarshal(raw, &own); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(own, plain(t, want)) {
			t.Errorf("the %s of the bundle differs from that of config/install.yaml: run make bundle", kind)
		}
	}
}

// OLM installs into the namespace of the Subscription without replacing any other namespace that is written in a manifest. The
// exceptions are the suggestion itself and the server name, which the operator sets.
func TestBundle_NamesTheSuggestedNamespaceNowhereElse(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shipped, "manifests", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if strings.Contains(file, "_console") {
			continue // The description may name it.
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(raw), "\n") {
			if strings.Contains(line, "openshift-credential-rotation-operator") &&
				!strings.Contains(line, "suggested-namespace") && !strings.Contains(line, "serverName:") && !strings.Contains(line, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"") {
				t.Errorf("%s:%d: %s", filepath.Base(file), i+1, line)
			}
		}
	}
}

func TestBundle_ExamplesAreTheSamples(t *testing.T) {
	var examples []any
	if err := json.Unmarshal([]byte(loadShipped(t).CSV.Annotations["alm-examples"]), &examples); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../config/samples/rotation_*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 || len(files) != len(examples) {
		t.Errorf("%d examples, and %d files in config/samples", len(examples), len(files))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var sample any
		if err := yaml.Unmarshal(raw, &sample); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(examples, func(e any) bool { return reflect.DeepEqual(e, sample) }) {
			t.Errorf("%s is not among the examples: run make bundle", filepath.Base(file))
		}
	}
}

func TestBundle_NamesEveryImageSoThatItCanBeMirrored(t *testing.T) {
	csv := loadShipped(t).CSV
	related := map[string]bool{}
	for _, image := range csv.Spec.RelatedImages {
		related[image.Image] = true
	}
	for _, container := range csv.Spec.InstallStrategy.StrategySpec.DeploymentSpecs[0].Spec.Template.Spec.Containers {
		if !related[container.Image] || csv.Annotations["containerImage"] != container.Image {
			t.Errorf("the image %s is missing in relatedImages %v or is not containerImage %q", container.Image, csv.Spec.RelatedImages, csv.Annotations["containerImage"])
		}
		for _, env := range container.Env {
			if strings.HasPrefix(env.Name, "RELATED_IMAGE_") && !related[env.Value] {
				t.Errorf("%s is missing in relatedImages", env.Name)
			}
		}
		// A checkout names the image by tag, a release by digest.
		if tag := "v" + csv.Spec.Version.String(); !strings.HasSuffix(container.Image, ":"+tag) && !strings.Contains(container.Image, "@sha256:") {
			t.Errorf("version %s runs the image %s", csv.Spec.Version, container.Image)
		}
	}
}

// OperatorHub shows these and filters by them: "Recommended annotations" of the community operators.
func TestBundle_HasTheAnnotationsThatOperatorHubShows(t *testing.T) {
	annotations := loadShipped(t).CSV.Annotations
	for _, name := range []string{"capabilities", "categories", "certified", "containerImage", "createdAt", "description", "repository", "support"} {
		if annotations[name] == "" {
			t.Errorf("there is no annotation %s", name)
		}
	}
	if _, err := time.Parse(time.RFC3339, annotations["createdAt"]); err != nil {
		t.Error(err)
	}
	if annotations["support"] == annotations["repository"] || len(annotations["description"]) > 150 {
		t.Errorf("support is %s; the description has %d characters", annotations["support"], len(annotations["description"]))
	}
}

func TestBundle_HasTheIconOfTheSources(t *testing.T) {
	icons := loadShipped(t).CSV.Spec.Icon
	source, err := os.ReadFile("../../config/manifests/icon.svg")
	if err != nil {
		t.Fatal(err)
	}
	if len(icons) != 1 || icons[0].MediaType != "image/svg+xml" || icons[0].Data != base64.StdEncoding.EncodeToString(source) {
		t.Error("the icon is not config/manifests/icon.svg: run make bundle")
	}
}

// features are the annotations by which OpenShift's catalogue filters: "Infrastructure features" in Red Hat's chapter on defining
// cluster service versions.
var features = []string{"disconnected", "fips-compliant", "proxy-aware", "tls-profiles", "token-auth-aws", "token-auth-azure", "token-auth-gcp", "cnf", "cni", "csi"}

func TestBundle_DeclaresEachFeatureAsTrueOrFalse(t *testing.T) {
	const prefix = "features.operators.openshift.io/"
	said := maps.Clone(loadShipped(t).CSV.Annotations)
	maps.DeleteFunc(said, func(key, _ string) bool { return !strings.HasPrefix(key, prefix) })
	for _, feature := range features {
		if value := said[prefix+feature]; value != "true" && value != "false" {
			t.Errorf("the feature %s is %q", feature, value)
		}
		delete(said, prefix+feature)
	}
	if len(said) > 0 {
		t.Errorf("unknown features: %v", said)
	}
}

func TestBundle_MinKubeVersionIsThatOfTheOldestOpenShift(t *testing.T) {
	// OpenShift 4.14 is Kubernetes 1.27: https://access.redhat.com/solutions/4870701.
	kubernetes := map[string]string{"v4.14": "1.27.0"}
	var metadata struct{ Annotations map[string]string }
	raw, err := os.ReadFile(filepath.Join(shipped, "metadata", "annotations.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		t.Fatal(err)
	}
	oldest := metadata.Annotations["com.redhat.openshift.versions"]
	if least := loadShipped(t).CSV.Spec.MinKubeVersion; least == "" || least != kubernetes[oldest] {
		t.Errorf("minKubeVersion is %q, but the oldest OpenShift, %s, has %q", least, oldest, kubernetes[oldest])
	}
}

func TestBundle_DescribesWhatEveryObjectNeeds(t *testing.T) {
	for _, owned := range loadShipped(t).CSV.Spec.CustomResourceDefinitions.Owned {
		if owned.DisplayName == "" || owned.Description == "" || len(owned.SpecDescriptors) == 0 {
			t.Errorf("%s has no name, no description or no described field", owned.Kind)
		}
		if !slices.ContainsFunc(owned.StatusDescriptors, func(d v1alpha1.StatusDescriptor) bool { return d.Path == "conditions" }) {
			t.Errorf("the console does not show the conditions of %s", owned.Kind)
		}
		for _, d := range owned.SpecDescriptors {
			if d.DisplayName == "" {
				t.Errorf("%s: spec.%s has no name", owned.Kind, d.Path)
			}
		}
	}
}
