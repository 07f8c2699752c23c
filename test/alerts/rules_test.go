// Package alerts evaluates config/prometheus/rules.yaml with Prometheus' own engine: a story is a set of series, minute by minute,
// and the alerts that must fire with their summaries.
package alerts

import (
	"context"
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

// rule is one of the rules file: an alert, or a record.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

// ruleSet are the records, and the alerts by name: one for each severity.
type ruleSet struct {
	records []rule
	alerts  map[string][]rule
}

func allRules(t *testing.T) ruleSet {
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
	all := ruleSet{alerts: map[string][]rule{}}
	for _, group := range file.Spec.Groups {
		for _, r := range group.Rules {
			if r.Record != "" {
				all.records = append(all.records, r)
				continue
			}
			all.alerts[r.Alert] = append(all.alerts[r.Alert], r)
		}
	}
	if len(all.alerts) == 0 || len(all.records) == 0 {
		t.Fatalf("%s has no alerts or no records", rulesFile)
	}
	return all
}

// minute is the scrape and evaluation interval.
const minute = time.Minute

// parse returns the rule's query.
func parse(t *testing.T, r rule) parser.Expr {
	t.Helper()
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr)
	if err != nil {
		t.Fatal(err)
	}
	return expr
}

func (r rule) toAlerting(t *testing.T) *rules.AlertingRule {
	t.Helper()
	hold, err := model.ParseDuration(r.For)
	if err != nil {
		t.Fatal(err)
	}
	return rules.NewAlertingRule(r.Alert, parse(t, r), time.Duration(hold), 0, labels.FromMap(r.Labels), labels.FromMap(r.Annotations),
		labels.EmptyLabels(), "", true, slog.New(slog.DiscardHandler))
}

// firing evaluates the records and the alerts of one name each minute from the start of the series to the given time. It returns the sorted
// summaries that fire then, and adds the severities to seen.
func firing(t *testing.T, all ruleSet, name, series string, at time.Duration, seen map[string]bool) []string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n"+series)
	t.Cleanup(func() { _ = storage.Close() })
	var members []rules.Rule
	for _, r := range all.records {
		members = append(members, rules.NewRecordingRule(r.Record, parse(t, r), labels.FromMap(r.Labels)))
	}
	var alerts []*rules.AlertingRule
	for _, r := range all.alerts[name] {
		alert := r.toAlerting(t)
		alerts, members = append(alerts, alert), append(members, alert)
	}
	group := rules.NewGroup(rules.GroupOptions{Name: name, Interval: minute, Rules: members, Opts: &rules.ManagerOptions{
		QueryFunc: rules.EngineQueryFunc(promqltest.NewTestEngine(t, false, 5*time.Minute, 100_000), storage), Appendable: storage, Queryable: storage, Context: t.Context(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	}})
	for passed := time.Duration(0); passed <= at; passed += minute {
		group.Eval(t.Context(), time.Unix(0, 0).Add(passed))
	}
	var summaries []string
	for _, alert := range alerts {
		if err := alert.LastError(); err != nil {
			t.Fatal(err)
		}
		for _, a := range alert.ActiveAlerts() {
			if a.State == rules.StateFiring {
				checkRunbook(t, a.Annotations.Get("reason_url"))
				summaries = append(summaries, a.Annotations.Get("summary"))
				seen[alert.Labels().Get("severity")] = true
			}
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
	all := allRules(t)
	fires, silent := map[string]map[string]bool{}, map[string]bool{}
	for name := range all.alerts {
		fires[name] = map[string]bool{}
	}
	for _, s := range stories {
		t.Run(s.alert+": "+s.name, func(t *testing.T) {
			if len(all.alerts[s.alert]) == 0 {
				t.Fatalf("there is no alert %s", s.alert)
			}
			for _, moment := range s.moments {
				got := firing(t, all, s.alert, s.series, moment.at, fires[s.alert])
				if !slices.Equal(got, moment.says) {
					t.Errorf("after %s the summaries are %q, want %q", moment.at, got, moment.says)
				}
				silent[s.alert] = silent[s.alert] || len(moment.says) == 0
			}
		})
	}
	for name, severities := range all.alerts {
		if len(fires[name]) != len(severities) || !silent[name] {
			t.Errorf("the stories must show %s firing with each severity (%v) and silent (%t)", name, fires[name], silent[name])
		}
	}
}
