package pullsecretrotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

func TestNames_ThatMatchNothingAreSaid(t *testing.T) {
	for name, c := range map[string]struct {
		spec func(*v1alpha1.PullSecretRotationSpec)
		word string
	}{
		"a registry to verify": {func(s *v1alpha1.PullSecretRotationSpec) {
			s.Verification = []v1alpha1.RegistryVerification{{Registry: "registry.redhat.oi", Policy: v1alpha1.VerificationRequired}}
		}, "registry.redhat.oi"},
		"an entry to add": {func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{"quay.oi"} }, "quay.oi"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.create(notDue(c.spec))
			s.run(7 * time.Hour)
			if _, _, message := s.ready(); !strings.Contains(message, c.word) {
				t.Errorf("Ready does not speak of %s: %s", c.word, message)
			}
		})
	}
}
