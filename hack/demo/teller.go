package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// teller prints the story: paragraphs, labelled lines, commands with their output, and one line of progress that is
// rewritten on a terminal.
type teller struct {
	out      io.Writer
	terminal bool
	colour   bool
	width    int
	// unheard is called when the output is closed.
	unheard func()

	mu sync.Mutex
	// told is everything that was printed, for the search for secrets.
	told bytes.Buffer
	// open is true while a progress line is at the end of the screen.
	open       bool
	progressed string
	at         time.Time
}

const (
	// widest keeps paragraphs readable on wide terminals.
	widest = 100
	indent = "   "
	// labelWidth is the width of the longest label and a gap.
	labelWidth = 10
	// rarely is how often progress is printed if it cannot be rewritten, patiently how long after the start of a wait.
	rarely, patiently = 3 * time.Second, 700 * time.Millisecond
)

// Labels of lines.
const (
	asked   = "asked"   // of a service, by the operator
	changed = "changed" // in the cluster
	proved  = "proved"  // checked by the demo itself
	happens = "happens" // outside the operator
	says    = "says"    // the operator's own words
)

// The colours of a terminal.
const (
	bold, dim, red, green, yellow, blue, magenta, cyan = "1", "2", "31", "32", "33", "34", "35", "36"
)

var colourOf = map[string]string{asked: blue, changed: green, proved: magenta, happens: yellow, says: cyan}

func newTeller(f *os.File, unheard func()) *teller {
	t := &teller{out: f, width: widest, terminal: term.IsTerminal(int(f.Fd())), unheard: unheard}
	t.colour = t.terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 40 {
		t.width = min(columns-1, widest)
	}
	return t
}

// paint colours text on a terminal.
func (t *teller) paint(colour, text string) string {
	if !t.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// print ends a line of progress first.
func (t *teller) print(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	t.told.WriteString(text)
	t.write(text)
}

func (t *teller) write(text string) {
	if _, err := io.WriteString(t.out, text); err != nil {
		t.unheard()
	}
}

func (t *teller) clear() {
	if t.open {
		t.write("\r\x1b[K")
		t.open = false
	}
	t.progressed = ""
}

// gap prints an empty line, unless there already is one.
func (t *teller) gap() {
	if !strings.HasSuffix(t.text(), "\n\n") {
		t.print("\n")
	}
}

// chapter starts a chapter.
func (t *teller) chapter(title string) {
	t.gap()
	t.print(t.paint(bold, title) + "\n" + t.paint(dim, strings.Repeat("─", min(t.width, len([]rune(title))))) + "\n")
}

// say prints a paragraph.
func (t *teller) say(format string, args ...any) {
	t.print(wrap(fmt.Sprintf(format, args...), t.width, indent, indent) + "\n")
}

// line prints a line with a label.
func (t *teller) line(label, format string, args ...any) {
	first := indent + t.paint(colourOf[label], label) + strings.Repeat(" ", labelWidth-len(label))
	rest := indent + strings.Repeat(" ", labelWidth)
	text := wrap(fmt.Sprintf(format, args...), t.width, rest, rest)
	t.print(first + strings.TrimPrefix(text, rest) + "\n")
}

// more continues a line, without wrapping it: for tables.
func (t *teller) more(format string, args ...any) {
	t.print(indent + strings.Repeat(" ", labelWidth) + fmt.Sprintf(format, args...) + "\n")
}

// command prints a command and what it printed.
func (t *teller) command(command, output string) {
	var b strings.Builder
	b.WriteString(indent + t.paint(bold, "$ "+command) + "\n")
	for line := range strings.Lines(strings.TrimSpace(output)) {
		b.WriteString(strings.TrimRight(indent+t.paint(dim, strings.TrimRight(line, " \n")), " ") + "\n")
	}
	t.gap()
	t.print(b.String() + "\n")
}

// await starts a wait and reports its progress, after a moment or at once.
func (t *teller) await(atOnce bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at = time.Now().Add(patiently - rarely); atOnce {
		t.at = time.Time{}
	}
}

// progress says what is pending. On a terminal it stays one line.
func (t *teller) progress(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text == t.progressed || text == "" {
		return
	}
	shown := text
	if runes, room := []rune(text), t.width-labelWidth-len(indent); len(runes) > room {
		shown = string(runes[:room-1]) + "…"
	}
	line := indent + t.paint(dim, "waiting") + strings.Repeat(" ", labelWidth-len("waiting")) + shown
	if t.terminal {
		t.write("\r\x1b[K" + line)
		t.open, t.progressed = true, text
		return
	}
	if time.Since(t.at) < rarely {
		return
	}
	t.at, t.progressed = time.Now(), text
	t.told.WriteString(line + "\n")
	t.write(line + "\n")
}

// failure ends a story that did not happen as told.
func (t *teller) failure(err error, log string) {
	t.print("\n" + t.paint(red, "The story did not happen as told.") + "\n")
	t.say("%v", err)
	if log != "" {
		t.print("\n" + indent + "The operator's log ends with\n\n" + log + "\n")
	}
}

// text is everything that was printed so far.
func (t *teller) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.told.String()
}

// wrap breaks a text at words.
func wrap(text string, width int, first, rest string) string {
	var out strings.Builder
	line, words := first, 0
	for word := range strings.FieldsSeq(text) {
		if words > 0 && len([]rune(line))+1+len([]rune(word)) > width {
			out.WriteString(line + "\n")
			line, words = rest, 0
		}
		if words > 0 {
			line += " "
		}
		line += word
		words++
	}
	return out.String() + line
}

// done reports a completed step of the preparations.
func (t *teller) done(what string, took time.Duration) {
	t.print(indent + t.paint(green, "✓ ") + what + t.paint(dim, fmt.Sprintf("  (%.1f s)", took.Seconds())) + "\n")
}
