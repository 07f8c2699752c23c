// Package capset tests CAPCredentialSet end to end: the operator as a process with its service account and the shipped RBAC,
// a real API server and a simulated CAP. Each file has one subject.
package capset

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// controlPlane is shared by all tests of this package.
var controlPlane *harness.ControlPlane

func TestMain(m *testing.M) {
	harness.Main(m, func(started *harness.ControlPlane) { controlPlane = started })
}
