package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// keysOf are the names of a file's mutants.
func keysOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, path, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for _, s := range sitesOf(files, path, string(source), tree, func(ast.Expr) string { return "" }) {
		for _, m := range s.mutants {
			keys[m.key()] = true
		}
	}
	return keys
}

func TestSurvivors_AreMutantsOfTheCodeAsItIs(t *testing.T) {
	t.Chdir("../..")
	known, err := readSurvivors("hack/mutate/survivors.txt")
	if err != nil || len(known) == 0 {
		t.Fatalf("%d survivors, %v", len(known), err)
	}
	files := map[string]map[string]bool{}
	for key := range known {
		path, _, _ := strings.Cut(key, " ")
		if files[path] == nil {
			files[path] = keysOf(t, path)
		}
		if !files[path][key] {
			t.Errorf("there is no such mutant any more: %s", key)
		}
	}
}

// TestSwitched_HasEachMutantOnce: what is inside a mutant is left as it was, and the lines stay where they were.
func TestSwitched_HasEachMutantOnce(t *testing.T) {
	const source = "package p\n\nfunc f(a, b int) bool {\n\tif a < b && !ok {\n\t\ta++\n\t}\n\treturn true\n}\n"
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	sites, id := sitesOf(files, "p.go", source, tree, func(ast.Expr) string { return "bool" }), 0
	for _, s := range sites {
		for _, m := range s.mutants {
			id++
			m.id = id
		}
	}
	got := switched(source, sites)
	const want = "package p\n\nfunc f(a, b int) bool {\n\tif func() bool { if mutated(1) { return !(a < b && !ok) }; return func() bool { if mutated(2) { return a < b || !ok }; " +
		"return func() bool { if mutated(3) { return a <= b }; if mutated(4) { return a >= b }; return a < b }() && func() bool { if mutated(5) { return ok }; " +
		"return !ok }() }() }() {\n\t\tfunc() { if !mutated(6) { a++ } }()\n\t}\n\treturn func() bool { if mutated(7) { return false }; return true }()\n}\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSitesOf_LeaveWhatASelectWaitsFor(t *testing.T) {
	const source = "package p\n\nfunc f() {\n\tselect {\n\tcase <-a:\n\t\tb()\n\tcase n = <-c:\n\tdefault:\n\t\t<-d\n\t}\n}\n"
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range sitesOf(files, "p.go", source, tree, func(ast.Expr) string { return "" }) {
		got = append(got, source[s.from:s.to])
	}
	if want := []string{"b()", "<-d"}; !slices.Equal(got, want) {
		t.Errorf("mutants of %q, want those of %q", got, want)
	}
}
