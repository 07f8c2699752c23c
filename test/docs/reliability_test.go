package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz[A-Za-z0-9_]*)`)
	// decoder matches what reads bytes or text of somebody else.
	decoder          = regexp.MustCompile(`\b(json\.(Unmarshal|NewDecoder)|yaml\.(Unmarshal|NewDecoder)|pem\.Decode|x509\.Parse\w+|\w+\.DecodeString|http\.ParseTime|AppendCertsFromPEM|unstructured\.Nested\w+)\(`)
	documentedTarget = regexp.MustCompile("(?m)^\\| `(Fuzz[A-Za-z0-9_]*)`")
)

// fuzzedElsewhere are packages whose parsers are fuzzed by the target of another package, or read only what the operator's own manifests hold.
var fuzzedElsewhere = map[string]string{
	"internal/payload":             "internal/cli/bootstrap",
	"internal/cli/manager":         "",
	"controllers/capcredentialset": "internal/trust",
}

// sources gives each Go file of the product with its folder.
func sources(t *testing.T, visit func(folder, name, content string)) {
	t.Helper()
	for _, top := range []string{"api", "controllers", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			content, err := os.ReadFile(path)
			folder, _ := filepath.Rel(root, filepath.Dir(path))
			visit(folder, d.Name(), string(content))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReliability_EveryParserHasAFuzzTargetThatIsDocumentedAndHasACorpus(t *testing.T) {
	targets, fuzzed, decoding := map[string]bool{}, map[string]bool{}, map[string]string{}
	sources(t, func(folder, name, content string) {
		if !strings.HasSuffix(name, "_test.go") {
			if found := decoder.FindString(content); found != "" {
				decoding[folder] = name + ": " + found
			}
			return
		}
		for _, m := range fuzzTarget.FindAllStringSubmatch(content, -1) {
			targets[m[1]], fuzzed[folder] = true, true
			if kept, _ := os.ReadDir(filepath.Join(root, folder, "testdata", "fuzz", m[1])); len(kept) == 0 {
				t.Errorf("%s in %s has no corpus: run make fuzz KEEP=10 ONLY='^%s$'", m[1], folder, m[1])
			}
		}
	})
	for folder, where := range decoding {
		if elsewhere, excused := fuzzedElsewhere[folder]; !fuzzed[folder] && (!excused || elsewhere != "" && !fuzzed[elsewhere]) {
			t.Errorf("%s reads foreign bytes (%s) and has no fuzz target", folder, where)
		}
	}
	documented := map[string]bool{}
	for _, m := range documentedTarget.FindAllStringSubmatch(strings.Join(readPage(t, filepath.Join(root, "docs", "reliability.md")).lines, "\n"), -1) {
		documented[m[1]] = true
		if !targets[m[1]] {
			t.Errorf("docs/reliability.md names %s, which does not exist", m[1])
		}
	}
	for name := range targets {
		if !documented[name] {
			t.Errorf("docs/reliability.md does not name %s", name)
		}
	}
}
