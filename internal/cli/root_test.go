package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestVersion_IsAFlagTooAndNamesTheProgram(t *testing.T) {
	for _, args := range [][]string{{"--version"}, {"version"}} {
		var out bytes.Buffer
		root := NewRootCommand()
		root.SetArgs(args)
		root.SetOut(&out)
		if err := root.Execute(); err != nil || !strings.HasPrefix(out.String(), "credential-rotation-operator ") {
			t.Errorf("%v says %q (%v)", args, out.String(), err)
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
