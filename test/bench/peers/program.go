package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
)

func processors() int { return runtime.NumCPU() }

// program is a program to compare. Its turn begins without target Secrets and ends with its process.
type program struct {
	name string
	// start starts an idle process.
	start func(ctx context.Context, s *scene) (process, error)
}

// process is a program in its turn.
type process interface {
	pid() int
	// exited is closed when it has ended.
	exited() <-chan struct{}
	// begin is for a program that does not see from the sets that the Secrets are to be created (fill) or all to be written again (refresh). It may
	// return before that is done.
	begin(ctx context.Context, what phase) error
	// rest waits until the program reports success. The cost of the polls is not counted.
	rest(ctx context.Context) error
	stop(ctx context.Context) error
}

// programs are the programs to compare, the lower bound first. clean removes the built files.
func programs(ctx context.Context, c config) (all []program, clean func(), err error) {
	dir, err := os.MkdirTemp("", "bench-peers-")
	if err != nil {
		return nil, nil, err
	}
	clean = func() { _ = os.RemoveAll(dir) }
	root, err := harness.RepositoryRoot()
	if err != nil {
		clean()
		return nil, nil, err
	}
	paths := map[string]string{"lower-bound": "./test/bench/lowerbound", "operator": "."}
	for name, source := range paths {
		paths[name] = filepath.Join(dir, name)
		build := exec.CommandContext(ctx, "go", "build", "-o", paths[name], source)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			clean()
			return nil, nil, fmt.Errorf("building %s: %w: %s", source, err, out)
		}
	}
	all = []program{{"lower bound", told(paths["lower-bound"])}, {"operator", operator(paths["operator"])}}
	for _, step := range steps(c) {
		all = append(all, program{step[0], told(paths["lower-bound"] + " " + step[1])})
	}
	for _, o := range c.operators {
		all = append(all, program{o[0], operator(o[1])})
	}
	for _, p := range c.peers {
		all = append(all, program{p[0], told(p[1])})
	}
	return all, clean, nil
}

// steps are the names and flags of the lower bound with one more thing each that the operator does.
func steps(c config) named {
	if !c.steps {
		return nil
	}
	flags, all := "", named{}
	for _, step := range [][2]string{{"-apply", "created by apply"}, {"-bookkeeping", "and the annotations"}, {"-precondition", "and the precondition"}, {"-watch", "and the watches"}, {"-status", "and the status"}} {
		flags += " " + step[0]
		all = append(all, [2]string{step[1], flags})
	}
	return all
}

// told is a program that reads commands from its standard input.
func told(commandLine string) func(context.Context, *scene) (process, error) {
	return func(_ context.Context, s *scene) (process, error) {
		cmd := exec.Command("/bin/sh", "-c", "exec "+commandLine)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+s.peerKubeconfig, "PEER_TASK="+s.task)
		cmd.Stderr = os.Stderr
		input, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		p := &toldProcess{cmd: cmd, input: input, ended: make(chan struct{})}
		go func() {
			p.err = cmd.Wait()
			close(p.ended)
		}()
		return p, nil
	}
}

type toldProcess struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	// ended is closed when it has ended, as err says.
	ended chan struct{}
	err   error
}

func (p *toldProcess) exited() <-chan struct{} { return p.ended }

func (p *toldProcess) pid() int { return p.cmd.Process.Pid }

func (p *toldProcess) begin(_ context.Context, what phase) error {
	command := "refresh\n"
	if what == fill {
		command = "fill\n"
	}
	_, err := io.WriteString(p.input, command)
	return err
}

func (p *toldProcess) rest(context.Context) error { return nil }

func (p *toldProcess) stop(context.Context) error {
	_ = p.input.Close() // an error means that it has ended
	<-p.ended
	return p.err
}

// operator is a build of the operator.
func operator(binary string) func(context.Context, *scene) (process, error) {
	return func(ctx context.Context, s *scene) (process, error) {
		dir, err := os.MkdirTemp(s.dir, "operator-")
		if err != nil {
			return nil, err
		}
		kubeconfig, err := os.ReadFile(s.kubeconfig)
		if err != nil {
			return nil, err
		}
		p, err := harness.StartOperator(ctx, harness.OperatorConfig{
			Binary: binary, Kubeconfig: kubeconfig, Namespace: s.installation.Namespace, Dir: dir, Args: []string{"--zap-log-level=info"},
		})
		if err != nil {
			return nil, err
		}
		return &operatorProcess{scene: s, operator: p}, p.WaitReady(ctx)
	}
}

type operatorProcess struct {
	scene    *scene
	operator *harness.OperatorProcess
}

func (p *operatorProcess) exited() <-chan struct{} { return p.operator.Exited() }

func (p *operatorProcess) pid() int { return p.operator.Pid() }

func (p *operatorProcess) begin(context.Context, phase) error { return nil }

// rest waits until each status reports all Secrets as fresh since the work was asked for.
func (p *operatorProcess) rest(ctx context.Context) error {
	return harness.WaitFor(ctx, func(ctx context.Context) error {
		for _, set := range p.scene.sets {
			now := &v1alpha1.CAPCredentialSet{}
			if err := p.scene.cp.Client.Get(ctx, client.ObjectKeyFromObject(set), now); err != nil {
				return err
			}
			want := fmt.Sprintf("%[1]d/%[1]d", len(set.Spec.Secrets))
			if now.Status.Credentials != want || !meta.IsStatusConditionPresentAndEqual(now.Status.Conditions, v1alpha1.ConditionReady, metav1.ConditionTrue) {
				return fmt.Errorf("%s: %s are fresh", set.Name, now.Status.Credentials)
			}
			for _, row := range now.Status.Targets {
				if row.RefreshedAt == nil || row.RefreshedAt.Time.Before(p.scene.asked) {
					return fmt.Errorf("%s/%s has not been refreshed yet", row.Namespace, row.Name)
				}
			}
		}
		return nil
	})
}

func (p *operatorProcess) stop(ctx context.Context) error {
	code, err := p.operator.Stop(ctx)
	if err == nil && code != 0 {
		err = fmt.Errorf("the operator ended with %d: %s", code, p.operator.LogTail(20))
	}
	return err
}
