package alerts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"image/color"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
)

var update = flag.Bool("update", false, "draw the pictures of the dashboard anew")

const (
	dashboardFile = "../../config/prometheus/dashboard/credential-rotation-operator.json"
	pictureDir    = "../../docs/images/dashboard"
	dashboardPage = "../../docs/dashboard.md"
	// resolution of a graph.
	resolution = 10 * time.Minute
)

type panel struct {
	Type, Title string
	Targets     []struct{ Expr, LegendFormat string }
	Styles      []struct{ Pattern, Alias, Type, Unit string }
	PostFix     string
}

type dashboard struct {
	Rows []struct {
		Title  string
		Panels []panel
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// screen evaluates the dashboard's expressions over the day.
type screen struct {
	t       *testing.T
	engine  *promql.Engine
	storage storage.Queryable
}

func (s *screen) query(q promql.Query, err error) promql.Matrix {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
	defer q.Close()
	result := q.Exec(s.t.Context())
	if result.Err != nil {
		s.t.Fatal(result.Err)
	}
	switch v := result.Value.(type) {
	case promql.Matrix:
		return slices.Clone(v)
	case promql.Vector:
		var m promql.Matrix
		for _, sample := range v {
			m = append(m, promql.Series{Metric: sample.Metric, Floats: []promql.FPoint{{T: sample.T, F: sample.F}}})
		}
		return m
	}
	s.t.Fatalf("a value of type %T", result.Value)
	return nil
}

// noon is the moment for which tables and numbers are shown: during the outage of CAP.
var noon = time.Unix(0, 0).Add((outage + 25) * time.Minute)

func (s *screen) now(expr string) promql.Matrix {
	return s.query(s.engine.NewInstantQuery(s.t.Context(), s.storage, nil, expr, noon))
}

func (s *screen) overTheDay(expr string) promql.Matrix {
	return s.query(s.engine.NewRangeQuery(s.t.Context(), s.storage, nil, expr, time.Unix(0, 0), time.Unix(0, 0).Add(dayLength*time.Minute), resolution))
}

// legend is a format such as "{{set}}: {{reason}}" with the labels filled in.
func legend(format string, metric labels.Labels) string {
	return regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`).ReplaceAllStringFunc(format, func(m string) string {
		return metric.Get(strings.Trim(m, "{} "))
	})
}

// draw makes the picture of a graph. It fails if the day has nothing for it.
func (s *screen) draw(p panel) []byte {
	s.t.Helper()
	picture := plot.New()
	picture.Title.Text = p.Title
	picture.X.Min, picture.X.Max, picture.Y.Min = 0, 24, 0
	picture.X.Tick.Marker = plot.ConstantTicks{{Value: 0, Label: "00:00"}, {Value: 6, Label: "06:00"}, {Value: 12, Label: "12:00"}, {Value: 18, Label: "18:00"}, {Value: 24, Label: "24:00"}}
	picture.Legend.Top, picture.Legend.Left = true, true
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 0xdd}, color.Gray{Y: 0xee}
	picture.Add(grid)
	drawn, highest := 0, 1.0
	for _, target := range p.Targets {
		found := s.overTheDay(target.Expr)
		slices.SortFunc(found, func(a, b promql.Series) int { return cmp.Compare(a.Metric.String(), b.Metric.String()) })
		for _, one := range found {
			points := make(plotter.XYs, 0, len(one.Floats))
			for _, f := range one.Floats {
				if !math.IsNaN(f.F) {
					points = append(points, plotter.XY{X: float64(f.T) / 3_600_000, Y: f.F})
					highest = max(highest, f.F)
				}
			}
			if len(points) == 0 {
				continue
			}
			line, err := plotter.NewLine(points)
			if err != nil {
				s.t.Fatal(err)
			}
			line.Color, line.Dashes, line.Width = plotutil.Color(drawn), plotutil.Dashes(drawn/7), vg.Points(1.5)
			picture.Add(line)
			picture.Legend.Add(legend(target.LegendFormat, one.Metric), line)
			drawn++
		}
	}
	if drawn == 0 {
		s.t.Errorf("the graph %q shows nothing of the day", p.Title)
		return nil
	}
	picture.Y.Max = highest * (1.15 + 0.09*float64(drawn)) // room for the legend
	to, err := picture.WriterTo(18*vg.Centimeter, 7*vg.Centimeter, "svg")
	if err != nil {
		s.t.Fatal(err)
	}
	var svg bytes.Buffer
	if _, err := to.WriteTo(&svg); err != nil {
		s.t.Fatal(err)
	}
	return svg.Bytes()
}

// shown is a number as the console shows it.
func shown(v float64, unit string) string {
	if unit == "percentunit" {
		return strconv.FormatFloat(v*100, 'f', 0, 64) + "%"
	}
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

// table is a panel of that type in Markdown: the columns that its styles show, a row for each set of labels.
func (s *screen) table(p panel) string {
	s.t.Helper()
	type row struct {
		metric labels.Labels
		values []string
	}
	rows := map[string]*row{}
	unit := func(n int) string {
		for _, style := range p.Styles {
			if style.Pattern == "Value #"+string(rune('A'+n)) || style.Pattern == "Value" && len(p.Targets) == 1 {
				return style.Unit
			}
		}
		return ""
	}
	for n, target := range p.Targets {
		for _, one := range s.now(target.Expr) {
			metric := one.Metric.DropReserved(func(n string) bool { return n == "__name__" })
			if rows[metric.String()] == nil {
				rows[metric.String()] = &row{metric: metric, values: make([]string, len(p.Targets))}
			}
			rows[metric.String()].values[n] = shown(one.Floats[0].F, unit(n))
		}
	}
	if len(rows) == 0 {
		s.t.Errorf("the table %q shows nothing of the day", p.Title)
	}
	var head, rule []string
	var cells []func(*row) string
	for _, style := range p.Styles {
		if style.Type == "hidden" {
			continue
		}
		head, rule = append(head, style.Alias), append(rule, "---")
		if column, numbered := strings.CutPrefix(style.Pattern, "Value #"); numbered {
			cells = append(cells, func(r *row) string { return r.values[column[0]-'A'] })
		} else if style.Pattern == "Value" {
			cells = append(cells, func(r *row) string { return r.values[0] })
		} else {
			cells = append(cells, func(r *row) string { return r.metric.Get(style.Pattern) })
		}
	}
	text := "| " + strings.Join(head, " | ") + " |\n|" + strings.Join(rule, "|") + "|\n"
	for _, key := range sortedKeys(rows) {
		var line []string
		for _, cell := range cells {
			line = append(line, cell(rows[key]))
		}
		text += "| " + strings.Join(line, " | ") + " |\n"
	}
	return text
}

// number is a panel with one.
func (s *screen) number(p panel) string {
	s.t.Helper()
	found := s.now(p.Targets[0].Expr)
	if len(found) != 1 {
		s.t.Errorf("%q has %d values, want one", p.Title, len(found))
		return ""
	}
	return shown(found[0].Floats[0].F, "") + p.PostFix
}

// fileOf is the picture's name.
func fileOf(title string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(title), "-"), "-") + ".svg"
}

func TestDashboard_ThePageHasAPictureOfEachPanel(t *testing.T) {
	raw, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var board dashboard
	if err := json.Unmarshal(raw, &board); err != nil {
		t.Fatal(err)
	}
	loaded := promqltest.LoadedStorage(t, "load 1m\n"+seriesOfTheDay())
	t.Cleanup(func() { _ = loaded.Close() })
	s := &screen{t: t, engine: promqltest.NewTestEngine(t, false, 5*time.Minute, 10_000_000), storage: loaded}
	page, pictures := s.page(board), map[string][]byte{}
	for _, row := range board.Rows {
		for _, p := range row.Panels {
			if p.Type == "graph" {
				pictures[fileOf(p.Title)] = s.draw(p)
			}
		}
	}
	if *update {
		write(t, page, pictures)
	}
	if got, err := os.ReadFile(dashboardPage); err != nil || string(got) != page {
		t.Errorf("docs/dashboard.md is not what the dashboard shows (%v): run `go test -C test/alerts -run Dashboard -update .`", err)
	}
	for name, want := range pictures {
		if got, err := os.ReadFile(filepath.Join(pictureDir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the dashboard shows (%v): run `go test -C test/alerts -run Dashboard -update .`", name, err)
		}
	}
	there, _ := os.ReadDir(pictureDir)
	for _, f := range there {
		if pictures[f.Name()] == nil {
			t.Errorf("no panel has the picture %s", f.Name())
		}
	}
}

func write(t *testing.T, page string, pictures map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(pictureDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(pictureDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dashboardPage, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, svg := range pictures {
		if err := os.WriteFile(filepath.Join(pictureDir, name), svg, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// page is docs/dashboard.md.
func (s *screen) page(board dashboard) string {
	var out strings.Builder
	out.WriteString(`# The dashboard in pictures

What *Credential Rotation Operator* under Observe > Dashboards shows of a day in which a rotation is requested at 03:00 and its credentials are issued at 05:00,
CAP does not work from 10:00 to 10:35, and somebody restores the old pull secret in one target at 14:00. Numbers and tables are those of 10:25.
Prometheus' own engine has evaluated the dashboard's expressions: ` + "`go test -C test/alerts -run Dashboard -update .`" + ` writes this page anew.

[How to install it](metrics.md#dashboard).
`)
	for _, row := range board.Rows {
		fmt.Fprintf(&out, "\n## %s\n", row.Title)
		var numbers strings.Builder
		for _, p := range row.Panels {
			switch p.Type {
			case "singlestat":
				fmt.Fprintf(&numbers, "| %s | %s |\n", p.Title, s.number(p))
			case "table":
				fmt.Fprintf(&out, "\n### %s\n\n%s", p.Title, s.table(p))
			case "graph":
				fmt.Fprintf(&out, "\n### %s\n\n![%s](images/dashboard/%s)\n", p.Title, p.Title, fileOf(p.Title))
			default:
				s.t.Errorf("the panel %q has the unknown type %s", p.Title, p.Type)
			}
		}
		if numbers.Len() > 0 {
			out.WriteString("\n| Panel | Shows |\n|---|---|\n" + numbers.String())
		}
	}
	return out.String()
}
