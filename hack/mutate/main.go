// Mutate measures what a package's tests notice: it changes the code in one place at a time (a mutant), runs the tests of that package, and lists
// the mutants that survive. No file is touched: the go command's -overlay replaces one.
//
// A survivor that no test can kill, because it behaves as the original does or only costs time, stands with its reason in
// hack/mutate/survivors.txt, and is not counted.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
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
		timeout = flag.Duration("timeout", time.Minute, "a test run that takes longer has noticed the mutant")
		excuses = flag.String("survivors", "hack/mutate/survivors.txt", "the survivors with a reason")
	)
	flag.Parse()
	os.Exit(try(flag.Args(), *excuses, *least, trial{run: *run, timeout: *timeout, every: *every}))
}

// try tries the mutants of each folder, and returns the exit code.
func try(folders []string, excuses string, least int, options trial) int {
	known, err := readSurvivors(excuses)
	if err != nil || len(folders) == 0 {
		fmt.Fprintln(os.Stderr, "usage: mutate [flags] folder... :", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := 0
	for _, folder := range folders {
		t := options
		t.folder, t.excused = filepath.Clean(folder), known
		if err := t.all(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "mutate:", err)
			return 1
		}
		if t.report() < least {
			code = 1
		}
	}
	return code
}

// trial tries the mutants of one package.
type trial struct {
	folder, run string
	timeout     time.Duration
	every       int
	excused     map[string]string

	killed, unbuilt, named int
	survived               []string
}

func (t *trial) all(ctx context.Context) error {
	if out, outcome := t.test(ctx, ""); outcome != survives {
		return fmt.Errorf("the tests of %s fail without a mutant:\n%s", t.folder, out)
	}
	files, err := filepath.Glob(filepath.Join(t.folder, "*.go"))
	if err != nil {
		return err
	}
	number := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || strings.Contains(filepath.Base(file), "zz_generated") {
			continue
		}
		mutants, err := mutantsOf(file)
		if err != nil {
			return err
		}
		for _, m := range mutants {
			if number++; number%t.every == 0 {
				if err := t.one(ctx, file, m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// one runs the tests with one mutant.
func (t *trial) one(ctx context.Context, file string, m mutant) error {
	if t.excused[m.key(file)] != "" {
		t.named++
		return nil
	}
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	original, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	changed, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(changed, m.content, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return err
	}
	_, outcome := t.test(ctx, overlay)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch outcome {
	case dies:
		t.killed++
	case unbuilt:
		t.unbuilt++
	default:
		t.survived = append(t.survived, m.key(file))
		fmt.Printf("survived: %s:%d: %s\n", file, m.line, m.key(file))
	}
	return nil
}

type outcome int

const (
	survives outcome = iota
	dies
	unbuilt
)

// test runs the package's tests; a time that is exceeded counts as noticed, because most of those mutants loop.
func (t *trial) test(ctx context.Context, overlay string) (string, outcome) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout+time.Minute) // the test ends itself; this is for a compiler that does not
	defer cancel()
	args := []string{"test", "-count=1", "-failfast", "-short", "-vet=off", "-parallel", "1", "-timeout", t.timeout.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if t.run != "" {
		args = append(args, "-run", t.run)
	}
	var out bytes.Buffer
	c := exec.CommandContext(ctx, "go", append(args, "./"+filepath.ToSlash(t.folder))...)
	c.Stdout, c.Stderr = &out, &out
	// The go command and the test that it started end together: a mutant that loops must not go on without it.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	err := c.Run()
	if c.Process != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // What the test itself has started.
	}
	switch {
	case err == nil:
		return out.String(), survives
	case strings.Contains(out.String(), "[build failed]"), strings.Contains(out.String(), "[setup failed]"):
		return out.String(), unbuilt
	default:
		return out.String(), dies
	}
}

// report prints the numbers and returns the percentage that died, rounded down.
func (t *trial) report() int {
	counted := t.killed + len(t.survived)
	percent := 100
	if counted > 0 {
		percent = 100 * t.killed / counted
	}
	fmt.Printf("%s: %d mutants, %d killed, %d survived (%d%%); %d more are named with a reason, %d did not compile\n",
		t.folder, counted, t.killed, len(t.survived), percent, t.named, t.unbuilt)
	return percent
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
