package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
)

// Main is the TestMain of a package whose tests share one control plane: it starts the control plane, passes it to use, runs the tests, and
// removes the control plane and the operator's binary.
func Main(m *testing.M, use func(*ControlPlane)) {
	code, err := runWithControlPlane(m, use)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runWithControlPlane(m *testing.M, use func(*ControlPlane)) (code int, err error) {
	cp, err := StartControlPlane(context.Background())
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cp.Stop(), RemoveOperatorBinary()) }()
	use(cp)
	return m.Run(), nil
}
