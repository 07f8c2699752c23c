package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	consolev1 "github.com/openshift/api/console/v1"
	"sigs.k8s.io/yaml"
)

// ofConsole decodes the files of config/console with a prefix.
func ofConsole[T any](t *testing.T, prefix string) []T {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repository, "config", "console", prefix+"*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	listed, err := os.ReadFile(filepath.Join(repository, "config", "console", "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []T
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var object T
		if err := yaml.UnmarshalStrict(raw, &object); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !strings.Contains(string(listed), "- "+filepath.Base(file)+"\n") {
			t.Errorf("the kustomization does not list %s", filepath.Base(file))
		}
		all = append(all, object)
	}
	return all
}

func TestConsole_HasAQuickStartForEachKindWithinItsLimits(t *testing.T) {
	starts := ofConsole[consolev1.ConsoleQuickStart](t, "quick_start_")
	var names, kinds []string
	for i := range starts {
		names = append(names, starts[i].Name)
		for _, r := range starts[i].Spec.AccessReviewResources {
			kinds = append(kinds, r.Resource)
		}
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []string{"capcredentialsets", "pullsecretrotations"}) {
		t.Errorf("there are quick starts for %v", kinds)
	}
	for _, s := range starts {
		if n := len(s.Spec.Description); n == 0 || n > 256 {
			t.Errorf("%s: the description has %d characters", s.Name, n)
		}
		for _, next := range s.Spec.NextQuickStart {
			if !slices.Contains(names, next) {
				t.Errorf("%s leads to %s, which does not exist", s.Name, next)
			}
		}
		for _, task := range s.Spec.Tasks {
			if task.Title == "" || task.Description == "" || task.Review == nil || task.Summary == nil || len(task.Summary.Failed) > 128 {
				t.Errorf("%s: the task %q is incomplete or too long", s.Name, task.Title)
			}
		}
	}
}

func TestConsole_ShowsEachSampleAsItIs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repository, "config", "samples", "rotation_*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	samples := ofConsole[consolev1.ConsoleYAMLSample](t, "yaml_sample_")
	if len(samples) != len(files) {
		t.Errorf("the console shows %d samples, want %d", len(samples), len(files))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at := slices.IndexFunc(samples, func(s consolev1.ConsoleYAMLSample) bool { return string(s.Spec.YAML) == string(raw) })
		if at < 0 {
			t.Errorf("the console does not show %s unchanged", filepath.Base(file))
			continue
		}
		if s := samples[at].Spec; !strings.Contains(string(raw), "\nkind: "+s.TargetResource.Kind+"\n") || s.Title == "" || s.Description == "" {
			t.Errorf("%s is shown for %s, as %q", filepath.Base(file), s.TargetResource.Kind, s.Title)
		}
	}
	// The quick starts name samples by title.
	for _, s := range ofConsole[consolev1.ConsoleQuickStart](t, "quick_start_") {
		for _, task := range s.Spec.Tasks {
			for _, part := range strings.Split(task.Description, "sample **")[1:] {
				title, _, _ := strings.Cut(part, "**")
				if !slices.ContainsFunc(samples, func(y consolev1.ConsoleYAMLSample) bool { return string(y.Spec.Title) == title }) {
					t.Errorf("%s names the sample %q, which does not exist", s.Name, title)
				}
			}
		}
	}
}
