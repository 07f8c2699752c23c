package pullsecret

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	eventsv1 "k8s.io/api/events/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// kubectl runs kubectl.
func (w *world) kubectl(args ...string) string {
	w.t.Helper()
	config := filepath.Join(w.t.TempDir(), "kubeconfig")
	w.must(os.WriteFile(config, cp.AdminKubeconfig, 0o600))
	out, err := exec.Command(cp.Kubectl, append([]string{"--kubeconfig", config}, args...)...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("kubectl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestTheTableAndTheMessageShowWhatIsWaitedFor(t *testing.T) {
	w := newWorld(t, still())
	w.create(rotation())
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	for _, part := range []string{"has not issued new credentials yet", "four times a day", "was requested at", r.Status.Rotation.ID} {
		if !strings.Contains(r.Status.WaitingFor, part) {
			t.Errorf("status.waitingFor does not contain %q: %s", part, r.Status.WaitingFor)
		}
	}
	table := w.kubectl("get", "psr")
	for _, part := range []string{"MODE", "READY", "PHASE", "ACCOUNT", "SECRET-AGE", "NEXT", "Rotate", "Waiting for new credentials", w.account.Username} {
		if !strings.Contains(table, part) {
			t.Errorf("`get psr` does not show %q:\n%s", part, table)
		}
	}
}

func TestEachStepIsOneEventWithTheRotationsID(t *testing.T) {
	w := newWorld(t, living())
	w.create(rotation())
	w.start()
	r := w.waitFor("the rotation has ended", ended)
	w.expectEvent(v1alpha1.ReasonRotationCompleted, r.Status.Rotation.ID)
	w.expectEvent(v1alpha1.ReasonRevocationProven, r.Status.Rotation.ID)
	list := &eventsv1.EventList{}
	w.must(cp.Client.List(t.Context(), list))
	var got []string
	for _, e := range list.Items {
		if e.Regarding.Name != name {
			continue
		}
		got = append(got, e.Reason)
		if !strings.Contains(e.Note, r.Status.Rotation.ID) {
			t.Errorf("the event %s does not name the rotation: %s", e.Reason, e.Note)
		}
		if e.ReportingController == "" || e.Series != nil {
			t.Errorf("the event %s has no actor, or happened more than once", e.Reason)
		}
	}
	want := []string{v1alpha1.ReasonRotationRequested, v1alpha1.ReasonCredentialsIssued, v1alpha1.ReasonCredentialsVerified,
		v1alpha1.ReasonPullSecretUpdated, v1alpha1.ReasonRolledOut, v1alpha1.ReasonRotationCompleted, v1alpha1.ReasonRevocationProven}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the events are %q, want %q", got, want)
	}
	h := r.Status.History[0]
	if h.StartedAt == nil || h.RequestedAt == nil || h.IssuedAt == nil || h.VerifiedAt == nil || h.AppliedAt == nil || h.RolledOutAt == nil || h.RevokedAt == nil {
		t.Errorf("a time is missing in the history: %+v", h)
	}
}

func TestMissedDeadlinesAreReportedAndTheWaitingContinues(t *testing.T) {
	w := newWorld(t, still())
	w.config.Args = append(w.config.Args, "--pull-secret-issue-deadline=2s", "--pull-secret-revoke-deadline=6s")
	w.create(rotation())
	w.start()
	w.waitForReason(v1alpha1.ReasonIssueOverdue)
	w.ocm.RunBatch()
	w.waitForReason(v1alpha1.ReasonRevocationOverdue)
	w.current()
	w.days(6) // the sibling's transfer expires
	w.waitFor("the rotation has still ended", ended)
	w.oneRotation()
}

func TestMetricsHaveTheStateAndNoCredential(t *testing.T) {
	w := newWorld(t, still())
	w.create(rotation())
	p := w.start()
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	metrics, err := p.Metrics(t.Context())
	w.must(err)
	for _, part := range []string{
		`credential_rotation_pull_secret_status{reason="AwaitingIssue",rotation="account",state="Progressing"} 1`,
		`credential_rotation_ocm_requests_total{method="POST",path=`,
	} {
		if !strings.Contains(metrics, part) {
			t.Errorf("the metrics do not contain %s", part)
		}
	}
}
