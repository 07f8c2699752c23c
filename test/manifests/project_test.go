package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/config"
)

func TestProject_ListsTheKindsAsTheyAre(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(repository, "PROJECT"))
	if err != nil {
		t.Fatal(err)
	}
	type resource struct {
		API struct {
			CRDVersion string `json:"crdVersion"`
			Namespaced bool   `json:"namespaced"`
		} `json:"api"`
		Controller                         bool
		Domain, Group, Kind, Path, Version string
	}
	var project struct {
		Domain, ProjectName, Repo, Version string
		Layout                             []string
		Resources                          []resource
	}
	if err := yaml.Unmarshal(raw, &project); err != nil {
		t.Fatal(err)
	}
	if project.Version != "3" || !slices.Contains(project.Layout, "go.kubebuilder.io/v4") {
		t.Errorf("version %s with the layout %v, want 3 with go.kubebuilder.io/v4", project.Version, project.Layout)
	}
	module, err := os.ReadFile(filepath.Join(repository, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(module), "module "+project.Repo+"\n") {
		t.Errorf("the module is not %s", project.Repo)
	}
	crds := config.CRDs()
	if len(crds) != len(project.Resources) {
		t.Errorf("%d kinds are listed, want %d", len(project.Resources), len(crds))
	}
	for _, raw := range crds {
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(raw, crd); err != nil {
			t.Fatal(err)
		}
		var want resource
		want.API.CRDVersion, want.API.Namespaced = "v1", crd.Spec.Scope == apiextensionsv1.NamespaceScoped
		want.Controller, want.Domain, want.Kind, want.Version = true, project.Domain, crd.Spec.Names.Kind, crd.Spec.Versions[0].Name
		want.Group = strings.TrimSuffix(crd.Spec.Group, "."+project.Domain)
		want.Path = project.Repo + "/api/" + want.Version
		if !slices.Contains(project.Resources, want) {
			t.Errorf("%s is not listed as %+v", want.Kind, want)
		}
		if _, err := os.Stat(filepath.Join(repository, "api", want.Version)); err != nil {
			t.Error(err)
		}
	}
}
