package assets

// Commands report progress while they are silent, show the end of their output if they fail, and leave no child processes.

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// lastWords limits the part of a failed command's output that an error repeats.
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

// runWithProgress runs the command and logs line's result every ProgressEvery. Its error ends with the last output of the command.
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
