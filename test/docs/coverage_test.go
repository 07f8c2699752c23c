package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// constants returns the values of the API's string constants whose name begins with prefix.
func constants(t *testing.T, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "api", "v1alpha1", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no API found: %v", err)
	}
	var values []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("the API has no constant %s...", prefix)
	}
	return values
}

var (
	reasonHeading = regexp.MustCompile("^### `([A-Za-z]+)`$")
	reasonSection = regexp.MustCompile(`(?s)^\s*\S.{10,}?\n\n- \*\*Impact:\*\* [^\n]{5,}\n- \*\*What to do:\*\* [^\n]{5,}\s*$`)
)

func TestTheReasonsOfTheAPIAndThePageAreTheSame(t *testing.T) {
	p := readPage(t, filepath.Join(root, "docs", "reasons.md"))
	reasons := constants(t, "Reason")
	explained := map[string]int{}
	for i, line := range p.lines {
		row := reasonHeading.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		if before := explained[row[1]]; before != 0 {
			t.Errorf("%s:%d: %s was explained in line %d already", p.path, i+1, row[1], before)
		}
		explained[row[1]] = i + 1
		if !slices.Contains(reasons, row[1]) {
			t.Errorf("%s:%d: there is no reason %s in the API", p.path, i+1, row[1])
		}
	}
	sections := p.sections()
	for _, reason := range reasons {
		if !reasonSection.MatchString(sections[reason]) {
			t.Errorf("%s must explain the reason %s by its meaning, its impact and what to do, but has %q", p.path, reason, sections[reason])
		}
		if strings.Contains(strings.ToLower(sections[reason]), "as above") {
			t.Errorf("%s: the section of %s must not refer to another one above it", p.path, reason)
		}
	}
	for _, condition := range constants(t, "Condition") {
		if !strings.Contains(p.prose(), "`"+condition+"`") {
			t.Errorf("%s does not name the condition %s", p.path, condition)
		}
	}
}

// TestEveryFieldIsDocumented requires a section for each field of the spec that names its inner fields, and each field of the status.
func TestEveryFieldIsDocumented(t *testing.T) {
	for path, kind := range kindOfPage {
		raw, err := os.ReadFile(filepath.Join(root, "config", "crd", "bases", group+"_"+resources[kind]+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		crd := apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(raw, &crd); err != nil {
			t.Fatal(err)
		}
		fields := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties
		p := readPage(t, filepath.Join(root, path))
		sections := p.sections()
		for name, field := range fields["spec"].Properties {
			text, found := sections[name]
			if !found {
				t.Errorf("%s has no section ### `%s`", path, name)
			}
			for _, inner := range innerNames(field) {
				if found && !strings.Contains(text, "`"+inner+"`") {
					t.Errorf("%s: the section of %s does not name `%s`", path, name, inner)
				}
			}
		}
		for name := range sections {
			if _, found := fields["spec"].Properties[name]; !found {
				t.Errorf("%s has a section for a field that does not exist: %s", path, name)
			}
		}
		for name := range fields["status"].Properties {
			if !strings.Contains(p.prose(), "`"+name+"`") {
				t.Errorf("%s does not name `%s` of the status", path, name)
			}
		}
	}
}

// innerNames are the fields inside a field, through lists, except those of label selectors.
func innerNames(field apiextensionsv1.JSONSchemaProps) []string {
	if field.Items != nil && field.Items.Schema != nil {
		return innerNames(*field.Items.Schema)
	}
	var names []string
	for name, inner := range field.Properties {
		names = append(names, name)
		if name != "selector" {
			names = append(names, innerNames(inner)...)
		}
	}
	return names
}

var (
	annotation = regexp.MustCompile(`rotation\.openshift\.io/[a-z0-9-]+`)
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestEveryAnnotationInTheDocumentationExists(t *testing.T) {
	known := append(constants(t, ""), group+"/v1alpha1")
	for _, p := range pages(t) {
		for _, name := range annotation.FindAllString(strings.Join(p.lines, "\n"), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no %s in the API", p.path, name)
			}
		}
	}
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, p := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(p.prose(), -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path := filepath.Join(root, filepath.Dir(p.path), filepath.FromSlash(target))
			if target == "" {
				path = filepath.Join(root, p.path)
			}
			if !exists(path) {
				t.Errorf("%s: %s does not exist", p.path, match[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readPage(t, path)), anchor) {
				t.Errorf("%s: %s has no heading %s", p.path, target, anchor)
			}
		}
	}
}

// anchors are GitHub's anchors for the headings of a page.
func anchors(p page) []string {
	var all []string
	for _, line := range strings.Split(p.prose(), "\n") {
		if title := strings.TrimLeft(line, "#"); title != line {
			slug := notInSlug.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			all = append(all, strings.ReplaceAll(slug, " ", "-"))
		}
	}
	return all
}
