// Package pullsecret shows PullSecretRotation to its users: the operator as a process with the shipped rights, against a
// real API server, OCM and registries that behave like the real ones.
package pullsecret

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// cp is the control plane of all tests of this package.
var cp *harness.ControlPlane

func TestMain(m *testing.M) { harness.Main(m, func(started *harness.ControlPlane) { cp = started }) }
