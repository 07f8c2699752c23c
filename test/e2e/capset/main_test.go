// Package capset shows CAPCredentialSet to its users: the operator as a process of its own, with its own service account
// and the shipped RBAC, against a real API server and a simulated CAP. Each file tells one story.
package capset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// controlPlane serves all tests of this package, one after the other.
var controlPlane *harness.ControlPlane

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if controlPlane, err = harness.StartControlPlane(context.Background()); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, controlPlane.Stop(), harness.RemoveOperatorBinary()) }()
	return m.Run(), nil
}
