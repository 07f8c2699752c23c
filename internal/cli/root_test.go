package cli

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
)

// said is what the program says when it is called like this.
func said(t *testing.T, args ...string) (string, error) {
	t.Helper()
	before := os.Args
	defer func() { os.Args = before }()
	os.Args = args
	var out bytes.Buffer
	root := NewRootCommand()
	root.SetOut(&out)
	err := root.Execute()
	return out.String(), err
}

func TestVersion_IsAFlagTooAndNamesTheProgram(t *testing.T) {
	for _, arg := range []string{"--version", "version"} {
		if out, err := said(t, "credential-rotation-operator", arg); err != nil || !strings.HasPrefix(out, "credential-rotation-operator ") {
			t.Errorf("%s says %q (%v)", arg, out, err)
		}
	}
}

func TestWords_OfAnErrorHaveNothingThatATerminalObeys(t *testing.T) {
	err := errors.Join(errors.New("the webhook says \x1b[2J\x07no"), errors.New("line\ttwo\u202e"))
	if got, want := Words(err), "the webhook says [2Jno\nline two"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHelp_NamesEachCommand(t *testing.T) {
	out, err := said(t, "credential-rotation-operator", "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("manager seed install-manifests version status report explain approve refresh upgrade-check gather") {
		if !strings.Contains(out, "\n  "+name+" ") {
			t.Errorf("the help does not name %s:\n%s", name, out)
		}
	}
}

// must-gather calls the program by the name gather, and without an argument.
func TestGather_IsAlsoANameOfTheProgram(t *testing.T) {
	for _, args := range [][]string{{"/usr/bin/gather", "--help"}, {"credential-rotation-operator", "gather", "--help"}} {
		out, err := said(t, args...)
		if err != nil || !strings.Contains(out, "credential-rotation-operator gather [flags]") {
			t.Errorf("%v says (%v):\n%s", args, err, out)
		}
	}
}

func TestHelp_OfAPluginShowsHowItIsCalled(t *testing.T) {
	for program, want := range map[string]string{"credential-rotation-operator": "", "kubectl-credential_rotation": "oc credential-rotation"} {
		got := ""
		for _, value := range pluginName(program) {
			got = value
		}
		if got != want {
			t.Errorf("%s is shown as %q, want %q", program, got, want)
		}
	}
}
