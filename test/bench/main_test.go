// Package bench counts the operator's cost: requests to CAP, requests and bytes of the API server, memory. Counts are asserted;
// measurements (memory) are only printed by the benchmark.
package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if err := harness.RemoveOperatorBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// startControlPlane starts one for a single test, because the remains of a thousand Secrets would affect others.
func startControlPlane(t testing.TB) *harness.ControlPlane {
	t.Helper()
	cp, err := harness.StartControlPlane(context.WithoutCancel(t.Context()))
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(cp.Stop())) })
	return cp
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
