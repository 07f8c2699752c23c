package bootstrap

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// shell runs the blocks of a page in order; a block has the exported variables of the ones before it.
type shell struct {
	t testing.TB
	// dir is its working directory, home its home directory.
	dir, home string
	env       []string
	// printed is all output, for the search for secrets.
	printed string
}

// newShell creates one with the operator's program and the tools in its PATH.
func newShell(t testing.TB, env ...string) *shell {
	t.Helper()
	operator, err := harness.BuildOperator(t.Context())
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	testdata, err := filepath.Abs("testdata")
	must(t, err)
	s := &shell{t: t, dir: t.TempDir(), home: t.TempDir()}
	bin := t.TempDir()
	must(t, os.Symlink(operator, filepath.Join(bin, "credential-rotation-operator")))
	for name := range tools {
		must(t, os.Symlink(self, filepath.Join(bin, name)))
	}
	s.env = append([]string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + s.home, "STATE=" + filepath.Join(t.TempDir(), "exported"),
		requestsVariable + "=" + filepath.Join(testdata, "requests"),
	}, env...)
	return s
}

// path is the path of a file in the shell's directory.
func (s *shell) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// run runs a block, which must succeed, and returns its output.
func (s *shell) run(script string) string {
	s.t.Helper()
	out, err := s.try(script, nil)
	if err != nil {
		s.t.Fatalf("%v from\n%s\nwhich printed\n%s", err, script, out)
	}
	return out
}

// try runs a script with the given standard input.
func (s *shell) try(script string, stdin []byte) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*harness.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", "[ ! -f \"$STATE\" ] || . \"$STATE\"\n"+script+"\nexport -p > \"$STATE\"")
	cmd.Dir, cmd.Env, cmd.Stdin = s.dir, s.env, bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	s.printed += string(out)
	return string(out), err
}

// write writes a file of the shell's directory.
func (s *shell) write(name string, content []byte) {
	s.t.Helper()
	must(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	must(s.t, os.WriteFile(s.path(name), content, 0o644))
}

// wantNoSecrets looks for secrets in all output.
func (s *shell) wantNoSecrets(canaries harness.Canaries) {
	s.t.Helper()
	for _, found := range canaries.Find("the output", s.printed) {
		s.t.Error(found)
	}
	if strings.Contains(s.printed, "PRIVATE KEY") {
		s.t.Error("a private key was printed")
	}
}
