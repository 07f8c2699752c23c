package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestTheReadmesSamplesAreTheShippedOnes(t *testing.T) {
	var shown []string
	for _, b := range readPage(t, filepath.Join(root, "README.md")).blocks() {
		if b.Language == "yaml" {
			shown = append(shown, b.Text)
		}
	}
	shipped := []string{"rotation_v1alpha1_pullsecretrotation.yaml", "rotation_v1alpha1_capcredentialset.yaml"}
	if len(shown) != len(shipped) {
		t.Fatalf("the README shows %d samples, want one of each kind", len(shown))
	}
	for i, name := range shipped {
		raw, err := os.ReadFile(filepath.Join(root, "config", "samples", name))
		if err != nil {
			t.Fatal(err)
		}
		// The README explains the Secret in its text instead of the sample's comment.
		sample := regexp.MustCompile(`^(#.*\n)+`).ReplaceAllString(string(raw), "")
		if shown[i] != sample {
			t.Errorf("the README shows\n%s\nand config/samples/%s is\n%s", shown[i], name, sample)
		}
	}
}

func TestTheReadmesTablesHaveTheColumnsOfTheKinds(t *testing.T) {
	columns := map[string]string{
		"oc get psr":    header(t, "rotation.openshift.io_pullsecretrotations.yaml"),
		"oc get capset": header(t, "rotation.openshift.io_capcredentialsets.yaml"),
	}
	tables := 0
	for _, b := range readPage(t, filepath.Join(root, "README.md")).blocks() {
		if b.Language != "console" {
			continue
		}
		lines := strings.Split(b.Text, "\n")
		for i, line := range lines {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				continue
			}
			tables++
			want, known := columns[command]
			if !known {
				t.Errorf("README.md:%d: this test does not know the command %q", b.Line+i, command)
				continue
			}
			if got := strings.Join(strings.Fields(lines[i+1]), " "); got != want {
				t.Errorf("README.md:%d: the columns are %q, want those of the kind: %q", b.Line+i+1, got, want)
			}
		}
	}
	if tables < len(columns) {
		t.Errorf("only %d tables were found", tables)
	}
}

// header is the first line that oc get prints for a kind.
func header(t *testing.T, crd string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "config", "crd", "bases", crd))
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		Spec struct {
			Versions []struct {
				AdditionalPrinterColumns []struct {
					Name     string
					Priority int
				}
			}
		}
	}
	if err := yaml.Unmarshal(raw, &definition); err != nil || len(definition.Spec.Versions) == 0 {
		t.Fatalf("%s: %v", crd, err)
	}
	names := []string{"NAME"}
	for _, c := range definition.Spec.Versions[0].AdditionalPrinterColumns {
		if c.Priority == 0 {
			names = append(names, strings.ToUpper(c.Name))
		}
	}
	return strings.Join(names, " ")
}

func TestEveryTargetThatAPageNamesIsInTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(string(makefile), -1) {
		targets = append(targets, m[1])
	}
	for _, p := range pages(t) {
		for i, line := range p.lines {
			for _, m := range regexp.MustCompile("(?:^|`)make ([a-z0-9-]+)").FindAllStringSubmatch(line, -1) {
				if !slices.Contains(targets, m[1]) {
					t.Errorf("%s:%d: the Makefile has no target %s", p.path, i+1, m[1])
				}
			}
		}
	}
}

func TestTheDevelopmentPageHasEveryPackageOfInternal(t *testing.T) {
	dirs, err := os.ReadDir(filepath.Join(root, "internal"))
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, d := range dirs {
		want = append(want, d.Name())
	}
	page := readPage(t, filepath.Join(root, "docs", "development.md")).prose()
	for _, m := range regexp.MustCompile("(?m)^\\| `internal/([a-z]+)` \\|").FindAllStringSubmatch(page, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("docs/development.md explains the packages\n%v, want\n%v", got, want)
	}
}
