package manifests

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/payload"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

// fleetFile has the documents of a file in config/fleet.
func fleetFile(t *testing.T, name string) []map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "config", "fleet", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []map[string]any
	for _, d := range payload.Split(raw) {
		document := map[string]any{}
		if err := yaml.UnmarshalStrict([]byte(d.Text), &document); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(document) > 0 {
			all = append(all, document)
		}
	}
	return all
}

// readInto reads a part of a document strictly: a field that the type does not have is an error.
func readInto(t *testing.T, value, into any) {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%s: %v", raw, err)
	}
}

// addOn has the parts of the add-on that are compared with the product.
type addOn struct {
	Spec struct {
		AddonName string `json:"addonName"`
		AgentSpec struct {
			Workload struct {
				Manifests []map[string]any `json:"manifests"`
			} `json:"workload"`
			ManifestConfigs []struct {
				ResourceIdentifier struct{ Group, Resource, Name, Namespace string } `json:"resourceIdentifier"`
				UpdateStrategy     struct{ Type string }                             `json:"updateStrategy"`
				FeedbackRules      []struct {
					Type      string
					JSONPaths []struct{ Name, Path string } `json:"jsonPaths"`
				} `json:"feedbackRules"`
			} `json:"manifestConfigs"`
		} `json:"agentSpec"`
	} `json:"spec"`
}

func TestFleet_TheAddOnContainsTheFollowerAndItsReports(t *testing.T) {
	documents := fleetFile(t, "open-cluster-management.yaml")
	if len(documents) != 3 {
		t.Fatalf("there are %d documents, want the template, the add-on and the placement", len(documents))
	}
	template := addOn{}
	readInto(t, map[string]any{"spec": documents[0]["spec"]}, &template)
	var brought, follower v1alpha1.PullSecretRotation
	for _, m := range template.Spec.AgentSpec.Workload.Manifests {
		if m["kind"] == "PullSecretRotation" {
			readInto(t, m, &brought)
		}
	}
	readInto(t, fleetFile(t, "follower.yaml")[0], &follower)
	if !reflect.DeepEqual(brought, follower) || follower.Spec.Mode != v1alpha1.ModeFollow {
		t.Errorf("the add-on contains %+v, but follower.yaml is %+v", brought, follower)
	}
	config := template.Spec.AgentSpec.ManifestConfigs[0]
	if id := config.ResourceIdentifier; id.Group != v1alpha1.GroupVersion.Group || id.Resource != "pullsecretrotations" || id.Name != brought.Name {
		t.Errorf("the reports are of %+v", id)
	}
	example, err := harness.DocumentedExample("pullsecretrotation.md", "PullSecretRotation")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(repository, "docs", "fleet.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range config.FeedbackRules[0].JSONPaths {
		path, found := jsonpath.New(p.Name), bytes.Buffer{}
		if err := path.Parse("{" + p.Path + "}"); err != nil {
			t.Fatal(err)
		}
		if err := path.Execute(&found, example); err != nil || found.Len() == 0 {
			t.Errorf("%s finds %q in an object of a rotation under way (%v)", p.Path, found.String(), err)
		}
		if !strings.Contains(string(page), "`"+p.Name+"`") {
			t.Errorf("docs/fleet.md does not say what %s is", p.Name)
		}
	}
}

// The parts of the add-on reference each other.
func TestFleet_TheAddOnIsRolledOutByItsPlacementProgressively(t *testing.T) {
	documents := fleetFile(t, "open-cluster-management.yaml")
	name := func(d map[string]any) string { return d["metadata"].(map[string]any)["name"].(string) }
	placements := documents[1]["spec"].(map[string]any)["installStrategy"].(map[string]any)["placements"].([]any)
	placement := placements[0].(map[string]any)
	if placement["name"] != name(documents[2]) || placement["namespace"] != documents[2]["metadata"].(map[string]any)["namespace"] {
		t.Errorf("the add-on is placed by %v, but the placement is %v", placement, documents[2]["metadata"])
	}
	if config := placement["configs"].([]any)[0].(map[string]any); config["name"] != name(documents[0]) {
		t.Errorf("the placed object is %v", config)
	}
	if strategy := placement["rolloutStrategy"].(map[string]any); strategy["type"] != "Progressive" || strategy["progressive"] == nil {
		t.Errorf("it is rolled out by %v", strategy)
	}
}

func TestFleet_TheRequesterIsWhatTheSampleIs(t *testing.T) {
	var requester v1alpha1.PullSecretRotation
	readInto(t, fleetFile(t, "requester.yaml")[0], &requester)
	if s := requester.Spec; s.Mode != v1alpha1.ModeRotate || s.SiblingClusters != v1alpha1.SiblingsAllow || s.OCM.CredentialsSecretRef == nil || s.Schedule == nil {
		t.Errorf("the requester would not rotate an account of many clusters: %+v", s)
	}
}

// Argo CD and Flux apply the two files from Git.
func TestFleet_GitOpsToolsFindADirectoryForEachRole(t *testing.T) {
	set := fleetFile(t, "argocd.yaml")[0]["spec"].(map[string]any)
	roles := set["generators"].([]any)[0].(map[string]any)["clusters"].(map[string]any)["selector"].(map[string]any)["matchExpressions"].([]any)[0].(map[string]any)["values"]
	var stepped []any
	for _, step := range set["strategy"].(map[string]any)["rollingSync"].(map[string]any)["steps"].([]any) {
		stepped = append(stepped, step.(map[string]any)["matchExpressions"].([]any)[0].(map[string]any)["values"].([]any)...)
	}
	if want := []any{"requester", "follower"}; !reflect.DeepEqual(roles, any(want)) || !reflect.DeepEqual(stepped, []any{"follower", "requester"}) {
		t.Errorf("the clusters are %v and the steps %v, want the followers first", roles, stepped)
	}
	flux := fleetFile(t, "flux.yaml")[0]["spec"].(map[string]any)
	if flux["wait"] != true || flux["prune"] != false || flux["path"] != "./pull-secret-rotation/follower" {
		t.Errorf("Flux's Kustomization is %v", flux)
	}
}

var metricName = regexp.MustCompile(`\bcredential_rotation_[a-z_]+`)

// The rules use existing metrics, and the page names each.
func TestFleet_TheRecordingRulesAreOfMetricsThatThereAre(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs", "fleet.md"))
	if err != nil {
		t.Fatal(err)
	}
	known, recorded := registered(t), 0
	for _, g := range fleetFile(t, "recording-rules.yaml")[0]["spec"].(map[string]any)["groups"].([]any) {
		for _, r := range g.(map[string]any)["rules"].([]any) {
			rule := r.(map[string]any)
			recorded++
			for _, name := range metricName.FindAllString(rule["expr"].(string), -1) {
				if _, found := known[name]; !found {
					t.Errorf("%s uses %s, which is not a metric of the operator", rule["record"], name)
				}
			}
			if !strings.Contains(string(page), "`"+rule["record"].(string)+"`") {
				t.Errorf("docs/fleet.md does not say what %s is", rule["record"])
			}
		}
	}
	if recorded < 5 {
		t.Errorf("only %d rules were found", recorded)
	}
}
