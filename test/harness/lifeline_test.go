package harness

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// closeLine closes a lifeline as the kernel does when its process dies.
func closeLine(t *testing.T, l *lifeline) {
	t.Helper()
	if err := l.held.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLifeline_AProgramEndsWithItsParent(t *testing.T) {
	for _, tc := range []struct {
		// name of the program's behaviour.
		name, program string
	}{
		{"that ends on SIGTERM", "#!/bin/sh\necho \"$1\"; exec sleep 1000\n"},
		{"that ends only on SIGKILL", "#!/bin/sh\ntrap '' TERM; echo \"$1\"; sleep 1000; sleep 1000; sleep 1000\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// A path that a shell would split.
			program := filepath.Join(t.TempDir(), "it's a program")
			if err := os.WriteFile(program, []byte(tc.program), 0o700); err != nil {
				t.Fatal(err)
			}
			line, err := newLifeline()
			if err != nil {
				t.Fatal(err)
			}
			path, err := line.tie(program)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, "an argument")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var buffer [64]byte
			n, err := out.Read(buffer[:])
			if got := strings.TrimSpace(string(buffer[:n])); err != nil || got != "an argument" {
				t.Errorf("the program got %q (%v)", got, err)
			}
			closeLine(t, line)
			_ = cmd.Wait() // It ends by a signal.
			Eventually(t, "the files are removed", func(context.Context) error {
				if _, err := os.Stat(line.dir); !errors.Is(err, os.ErrNotExist) {
					return errors.New("the directory still exists")
				}
				return nil
			})
			Eventually(t, "no process of its group is left", func(context.Context) error {
				if err := syscall.Kill(-cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
					return errors.New("somebody is")
				}
				return nil
			})
		})
	}
}

func TestControlPlane_EndsWithItsParent(t *testing.T) {
	dir, err := os.MkdirTemp("", "left-") //nolint:usetesting // see below
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir, because ending processes may still write there.
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	left, err := StartEmptyControlPlane()
	if err != nil {
		t.Fatal(err)
	}
	etcd, server := left.env.ControlPlane.Etcd.URL.Host, left.env.ControlPlane.APIServer.SecureServing.Address+":"+left.env.ControlPlane.APIServer.SecureServing.Port
	closeLine(t, left.line)
	for _, address := range []string{etcd, server} {
		Eventually(t, "nothing listens at "+address, func(context.Context) error {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				_ = conn.Close()
				return errors.New("somebody does")
			}
			return nil
		})
	}
}

func TestControlPlane_LeavesNothingBehindWhenItIsStopped(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stopped, err := StartEmptyControlPlane()
	if err != nil {
		t.Fatal(err)
	}
	if err := stopped.Stop(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range left {
		t.Errorf("%s is left", f.Name())
	}
}
