package decide

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// An OCM server that lags behind returns replaced credentials: which of two sets is newer is known whatever the clock did in between.
func TestGiven_TheNewerOfTwoSetsIsKnownByItsTime(t *testing.T) {
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	set := func(fingerprint string) []v1alpha1.EntryFingerprint {
		return []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: fingerprint}, {Registry: "registry.redhat.io", Fingerprint: fingerprint + "-redhat"}}
	}
	for name, after := range map[string]time.Duration{"a minute later": time.Minute, "within the second": time.Millisecond, "after the clock was put back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := Record{&v1alpha1.PullSecretRotationStatus{}}
			s.Given("account", set("first"), noon)
			s.Given("account", set("second"), noon.Add(after))
			s.Given("account", set("first"), noon.Add(after)) // by the one that lags
			if s.Superseded("account", set("second")) || !s.Superseded("account", set("first")) {
				t.Errorf("the first is superseded: %t, the second: %t", s.Superseded("account", set("first")), s.Superseded("account", set("second")))
			}
			if s.Superseded("account", set("third")) {
				t.Error("what nobody has seen is not new")
			}
		})
	}
}
