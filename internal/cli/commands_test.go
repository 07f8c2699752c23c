package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
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

// run returns what a command printed.
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

// expect wants parts in a text, wherever its lines are broken.
func expect(t *testing.T, text string, parts ...string) {
	t.Helper()
	unbroken := strings.Join(strings.Fields(text), " ")
	for _, part := range parts {
		if !strings.Contains(text, part) && !strings.Contains(unbroken, part) {
			t.Errorf("it does not say %q:\n%s", part, text)
		}
	}
}

// apart wants an empty line before each table, which begins with its first heading.
func apart(t *testing.T, text string, headings ...string) {
	t.Helper()
	for _, h := range headings {
		if !strings.Contains(text, "\n\n  "+h+" ") {
			t.Errorf("there is no empty line before the table %s:\n%s", h, text)
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

// All approvals have the same name in managedFields, whatever the binary is called.
func TestApprove_WritesByANameOfItsOwn(t *testing.T) {
	env, c := cluster(t, held())
	var manager string
	env.connect = func() (client.Client, error) {
		return interceptor.NewClient(c.(client.WithWatch), interceptor.Funcs{Patch: func(ctx context.Context, k client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			manager = (&client.PatchOptions{}).ApplyOptions(opts).FieldManager
			return k.Patch(ctx, o, patch, opts...)
		}}), nil
	}
	if _, err := run(t, newApproveCommand(env), "account"); err != nil || manager != managedfields.Approval {
		t.Errorf("it writes as %q (%v), want %s", manager, err, managedfields.Approval)
	}
}

// An approval is for the T that was read, and not for one that an edit sets at the same time.
func TestApprove_ApprovesNothingWhenTheObjectChangesMeanwhile(t *testing.T) {
	env, c := cluster(t, held())
	k, ok := c.(client.WithWatch)
	if !ok {
		t.Fatalf("%T", c)
	}
	env.connect = func() (client.Client, error) {
		return interceptor.NewClient(k, interceptor.Funcs{Patch: func(ctx context.Context, k client.WithWatch, o client.Object, patch client.Patch, opts ...client.PatchOption) error {
			edited := &v1alpha1.PullSecretRotation{}
			if err := c.Get(ctx, client.ObjectKeyFromObject(o), edited); err != nil {
				return err
			}
			edited.Spec.RotateAfter = ago(time.Minute)
			if err := c.Update(ctx, edited); err != nil {
				return err
			}
			return k.Patch(ctx, o, patch, opts...)
		}}), nil
	}
	if out, err := run(t, newApproveCommand(env), "account"); !apierrors.IsConflict(err) {
		t.Errorf("it said %q (%v), want a conflict", out, err)
	}
	got := &v1alpha1.PullSecretRotation{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: "account"}, got); err != nil || len(got.Annotations) > 0 {
		t.Errorf("it was approved all the same: %v (%v)", got.Annotations, err)
	}
}

func TestApprove_SaysWhyThereIsNothingToApprove(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *v1alpha1.PullSecretRotation)
		args   []string
		says   string
	}{
		"no approval is asked for": {func(o *v1alpha1.PullSecretRotation) { o.Spec.Approval = v1alpha1.ApprovalNone }, nil, "does not need an approval"},
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

// refreshing is a set whose requested refresh the operator reports as carried out at the n-th read.
func refreshing(t *testing.T, n int, change func(*v1alpha1.CAPCredentialSet)) environment {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	looks := 0
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: "cap"}}).
		WithInterceptorFuncs(interceptor.Funcs{Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := c.Get(ctx, key, o, opts...); err != nil {
				return err
			}
			set, ok := o.(*v1alpha1.CAPCredentialSet)
			if requested := o.GetAnnotations()[v1alpha1.RefreshRequestedAnnotation]; ok && requested != "" {
				if looks++; looks >= n {
					set.Status.LastHandledRefresh, set.Status.Credentials = requested, "7\x1b/7"
				}
				if change != nil {
					change(set)
				}
			}
			return nil
		}}).Build()
	return environment{connect: func() (client.Client, error) { return c, nil }, clock: clocktesting.NewFakePassiveClock(now)}
}

func TestRefresh_WaitsUntilTheOperatorSaysThatItIsDone(t *testing.T) {
	out, err := run(t, newRefreshCommand(refreshing(t, 2, nil)), "cap", "--wait")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "Requested", "Done: 7/7 credentials are fresh")
}

func TestRefresh_WaitsForAnAPIServerThatIsAwayForAMoment(t *testing.T) {
	sets := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "capcredentialsets"}
	const once, always, never = 1, 1 << 30, 1 << 30
	for _, c := range []struct {
		answer error
		times  int
		done   int // at which look
		want   string
	}{
		{syscall.ECONNREFUSED, once, 1, ""},
		{apierrors.NewInternalError(errors.New("no leader")), once, 1, ""},
		{apierrors.NewTooManyRequestsError("later"), once, 1, ""},
		{syscall.ECONNREFUSED, always, 1, "it is unknown after 1m0s whether every credential is new: reading CAPCredentialSet cap: connection refused"},
		{syscall.ECONNREFUSED, once, never, "not every credential is new after 1m0s"},
		{apierrors.NewForbidden(sets, "cap", errors.New("no right")), once, 1, "reading CAPCredentialSet cap: "},
		{apierrors.NewNotFound(sets, "cap"), once, 1, "reading CAPCredentialSet cap: "},
	} {
		env := refreshing(t, c.done, nil)
		reached, err := env.connect()
		if err != nil {
			t.Fatal(err)
		}
		looks := 0
		env.connect = func() (client.Client, error) {
			return interceptor.NewClient(reached.(client.WithWatch), interceptor.Funcs{
				Get: func(ctx context.Context, api client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
					if looks++; looks > 1 && looks <= 1+c.times { // the first one is for the request
						return c.answer
					}
					return api.Get(ctx, key, o, opts...)
				},
			}), nil
		}
		var out string
		synctest.Test(t, func(t *testing.T) { out, err = run(t, newRefreshCommand(env), "cap", "--wait", "--timeout=1m") })
		switch {
		case c.want == "" && (err != nil || !strings.Contains(out, "Done")):
			t.Errorf("%v: it says %q, and fails with %v", c.answer, out, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%v: it fails with %v, want %q", c.answer, err, c.want)
		}
	}
}

func TestRefresh_ThatIsNotDoneInTimeFailsWithWhatTheOperatorSays(t *testing.T) {
	env := refreshing(t, 1<<30, func(set *v1alpha1.CAPCredentialSet) {
		set.Status.LastHandledRefresh = "2026-11-20T12:00:00Z" // an earlier one
		set.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRefreshFailing, Message: "CAP is away."}}
	})
	if out, err := run(t, newRefreshCommand(env), "cap", "--wait", "--timeout=10ms"); err == nil || !strings.Contains(err.Error(), "RefreshFailing: CAP is away.") || strings.Contains(out, "Done") {
		t.Errorf("it says %v", err)
	}
	silent := refreshing(t, 1<<30, nil)
	if _, err := run(t, newRefreshCommand(silent), "cap", "--wait", "--timeout=10ms"); err == nil || !strings.Contains(err.Error(), "check that it is running") {
		t.Errorf("without an operator it says %v", err)
	}
	other := refreshing(t, 1<<30, func(set *v1alpha1.CAPCredentialSet) {
		set.Annotations[v1alpha1.RefreshRequestedAnnotation] = "2026-11-21T13:00:00Z"
	})
	if _, err := run(t, newRefreshCommand(other), "cap", "--wait"); err == nil || !strings.Contains(err.Error(), "another refresh") {
		t.Errorf("when somebody else has requested another it says %v", err)
	}
}
