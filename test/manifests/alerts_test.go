package manifests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var repository = filepath.Join("..", "..")

// alert is a rule of config/prometheus/rules.yaml.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) []alert {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "config", "prometheus", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Spec struct{ Groups []struct{ Rules []alert } }
	}
	if err := yaml.Unmarshal(raw, &rules); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, group := range rules.Spec.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alerts")
	}
	return all
}

// metricNames are the metrics that the product registers.
func metricNames(t *testing.T) []string {
	t.Helper()
	registered := regexp.MustCompile(`Name:\s+"(credential_rotation_[a-z_]+)"`)
	var names []string
	for _, dir := range []string{"controllers", "internal"} {
		err := filepath.WalkDir(filepath.Join(repository, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, match := range registered.FindAllSubmatch(raw, -1) {
				names = append(names, string(match[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestAlerts_UseMetricsThatExist(t *testing.T) {
	names := metricNames(t)
	used := regexp.MustCompile(`credential_rotation_[a-z_]+`)
	for _, a := range alerts(t) {
		for _, name := range used.FindAllString(a.Expr, -1) {
			if !slices.Contains(names, name) {
				t.Errorf("%s uses the metric %s, which the product does not register (%v)", a.Alert, name, names)
			}
		}
	}
}

func TestAlerts_SayWhatIsWrongHowBadItIsAndWhereToRead(t *testing.T) {
	const page = "https://github.com/openshift/credential-rotation-operator/blob/main/docs/reasons.md"
	anchors := headings(t, filepath.Join(repository, "docs", "reasons.md"))
	for _, a := range alerts(t) {
		if severity := a.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s has severity %q", a.Alert, severity)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || a.For == "" {
			t.Errorf("%s lacks a summary, a description or its time", a.Alert)
		}
		at, anchor, found := strings.Cut(a.Annotations["runbook_url"], "#")
		if at != page || found && !slices.Contains(anchors, anchor) {
			t.Errorf("%s leads to %q, which is no heading of docs/reasons.md: %q", a.Alert, a.Annotations["runbook_url"], anchors)
		}
	}
}

// headings are the anchors that GitHub gives the headings of a page.
func headings(t *testing.T, page string) []string {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(raw), -1) {
		name := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(match[1]), "")
		anchors = append(anchors, strings.ReplaceAll(name, " ", "-"))
	}
	return anchors
}
