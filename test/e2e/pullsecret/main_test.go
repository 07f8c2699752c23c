// Package pullsecret tests PullSecretRotation end to end: the operator as a process with the shipped rights, a real API
// server, and simulated OCM and registries.
package pullsecret

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// cp is the control plane of all tests of this package.
var cp *harness.ControlPlane

func TestMain(m *testing.M) { harness.Main(m, func(started *harness.ControlPlane) { cp = started }) }
