// Defect takes back the mend of a defect that the product once had, without touching a file, and shows which test notices. The defects are the
// files of test/defects; docs/reliability.md lists them.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// folder has a file for each defect.
const folder = "test/defects"

func main() {
	names := os.Args[1:]
	if len(names) == 0 {
		all, _ := filepath.Glob(filepath.Join(folder, "*.txt"))
		for _, path := range all {
			names = append(names, strings.TrimSuffix(filepath.Base(path), ".txt"))
		}
	}
	failed := len(names) == 0
	for _, name := range names {
		if err := show(name); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

// show runs the test with the mend and without it.
func show(name string) error {
	d, err := read(filepath.Join(folder, name+".txt"))
	if err != nil {
		return err
	}
	source, err := os.ReadFile(d.file)
	if err != nil {
		return err
	}
	broken, err := d.takeBack(source)
	if err != nil {
		return err
	}
	if out, err := d.test(""); err != nil {
		return fmt.Errorf("the test fails with the mend:\n%s", out)
	}
	overlay, remove, err := overlayOf(d.file, broken)
	if err != nil {
		return err
	}
	defer remove()
	out, err := d.test(overlay)
	switch {
	case err == nil:
		return fmt.Errorf("%s does not notice", d.run)
	case strings.Contains(out, "[build failed]"):
		return fmt.Errorf("without its mend the code does not compile:\n%s", out)
	}
	fmt.Printf("%s (%s)\n  without the mend in %s, %s of %s fails:\n", d.title, d.class, d.file, d.run, d.pkg)
	for line := range strings.Lines(out) {
		if line = strings.TrimRight(line, "\n"); strings.Contains(line, "_test.go:") || strings.HasPrefix(strings.TrimSpace(line), "--- FAIL") {
			fmt.Println("   ", strings.TrimSpace(line))
		}
	}
	return nil
}

// test runs the test, with what the overlay replaces.
func (d defect) test(overlay string) (string, error) {
	args := []string{"test", "-count=1", "-vet=off", "-run", "^" + d.run + "$"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	var out bytes.Buffer
	c := exec.Command("go", append(args, "./"+d.pkg)...)
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	if err == nil && strings.Contains(out.String(), "no tests to run") {
		return out.String(), fmt.Errorf("there is no test %s", d.run)
	}
	return out.String(), err
}

// overlayOf writes what the go command is to read instead of a file.
func overlayOf(file string, content []byte) (overlay string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "defect")
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	original, err := filepath.Abs(file)
	if err != nil {
		return "", remove, err
	}
	changed := filepath.Join(dir, filepath.Base(file))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", remove, err
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(changed, content, 0o600); err != nil {
		return "", remove, err
	}
	return overlay, remove, os.WriteFile(overlay, list, 0o600)
}
