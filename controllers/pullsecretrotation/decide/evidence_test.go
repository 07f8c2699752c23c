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

// TestMayWrite_ARefusalHoldsBackOnlyWhatItIsAbout: neither an answer for which the spec no longer asks, nor OCM's word about a token with which no
// cluster has reported yet, is evidence against an entry.
func TestMayWrite_ARefusalHoldsBackOnlyWhatItIsAbout(t *testing.T) {
	for _, test := range []struct {
		name, refusedBy, source string
		policy                  v1alpha1.VerificationPolicy
		want                    bool
	}{
		{name: "what a registry refuses", refusedBy: "quay.io", source: "quay.io", policy: v1alpha1.VerificationBestEffort, want: false},
		{name: "but not once the spec skips the registry", refusedBy: "quay.io", source: "quay.io", policy: v1alpha1.VerificationSkip, want: true},
		{name: "OCM about the cluster's token", refusedBy: telemetryRegistry, source: telemetryRegistry, policy: v1alpha1.VerificationBestEffort, want: true},
		{name: "the registry with the same credential", refusedBy: "quay.io", source: telemetryRegistry, policy: v1alpha1.VerificationBestEffort, want: false},
	} {
		in := underWayInput()
		issued(&in)
		change := Change{Registry: test.source, Source: test.source, Fingerprint: "new"}
		in.Facts.Targets[0].Changes = []Change{change}
		in.Facts.IssuedChecks = []Check{{Registry: test.source, Policy: test.policy, Fingerprint: "new", Result: Answer{Outcome: Unreachable}}}
		in.Status.Credentials = []v1alpha1.CredentialStatus{{Registry: test.refusedBy, Fingerprint: "new", RefusedSince: hours(-1)}}
		if got := MayWrite(in, change); got != test.want {
			t.Errorf("%s: may be written: %v, want %v", test.name, got, test.want)
		}
	}
}
