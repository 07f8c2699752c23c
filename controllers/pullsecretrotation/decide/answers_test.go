package decide

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A rotation's record has each registry's answer, keeps the time of the first acceptance, and does not lose it to later evidence.
func TestAnswers_AreKeptWithTheRotationWhateverBecomesOfTheEvidence(t *testing.T) {
	at := func(minutes int) time.Time { return time.Date(2026, 11, 21, 12, minutes, 0, 0, time.UTC) }
	s := Record{&v1alpha1.PullSecretRotationStatus{}}
	s.Begin(v1alpha1.RotationStatus{ID: "r"})
	s.MarkIssued([]v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "q"}, {Registry: "registry.redhat.io", Fingerprint: "r"}, {Registry: "cloud.openshift.com", Fingerprint: "c"}}, at(0))
	check := func(registry, fingerprint string, o Outcome) Check {
		return Check{Registry: registry, Fingerprint: fingerprint, Result: Answer{Outcome: o}}
	}
	s.Answered([]Check{check("quay.io", "q", Accepted), check("registry.redhat.io", "r", Unauthorized)}, at(1))
	s.MarkVerified(at(2))
	expectAnswers(t, s.Rotation.Answers, "quay.io Accepted 12:01", "registry.redhat.io Refused 12:01", "cloud.openshift.com NotAsked")

	// Later health checks renew the evidence; then it makes room.
	s.Answered([]Check{check("quay.io", "q", Accepted), check("registry.redhat.io", "r", Accepted)}, at(3))
	s.Finish(RotationCompleted, at(4))
	s.Credentials = nil
	s.Finish(RotationCompleted, at(5))
	expectAnswers(t, s.History[0].Answers, "quay.io Accepted 12:01", "registry.redhat.io Accepted 12:03", "cloud.openshift.com NotAsked")

	s.Begin(v1alpha1.RotationStatus{ID: "r2"})
	s.MarkIssued([]v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "q2"}}, at(6))
	s.Answered([]Check{check("quay.io", "q2", Denied)}, at(7))
	s.Abandon(at(8))
	expectAnswers(t, s.History[0].Answers, "quay.io Refused 12:07")
}

func expectAnswers(t *testing.T, got []v1alpha1.RegistryAnswer, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the answers are %+v, want %q", got, want)
	}
	for i, a := range got {
		text := a.Registry + " " + a.Result
		if a.At != nil {
			text += " " + a.At.UTC().Format("15:04")
		}
		if text != want[i] {
			t.Errorf("the record says %q, want %q", text, want[i])
		}
	}
}
