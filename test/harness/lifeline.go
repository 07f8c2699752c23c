package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lifeline ends programs when this process ends in any way: Ctrl-C, a test timeout, SIGKILL. envtest starts etcd and kube-apiserver in process
// groups of their own, which no signal of a terminal reaches, and only a living process can stop them.
//
// The line is a named pipe of which this process has the writing end. Each program is started by a script that leaves a reader in the
// program's process group. The kernel closes the writing end when this process dies; then the reader ends the group.
type lifeline struct {
	// dir has the pipe, the scripts and the programs' files; it is removed with them.
	dir  string
	held *os.File
}

func newLifeline() (*lifeline, error) {
	dir, err := os.MkdirTemp("", "control-plane-")
	if err != nil {
		return nil, err
	}
	pipe := filepath.Join(dir, "lifeline")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// Both ends, because opening one waits for the other. No child inherits it, because Go sets close-on-exec.
	held, err := os.OpenFile(pipe, os.O_RDWR, 0)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &lifeline{dir: dir, held: held}, nil
}

// script starts a program at the end of a lifeline; %[1]s is its directory, %[2]s the program, and %[3]s the file with the id of its process. The
// signal goes to the group, whose id cannot be reused while the reader is in it.
const script = `#!/bin/sh
# envtest first runs kube-apiserver --help.
[ "$1" = --help ] && exec %[2]s "$@"
echo $$ >%[3]s
exec 3<%[1]s/lifeline
(
	read -r _ <&3
	trap '' TERM
	kill -TERM -$$
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -0 $$ || break
		sleep 1
	done
	rm -rf %[1]s
	kill -KILL -$$
) </dev/null >/dev/null 2>&1 &
exec %[2]s "$@" 3<&-
`

// tie writes the script for a program and returns its path. The program must be started as the leader of a process group.
func (l *lifeline) tie(program string) (string, error) {
	path := filepath.Join(l.dir, filepath.Base(program))
	return path, os.WriteFile(path, fmt.Appendf(nil, script, quote(l.dir), quote(program), quote(path+".pid")), 0o700)
}

// signal sends a signal to a program that was tied and has been started.
func (l *lifeline) signal(program string, s syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(l.dir, program+".pid"))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("the id of %s: %w", program, err)
	}
	return syscall.Kill(pid, s)
}

// place creates a directory that is removed with the programs.
func (l *lifeline) place(name string) (string, error) {
	path := filepath.Join(l.dir, name)
	return path, os.Mkdir(path, 0o700)
}

// cut cleans up after the programs have ended.
func (l *lifeline) cut() error { return errors.Join(l.held.Close(), os.RemoveAll(l.dir)) }

// quote quotes s as one word for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
