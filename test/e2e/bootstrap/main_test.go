// Package bootstrap shows how the operator comes into a cluster: with its installation, and in place of cap-token-refresh. The
// commands are those of the documentation, taken from its pages, so that page and test cannot drift apart.
package bootstrap

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// TestMain also plays the programs that the pages use and that this machine may lack, see tools_test.go.
func TestMain(m *testing.M) {
	if tool, ok := tools[filepath.Base(os.Args[0])]; ok {
		if err := tool(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+":", err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := harness.RemoveOperatorBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
