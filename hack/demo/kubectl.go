package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// kubectl runs the kubectl that belongs to the API server, as an administrator.
type kubectl struct {
	path, kubeconfig string
	// home holds its cache; dir is where it runs, so that the paths of samples are those of the repository.
	home, dir string
}

// prepareKubectl writes the administrator's kubeconfig.
func (w *world) prepareKubectl() error {
	if w.cp.Kubectl == "" {
		return errors.New("KUBEBUILDER_ASSETS has no kubectl: run `make demo`, which provides it")
	}
	w.kubectl = kubectl{path: w.cp.Kubectl, kubeconfig: filepath.Join(w.dir, "kubeconfig"), home: w.dir, dir: w.root}
	return os.WriteFile(w.kubectl.kubeconfig, w.cp.AdminKubeconfig, 0o600)
}

func (k kubectl) run(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, k.path, args...)
	cmd.Dir = k.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + k.home, "KUBECONFIG=" + k.kubeconfig}
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// show runs a command and prints it with its output.
func (w *world) show(ctx context.Context, args ...string) error {
	out, err := w.kubectl.run(ctx, "", args...)
	if err != nil {
		return err
	}
	w.tell.command("kubectl "+quoted(args), out)
	return nil
}

// applyPatched applies a sample with a change, and shows the change.
func (w *world) applyPatched(ctx context.Context, sample, patch string) error {
	args := []string{"patch", "--local", "-f", sample, "-o", "yaml", "--type=merge", "-p"}
	object, err := w.kubectl.run(ctx, "", append(args, patch)...)
	if err != nil {
		return err
	}
	out, err := w.kubectl.run(ctx, object, "apply", "-f", "-")
	if err != nil {
		return err
	}
	next := "\n" + indent + "    "
	w.tell.command("kubectl "+quoted(args)+next+quoted([]string{patch})+" |"+next+"kubectl apply -f -", out)
	return nil
}

// quoted is how a person would type it.
func quoted(args []string) string {
	words := make([]string, 0, len(args))
	for _, a := range args {
		if strings.ContainsAny(a, ` "{}$*()|&;<>`) {
			a = "'" + a + "'"
		}
		words = append(words, a)
	}
	return strings.Join(words, " ")
}
