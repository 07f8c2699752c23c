package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// trial tries the mutants of one package.
type trial struct {
	folder, run, skip, only string
	also                    []string // folders whose tests run after the package's own
	timeout                 time.Duration
	every                   int
	excused                 map[string]string

	dir    string
	suites []*suite

	killed, unbuilt, named int
	survived               []string
}

// suite is the tests of one package, compiled with the mutants.
type suite struct {
	folder, binary string
	tests          []test // the quickest first
}

// test is one test function, and the mutants that it comes by.
type test struct {
	name    string
	took    time.Duration
	reaches map[int]bool
}

func (t *trial) all(ctx context.Context) error {
	c, err := load(ctx, t.folder)
	if err != nil {
		return err
	}
	if t.dir, err = os.MkdirTemp("", "mutate"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(t.dir) }()
	for i, folder := range append([]string{t.folder}, t.also...) {
		s := &suite{folder: filepath.Clean(folder), binary: filepath.Join(t.dir, fmt.Sprintf("switched%d.test", i))}
		if out, err := t.build(ctx, c.switchable(), s); err != nil {
			return fmt.Errorf("%s does not compile with its mutants: %w\n%s", t.folder, err, out)
		}
		if err := t.reach(ctx, s); err != nil {
			return err
		}
		t.suites = append(t.suites, s)
	}
	for number, m := range c.all {
		if (number+1)%t.every != 0 || !strings.Contains(m.key(), t.only) {
			continue
		}
		if t.excused[m.key()] != "" {
			t.named++
			continue
		}
		dies, err := t.try(ctx, c, m)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			t.unbuilt++
		case dies:
			t.killed++
		default:
			t.survived = append(t.survived, m.key())
			fmt.Printf("survived: %s:%d: %s\n", m.file, m.line, m.key())
		}
	}
	return nil
}

// try tells whether a test notices; an error means that the mutant does not compile.
func (t *trial) try(ctx context.Context, c *code, m *mutant) (bool, error) {
	if m.id != 0 {
		return slices.ContainsFunc(t.suites, func(s *suite) bool {
			return t.notice(ctx, s, m.id, func(one test) bool { return one.reaches[m.id] })
		}), nil
	}
	sources := maps.Clone(c.sources)
	sources[m.file] = m.alone(c.sources[m.file])
	if _, _, _, problems := c.check(sources); len(problems) > 0 {
		return false, problems[0]
	}
	alone := &suite{folder: t.folder, binary: filepath.Join(t.dir, "alone.test"), tests: t.suites[0].tests}
	if _, err := t.build(ctx, map[string]string{m.file: sources[m.file]}, alone); err != nil {
		return false, err
	}
	return t.notice(ctx, alone, 0, func(test) bool { return true }), nil
}

// build compiles the tests of a suite, with sources for the package's files.
func (t *trial) build(ctx context.Context, sources map[string]string, s *suite) (string, error) {
	replace := map[string]string{}
	for file, source := range sources {
		if filepath.Dir(file) != t.folder {
			file = filepath.Join(t.folder, file)
		}
		original, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(t.dir, filepath.Base(file))
		if err := os.WriteFile(replace[original], []byte(source), 0o600); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(t.dir, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", s.binary, "./"+filepath.ToSlash(s.folder)).CombinedOutput()
	return string(out), err
}

// reach runs each test alone without a mutant, and notes what it comes by and how long it takes.
func (t *trial) reach(ctx context.Context, s *suite) error {
	if _, err := os.Stat(s.binary); errors.Is(err, fs.ErrNotExist) {
		return nil // the package has no tests of its own
	}
	out, code := execute(ctx, s, time.Minute, nil, "-test.list="+cmp.Or(t.run, "."))
	if code != 0 {
		return fmt.Errorf("%s: its tests cannot be listed:\n%s", s.folder, out)
	}
	skip := regexp.MustCompile(cmp.Or(t.skip, "^$"))
	for _, name := range strings.Fields(out) {
		if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") && !strings.HasPrefix(name, "Example") || skip.MatchString(name) {
			continue
		}
		file, start := filepath.Join(t.dir, "reached"), time.Now()
		if out, code := execute(ctx, s, 10*t.timeout, []string{"MUTANTS_REACHED=" + file}, "-test.run=^"+name+"$"); code != 0 {
			return fmt.Errorf("%s of %s fails without a mutant:\n%s", name, s.folder, out)
		}
		one := test{name: name, took: time.Since(start), reaches: map[int]bool{}}
		content, _ := os.ReadFile(file)
		_ = os.Remove(file)
		for _, line := range strings.Fields(string(content)) {
			id, _ := strconv.Atoi(line)
			one.reaches[id] = true
		}
		s.tests = append(s.tests, one)
	}
	slices.SortStableFunc(s.tests, func(a, b test) int { return cmp.Compare(a.took, b.took) })
	return nil
}

// notice runs the tests that come by a mutant, in groups of which the next takes ten times as long.
func (t *trial) notice(ctx context.Context, s *suite, id int, chosen func(test) bool) bool {
	for left, limit := s.tests, time.Second/2; len(left) > 0; limit *= 10 {
		var names []string
		took := time.Duration(0)
		for len(left) > 0 && (took+left[0].took <= limit || limit > t.timeout) {
			if chosen(left[0]) {
				names, took = append(names, left[0].name), took+left[0].took
			}
			left = left[1:]
		}
		if len(names) == 0 {
			continue
		}
		patience := min(10*took+5*time.Second, max(t.timeout, 2*took))
		if _, code := execute(ctx, s, patience, []string{"MUTANT=" + strconv.Itoa(id)}, "-test.run=^("+strings.Join(names, "|")+")$"); code != 0 {
			return true
		}
	}
	return false
}

// execute runs the test binary in the package's folder; a test that takes too long has failed, because most of those mutants loop.
func execute(ctx context.Context, s *suite, patience time.Duration, environment []string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(ctx, patience+10*time.Second) // the test ends itself; this is for one that does not
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, s.binary, append(args, "-test.failfast", "-test.short", "-test.parallel=1", "-test.timeout="+patience.String())...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.folder, append(os.Environ(), environment...), &out, &out
	// A test and what it has started end together.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return err.Error(), -1
	}
	_ = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return out.String(), cmd.ProcessState.ExitCode()
}
