// Package alerts evaluates config/prometheus/rules.yaml with Prometheus' own engine: a story is a set of series, minute by minute,
// and the alerts that must fire with their summaries.
package alerts

import (
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

const rulesFile = "../../config/prometheus/rules.yaml"

// rule is one of the rules file.
type rule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

// alerting are all alerts by name.
func alerting(t *testing.T) map[string]rule {
	t.Helper()
	raw, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Spec struct{ Groups []struct{ Rules []rule } }
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]rule{}
	for _, group := range file.Spec.Groups {
		for _, r := range group.Rules {
			all[r.Alert] = r
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s has no alerts", rulesFile)
	}
	return all
}

// minute is the scrape and evaluation interval.
const minute = time.Minute

// firing evaluates one alert each minute from the start of the series to the given time, and returns the sorted summaries that fire then.
func firing(t *testing.T, r rule, series string, at time.Duration) []string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n"+series)
	t.Cleanup(func() { _ = storage.Close() })
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, 100_000)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
	if err != nil {
		t.Fatal(err)
	}
	hold, err := model.ParseDuration(r.For)
	if err != nil {
		t.Fatal(err)
	}
	alert := rules.NewAlertingRule(r.Alert, expr, time.Duration(hold), 0, labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.NewTextHandler(io.Discard, nil)))
	query := rules.EngineQueryFunc(engine, storage)
	for passed := time.Duration(0); passed <= at; passed += minute {
		if _, err := alert.Eval(t.Context(), 0, time.Unix(0, 0).Add(passed), query, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	var summaries []string
	for _, a := range alert.ActiveAlerts() {
		if a.State == rules.StateFiring {
			checkRunbook(t, a.Annotations.Get("reason_url"))
			summaries = append(summaries, a.Annotations.Get("summary"))
		}
	}
	slices.Sort(summaries)
	return summaries
}

// checkRunbook checks that the link of a firing alert leads to a heading of the page of reasons.
func checkRunbook(t *testing.T, url string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	_, anchor, found := strings.Cut(url, "#")
	if found && !strings.Contains(strings.ToLower(string(page)), "\n### `"+anchor+"`\n") {
		t.Errorf("its runbook is %s, but the page has no such reason", url)
	}
}

func TestAlerts_FireWhenTheyShouldAndSayWhatIsWrong(t *testing.T) {
	all := alerting(t)
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, s := range stories {
		t.Run(s.alert+": "+s.name, func(t *testing.T) {
			r, found := all[s.alert]
			if !found {
				t.Fatalf("there is no alert %s", s.alert)
			}
			for _, moment := range s.moments {
				got := firing(t, r, s.series, moment.at)
				if !slices.Equal(got, moment.says) {
					t.Errorf("after %s the summaries are %q, want %q", moment.at, got, moment.says)
				}
				fires[s.alert] = fires[s.alert] || len(moment.says) > 0
				silent[s.alert] = silent[s.alert] || len(moment.says) == 0
			}
		})
	}
	for name := range all {
		if !fires[name] || !silent[name] {
			t.Errorf("the stories must show %s firing (%t) and silent (%t)", name, fires[name], silent[name])
		}
	}
}
