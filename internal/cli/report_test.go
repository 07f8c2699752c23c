package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
)

// rotatedTwice has followed one rotation of somebody else's and seen one of its own to its end, and is in the middle of a third.
func rotatedTwice(name string) *v1alpha1.PullSecretRotation {
	day := 24 * time.Hour
	own := v1alpha1.RotationStatus{
		ID: "2own", AccountID: "1gs", Reason: v1alpha1.TriggerSchedule, After: ago(40 * day), OCMStatus: "completed",
		Baseline: []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "CANARY-old"}},
		Issued:   []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "CANARY-new"}, {Registry: "cloud.openshift.com", Fingerprint: "CANARY-new"}},
		Answers:  []v1alpha1.RegistryAnswer{{Registry: "quay.io", Result: "Accepted", At: ago(39 * day)}, {Registry: "cloud.openshift.com", Result: "NotAsked"}},
		Pools:    []v1alpha1.PoolStatus{{Name: "master", ConfigurationBefore: "rendered-master-1"}, {Name: "worker"}},
		Machines: &v1alpha1.MachinesStatus{Total: 6, Updated: 5, Lagging: []v1alpha1.LaggingMachine{{Name: "worker-1", Pool: "worker", Condition: "Drained", Reason: "UpdateExecutedDrained"}}},
		Probes: []v1alpha1.ProbeStatus{
			{Pool: "worker", Machine: "worker-0", Image: "quay.io/acme/tiny:1", Pod: "probe-CANARY", Result: v1alpha1.ProbePulled, TriedAt: ago(39*day - 7*time.Minute)},
			{Pool: "master", Image: "quay.io/acme/tiny:1"},
		},
		BackupSecret: "backup-CANARY",
		StartedAt:    ago(40*day - time.Minute), IntendedAt: ago(40*day - 2*time.Minute), RequestedAt: ago(40*day - 3*time.Minute), IssuedAt: ago(39*day + time.Hour),
		VerifiedAt: ago(39 * day), AppliedAt: ago(39*day - time.Minute), RolledOutAt: ago(39*day - time.Hour), RevokedAt: ago(37 * day), RevocationProvenAt: ago(37*day - time.Hour),
		RevocationAnswers: []v1alpha1.RegistryAnswer{{Registry: "quay.io", Result: "Refused", At: ago(37*day - time.Hour)}},
	}
	o := held()
	o.Name = name
	o.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: managedfields.Approval, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: v1alpha1.GroupVersion.String(), Time: ago(time.Hour), FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{"f:` + v1alpha1.ApprovedAnnotation + `":{}}}}`),
	}}
	o.Annotations = map[string]string{v1alpha1.ApprovedAnnotation: ago(day).UTC().Format(time.RFC3339)}
	o.Status = v1alpha1.PullSecretRotationStatus{
		ClusterID: "0c1a", Salt: "CANARY-salt", Account: &v1alpha1.AccountStatus{ID: "1gs", Username: "=jane"},
		Rotation: &v1alpha1.RotationStatus{
			ID: "3now", AccountID: "1gs", Reason: v1alpha1.TriggerSchedule, After: ago(day), OCMStatus: "pending", StartedAt: ago(50 * time.Minute),
			RequestedAt: ago(49 * time.Minute), IssuedAt: ago(20 * time.Minute), Issued: []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "CANARY-newest"}},
		},
		Credentials: []v1alpha1.CredentialStatus{{Registry: "quay.io", Fingerprint: "CANARY-newest", RefusedSince: ago(10 * time.Minute)}},
		Targets: []v1alpha1.TargetStatus{
			{Namespace: "openshift-config", Name: "pull-secret", Result: v1alpha1.ReasonPullSecretUpdated, AppliedAt: ago(39*day - time.Minute)},
			{Namespace: "hive", Name: "copy", Result: v1alpha1.ReasonAlreadyCurrent, AppliedAt: ago(90 * day)},
			{Namespace: "hive", Name: "gone", Result: v1alpha1.ReasonTargetMissing},
			{Namespace: "hive", Name: "early", Result: v1alpha1.ReasonEntryHealed, AppliedAt: ago(39*day + 2*time.Hour)},
		},
		History: []v1alpha1.RotationStatus{own, {ID: "1foreign", AccountID: "1gs", Adopted: true, Reason: v1alpha1.TriggerStartedElsewhere, OCMStatus: "completed", RequestedAt: ago(90 * day)}},
	}
	return o
}

func TestReport_TellsAnAuditorWhoAskedWhyAndEachStepWithItsTime(t *testing.T) {
	env, _ := cluster(t, rotatedTwice("account"))
	out, err := run(t, newReportCommand(env))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out,
		"taken 2026-11-21T12:00:00Z", "Rotation 1foreign: EndedElsewhere", "Requested by somebody else", "Rotation 2own: Completed", "Cluster 0c1a",
		"Account =jane (1gs)", "Schedule (due 2026-10-12T12:00:00Z)", "2026-10-12T12:03:00Z Requested", "2026-10-15T12:00:00Z Revoked OCM said", "2026-10-15T13:00:00Z Proven every registry refused", "OLD CREDENTIAL SINCE quay.io Refused 2026-10-15T13:00:00Z",
		"quay.io Accepted 2026-10-13T12:00:00Z", "cloud.openshift.com NotAsked -", "Machine pools master, worker", "Machines 5 of 6 had the new file", "worker-1 worker Drained UpdateExecutedDrained",
		"worker-0 worker Pulled 2026-10-13T12:07:00Z quay.io/acme/tiny:1", "master NotAsked",
		"openshift-config/pull-secret 2026-10-13T12:01:00Z", "hive/copy by somebody else", "hive/early by somebody else",
		"Rotation 3now: InProgress", "quay.io Refused 2026-11-21T11:50:00Z")
	order := []string{"1foreign", "2own", "3now"}
	if !slices.IsSortedFunc(order, func(a, b string) int { return strings.Index(out, "Rotation "+a) - strings.Index(out, "Rotation "+b) }) {
		t.Errorf("the rotations are not listed from the oldest on:\n%s", out)
	}
	apart(t, out, "TIME", "LATE MACHINE", "MACHINE", "REGISTRY", "SECRET")
	if strings.Contains(out, "hive/gone") {
		t.Error("a Secret that does not exist is said to hold the credentials")
	}
}

func TestInert_NoProgramDoesWhatACellSays(t *testing.T) {
	for cell, want := range map[string]string{
		"": "", "jane": "jane", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@sum": "'@sum", "\t=1": "'=1", "\r\n@x": "'@x", "\x1b=1": "'=1",
		"＝1": "'＝1", "\x1b[2Jjane\n": "[2Jjane",
	} {
		if got := inert(cell); got != want {
			t.Errorf("%q is written as %q, want %q", cell, got, want)
		}
	}
}

// Whatever the API server's order, the same objects give the same report, and a step that was not taken has no time.
func TestReport_AsCSVHasOneRowForEachRotationInAStableOrder(t *testing.T) {
	env, c := cluster(t, rotatedTwice("zebra"), rotatedTwice("account"))
	env.connect = func() (client.Client, error) {
		return interceptor.NewClient(c.(client.WithWatch), interceptor.Funcs{List: func(ctx context.Context, k client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			err := k.List(ctx, list, opts...)
			slices.Reverse(list.(*v1alpha1.PullSecretRotationList).Items)
			return err
		}}), nil
	}
	out, err := run(t, newReportCommand(env), "-o", "csv")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 7 {
		t.Fatalf("there are %d rows, want a header and 3 for each of 2 objects:\n%s", len(rows), out)
	}
	cell := func(row int, column string) string { return rows[row][slices.Index(rows[0], column)] }
	for i, want := range []string{"account 1foreign", "account 2own", "account 3now", "zebra 1foreign", "zebra 2own", "zebra 3now"} {
		if got := cell(i+1, "pull_secret_rotation") + " " + cell(i+1, "rotation"); got != want {
			t.Errorf("row %d is that of %s, want %s", i+1, got, want)
		}
	}
	for column, want := range map[string]string{
		"cluster_id": "0c1a", "requested_by": "this cluster", "outcome": "Completed", "due_at": "2026-10-12T12:00:00Z", "approved_at": "", "rolled_back_at": "",
		"applied_at": "2026-10-13T12:01:00Z", "revoked_at": "2026-10-15T12:00:00Z", "revocation_proven_at": "2026-10-15T13:00:00Z", "old_credentials": "quay.io Refused 2026-10-15T13:00:00Z", "registries": "quay.io Accepted 2026-10-13T12:00:00Z; cloud.openshift.com NotAsked",
		"machine_pools": "master; worker", "machines": "6", "machines_updated": "5", "late_machines": "worker-1 Drained UpdateExecutedDrained", "pulls": "worker: worker-0 Pulled 2026-10-13T12:07:00Z; master: NotAsked", "account": "'=jane",
		"secrets": "openshift-config/pull-secret 2026-10-13T12:01:00Z; hive/copy by somebody else; hive/early by somebody else",
	} {
		if got := cell(2, column); got != want {
			t.Errorf("%s of the second row is %q, want %q", column, got, want)
		}
	}
}

// The approval that stands in the object is a step of the rotation that it approves, and of no other.
func TestReport_TellsWhenTheRotationWasApproved(t *testing.T) {
	o := rotatedTwice("account")
	expect(t, reportText(reportOn([]v1alpha1.PullSecretRotation{*o}, now)),
		"2026-11-21T11:00:00Z Approved the object's current approval was written (the API server's audit log says by whom)")
	for _, tc := range []struct {
		approves string
		want     []bool // of each rotation, the oldest first
	}{
		{ago(24 * time.Hour).UTC().Format(time.RFC3339), []bool{false, false, true}},
		{ago(40 * 24 * time.Hour).UTC().Format(time.RFC3339), []bool{false, true, false}},
		{"tomorrow", []bool{false, false, false}},
	} {
		o.Annotations[v1alpha1.ApprovedAnnotation] = tc.approves
		for i, r := range reportOn([]v1alpha1.PullSecretRotation{*o}, now).Rotations {
			at := slices.IndexFunc(r.Steps, func(s ReportedStep) bool { return s.Step == stepApproved })
			if (at >= 0) != tc.want[i] || at >= 0 && !r.Steps[at].At.Equal(ago(time.Hour)) {
				t.Errorf("with an approval of %s, rotation %s has the steps %+v", tc.approves, r.ID, r.Steps)
			}
			if !slices.IsSortedFunc(r.Steps, func(a, b ReportedStep) int { return a.At.Compare(b.At.Time) }) {
				t.Errorf("with an approval of %s, the steps of rotation %s are not in order of their times: %+v", tc.approves, r.ID, r.Steps)
			}
		}
	}
}

// What is kept of a rotation that has ended stands beside it until the next begins.
func TestReport_ListsARotationOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		now, history v1alpha1.RotationStatus
		want         int
	}{
		"the one that has just ended":   {v1alpha1.RotationStatus{ID: "a"}, v1alpha1.RotationStatus{ID: "a"}, 1},
		"another one":                   {v1alpha1.RotationStatus{ID: "b"}, v1alpha1.RotationStatus{ID: "a"}, 2},
		"two that OCM has not named":    {v1alpha1.RotationStatus{}, v1alpha1.RotationStatus{}, 2},
		"one that is not requested yet": {v1alpha1.RotationStatus{}, v1alpha1.RotationStatus{ID: "a"}, 2},
	} {
		o := held()
		o.Status.Rotation, o.Status.History = &tc.now, []v1alpha1.RotationStatus{tc.history}
		if got := reportOn([]v1alpha1.PullSecretRotation{*o}, now).Rotations; len(got) != tc.want {
			t.Errorf("%s: %d rotations are listed, want %d: %+v", name, len(got), tc.want, got)
		}
	}
}

// A rotation has no id before it is requested, and where this cluster catches up with one that OCM lists no more.
func TestReport_NamesARotationWithoutAnID(t *testing.T) {
	for name, tc := range map[string]struct {
		rotation v1alpha1.RotationStatus
		says     string
	}{
		"begun here":  {v1alpha1.RotationStatus{After: ago(time.Hour), Reason: v1alpha1.TriggerSchedule}, "Rotation not requested yet: "},
		"catching up": {v1alpha1.RotationStatus{Adopted: true, OCMStatus: "completed", Reason: v1alpha1.TriggerCatchUp}, "Rotation not listed by OCM: "},
	} {
		t.Run(name, func(t *testing.T) {
			o := held()
			o.Status.Rotation = &tc.rotation
			env, _ := cluster(t, o)
			out, err := run(t, newReportCommand(env))
			if err != nil || !strings.Contains(out, tc.says) {
				t.Errorf("it does not say %q (%v):\n%s", tc.says, err, out)
			}
			if strings.Contains(out, "WHAT HAPPENED") {
				t.Errorf("there is a table without a step:\n%s", out)
			}
		})
	}
}

func TestReport_HoldsNothingOfACredentialInAnyForm(t *testing.T) {
	env, _ := cluster(t, rotatedTwice("account"), namedOther(waitingObject()))
	for _, form := range [][]string{nil, {"-o", "json"}, {"-o", "csv"}} {
		out, err := run(t, newReportCommand(env), form...)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out, "CANARY") {
			t.Errorf("%v holds a salt, a fingerprint or the name of a backup:\n%s", form, out)
		}
	}
}

func namedOther(o *v1alpha1.PullSecretRotation) *v1alpha1.PullSecretRotation {
	o.Name = "other"
	return o
}

func TestReport_SaysHowARotationEnded(t *testing.T) {
	earlier, later := ago(time.Hour), ago(time.Minute)
	for name, tc := range map[string]struct {
		rotation v1alpha1.RotationStatus
		want     Outcome
	}{
		"waits for OCM":                   {v1alpha1.RotationStatus{StartedAt: earlier, AppliedAt: later}, InProgress},
		"old credentials are gone":        {v1alpha1.RotationStatus{StartedAt: earlier, AppliedAt: earlier, RevokedAt: later}, Completed},
		"ended before it began here":      {v1alpha1.RotationStatus{OCMStatus: "completed"}, EndedElsewhere},
		"ended before anything was given": {v1alpha1.RotationStatus{StartedAt: earlier, OCMStatus: "completed", RevokedAt: later}, EndedElsewhere},
		"catches up with its end":         {v1alpha1.RotationStatus{StartedAt: earlier, OCMStatus: "completed"}, InProgress},
		"has caught up with its end":      {v1alpha1.RotationStatus{StartedAt: earlier, OCMStatus: "completed", AppliedAt: later}, InProgress},
		"went back":                       {v1alpha1.RotationStatus{StartedAt: earlier, AppliedAt: earlier, RolledBackAt: earlier, GivenUpAt: later}, RolledBack},
		"given up":                        {v1alpha1.RotationStatus{StartedAt: earlier, AppliedAt: earlier, GivenUpAt: later}, GivenUp},
	} {
		if got := outcomeOf(&tc.rotation); got != tc.want {
			t.Errorf("%s: it ended as %s, want %s", name, got, tc.want)
		}
	}
}

func TestReport_IsAnEmptyListWhereNothingWasRotatedAndKnowsAWrongName(t *testing.T) {
	env, _ := cluster(t, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "new"}})
	out, err := run(t, newReportCommand(env), "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || !strings.HasPrefix(out, "{\n  \"takenAt\"") || report.Rotations == nil || len(report.Rotations) != 0 || !report.TakenAt.Equal(now) {
		t.Errorf("got %+v from %q (%v)", report, out, err)
	}
	if out, err := run(t, newReportCommand(env)); err != nil || !strings.Contains(out, "knows of a rotation") {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := run(t, newReportCommand(env), "nobody"); err == nil {
		t.Error("a name that nothing has is no error")
	}
	if _, err := run(t, newReportCommand(env), "-o", "yaml"); err == nil {
		t.Error("an unknown output is no error")
	}
}
