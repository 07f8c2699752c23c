package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// held is an object whose T an approval must release.
func held(change func(*v1alpha1.PullSecretRotation)) *v1alpha1.PullSecretRotation {
	o := &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "account", CreationTimestamp: *hours(-50)}}
	o.Spec = v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeRotate, Approval: v1alpha1.ApprovalBeforeRequest, RotateAfter: hours(-1)}
	if change != nil {
		change(o)
	}
	return o
}

func TestToApprove_IsTheTThatIsDueOrTheNextOne(t *testing.T) {
	notYet := func(o *v1alpha1.PullSecretRotation) { o.Spec.RotateAfter = hours(5) }
	for _, row := range []struct {
		name   string
		change func(*v1alpha1.PullSecretRotation)
		wanted *metav1.Time
		want   *metav1.Time // nil: there is none
		says   string
	}{
		{"what is due", nil, nil, hours(-1), ""},
		{"what is due, by its time", nil, hours(-1), hours(-1), ""},
		{"what is next, by its time", notYet, hours(5), hours(5), ""},
		{"what is next is not meant without it", notYet, nil, nil, "no rotation is due yet; the next becomes due at 2026-05-06 17:00 UTC: approve it in advance with --after 2026-05-06T17:00:00Z."},
		{"nothing ever is", func(o *v1alpha1.PullSecretRotation) { o.Spec.RotateAfter = nil }, nil, nil, "no rotation is due yet."},
		{"another time", nil, hours(-2), nil, "no rotation is due at 2026-05-06 10:00 UTC. Due is the one of 2026-05-06 11:00 UTC."},
		{"another time than the next", notYet, hours(-2), nil, "None is due; the next becomes due at"},
		{"a mode that requests nothing", func(o *v1alpha1.PullSecretRotation) { o.Spec.Mode = v1alpha1.ModeFollow }, nil, nil, "has the mode Follow"},
		{"no approval is needed", func(o *v1alpha1.PullSecretRotation) { o.Spec.Approval = v1alpha1.ApprovalNone }, nil, nil, "does not need an approval"},
		{"a spec that cannot be carried out", func(o *v1alpha1.PullSecretRotation) { o.Spec.Schedule = &v1alpha1.RotationSchedule{Cron: "x"} }, nil, nil, "spec.schedule"},
		{"it is under way", func(o *v1alpha1.PullSecretRotation) {
			o.Status.Rotation = &v1alpha1.RotationStatus{ID: "a", After: hours(-1)}
		}, nil, nil, "is under way already."},
		{"it has taken place", func(o *v1alpha1.PullSecretRotation) {
			o.Status.Rotation = &v1alpha1.RotationStatus{ID: "a", After: hours(-1), RevokedAt: hours(0)}
		}, nil, nil, "has taken place already."},
	} {
		t.Run(row.name, func(t *testing.T) {
			var wanted *time.Time
			if row.wanted != nil {
				wanted = &row.wanted.Time
			}
			got, err := ToApprove(held(row.change), wanted, noon)
			if row.want != nil && (err != nil || !got.Equal(row.want.Time)) {
				t.Errorf("it is %s, %v, want %s", got, err, row.want)
			}
			if row.want == nil && (err == nil || !strings.Contains(err.Error(), row.says)) {
				t.Errorf("it is %s, and the error %v does not say %q", got, err, row.says)
			}
		})
	}
}

func TestWaitingSince_NamesWhatBeganTheWait(t *testing.T) {
	full := v1alpha1.RotationStatus{RequestedAt: hours(-9), StartedAt: hours(-10), IssuedAt: hours(-8), AppliedAt: hours(-7), RolledBackAt: hours(-6)}
	for what, row := range map[string]struct {
		since   *metav1.Time
		reasons []string
	}{
		"asked":       {hours(-9), []string{v1alpha1.ReasonAwaitingIssue, v1alpha1.ReasonIssueOverdue, v1alpha1.ReasonRotationStarted, v1alpha1.ReasonRotationVanished}},
		"issued":      {hours(-8), []string{v1alpha1.ReasonVerifying, v1alpha1.ReasonCredentialsRefused, v1alpha1.ReasonVerificationIncomplete}},
		"applied":     {hours(-7), []string{v1alpha1.ReasonRollingOut, v1alpha1.ReasonRolloutDegraded, v1alpha1.ReasonProbing, v1alpha1.ReasonAwaitingRevocation, v1alpha1.ReasonRevocationOverdue}},
		"rolled back": {hours(-6), []string{v1alpha1.ReasonRolledBack}},
		"due":         {hours(-1), []string{v1alpha1.ReasonAwaitingApproval, v1alpha1.ReasonAwaitingWindow, v1alpha1.ReasonSpreadingRequests, v1alpha1.ReasonSiblingClusters}},
		"":            {hours(-2), []string{v1alpha1.ReasonTargetMissing}},
	} {
		for _, reason := range row.reasons {
			o := held(func(o *v1alpha1.PullSecretRotation) {
				o.Status.Rotation, o.Status.WaitingFor = full.DeepCopy(), "something"
				o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason, LastTransitionTime: *hours(-2)}}
			})
			if got, at, ok := WaitingSince(o, noon); !ok || got != what || !at.Equal(row.since.Time) {
				t.Errorf("%s: %q since %s, %v; want %q since %s", reason, got, at, ok, what, row.since)
			}
			// Without a record of it, the wait began with the report.
			o.Status.Rotation, o.Spec.RotateAfter = nil, nil
			if got, at, ok := WaitingSince(o, noon); !ok || got != "" || !at.Equal(hours(-2).Time) {
				t.Errorf("%s, without a rotation: %q since %s, %v", reason, got, at, ok)
			}
			o.Spec.RotateAfter, o.Spec.Schedule = hours(-1), &v1alpha1.RotationSchedule{Cron: "x"}
			if got, _, ok := WaitingSince(o, noon); !ok || got != "" {
				t.Errorf("%s, with a spec that has no T: %q, %v", reason, got, ok)
			}
			o.Status.WaitingFor = ""
			if _, _, ok := WaitingSince(o, noon); ok {
				t.Errorf("%s: it waits for nothing", reason)
			}
		}
	}
	if _, _, ok := WaitingSince(held(func(o *v1alpha1.PullSecretRotation) { o.Status.WaitingFor = "something" }), noon); ok {
		t.Error("an object that nobody has looked at waits since some time")
	}
}
