package manifests

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// board is the part of Grafana's JSON that the OpenShift console reads (openshift/monitoring-plugin,
// web/src/features/legacy-dashboards): it ignores everything else, including descriptions, which Grafana shows.
type board struct {
	Title         string
	SchemaVersion int
	Rows          []struct {
		Title  string
		Panels []panel
	}
}

type panel struct {
	ID                               int
	Type, Title, Description, Format string
	Span                             int
	Targets                          []struct{ RefID, Expr, LegendFormat string }
	YAxes                            []struct{ Format string }
	Transform                        string
	Styles                           []struct{ Pattern, Alias, Type, Unit string }
}

// unitsOfConsole are the console's units; it shows any other as a plain number. It does not convert seconds to minutes or days,
// so the expression does for longer times.
var unitsOfConsole = []string{"Bytes", "bytes", "bps", "Bps", "pps", "ms", "s", "percentunit", "short"}

func dashboard(t *testing.T) (*unstructured.Unstructured, board) {
	t.Helper()
	objects, err := decode(kustomize(t, "config/prometheus/dashboard"))
	if err != nil || len(objects) != 1 {
		t.Fatalf("config/prometheus/dashboard has %d objects (%v), want one", len(objects), err)
	}
	data, _, _ := unstructured.NestedStringMap(objects[0].Object, "data")
	// The console uses an arbitrary key.
	if len(data) != 1 {
		t.Fatalf("the ConfigMap has %d keys, want one", len(data))
	}
	var b board
	for key, raw := range data {
		if err := json.Unmarshal([]byte(raw), &b); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
	}
	return objects[0], b
}

// eachPanel visits all panels.
func (b *board) eachPanel(visit func(where string, p *panel)) {
	for _, row := range b.Rows {
		for i := range row.Panels {
			visit(fmt.Sprintf("%s / %s", row.Title, row.Panels[i].Title), &row.Panels[i])
		}
	}
}

func TestDashboard_IsFoundByTheConsole(t *testing.T) {
	object, b := dashboard(t)
	if object.GetKind() != "ConfigMap" || object.GetNamespace() != "openshift-config-managed" || object.GetLabels()["console.openshift.io/dashboard"] != "true" {
		t.Errorf("the console ignores a %s in %s with the labels %v", object.GetKind(), object.GetNamespace(), object.GetLabels())
	}
	if b.Title == "" || b.SchemaVersion == 0 || b.SchemaVersion > 16 || len(b.Rows) == 0 {
		t.Errorf("%q has schemaVersion %d and %d rows: Grafana gave up rows with 16", b.Title, b.SchemaVersion, len(b.Rows))
	}
	newNamespace(t, object.GetNamespace())
	if err := apply(t.Context(), server.admin, object); err != nil {
		t.Error(err)
	}
}

func TestDashboard_HasOnlyPanelsThatTheConsoleDraws(t *testing.T) {
	_, b := dashboard(t)
	ids := map[int]string{}
	b.eachPanel(func(where string, p *panel) {
		if other, taken := ids[p.ID]; taken || p.ID == 0 {
			t.Errorf("%s has the id %d, which is 0 or that of %q", where, p.ID, other)
		}
		ids[p.ID] = where
		if p.Span < 1 || p.Span > 12 || len(p.Targets) == 0 {
			t.Errorf("%s has the width %d and %d expressions", where, p.Span, len(p.Targets))
		}
		switch p.Type {
		case "singlestat":
			if len(p.Targets) != 1 {
				t.Errorf("%s has %d expressions; the console shows only the first", where, len(p.Targets))
			}
		case "table":
			if p.Transform != "table" || len(p.Styles) == 0 {
				t.Errorf("%s needs the transform table and styles, or the console shows an error", where)
			}
		case "graph":
			for _, target := range p.Targets {
				if target.LegendFormat == "" {
					t.Errorf("%s names its lines by all labels", where)
				}
			}
		default:
			t.Errorf("%s is of the type %q, which is not drawn", where, p.Type)
		}
	})
}

func TestDashboard_EachPanelHasATitleADescriptionAndAUnit(t *testing.T) {
	_, b := dashboard(t)
	titles := map[string]bool{}
	b.eachPanel(func(where string, p *panel) {
		if p.Title == "" || titles[p.Title] {
			t.Errorf("%s has no title of its own", where)
		}
		titles[p.Title] = true
		if what, unit, found := strings.Cut(p.Description, "Unit: "); !found || len(what) < 20 || len(unit) < 3 {
			t.Errorf("%s does not describe its content and unit: %q", where, p.Description)
		}
		var units []string
		switch p.Type {
		case "singlestat":
			units = append(units, p.Format)
		case "graph":
			if len(p.YAxes) == 0 {
				t.Errorf("%s has no axis", where)
				return
			}
			units = append(units, p.YAxes[0].Format)
		case "table":
			for _, style := range p.Styles {
				if style.Type == "number" {
					units = append(units, style.Unit)
				}
			}
		}
		for _, unit := range units {
			if !slices.Contains(unitsOfConsole, unit) {
				t.Errorf("%s has the unit %q, which the console does not know", where, unit)
			}
		}
	})
}

// legendLabel matches a label in a legend.
var legendLabel = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func TestDashboard_UsesMetricsAndLabelsThatExist(t *testing.T) {
	_, b := dashboard(t)
	known := registered(t)
	b.eachPanel(func(where string, p *panel) {
		for _, target := range p.Targets {
			q := checkQuery(t, known, where, target.Expr)
			for _, label := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				if !slices.Contains(q.grouped, label[1]) {
					t.Errorf("%s: the legend shows %s, by which the expression does not group", where, label[1])
				}
			}
			if p.Type != "table" {
				continue
			}
			for _, column := range append(slices.Clone(q.grouped), valueColumn(p, target.RefID)) {
				if !slices.ContainsFunc(p.Styles, func(s struct{ Pattern, Alias, Type, Unit string }) bool { return s.Pattern == column }) {
					t.Errorf("%s has no column for %s", where, column)
				}
			}
		}
		if p.Type == "table" {
			for _, style := range p.Styles {
				if label := style.Type == "string"; label && !slices.Contains(analyse(p.Targets[0].Expr).grouped, style.Pattern) {
					t.Errorf("%s has a column for %s, by which the expression does not group", where, style.Pattern)
				}
			}
		}
	})
}

// valueColumn is the console's name for the column of a target's value.
func valueColumn(p *panel, refID string) string {
	if len(p.Targets) == 1 {
		return "Value"
	}
	return "Value #" + refID
}

func TestDashboard_ShowsEveryMetricOfTheProduct(t *testing.T) {
	_, b := dashboard(t)
	var shown []string
	b.eachPanel(func(_ string, p *panel) {
		for _, target := range p.Targets {
			shown = append(shown, analyse(target.Expr).metrics...)
		}
	})
	for name := range registered(t) {
		if strings.HasPrefix(name, ownPrefix) && !slices.Contains(shown, name) {
			t.Errorf("no panel shows %s", name)
		}
	}
}
