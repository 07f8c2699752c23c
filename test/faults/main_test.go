package faults

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

var cp *harness.ControlPlane

func TestMain(m *testing.M) { harness.Main(m, func(c *harness.ControlPlane) { cp = c }) }
