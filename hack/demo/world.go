package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/cap"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/sim/proxy"
	"github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/sim/sts"
)

// world is everything that the demo starts, and stops again.
type world struct {
	tell *teller
	// dir holds every file that the demo and its processes write; root is the repository.
	dir, root string
	kubectl   kubectl

	cp           *harness.ControlPlane
	api          *harness.Tap
	installation *harness.Installation
	mco          *harness.MachineConfigOperator
	operator     *harness.OperatorProcess
	config       harness.OperatorConfig

	ocm        *ocm.Sim
	registries *registry.Sim
	cap        *cap.Sim
	sts        *sts.Sim
	proxy      *proxy.Proxy
	ledger     ledger

	account  ocm.Account
	siblings []sibling
	// before is the pull secret that the cluster was installed with.
	before []byte
	// secretsBefore is how often Secrets had been written when the second part began.
	secretsBefore int
	// looks is how often the operator had polled OCM when hours last passed; hours is how many may pass before the next poll.
	looks, hours int
	// binary is the operator's.
	binary string
	// own are secret values of the demo itself, by what they are.
	own map[string]string

	mu      sync.Mutex
	endings []func() error
}

// sibling is another cluster of the account.
type sibling struct{ id, name, who string }

// newWorld creates the directory for all files.
func newWorld(tell *teller) (*world, error) {
	root, err := harness.RepositoryRoot()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "credential-rotation-demo-")
	if err != nil {
		return nil, err
	}
	w := &world{tell: tell, dir: dir, root: root, own: map[string]string{}}
	w.later(func() error { return os.RemoveAll(dir) })
	// etcd, kube-apiserver and the go command write there too.
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// later registers how to stop what was just started.
func (w *world) later(end func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.endings = append(w.endings, end)
}

// close stops everything in reverse order.
func (w *world) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for i := len(w.endings) - 1; i >= 0; i-- {
		errs = append(errs, w.endings[i]())
	}
	w.endings = nil
	return errors.Join(errs...)
}

// build starts everything.
func (w *world) build(ctx context.Context) error {
	w.tell.chapter("Setting up")
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"the operator is compiled", w.compile},
		{"etcd and kube-apiserver run, with the kinds of an OpenShift cluster", w.startControlPlane},
		{"OCM, three registries, CAP and STS listen behind a proxy, under their real names", w.startServices},
		{"a cluster's objects are there: version, pools, pull secret, CredentialsRequests", w.seed},
		{"the operator runs, with its service account and the rights of config/rbac", w.startOperator},
	} {
		began := time.Now()
		w.tell.await(true)
		w.tell.progress(step.what + " ...")
		if err := step.do(ctx); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		w.tell.done(step.what, time.Since(began))
	}
	return nil
}

func (w *world) compile(ctx context.Context) (err error) {
	w.binary, err = harness.BuildOperator(ctx)
	w.later(harness.RemoveOperatorBinary)
	return err
}

func (w *world) startControlPlane(ctx context.Context) error {
	// It cannot be interrupted; a Ctrl-C meanwhile takes effect once it runs.
	cp, err := harness.StartControlPlane(ctx)
	if err != nil {
		return err
	}
	w.later(cp.Stop)
	w.cp = cp
	return w.prepareKubectl()
}

// seed creates the objects that a cluster has before the operator is installed.
func (w *world) seed(ctx context.Context) error {
	release, err := w.addImages()
	if err != nil {
		return err
	}
	cluster := harness.Cluster{PullSecret: w.before, ReleaseImage: release, Region: region}
	if err := harness.SeedCluster(ctx, w.cp.Client, cluster); err != nil {
		return err
	}
	if w.installation, err = harness.InstallOperator(ctx, w.cp.Client); err != nil {
		return err
	}
	// Half a second until the change is rendered, then a machine of each pool every second.
	w.mco, err = harness.StartMachineConfigOperator(context.WithoutCancel(ctx), w.cp.Client, 500*time.Millisecond, time.Second)
	if err != nil {
		return err
	}
	w.later(w.mco.Stop)
	return nil
}

// startOperator starts the operator as the Deployment does: with a token of its ServiceAccount, the cluster's proxy and trust bundle. Only its
// poll interval for OCM is one second, because an hour of OCM's time takes less here.
func (w *world) startOperator(ctx context.Context) error {
	var err error
	if w.api, err = harness.StartAPIProxy(w.cp); err != nil {
		return err
	}
	w.later(w.api.Close)
	kubeconfig, err := w.installation.Kubeconfig(ctx, w.cp.Client, w.api.URL, w.api.CAPEM)
	if err != nil {
		return err
	}
	dir := filepath.Join(w.dir, "operator")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	bundle, err := w.writeTrustBundle(dir)
	if err != nil {
		return err
	}
	w.config = harness.OperatorConfig{
		Kubeconfig: kubeconfig, Namespace: w.installation.Namespace, Dir: dir,
		Args: []string{
			"--pull-secret-poll-min=1s", "--pull-secret-poll-max=1s", "--pull-secret-revoke-poll-min=1s", "--pull-secret-revoke-poll-max=1s",
			"--pull-secret-pool-poll=1s", "--pull-secret-request-spread=1s", "--pull-secret-look-pace=100ms",
		},
		Env: []string{"HTTPS_PROXY=" + w.proxy.URL(), "SSL_CERT_FILE=" + bundle, "SSL_CERT_DIR=" + dir},
	}
	if w.operator, err = harness.StartOperator(ctx, w.config); err != nil {
		return err
	}
	w.later(func() error {
		// Longer than the operator's own shutdown timeout.
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_, err := w.operator.Stop(ctx)
		return err
	})
	ready, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	return w.operator.WaitReady(ready)
}

// logTail is the end of the operator's log, if there is one, without the levels that only the libraries use.
func (w *world) logTail(lines int) string {
	if w.operator == nil {
		return ""
	}
	log, err := w.operator.Logs()
	if err != nil {
		return err.Error()
	}
	var kept []string
	for line := range strings.Lines(string(log)) {
		if !strings.Contains(line, `"level":"Level(`) {
			kept = append(kept, strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(kept[max(0, len(kept)-lines):], "\n")
}

// stay keeps everything running until Ctrl-C. OCM's time goes on only while it has work, and only as the operator polls.
func (w *world) stay(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-w.operatorEnded():
			w.tell.say("The operator has ended (%d).", w.operator.ExitCode())
			return
		default:
		}
		if r, ok := w.rotation(); ok && r.Status != ocm.StatusCompleted {
			w.hourPasses(ctx)
		} else {
			pause(ctx, pollInterval)
		}
	}
}

// rotation is the account's latest rotation in OCM.
func (w *world) rotation() (ocm.Rotation, bool) {
	all := w.ocm.Rotations(w.account.ID)
	if len(all) == 0 {
		return ocm.Rotation{}, false
	}
	return all[len(all)-1], true
}
