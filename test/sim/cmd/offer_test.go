package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestImages_AreThoseThatTheOperatorProvesWith compares the operator's constant with the list: without that image an operator
// with its defaults would report a valid pull secret as refused here.
func TestImages_AreThoseThatTheOperatorProvesWith(t *testing.T) {
	var offered []string
	for _, i := range images {
		offered = append(offered, i.registry+"/"+i.repository+":"+i.tag)
	}
	found := constants(t, "../../../controllers", "proofImage")
	if len(found) == 0 {
		t.Fatal("the operator has no constant proofImage: adapt this test")
	}
	for _, image := range found {
		if !slices.Contains(offered, image) {
			t.Errorf("the operator verifies a registry with %s, but the process offers %v", image, offered)
		}
	}
}

// constants finds the values of a string constant in the Go files below a directory.
func constants(t *testing.T, root, name string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && len(spec.Values) == 1 && spec.Names[0].Name == name {
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
					text, _ := strconv.Unquote(literal.Value) // a literal of a parsed file
					found = append(found, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestAll_RecordsAreNeverInTheFutureOfClients advances OCM by days, while an operator uses the machine's time.
func TestAll_RecordsAreNeverInTheFutureOfClients(t *testing.T) {
	r := launch(t, "all", "--dir", t.TempDir())
	defer r.end()
	control := r.find("OCM", "control")
	post := func(path, body string) {
		t.Helper()
		response, err := http.Post(control+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", path, response.Status)
		}
	}
	account, _, _ := strings.Cut(r.find("OCM", "account"), " ")
	for range 2 {
		post("/rotate", `{"account":"`+account+`"}`)
		post("/advance", `{"by":"240h"}`)
	}
	var state struct {
		Rotations []struct{ CreatedAt, UpdatedAt time.Time }
	}
	get(t, control+"/state", "", "", &state)
	if len(state.Rotations) != 2 {
		t.Fatalf("%d rotations", len(state.Rotations))
	}
	for _, rotation := range state.Rotations {
		if now := time.Now(); rotation.CreatedAt.After(now) || rotation.UpdatedAt.After(now) {
			raw, _ := json.Marshal(rotation) // times always marshal
			t.Errorf("%s is in the future: now is %s", raw, now)
		}
	}
}
