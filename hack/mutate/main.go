// Mutate measures what a package's tests notice: it changes the code in one place at a time (a mutant), runs the tests of that package, and lists
// the mutants that survive. No file is touched: the go command's -overlay replaces them.
//
// All mutants of a package are compiled into one test binary, and an environment variable switches one of them on. A first run finds out which
// tests come by which mutant, so that only those run with it, the quick ones first. What cannot be switched (constants, for example) is compiled
// alone.
//
// A survivor that no test can kill, because it behaves as the original does or only costs time, stands with its reason in
// hack/mutate/survivors.txt, and is not counted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	var (
		least   = flag.Int("least", 0, "fail if fewer percent of the mutants die")
		every   = flag.Int("every", 1, "try only each n-th mutant")
		run     = flag.String("run", "", "run only the tests that match")
		skip    = flag.String("skip", "", "run none of the tests that match")
		also    = flag.String("also", "", "folders, with commas between them, whose tests run too: those of a package that uses this one")
		only    = flag.String("only", "", "try only the mutants whose names contain this")
		timeout = flag.Duration("timeout", time.Minute, "tests that take longer have noticed the mutant; and so have those that take ten times as long as without it")
		excuses = flag.String("survivors", "hack/mutate/survivors.txt", "the survivors with a reason")
	)
	flag.Parse()
	others := strings.FieldsFunc(*also, func(r rune) bool { return r == ',' })
	os.Exit(try(flag.Args(), *excuses, *least, trial{run: *run, skip: *skip, only: *only, also: others, timeout: *timeout, every: *every}))
}

// try tries the mutants of each folder, prints a table, and returns the exit code.
func try(folders []string, excuses string, least int, options trial) int {
	known, err := readSurvivors(excuses)
	if err != nil || len(folders) == 0 {
		fmt.Fprintln(os.Stderr, "usage: mutate [flags] folder... :", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := 0
	rows := []string{"| Package | Mutants | Died | Survived | Named with a reason | Share that died |", "|---|---|---|---|---|---|"}
	for _, folder := range folders {
		t := options
		t.folder, t.excused = filepath.Clean(folder), known
		if err := t.all(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "mutate:", err)
			return 1
		}
		row, percent := t.row()
		rows = append(rows, row)
		if percent < least {
			code = 1
		}
	}
	fmt.Println(strings.Join(rows, "\n"))
	return code
}

// row is the line of the table, and the percentage that died, rounded down.
func (t *trial) row() (string, int) {
	counted := t.killed + len(t.survived)
	percent := 100
	if counted > 0 {
		percent = 100 * t.killed / counted
	}
	sample := ""
	if t.every > 1 {
		sample = fmt.Sprintf(" (each %d.)", t.every)
	}
	return fmt.Sprintf("| `%s`%s | %d | %d | %d | %d | %d %% |", t.folder, sample, counted, t.killed, len(t.survived), t.named, percent), percent
}

// readSurvivors reads lines of a mutant, " -- ", and a reason.
func readSurvivors(file string) (map[string]string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	known := map[string]string{}
	for line := range strings.Lines(string(content)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, reason, found := strings.Cut(line, " -- ")
		if !found || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s has a survivor without a reason: %s", file, line)
		}
		known[key] = reason
	}
	return known, nil
}
