// Package docs checks the documentation against the product: a real API server accepts every sample, every field and every reason is
// explained, and no link is broken.
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

const root = "../.."

// page is a Markdown file of the repository.
type page struct {
	path  string // from the root of the repository
	lines []string
}

// pages are the README, CONTRIBUTING and everything in docs/.
func pages(t *testing.T) []page {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no page found in docs/: %v", err)
	}
	records, err := filepath.Glob(filepath.Join(root, "docs", "design", "*.md"))
	if err != nil || len(records) == 0 {
		t.Fatalf("no record found in docs/design: %v", err)
	}
	runbooks, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "*.md"))
	if err != nil || len(runbooks) == 0 {
		t.Fatalf("no runbook found in docs/runbooks: %v", err)
	}
	paths = append(append(paths, records...), runbooks...)
	paths = append(paths, filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md"))
	all := make([]page, 0, len(paths))
	for _, path := range paths {
		all = append(all, readPage(t, path))
	}
	return all
}

func readPage(t *testing.T, path string) page {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	return page{path: name, lines: strings.Split(string(raw), "\n")}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// blocks returns the fenced blocks, without their indentation inside lists.
func (p page) blocks() []harness.Block { return harness.Blocks(strings.Join(p.lines, "\n")) }

// prose is the page without its fenced blocks.
func (p page) prose() string {
	var text []string
	inside := false
	for _, line := range p.lines {
		if harness.Fence.MatchString(line) {
			inside = !inside
			continue
		}
		if !inside {
			text = append(text, line)
		}
	}
	return strings.Join(text, "\n")
}

var sectionHeading = regexp.MustCompile("(?m)^### `([A-Za-z]+)`$")

// sections returns the text under each heading of the form ### `field`, up to the next heading of any level.
func (p page) sections() map[string]string {
	all := map[string]string{}
	text := p.prose()
	for _, at := range sectionHeading.FindAllStringSubmatchIndex(text, -1) {
		body := text[at[1]:]
		if end := regexp.MustCompile("(?m)^#").FindStringIndex(body); end != nil {
			body = body[:end[0]]
		}
		all[text[at[2]:at[3]]] = body
	}
	return all
}
