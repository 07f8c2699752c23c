package manifests

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// metric is one that the operator registers.
type metric struct {
	name, help string
	// kind is gauge or counter; known only for the product's metrics.
	kind   string
	labels []string
}

const ownPrefix = "credential_rotation_"

// targetLabels are added to every series by Prometheus, which renames a metric's own label of the same name.
var targetLabels = []string{"namespace", "job", "pod", "service", "instance", "container", "endpoint"}

var (
	description = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "(.*?)"(?:, unit: "[^"]*")?, constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)
	constructed = regexp.MustCompile(`prometheus\.New(Gauge|Counter)Vec\(prometheus\.\w+\{\s*Name:\s+"([a-z_]+)"`)
)

// registered are the metrics of the operator's registry by name: its own, and those of controller-runtime. This test binary links the
// manager, and so every package that registers metrics.
func registered(t *testing.T) map[string]metric {
	t.Helper()
	registry, ok := metrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatalf("the registry cannot list its metrics: %T", metrics.Registry)
	}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(descriptions)
		close(descriptions)
	}()
	kinds := kindsOfMetrics(t)
	all, own := map[string]metric{}, 0
	for d := range descriptions {
		parts := description.FindStringSubmatch(d.String())
		if parts == nil {
			t.Errorf("the description of a metric has an unknown format: %s", d)
			continue
		}
		m := metric{name: parts[1], help: parts[2], kind: kinds[parts[1]]}
		if parts[3] != "" {
			m.labels = strings.Split(parts[3], ",")
		}
		if strings.HasPrefix(m.name, ownPrefix) {
			own++
			if m.kind == "" {
				t.Errorf("the kind of %s was not found in the source", m.name)
			}
		}
		all[m.name] = m
	}
	if own != len(kinds) || own == 0 {
		t.Errorf("%d metrics of the product are registered, %d constructed", own, len(kinds))
	}
	return all
}

// kindsOfMetrics reads from the source which metrics are gauges and which are counters, which a registry does not tell.
func kindsOfMetrics(t *testing.T) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	for _, dir := range []string{"controllers", "internal"} {
		err := filepath.WalkDir(filepath.Join(repository, dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, match := range constructed.FindAllSubmatch(raw, -1) {
				kinds[string(match[2])] = strings.ToLower(string(match[1]))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return kinds
}

// query has the names in a PromQL expression.
type query struct {
	// metrics without the suffix of a histogram's series.
	metrics []string
	// labels that it selects, groups or joins by.
	labels []string
	// grouped are the labels of its result, when it is an aggregation.
	grouped []string
}

var (
	quoted     = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	grouping   = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	matchers   = regexp.MustCompile(`\{([^}]*)\}`)
	matched    = regexp.MustCompile(`([a-zA-Z_]\w*)\s*(=~|!~|!=|=)`)
	duration   = regexp.MustCompile(`\[[^\]]*\]|\boffset \d\w+`)
	identifier = regexp.MustCompile(`[a-zA-Z_:][\w:]*(\s*\()?`)
	keywords   = []string{"and", "or", "unless", "bool"}
)

// analyse collects the names in an expression.
func analyse(expr string) query {
	var q query
	expr = quoted.ReplaceAllString(expr, "")
	for _, group := range grouping.FindAllStringSubmatch(expr, -1) {
		for _, label := range strings.Split(group[2], ",") {
			q.labels = append(q.labels, strings.TrimSpace(label))
		}
	}
	if first := grouping.FindStringSubmatch(expr); first != nil && first[1] == "by" {
		q.grouped = slices.Clone(q.labels[:1+strings.Count(first[2], ",")])
	}
	expr = grouping.ReplaceAllString(expr, "")
	for _, inBraces := range matchers.FindAllStringSubmatch(expr, -1) {
		for _, match := range matched.FindAllStringSubmatch(inBraces[1], -1) {
			q.labels = append(q.labels, match[1])
		}
	}
	expr = duration.ReplaceAllString(matchers.ReplaceAllString(expr, ""), "")
	for _, word := range identifier.FindAllString(expr, -1) {
		if !strings.HasSuffix(word, "(") && !slices.Contains(keywords, word) {
			q.metrics = append(q.metrics, strings.TrimSuffix(word, "_bucket"))
		}
	}
	return q
}

// checkQuery reports metrics and labels of an expression that do not exist, and returns its names.
func checkQuery(t *testing.T, known map[string]metric, where, expr string) query {
	t.Helper()
	q := analyse(expr)
	labels := slices.Clone(targetLabels)
	for _, name := range q.metrics {
		m, found := known[name]
		if !found && name != "up" { // Prometheus adds that one.
			t.Errorf("%s uses the metric %s, which the operator does not register", where, name)
		}
		for _, label := range m.labels {
			if slices.Contains(targetLabels, label) {
				label = "exported_" + label
			}
			labels = append(labels, label)
		}
	}
	if strings.Contains(expr, "_bucket") {
		labels = append(labels, "le")
	}
	if len(q.metrics) == 0 {
		t.Errorf("%s uses no metric: %s", where, expr)
	}
	for _, label := range q.labels {
		if !slices.Contains(labels, label) {
			t.Errorf("%s uses the label %s, which %v do not have", where, label, q.metrics)
		}
	}
	return q
}

func TestMetrics_AreNamedByTheConventionsOfPrometheusAndExplained(t *testing.T) {
	for name, m := range registered(t) {
		if !strings.HasPrefix(name, ownPrefix) {
			continue
		}
		if total := strings.HasSuffix(name, "_total"); total != (m.kind == "counter") {
			t.Errorf("%s is a %s: exactly the counters end with _total", name, m.kind)
		}
		if !strings.HasSuffix(m.help, ".") {
			t.Errorf("the help of %s is not a sentence: %q", name, m.help)
		}
	}
}
