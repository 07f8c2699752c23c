package pullsecret

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/harness"
	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// command runs the operator's command line.
func (w *world) command(args ...string) string {
	w.t.Helper()
	binary, err := harness.BuildOperator(w.t.Context())
	w.must(err)
	config := filepath.Join(w.t.TempDir(), "kubeconfig")
	w.must(os.WriteFile(config, cp.AdminKubeconfig, 0o600))
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{"KUBECONFIG=" + config, "HOME=" + w.t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	for _, secret := range w.ocm.Canaries() {
		if strings.Contains(string(out), secret) {
			w.t.Errorf("%q prints a secret", args)
		}
	}
	return string(out)
}

func TestTheCommandLineApprovesAndShowsWhatIsWaitedFor(t *testing.T) {
	w := newWorld(t, settings{siblings: 1, siblingMode: ocm.SwitchesSoon})
	w.create(rotation(func(s *v1alpha1.PullSecretRotationSpec) { s.Approval = v1alpha1.ApprovalBeforeRequest }))
	w.start()
	r := w.waitForReason(v1alpha1.ReasonAwaitingApproval)
	if out := w.command("approve", name); !strings.Contains(out, r.Spec.RotateAfter.UTC().Format("2006-01-02T15:04:05Z")) {
		t.Errorf("approve does not print what it approved: %s", out)
	}
	w.waitForReason(v1alpha1.ReasonAwaitingIssue)
	w.expectAsked(1)
	w.ocm.RunBatch()
	r = w.waitForReason(v1alpha1.ReasonAwaitingRevocation)
	out := w.command("status", "-o", "wide")
	for _, part := range []string{"PullSecretRotation account", "Rotated; waiting for revocation", " s ago)", w.account.Username,
		"openshift-config/pull-secret", "PullSecretUpdated", "quay.io", "Accepted", "this cluster", "RotateAfter"} {
		if !strings.Contains(out, part) {
			t.Errorf("status does not print %q:\n%s", part, out)
		}
	}
	t.Log("\n" + w.command("status"))
	record := w.command("report")
	for _, part := range []string{"InProgress", harness.DefaultClusterID, r.Status.Rotation.ID, "Approved", "Requested", "Applied", "quay.io", "Accepted", "openshift-config/pull-secret"} {
		if !strings.Contains(record, part) {
			t.Errorf("report does not print %q:\n%s", part, record)
		}
	}
	if rows := strings.Split(strings.TrimSpace(w.command("report", "-o", "csv")), "\n"); len(rows) != 2 {
		t.Errorf("the report has %d rows, want a header and a rotation: %q", len(rows), rows)
	}
}
