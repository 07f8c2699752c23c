package commands

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// now in all tests of this package.
var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) *metav1.Time {
	t := metav1.NewTime(now.Add(-d))
	return &t
}

// cluster has these objects.
func cluster(t *testing.T, objects ...client.Object) (environment, client.Client) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	return environment{connect: func() (client.Client, error) { return c, nil }, clock: clocktesting.NewFakePassiveClock(now)}, c
}

// run gives what a command printed.
func run(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func expect(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
}

// held is an object whose rotation is due since the day before and waits for approval.
func held() *v1alpha1.PullSecretRotation {
	return &v1alpha1.PullSecretRotation{
		ObjectMeta: metav1.ObjectMeta{Name: "account", Generation: 1, CreationTimestamp: *ago(10 * 24 * time.Hour)},
		Spec: v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeRotate, Approval: v1alpha1.ApprovalBeforeRequest,
			Schedule: &v1alpha1.RotationSchedule{Cron: "0 12 20 * *", TimeZone: "UTC"}},
	}
}

func TestApprove_ApprovesTheTThatIsDueNowAndPrintsIt(t *testing.T) {
	env, c := cluster(t, held())
	out, err := run(t, newApproveCommand(env), "account")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "Approved", "2026-11-20T12:00:00Z", "1 d ago", "A later one needs an approval of its own")
	got := &v1alpha1.PullSecretRotation{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "account"}, got); err != nil {
		t.Fatal(err)
	}
	if a := got.Annotations[v1alpha1.ApprovedAnnotation]; a != "2026-11-20T12:00:00Z" {
		t.Errorf("the annotation is %q, want the T that is due", a)
	}
	version := got.ResourceVersion
	if out, err = run(t, newApproveCommand(env), "account"); err != nil || !strings.Contains(out, "Already approved") {
		t.Errorf("a second time: %q, %v", out, err)
	}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "account"}, got); err != nil || got.ResourceVersion != version {
		t.Errorf("a second time writes again (%v)", err)
	}
}

func TestApprove_ApprovesTheNextInAdvanceWhenItIsNamed(t *testing.T) {
	env, c := cluster(t, held())
	out, err := run(t, newApproveCommand(env), "account", "--after", "2026-12-20T13:00:00+01:00")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "2026-12-20T12:00:00Z", "in 29 d")
	got := &v1alpha1.PullSecretRotation{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "account"}, got); err != nil || got.Annotations[v1alpha1.ApprovedAnnotation] != "2026-12-20T12:00:00Z" {
		t.Errorf("the annotations are %v (%v), want the next T", got.Annotations, err)
	}
}

func TestApprove_SaysWhyThereIsNothingToApprove(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *v1alpha1.PullSecretRotation)
		args   []string
		says   string
	}{
		"no approval is asked for": {func(o *v1alpha1.PullSecretRotation) { o.Spec.Approval = v1alpha1.ApprovalNone }, nil, "waits for no approval"},
		"a follower":               {func(o *v1alpha1.PullSecretRotation) { o.Spec.Mode = v1alpha1.ModeFollow }, nil, "requests no rotation"},
		"nothing is due yet": {func(o *v1alpha1.PullSecretRotation) { o.CreationTimestamp = *ago(time.Hour) }, nil,
			"no rotation is due yet; the next becomes due at 2026-12-20 12:00 UTC: approve it in advance with --after 2026-12-20T12:00:00Z"},
		"it has taken place": {func(o *v1alpha1.PullSecretRotation) {
			o.Status.History = []v1alpha1.RotationStatus{{ID: "r", After: ago(24 * time.Hour), RevokedAt: ago(time.Hour)}}
		}, nil, "has taken place already"},
		"it is under way": {func(o *v1alpha1.PullSecretRotation) {
			o.Status.Rotation = &v1alpha1.RotationStatus{ID: "r", After: ago(24 * time.Hour)}
		}, nil, "is under way already"},
		"another T":    {func(*v1alpha1.PullSecretRotation) {}, []string{"--after", "2026-11-19T00:00:00Z"}, "Due is the one of 2026-11-20 12:00 UTC"},
		"no time":      {func(*v1alpha1.PullSecretRotation) {}, []string{"--after", "tomorrow"}, "--after needs a time"},
		"a wrong spec": {func(o *v1alpha1.PullSecretRotation) { o.Spec.Schedule.TimeZone = "Mars/Base" }, nil, "is unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			o := held()
			c.change(o)
			env, k := cluster(t, o)
			_, err := run(t, newApproveCommand(env), append([]string{"account"}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
			got := &v1alpha1.PullSecretRotation{}
			if err := k.Get(t.Context(), client.ObjectKey{Name: "account"}, got); err != nil || len(got.Annotations) > 0 {
				t.Errorf("it was annotated all the same: %v (%v)", got.Annotations, err)
			}
		})
	}
}

func TestRefresh_AnnotatesTheSetWithThePresentTime(t *testing.T) {
	set := &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: "cap"}}
	env, c := cluster(t, set)
	out, err := run(t, newRefreshCommand(env), "cap")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "CAPCredentialSet cap", "2026-11-21T12:00:00Z")
	got := &v1alpha1.CAPCredentialSet{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "cap"}, got); err != nil || got.Annotations[v1alpha1.RefreshRequestedAnnotation] != "2026-11-21T12:00:00Z" {
		t.Errorf("the annotations are %v (%v)", got.Annotations, err)
	}
	got.Spec.Suspend = true
	if err := c.Update(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, newRefreshCommand(env), "cap"); err == nil || !strings.Contains(err.Error(), "suspended") {
		t.Errorf("a suspended set: %v, want to be told that it does nothing", err)
	}
}

// waitingObject waits for OCM to issue, and has a rotation behind it.
func waitingObject() *v1alpha1.PullSecretRotation {
	o := held()
	o.Generation = 3
	o.Spec.Approval = v1alpha1.ApprovalNone
	next := metav1.NewTime(now.Add(29 * 24 * time.Hour))
	o.Status = v1alpha1.PullSecretRotationStatus{
		ObservedGeneration: 3, Phase: "Waiting for new credentials", WaitingFor: "OCM has not issued new credentials yet; its batch runs four times a day.",
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonAwaitingIssue, Message: "OCM has not issued new credentials yet."},
			{Type: v1alpha1.ConditionPoolsPaused, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPoolPaused, Message: "The pools worker are paused."},
		},
		Account: &v1alpha1.AccountStatus{ID: "1gs", Username: "jane"}, NextRotationAfter: &next, PullSecretIssuedAt: ago(90 * 24 * time.Hour),
		Rotation: &v1alpha1.RotationStatus{ID: "present", Reason: v1alpha1.TriggerSchedule, RequestedAt: ago(2*time.Hour + 10*time.Minute), Salt: "CANARY-salt",
			Baseline: []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "CANARY-print"}}},
		History:    []v1alpha1.RotationStatus{{ID: "earlier", Adopted: true, Reason: v1alpha1.TriggerCatchUp, RequestedAt: ago(90 * 24 * time.Hour), RevokedAt: ago(88 * 24 * time.Hour)}},
		Registries: []v1alpha1.RegistryStatus{{Registry: "quay.io", Result: "Unreachable", Message: "no answer in time", CheckedAt: ago(5 * time.Minute)}},
		Targets: []v1alpha1.TargetStatus{{Namespace: "openshift-config", Name: "pull-secret", Result: v1alpha1.ReasonPullSecretUpdated, AppliedAt: ago(89 * 24 * time.Hour),
			Entries: []v1alpha1.EntryStatus{{Registry: "quay.io", Action: "Replaced"}, {Registry: "mirror:5000", Action: "KeptForeign"}, {Registry: "x.example.com", Action: "KeptForeign"}}}},
	}
	return o
}

func freshSet() *v1alpha1.CAPCredentialSet {
	inAnHour, inADay := metav1.NewTime(now.Add(time.Hour)), metav1.NewTime(now.Add(24*time.Hour))
	return &v1alpha1.CAPCredentialSet{
		ObjectMeta: metav1.ObjectMeta{Name: "cap", Generation: 2},
		Status: v1alpha1.CAPCredentialSetStatus{
			ObservedGeneration: 1, Credentials: "1/2", EarliestExpiry: &inAnHour, NextRefresh: &inAnHour,
			Conditions:        []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRefreshFailing, Message: "One of two."}},
			ClientCertificate: &v1alpha1.ClientCertificateStatus{Subject: "CN=cluster", NotAfter: &inADay},
			Targets: []v1alpha1.CredentialTargetStatus{
				{Namespace: "a", Name: "one", Role: "ops", Result: v1alpha1.ReasonRoleRefused, Message: "CAP refuses the role."},
				{Namespace: "b", Name: "two", Role: "csi", Result: v1alpha1.ReasonFresh, ExpiresAt: &inAnHour, RefreshedAt: ago(time.Hour)},
			},
		},
	}
}

func TestStatus_SaysInWordsWhatBothKindsDo(t *testing.T) {
	env, _ := cluster(t, waitingObject(), freshSet())
	out, err := run(t, newStatusCommand(env))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out,
		"PullSecretRotation account", "Waiting for new credentials", "four times a day. (asked 2 h 10 min ago)", "jane (1gs)", "(in 29 d)",
		"The pools worker are paused.", "openshift-config/pull-secret", "PullSecretUpdated", "89 d ago", "1 Replaced, 2 KeptForeign",
		"Unreachable", "5 min ago", "no answer in time",
		"present", "this cluster", "Schedule", "earlier", "somebody else", "CatchUp", "88 d ago",
		"CAPCredentialSet cap", "1/2", "(in 1 h)", "CN=cluster, expires 2026-11-22 12:00 UTC (in 1 d)", "a/one", "CAP refuses the role.", "b/two",
		"has not seen the latest change of the spec")
	if strings.Contains(out, "mirror:5000") {
		t.Error("the narrow form names each entry")
	}
	wide, err := run(t, newStatusCommand(env), "account", "-o", "wide")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, wide, "KeptForeign: mirror:5000 x.example.com", "VERIFIED", "ROLLED OUT", "2026-11-21 09:50 UTC (2 h 10 min ago)")
	if strings.Contains(wide, "CAPCredentialSet") {
		t.Error("an object of another name is shown")
	}
}

func TestStatus_IsAlsoForProgramsAndHoldsNothingOfACredential(t *testing.T) {
	env, _ := cluster(t, waitingObject(), freshSet())
	out, err := run(t, newStatusCommand(env), "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var view View
	if err := json.Unmarshal([]byte(out), &view); err != nil {
		t.Fatal(err)
	}
	if w := view.PullSecretRotations[0].Waiting; w == nil || w.What != "asked" || !w.Since.Equal(now.Add(-130*time.Minute)) {
		t.Errorf("waiting is %+v, want asked 130 minutes ago", w)
	}
	if len(view.CAPCredentialSets) != 1 || len(view.CAPCredentialSets[0].Targets) != 2 {
		t.Errorf("the sets are %+v", view.CAPCredentialSets)
	}
	if strings.Contains(out, "CANARY") {
		t.Error("it holds a salt or a fingerprint, which is nobody's business")
	}
}

func TestStatus_TellsAnEmptyClusterFromAWrongName(t *testing.T) {
	env, _ := cluster(t)
	if out, err := run(t, newStatusCommand(env)); err != nil || !strings.Contains(out, "There are no") {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := run(t, newStatusCommand(env), "nobody"); err == nil {
		t.Error("a name that nothing has is no error")
	}
	if _, err := run(t, newStatusCommand(env), "-o", "yaml"); err == nil {
		t.Error("an unknown output is no error")
	}
	if out, _ := run(t, newStatusCommand(env), "-o", "json"); !strings.Contains(out, `"pullSecretRotations": []`) {
		t.Errorf("an empty list is not printed as one: %s", out)
	}
}

// A due rotation waits since T, not since the operator has noticed.
func TestStatus_CountsFromWhatBeganTheWaiting(t *testing.T) {
	for reason, want := range map[string]string{
		v1alpha1.ReasonAwaitingApproval:   "(due 1 d ago)",
		v1alpha1.ReasonAwaitingRevocation: "(applied 3 h ago)",
		v1alpha1.ReasonVerifying:          "(issued 4 h ago)",
		v1alpha1.ReasonOCMUnavailable:     "(so 7 min ago)",
	} {
		t.Run(reason, func(t *testing.T) {
			o := waitingObject()
			o.Status.Rotation.IssuedAt, o.Status.Rotation.AppliedAt = ago(4*time.Hour), ago(3*time.Hour)
			o.Status.Conditions[0].Reason, o.Status.Conditions[0].LastTransitionTime = reason, *ago(7 * time.Minute)
			env, _ := cluster(t, o)
			out, err := run(t, newStatusCommand(env))
			if err != nil {
				t.Fatal(err)
			}
			expect(t, out, want)
		})
	}
}

func TestRelative_NamesTheTwoLargestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s ago", 45 * time.Second: "45 s ago", 130 * time.Minute: "2 h 10 min ago", 26 * time.Hour: "1 d 2 h ago",
		41*24*time.Hour + time.Hour: "41 d ago", -90 * time.Second: "in 1 min 30 s", time.Hour: "1 h ago",
	} {
		if got := relative(now.Add(-d), now); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
