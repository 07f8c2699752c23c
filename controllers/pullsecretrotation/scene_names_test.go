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
		"an entry to add, in mode Audit": {func(s *v1alpha1.PullSecretRotationSpec) {
			s.Mode, s.Entries.AddMissing = v1alpha1.ModeAudit, []string{"quay.oi"}
		}, "quay.oi"},
		"an entry to add": {func(s *v1alpha1.PullSecretRotationSpec) { s.Entries.AddMissing = []string{"quay.oi"} }, "quay.oi"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.create(notDue(c.spec))
			s.run(7 * time.Hour)
			if _, _, message := s.ready(); strings.Count(message, c.word) != 1 {
				t.Errorf("Ready does not speak of %s, once: %s", c.word, message)
			}
			if status, reason, message := s.condition(v1alpha1.ConditionSpecMatches); status != "False" || reason != v1alpha1.ReasonSpecUnmatched || !strings.Contains(message, c.word) {
				t.Errorf("SpecMatches is %s, %s: %s", status, reason, message)
			}
			if list := s.get().Status.Unmatched; len(list) != 1 || !strings.Contains(list[0], c.word) {
				t.Errorf("status.unmatched is %q", list)
			}
			s.edit(func(spec *v1alpha1.PullSecretRotationSpec) {
				spec.Verification, spec.Entries.AddMissing = nil, []string{simocm.Quay}
			})
			s.run(time.Minute)
			if status, _, message := s.condition(v1alpha1.ConditionSpecMatches); status != "True" || len(s.get().Status.Unmatched) > 0 {
				t.Errorf("SpecMatches is %s after the correction: %s", status, message)
			}
		})
	}
}
