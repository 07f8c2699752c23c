package decide

import (
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestJudge_NamesARegistryOnce(t *testing.T) {
	for message, want := range map[string]string{
		"quay.io is rate limiting requests (429)": "quay.io is rate limiting requests (429)",
		"the login is refused":                    "quay.io: the login is refused",
		"quay.io":                                 "quay.io: quay.io",
	} {
		checks := []Check{{Registry: "quay.io", Policy: v1alpha1.VerificationRequired, Result: Answer{Outcome: Unreachable, Message: message}}}
		if _, unknown := Judge(checks); len(unknown) != 1 || unknown[0] != want {
			t.Errorf("%q becomes %q, want %q", message, unknown, want)
		}
	}
}
