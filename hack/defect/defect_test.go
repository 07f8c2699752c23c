package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDefects_CanStillBeTakenBack holds each description to the code and to the page; `make defect` runs the tests, which takes minutes.
func TestDefects_CanStillBeTakenBack(t *testing.T) {
	t.Chdir("../..")
	page, err := os.ReadFile("docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(all) < 10 {
		t.Fatalf("%d defects are described: %v", len(all), err)
	}
	for _, path := range all {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		d, err := read(path)
		if err != nil {
			t.Error(err)
			continue
		}
		source, err := os.ReadFile(d.file)
		if err != nil {
			t.Error(err)
			continue
		}
		broken, err := d.takeBack(source)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := parser.ParseFile(token.NewFileSet(), d.file, broken, 0); err != nil {
			t.Errorf("%s: without the mend it is not Go: %v", name, err)
		}
		if row := "| `" + name + "` | "; !strings.Contains(string(page), row+d.title+" | "+d.class+" | ") {
			t.Errorf("docs/reliability.md has no row %s%s | %s", row, d.title, d.class)
		}
	}
}
