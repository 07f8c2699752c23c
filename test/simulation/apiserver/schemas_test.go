package apiserver_test

import (
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/config"
)

// The server in memory looks at no rule when a status is written, and shows none what was there before.
func TestRules_LookAtTheSpecAloneAndAtNoPast(t *testing.T) {
	for _, crd := range config.CRDs() {
		_, status, ok := strings.Cut(string(crd), "\n          status:\n")
		if !ok || strings.Contains(status, "x-kubernetes-validations") {
			t.Error("the status has rules: let the server in memory look at them")
		}
		if strings.Contains(string(crd), "oldSelf") {
			t.Error("a rule looks at the past: let the server in memory show it")
		}
	}
}
