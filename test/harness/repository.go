package harness

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
)

// goCommand runs the go command and returns its output.
func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// On SIGINT it ends its compilers and removes its files; SIGKILL would leave both.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// RepositoryRoot is the directory of this module's go.mod, found from the working directory.
var RepositoryRoot = sync.OnceValues(func() (string, error) {
	gomod, err := goCommand(context.Background(), "", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	if filepath.Base(gomod) != "go.mod" {
		return "", errors.New("the working directory is not in the operator's repository")
	}
	return filepath.Dir(gomod), nil
})

// moduleDir is the directory of a dependency in the module cache.
func moduleDir(ctx context.Context, module string) (string, error) {
	root, err := RepositoryRoot()
	if err != nil {
		return "", err
	}
	dir, err := goCommand(ctx, root, "list", "-m", "-f", "{{.Dir}}", module)
	if err != nil {
		return "", err
	}
	if dir == "" {
		return "", fmt.Errorf("the module %s is not in the module cache: run `go mod download %s`", module, module)
	}
	return dir, nil
}
