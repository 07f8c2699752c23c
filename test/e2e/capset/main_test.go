// Package capset shows CAPCredentialSet to its users: the operator as a process of its own, with its own service account
// and the shipped RBAC, against a real API server and a simulated CAP. Each file tells one story.
package capset

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// controlPlane serves all tests of this package, one after the other.
var controlPlane *harness.ControlPlane

func TestMain(m *testing.M) {
	harness.Main(m, func(started *harness.ControlPlane) { controlPlane = started })
}
