package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/utils/clock"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// part is one simulator of the process.
type part struct {
	name  string
	start func() error
	close func()
	// describe runs once the simulator listens. It writes files for clients and returns lines to print.
	describe func(files folder) ([]string, error)
}

// folder is the directory for clients' files.
type folder string

// write writes a file that only its owner can read, and returns its path.
func (f folder) write(name string, content []byte) (string, error) {
	path := filepath.Join(string(f), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return "", fmt.Errorf("write a file for clients: %w", err)
	}
	return path, nil
}

// sharedFlags are those of every subcommand.
type sharedFlags struct {
	dir  string
	time *simctl.Clock
}

// clock returns the time of all simulators of this process that can share one.
func (f *sharedFlags) clock() clock.PassiveClock {
	if f.time == nil {
		f.time = simctl.NewClock(nil)
	}
	return f.time
}

// run starts the parts, prints where they are, and ends them with the context.
func (f *sharedFlags) run(ctx context.Context, out io.Writer, parts []part) error {
	dir := f.dir
	if dir == "" {
		temporary, err := os.MkdirTemp("", "credential-rotation-sim-")
		if err != nil {
			return fmt.Errorf("create a directory for clients' files: %w", err)
		}
		defer func() { _ = os.RemoveAll(temporary) }()
		dir = temporary
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory for clients' files: %w", err)
	}
	for _, p := range parts {
		if err := p.start(); err != nil {
			return err
		}
		defer p.close()
	}
	for _, p := range parts {
		lines, err := p.describe(folder(dir))
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, p.name)
		for _, line := range lines {
			_, _ = fmt.Fprintln(out, "  "+line)
		}
	}
	_, _ = fmt.Fprintf(out, "Files for clients are in %s. Running since %s; Ctrl-C ends.\n", dir, time.Now().Format(time.TimeOnly))
	<-ctx.Done()
	return nil
}
