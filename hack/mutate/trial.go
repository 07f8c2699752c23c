package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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
	timeout                 time.Duration
	every                   int
	excused                 map[string]string

	dir, binary string
	tests       []test // the quickest first

	killed, unbuilt, named int
	survived               []string
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
	t.binary = filepath.Join(t.dir, "switched.test")
	if out, err := t.build(ctx, c.switchable(), t.binary); err != nil {
		return fmt.Errorf("%s does not compile with its mutants: %w\n%s", t.folder, err, out)
	}
	if err := t.reach(ctx); err != nil {
		return err
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
		return t.notice(ctx, t.binary, m.id, func(one test) bool { return one.reaches[m.id] }), nil
	}
	sources := map[string]string{}
	for file, source := range c.sources {
		sources[file] = source
	}
	sources[m.file] = m.alone(c.sources[m.file])
	if _, _, _, problems := c.check(sources); len(problems) > 0 {
		return false, problems[0]
	}
	binary := filepath.Join(t.dir, "alone.test")
	if _, err := t.build(ctx, map[string]string{m.file: sources[m.file]}, binary); err != nil {
		return false, err
	}
	return t.notice(ctx, binary, 0, func(test) bool { return true }), nil
}

// build compiles the tests of the package, with sources for its files.
func (t *trial) build(ctx context.Context, sources map[string]string, binary string) (string, error) {
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
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./"+filepath.ToSlash(t.folder)).CombinedOutput()
	return string(out), err
}

// reach runs each test alone without a mutant, and notes what it comes by and how long it takes.
func (t *trial) reach(ctx context.Context) error {
	out, code := t.execute(ctx, t.binary, time.Minute, nil, "-test.list", cmp.Or(t.run, "."))
	if code != 0 {
		return fmt.Errorf("%s: its tests cannot be listed:\n%s", t.folder, out)
	}
	skip := regexp.MustCompile(cmp.Or(t.skip, "^$"))
	for _, name := range strings.Fields(out) {
		if !strings.HasPrefix(name, "Test") && !strings.HasPrefix(name, "Fuzz") && !strings.HasPrefix(name, "Example") || skip.MatchString(name) {
			continue
		}
		file, start := filepath.Join(t.dir, "reached"), time.Now()
		if out, code := t.execute(ctx, t.binary, 10*t.timeout, []string{"MUTANTS_REACHED=" + file}, "-test.run", "^"+name+"$"); code != 0 {
			return fmt.Errorf("%s of %s fails without a mutant:\n%s", name, t.folder, out)
		}
		one := test{name: name, took: time.Since(start), reaches: map[int]bool{}}
		content, _ := os.ReadFile(file)
		_ = os.Remove(file)
		for _, line := range strings.Fields(string(content)) {
			id, _ := strconv.Atoi(line)
			one.reaches[id] = true
		}
		t.tests = append(t.tests, one)
	}
	slices.SortStableFunc(t.tests, func(a, b test) int { return cmp.Compare(a.took, b.took) })
	return nil
}

// notice runs the tests that come by a mutant, in groups of which the next takes ten times as long.
func (t *trial) notice(ctx context.Context, binary string, id int, chosen func(test) bool) bool {
	for left, limit := t.tests, time.Second/2; len(left) > 0; limit *= 10 {
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
		if _, code := t.execute(ctx, binary, patience, []string{"MUTANT=" + strconv.Itoa(id)}, "-test.run", "^("+strings.Join(names, "|")+")$"); code != 0 {
			return true
		}
	}
	return false
}

// execute runs the test binary in the package's folder; a test that takes too long has failed, because most of those mutants loop.
func (t *trial) execute(ctx context.Context, binary string, patience time.Duration, environment []string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(ctx, patience+10*time.Second) // the test ends itself; this is for one that does not
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, append(args, "-test.failfast", "-test.short", "-test.parallel=1", "-test.timeout="+patience.String())...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.folder, append(os.Environ(), environment...), &out, &out
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
