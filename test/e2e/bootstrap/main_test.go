// Package bootstrap tests how the operator gets into a cluster: at the cluster's installation, and as a replacement of cap-token-refresh. The
// commands are read from the documentation, so that page and test cannot diverge.
package bootstrap

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// TestMain also stands for the programs of the pages that this machine may not have, see tools_test.go.
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
