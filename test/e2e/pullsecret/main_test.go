// Package pullsecret shows PullSecretRotation to its users: the operator as a process with the shipped rights, against a
// real API server, OCM and registries that behave like the real ones.
package pullsecret

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// cp is the control plane of all tests of this package.
var cp *harness.ControlPlane

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if cp, err = harness.StartControlPlane(context.Background()); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cp.Stop(), harness.RemoveOperatorBinary()) }()
	return m.Run(), nil
}
