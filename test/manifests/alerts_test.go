package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var repository = filepath.Join("..", "..")

// rule is one of config/prometheus/rules.yaml: an alert, or a record.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

// alerts are the rules that are alerts. One name may stand for two severities.
func alerts(t *testing.T) []rule {
	return slices.DeleteFunc(allRules(t), func(r rule) bool { return r.Alert == "" })
}

// records are the rules that record something.
func records(t *testing.T) []rule {
	return slices.DeleteFunc(allRules(t), func(r rule) bool { return r.Record == "" })
}

func allRules(t *testing.T) []rule {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "config", "prometheus", "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Spec struct{ Groups []struct{ Rules []rule } }
	}
	if err := yaml.Unmarshal(raw, &rules); err != nil {
		t.Fatal(err)
	}
	var all []rule
	for _, group := range rules.Spec.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no rules")
	}
	return all
}

// recorded are the metrics that the operator registers, and those that the records make of them.
func recorded(t *testing.T) map[string]metric {
	t.Helper()
	known := registered(t)
	for _, r := range records(t) {
		known[r.Record] = metric{name: r.Record, labels: slices.DeleteFunc(checkQuery(t, known, r.Record, r.Expr).grouped, func(label string) bool { return label == "namespace" })}
	}
	return known
}

func TestAlerts_UseMetricsAndLabelsThatExist(t *testing.T) {
	known := recorded(t)
	for _, a := range alerts(t) {
		q := checkQuery(t, known, a.Alert, a.Expr)
		for _, text := range a.Annotations {
			for _, label := range shownLabel.FindAllStringSubmatch(text, -1) {
				if !shows(known, q, label[1]) {
					t.Errorf("%s shows the label %s, which its expression does not give", a.Alert, label[1])
				}
			}
		}
	}
}

// valueOfLabel matches values of a label in an expression.
var valueOfLabel = regexp.MustCompile(`\b(reason|state)(?:=~?|!~|!=)"([^"]*)"`)

// A reason or a state that does not exist is not an error in Prometheus: the alert would never fire.
func TestAlerts_UseReasonsAndStatesThatExist(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "docs", "reasons.md"))
	if err != nil {
		t.Fatal(err)
	}
	states, asked := registered(t)["credential_rotation_pull_secret_status"].help, 0
	for _, a := range allRules(t) {
		for _, m := range valueOfLabel.FindAllStringSubmatch(a.Expr, -1) {
			for _, value := range strings.Split(m[2], "|") {
				asked++
				if m[1] == "reason" && !strings.Contains(string(page), "\n### `"+value+"`\n") {
					t.Errorf("%s uses the reason %s, which docs/reasons.md does not have", a.Alert+a.Record, value)
				}
				if m[1] == "state" && !regexp.MustCompile(`\b`+value+`\b`).MatchString(states) {
					t.Errorf("%s uses the state %s; there are: %s", a.Alert+a.Record, value, states)
				}
			}
		}
	}
	if asked < 5 {
		t.Errorf("only %d values were found: the extraction is broken", asked)
	}
}

// shownLabel matches a label in an alert's text.
var shownLabel = regexp.MustCompile(`\$labels\.(\w+)`)

// shows reports whether the result of a query has a label.
func shows(known map[string]metric, q query, label string) bool {
	if q.grouped != nil {
		return slices.Contains(q.grouped, label)
	}
	for _, name := range q.metrics {
		own := known[name].labels
		if original, renamed := strings.CutPrefix(label, "exported_"); renamed && slices.Contains(own, original) {
			return true
		}
		if slices.Contains(own, label) && !slices.Contains(targetLabels, label) {
			return true
		}
	}
	return false
}

func TestAlerts_HaveASeverityTextsAndARunbook(t *testing.T) {
	const page = "https://github.com/openshift/credential-rotation-operator/blob/main/docs/reasons.md"
	anchors := headings(t, filepath.Join(repository, "docs", "reasons.md"))
	for _, a := range alerts(t) {
		if severity := a.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s has severity %q", a.Alert, severity)
		}
		if a.Annotations["summary"] == "" || a.Annotations["description"] == "" || a.For == "" {
			t.Errorf("%s needs a summary, a description and a waiting time", a.Alert)
		}
		at, anchor, found := strings.Cut(a.Annotations["reason_url"], "#")
		if strings.Contains(anchor, "{{") {
			found = false // the stories of test/alerts check it when the alert fires
		}
		if at != page || found && !slices.Contains(anchors, anchor) {
			t.Errorf("%s leads to %q, which is not a heading of docs/reasons.md: %q", a.Alert, a.Annotations["reason_url"], anchors)
		}
	}
}

// OpenShift routes alerts by the label namespace: an expression that aggregates keeps it.
func TestAlerts_KeepTheNamespaceTheyAreRoutedBy(t *testing.T) {
	grouping := regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	for _, a := range allRules(t) {
		for _, labels := range grouping.FindAllStringSubmatch(a.Expr, -1) {
			if !strings.HasPrefix(labels[1], "namespace") {
				t.Errorf("%s groups by (%s), which loses the namespace", a.Alert+a.Record, labels[1])
			}
		}
		if regexp.MustCompile(`\b(sum|count|max|min)\(`).MatchString(a.Expr) {
			t.Errorf("%s aggregates without by (namespace, ...): %s", a.Alert+a.Record, a.Expr)
		}
	}
}

// headings are GitHub's anchors for the headings of a page.
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

// The format of openshift/runbooks: four sections in this order, with commands under the diagnosis.
var runbookForm = regexp.MustCompile(`^# (\w+)\n\n## Meaning\n\n[^#]+\n\n## Impact\n\n[^#]+\n\n## Diagnosis\n\n` + "```sh\n(oc [^`]+)```" + `\n\n[^#]+\n\n## Mitigation\n\n[^#]+\n$`)

func TestAlerts_HaveOneRunbookEach(t *testing.T) {
	folder := filepath.Join(repository, "docs", "runbooks")
	var known []string
	for _, a := range alerts(t) {
		known = append(known, a.Alert+".md")
		if !strings.HasSuffix(a.Annotations["runbook_url"], "/docs/runbooks/"+a.Alert+".md") {
			t.Errorf("the runbook of %s is %q", a.Alert, a.Annotations["runbook_url"])
		}
		raw, err := os.ReadFile(filepath.Join(folder, a.Alert+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if m := runbookForm.FindStringSubmatch(string(raw)); m == nil || m[1] != a.Alert {
			t.Errorf("the runbook of %s does not have the format of a runbook", a.Alert)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.Contains(known, e.Name()) {
			t.Errorf("docs/runbooks/%s belongs to no alert", e.Name())
		}
	}
}

// Prometheus' convention: level:metric:operations, where the level is the labels that are left.
func TestRecords_AreNamedByTheConventionAndUsed(t *testing.T) {
	all := records(t)
	for _, r := range all {
		level, _, _ := strings.Cut(r.Record, ":")
		if labels := recorded(t)[r.Record].labels; strings.Join(labels, "_") != level || strings.Count(r.Record, ":") != 2 {
			t.Errorf("the record %s has the labels %v", r.Record, labels)
		}
		if !slices.ContainsFunc(alerts(t), func(a rule) bool { return strings.Contains(a.Expr, r.Record) }) {
			t.Errorf("no alert uses the record %s", r.Record)
		}
	}
	if len(all) == 0 {
		t.Error("no records were found: the extraction is broken")
	}
}
