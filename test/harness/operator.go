package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// mostVerbose enables every log level, including those that the operator must never use.
const mostVerbose = "--zap-log-level=10"

// simulatedHosts are the addresses of the simulators, and the real names that the simulated proxy directs to OCM: the operator sends credentials
// to no other host unless a test allows it.
const simulatedHosts = "127.0.0.1:*,localhost:*,api.openshift.com,sso.redhat.com"

// OperatorConfig configures the operator's process.
type OperatorConfig struct {
	// Binary of the operator; empty: that of BuildOperator.
	Binary string
	// Kubeconfig of the process, see Installation.Kubeconfig.
	Kubeconfig []byte
	// Namespace of the operator.
	Namespace string
	// Dir has its kubeconfig, its home and its log; it must exist.
	Dir string
	// Args are added to those of the harness: more flags of `manager`.
	Args []string
	// Env is added to its environment, which is otherwise empty: the proxy and kubeconfig of the user are not inherited.
	Env []string
}

// OperatorProcess is the operator as a process of its own.
type OperatorProcess struct {
	// LogFile has its output, and that of earlier processes in the same Dir.
	LogFile string

	cmd        *exec.Cmd
	metricsURL string
	readyURL   string
	exited     chan struct{}
}

// StartOperator builds the operator if necessary and starts its manager at the most verbose log level.
func StartOperator(ctx context.Context, config OperatorConfig) (*OperatorProcess, error) {
	binary := config.Binary
	if binary == "" {
		var err error
		if binary, err = BuildOperator(ctx); err != nil {
			return nil, err
		}
	}
	kubeconfig := filepath.Join(config.Dir, "kubeconfig")
	if err := os.WriteFile(kubeconfig, config.Kubeconfig, 0o600); err != nil {
		return nil, err
	}
	metrics, releaseMetrics, err := reservePort()
	if err != nil {
		return nil, err
	}
	health, releaseHealth, err := reservePort()
	if err != nil {
		releaseMetrics()
		return nil, err
	}
	p := &OperatorProcess{
		LogFile:    filepath.Join(config.Dir, "operator.log"),
		metricsURL: "http://" + metrics + "/metrics",
		readyURL:   "http://" + health + "/readyz",
		exited:     make(chan struct{}),
	}
	ended := func() {
		releaseMetrics()
		releaseHealth()
		close(p.exited)
	}
	log, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		ended()
		return nil, err
	}
	defer func() { _ = log.Close() }() // The process has a copy of it.

	args := append([]string{
		"manager", mostVerbose, "--zap-time-encoding=rfc3339nano",
		"--metrics-bind-address=" + metrics, "--metrics-secure=false",
		"--health-probe-bind-address=" + health,
		"--allowed-ocm-hosts=" + simulatedHosts,
	}, config.Args...)
	// Not CommandContext, because tests themselves end the process in various ways.
	p.cmd = exec.Command(binary, args...)
	p.cmd.Dir = config.Dir
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + config.Dir, "TMPDIR=" + config.Dir,
		"KUBECONFIG=" + kubeconfig, "POD_NAMESPACE=" + config.Namespace, "POD_NAME=operator-0",
	}, config.Env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		ended()
		return nil, fmt.Errorf("starting the operator: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // The exit code is in ProcessState.
		ended()
	}()
	return p, nil
}

// Pid is the process id.
func (p *OperatorProcess) Pid() int { return p.cmd.Process.Pid }

// Sockets is how many sockets the process has open, by /proc; 0 where there is none.
func (p *OperatorProcess) Sockets() int {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.Pid()))
	n := 0
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// Exited is closed when the process has ended.
func (p *OperatorProcess) Exited() <-chan struct{} { return p.exited }

// Signal sends a signal, such as SIGSTOP.
func (p *OperatorProcess) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends it with SIGKILL.
func (p *OperatorProcess) Kill() {
	// An error means that it has ended already.
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// Stop ends it with SIGTERM, as the kubelet does, and returns its exit code.
func (p *OperatorProcess) Stop(ctx context.Context) (int, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		p.Kill()
		return 0, fmt.Errorf("the operator did not end on SIGTERM: %w", ctx.Err())
	}
}

// ExitCode is the exit code of the ended process; -1 if a signal ended it.
func (p *OperatorProcess) ExitCode() int {
	<-p.exited
	return p.cmd.ProcessState.ExitCode()
}

// WaitReady waits until readyz passes.
func (p *OperatorProcess) WaitReady(ctx context.Context) error {
	return WaitFor(ctx, func(ctx context.Context) error {
		select {
		case <-p.exited:
			return Permanent(fmt.Errorf("the operator has ended (%s); its log ends with\n%s", p.cmd.ProcessState, p.LogTail(20)))
		default:
		}
		_, err := get(ctx, p.readyURL)
		return err
	})
}

// ReadyCheck returns nil if a check of readyz passes; without a name, if all do.
func (p *OperatorProcess) ReadyCheck(ctx context.Context, name string) error {
	url := p.readyURL
	if name != "" {
		url += "/" + name
	}
	_, err := get(ctx, url)
	return err
}

// Metrics returns the text of its metrics endpoint, which may open shortly after the process is ready.
func (p *OperatorProcess) Metrics(ctx context.Context) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = WaitFor(ctx, func(ctx context.Context) error {
		select {
		case <-p.exited:
			return Permanent(errors.New("the operator has ended"))
		default:
		}
		text, err = get(ctx, p.metricsURL)
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return Permanent(err)
		}
		return err
	})
	return text, err
}

// Logs is its output, and that of earlier processes in the same Dir.
func (p *OperatorProcess) Logs() ([]byte, error) { return ReadLog(p.LogFile) }

// ReadLog reads the output of processes. That there is none is an error: to find no secret in it would prove nothing.
func ReadLog(file string) ([]byte, error) {
	log, err := os.ReadFile(file)
	if err == nil && len(log) == 0 {
		err = errors.New("the operator has logged nothing")
	}
	return log, err
}

// LogTail is the last lines of the log.
func (p *OperatorProcess) LogTail(lines int) string {
	log, err := p.Logs()
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(log), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // the machine may be busy
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	// Not the default transport, which reuses connections and may use a proxy.
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s responded with %s", url, resp.Status)
	}
	return string(body), nil
}
