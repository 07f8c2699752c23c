package manifests

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rowsOf reads the tables of docs/metrics.md whose header begins with a word: their cells by the first one, and for alerts by the severity too.
func rowsOf(t *testing.T, header string) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows, inside, columns := map[string][]string{}, false, 0
	for _, line := range strings.Split(string(raw), "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case cells[0] == header:
			inside, columns = true, len(cells)
		case inside && !strings.HasPrefix(line, "|-"):
			name := strings.Trim(cells[0], "`")
			if header == "Alert" {
				name += " " + cells[1]
			}
			if rows[name] != nil || len(cells) != columns || slices.Contains(cells, "") {
				t.Errorf("docs/metrics.md has %s twice, or not %d non-empty cells: %q", name, columns, cells)
			}
			rows[name] = cells[1:]
		}
	}
	if len(rows) == 0 {
		t.Fatalf("docs/metrics.md has no table of %ss", header)
	}
	return rows
}

func TestMetricsPage_HasExactlyTheMetrics(t *testing.T) {
	known, rows := registered(t), rowsOf(t, "Metric")
	for name := range rowsOf(t, "Record") {
		if _, found := recorded(t)[name]; !found {
			t.Errorf("docs/metrics.md has the record %s, which is not in config/prometheus/rules.yaml", name)
		}
		known[name] = metric{} // It may be named on the page.
	}
	for name, m := range known {
		if !strings.HasPrefix(name, ownPrefix) {
			continue
		}
		row, found := rows[name]
		if !found {
			t.Errorf("docs/metrics.md does not have %s", name)
			continue
		}
		if want := "`" + strings.Join(m.labels, "`, `") + "`"; row[0] != m.kind || row[1] != want {
			t.Errorf("docs/metrics.md describes %s as %s with the labels %s; it is a %s with %s", name, row[0], row[1], m.kind, want)
		}
		if timestamp := strings.HasSuffix(name, "_timestamp_seconds"); timestamp != (row[2] == "seconds since 1970") {
			t.Errorf("docs/metrics.md has the unit of %s as %s", name, row[2])
		}
	}
	for name := range rows {
		if _, found := known[name]; !found {
			t.Errorf("docs/metrics.md has %s, which the operator does not register", name)
		}
	}
	raw, err := os.ReadFile(filepath.Join(repository, "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\b(?:[a-z_]+:)?(?:credential_rotation|controller_runtime)_[\w:]+\b`).FindAllString(string(raw), -1) {
		if _, found := known[name]; !found {
			t.Errorf("docs/metrics.md names %s, which the operator does not register", name)
		}
	}
}

// linked is the target of a link in Markdown.
var linked = regexp.MustCompile(`\]\(([^)]+)\)`)

func TestMetricsPage_HasExactlyTheAlertsWithTheirRunbooks(t *testing.T) {
	rows := rowsOf(t, "Alert")
	var names []string
	for _, a := range alerts(t) {
		name := a.Alert + " " + a.Labels["severity"]
		names = append(names, name)
		row, found := rows[name]
		if !found {
			t.Errorf("docs/metrics.md does not have the alert %s", name)
			continue
		}
		_, runbook, _ := strings.Cut(a.Annotations["reason_url"], "/docs/")
		link := linked.FindStringSubmatch(row[3])
		if link != nil && strings.Contains(runbook, "{{") { // the link depends on the reason, so the row links to the page
			runbook, _, _ = strings.Cut(runbook, "#")
			link[1], _, _ = strings.Cut(link[1], "#")
		}
		if link == nil || link[1] != runbook {
			t.Errorf("docs/metrics.md links %s to %s; its runbook is %s", a.Alert, row[3], runbook)
		}
	}
	for name := range rows {
		if !slices.Contains(names, name) {
			t.Errorf("docs/metrics.md has the alert %s, which is not in config/prometheus/rules.yaml", name)
		}
	}
}
