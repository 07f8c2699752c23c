package bootstrap

import (
	"regexp"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// page is a page of the documentation as a script: the test takes its blocks in order, and must take all.
type page struct {
	t      testing.TB
	name   string
	blocks []harness.Block
}

func readPage(t testing.TB, name string) *page {
	t.Helper()
	blocks, err := harness.PageBlocks(name)
	must(t, err)
	return &page{t: t, name: name, blocks: blocks}
}

// next returns the next block, which must be under the given heading.
func (p *page) next(heading, language string) string {
	p.t.Helper()
	if len(p.blocks) == 0 {
		p.t.Fatalf("%s has no further block, want one under %q", p.name, heading)
	}
	b := p.blocks[0]
	if b.Heading != heading || b.Language != language {
		p.t.Fatalf("%s:%d: a block of %s under %q, want one of %s under %q", p.name, b.Line, b.Language, b.Heading, language, heading)
	}
	p.blocks = p.blocks[1:]
	return b.Text
}

// done fails the test when a block was not run.
func (p *page) done() {
	p.t.Helper()
	for _, b := range p.blocks {
		p.t.Errorf("%s:%d: the test does not run this block", p.name, b.Line)
	}
}

// withValues replaces the example values of lines like "export NAME=value" or "  name: value".
func withValues(t testing.TB, text string, values map[string]string) string {
	t.Helper()
	for name, value := range values {
		line := regexp.MustCompile(`(?m)^(export ` + name + `=| *` + name + `: ).*$`)
		if n := len(line.FindAllString(text, -1)); n != 1 {
			t.Fatalf("the example sets %s %d times, want once:\n%s", name, n, text)
		}
		text = line.ReplaceAllString(text, "${1}"+value)
	}
	return text
}
