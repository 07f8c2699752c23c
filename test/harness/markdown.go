package harness

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Block is a fenced block of a Markdown page.
type Block struct {
	// Heading is the text of the nearest heading above it, without its marks.
	Heading, Language string
	// Line is the number of its first line of text, counted from 1.
	Line int
	// Text is its content without the indentation inside a list.
	Text string
}

// Fence starts or ends a block.
var Fence = regexp.MustCompile("^( *)```(\\S*)")

// Blocks are the fenced blocks of a page in order, without an unclosed one.
func Blocks(page string) []Block {
	var all []Block
	var open *Block
	heading, indent := "", ""
	for i, line := range strings.Split(page, "\n") {
		match := Fence.FindStringSubmatch(line)
		switch {
		case match != nil && open == nil:
			indent = match[1]
			open = &Block{Heading: heading, Language: match[2], Line: i + 2}
		case match != nil:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.Text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return all
}

// PageBlocks are the blocks of a page in docs/.
func PageBlocks(page string) ([]Block, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", page))
	return Blocks(string(text)), err
}
