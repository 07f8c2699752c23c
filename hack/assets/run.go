package assets

// Running a command: with progress while it is silent, with the end of its output if it fails, and without leaving child processes.

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// lastWords is how much of a failed command's output an error repeats: a compiler's first error and some context.
const lastWords = 2000

// command prepares a command that is killed with all its children when ctx ends: go build starts compilers.
func (f *Finder) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// Output pipes that an escaped grandchild holds open must not block us.
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// runWithProgress runs the command and says every ProgressEvery what line returns. Its error ends with what the command
// last said.
func (f *Finder) runWithProgress(cmd *exec.Cmd, line func(time.Duration) string) error {
	var said bytes.Buffer
	cmd.Stderr = &said
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%s does not start: %w", cmd.Path, err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(f.ProgressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.say("%s", line(time.Since(began)))
		case err := <-done:
			if err == nil {
				return nil
			}
			text := strings.TrimSpace(said.String())
			if len(text) > lastWords {
				text = "..." + text[len(text)-lastWords:]
			}
			return fmt.Errorf("%w: %s", err, text)
		}
	}
}

// rough formats a duration for people: 40 s, 2 min 20 s.
func rough(d time.Duration) string {
	seconds := int(d.Round(time.Second).Seconds())
	if seconds < 60 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %d s", seconds/60, seconds%60)
}
