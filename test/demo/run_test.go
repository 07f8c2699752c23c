package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// longest is the timeout of a demo, which takes about one minute, or five on a busy machine.
const longest = 10 * time.Minute

// binary is the demo, operator is the operator; both are built once.
var binary, operator string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (code int, err error) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return 0, errors.New("KUBEBUILDER_ASSETS does not name the directory of etcd, kube-apiserver and kubectl: run `make test`, which provides them")
	}
	dir, err := os.MkdirTemp("", "demo-under-test-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir), harness.RemoveOperatorBinary()) }()
	root, err := harness.RepositoryRoot()
	if err != nil {
		return 0, err
	}
	binary = filepath.Join(dir, "demo")
	cmd := exec.Command("go", "build", "-o", binary, "./hack/demo")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the demo: %w: %s", err, out)
	}
	if operator, err = harness.BuildOperator(context.Background()); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// demo is one run.
type demo struct {
	t   *testing.T
	cmd *exec.Cmd
	// dir has all its temporary files, and is in the command line of each of its processes.
	dir   string
	ended chan struct{}

	mu   sync.Mutex
	told bytes.Buffer
}

// start starts it without a terminal.
func start(t *testing.T, env []string, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, dir: t.TempDir(), ended: make(chan struct{})}
	d.cmd = exec.Command(binary, args...)
	d.cmd.Env = append(append(os.Environ(), "TMPDIR="+d.dir, "OPERATOR_BINARY="+operator, "KEEP="), env...)
	d.cmd.Stdout, d.cmd.Stderr = d, d
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // the exit code is in ProcessState
		close(d.ended)
	}()
	t.Cleanup(func() {
		select {
		case <-d.ended:
		default:
			d.interrupt()
			<-d.ended
		}
	})
	return d
}

// Write records its output.
func (d *demo) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told.Write(p)
}

// output is its output so far.
func (d *demo) output() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.told.String()
}

// wait returns its exit code.
func (d *demo) wait() int {
	d.t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(longest):
		d.t.Fatalf("it has not ended within %s:\n%s", longest, d.output())
		return 0
	}
}

// waitForLine waits until it has printed a text.
func (d *demo) waitForLine(text string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), longest)
	defer cancel()
	err := harness.WaitFor(ctx, func(context.Context) error {
		if strings.Contains(d.output(), text) {
			return nil
		}
		select {
		case <-d.ended:
			return harness.Permanent(errors.New("it has ended"))
		default:
			return errors.New("it has not printed it yet")
		}
	})
	if err != nil {
		d.t.Fatalf("%q: %v:\n%s", text, err, d.output())
	}
}

// interrupt sends SIGINT, as Ctrl-C does.
func (d *demo) interrupt() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.t.Error(err)
	}
}

// leavesNothing fails if a process or a file of the run remains. The watchdog of a process ends shortly after the demo, so it
// polls.
func (d *demo) leavesNothing() {
	d.t.Helper()
	harness.Eventually(d.t, "no process is left", func(ctx context.Context) error {
		out, err := exec.CommandContext(ctx, "ps", "-eo", "pid,args").Output()
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, d.dir) {
				return errors.New(line)
			}
		}
		return nil
	})
	files, err := os.ReadDir(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range files {
		d.t.Errorf("a file is left: %s", f.Name())
	}
}

// kubectl runs the kubectl beside the API server's binary.
func (d *demo) kubectl(kubeconfig string, args ...string) string {
	d.t.Helper()
	cmd := exec.Command(filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), "kubectl"), args...)
	cmd.Env = []string{"KUBECONFIG=" + kubeconfig, "HOME=" + d.t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		d.t.Fatalf("kubectl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
