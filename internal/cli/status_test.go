package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// waitingObject waits for OCM to issue, and has a rotation behind it.
func waitingObject() *v1alpha1.PullSecretRotation {
	o := held()
	o.Generation = 3
	o.Spec.Approval = v1alpha1.ApprovalNone
	next := metav1.NewTime(now.Add(29 * 24 * time.Hour))
	o.Status = v1alpha1.PullSecretRotationStatus{
		ObservedGeneration: 3, Salt: "CANARY-salt", Phase: "Waiting for new credentials", WaitingFor: "OCM has not issued new credentials yet; it issues them four times a day.",
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonAwaitingIssue, Message: "OCM has not issued new credentials yet."},
			{Type: v1alpha1.ConditionPoolsPaused, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPoolPaused, Message: "The pools worker are paused."},
		},
		Account: &v1alpha1.AccountStatus{ID: "1gs", Username: "jane"}, NextRotationAfter: &next, PullSecretIssuedAt: ago(90 * 24 * time.Hour),
		Schedule: &v1alpha1.ScheduleStatus{Cron: o.Spec.Schedule.Cron, TimeZone: o.Spec.Schedule.TimeZone, Since: *ago(10 * 24 * time.Hour)},
		Rotation: &v1alpha1.RotationStatus{ID: "present", Reason: v1alpha1.TriggerSchedule, RequestedAt: ago(2*time.Hour + 10*time.Minute),
			Baseline: []v1alpha1.EntryFingerprint{{Registry: "quay.io", Fingerprint: "CANARY-print"}}},
		History:    []v1alpha1.RotationStatus{{ID: "earlier", Adopted: true, Reason: v1alpha1.TriggerCatchUp, RequestedAt: ago(90 * 24 * time.Hour), RevokedAt: ago(88 * 24 * time.Hour)}},
		Registries: []v1alpha1.RegistryStatus{{Registry: "quay.io", Result: "Unreachable", Message: "no answer in time", CheckedAt: ago(5 * time.Minute)}},
		Targets: []v1alpha1.TargetStatus{{Namespace: "openshift-config", Name: "pull-secret", Result: v1alpha1.ReasonPullSecretUpdated, Message: "Written after the registries had answered.", AppliedAt: ago(89 * 24 * time.Hour),
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
		"has not seen the latest change of the", "OLD DELETED")
	for _, line := range strings.Split(out, "\n") {
		if prose := strings.Fields(line); len([]rune(line)) > textWidth && len(prose) > 0 && !strings.Contains(line, "   ") {
			t.Errorf("a line is longer than %d characters: %s", textWidth, line)
		}
	}
	if strings.Contains(out, "mirror:5000") || strings.Contains(out, "Written after") {
		t.Error("the narrow form names each entry, or says more of a target")
	}
	wide, err := run(t, newStatusCommand(env), "account", "-o", "wide")
	if err != nil {
		t.Fatal(err)
	}
	expect(t, wide, "KeptForeign: mirror:5000 x.example.com", "VERIFIED", "ROLLED OUT", "2026-11-21 09:50 UTC (2 h 10 min ago)",
		"openshift-config/pull-secret: Written after the registries had answered.", "earlier somebody else CatchUp 2026-08-23 12:00 UTC (90 d ago) - - - - - 2026-08-25 12:00 UTC (88 d ago)")
	if strings.Contains(wide, "CAPCredentialSet") {
		t.Error("an object of another name is shown")
	}
}

// Other conditions are warnings if they report a problem: those that state something good, if they are False.
func TestStatus_WarnsOfTroubleBesideReady(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: "R", Message: message}
	}
	for _, c := range []struct {
		kind string
		// trouble is the status that causes a warning.
		trouble metav1.ConditionStatus
	}{
		{v1alpha1.ConditionPullSecretValid, metav1.ConditionFalse}, {v1alpha1.ConditionClientCertificateValid, metav1.ConditionFalse},
		{v1alpha1.ConditionSpecMatches, metav1.ConditionFalse}, {v1alpha1.ConditionOldCredentialsRevoked, metav1.ConditionFalse},
		{v1alpha1.ConditionPoolsPaused, metav1.ConditionTrue}, {v1alpha1.ConditionSecondWriter, metav1.ConditionTrue},
	} {
		for _, status := range []metav1.ConditionStatus{metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown} {
			o := freshSet()
			o.Status.Conditions = append(o.Status.Conditions, condition(c.kind, status, "This is so."))
			env, _ := cluster(t, o)
			out, err := run(t, newStatusCommand(env))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := strings.Contains(out, "This is so."), status == c.trouble; got != want {
				t.Errorf("%s is %s: a warning is shown: %t, want %t", c.kind, status, got, want)
			}
		}
	}
}

// Each new condition must be classified as a problem or not.
func TestStatus_KnowsOfEachConditionWhenItIsTrouble(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "api", "v1alpha1", "conditions.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\tCondition\w+ = "(\w+)"`).FindAllStringSubmatch(string(raw), -1)
	if len(found) < 10 {
		t.Fatalf("only %d conditions found: the extraction is broken", len(found))
	}
	ofKstatus := []string{v1alpha1.ConditionReady, v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled}
	for _, c := range found {
		if (troubleWhen[c[1]] == "") != slices.Contains(ofKstatus, c[1]) {
			t.Errorf("when %s is trouble is not said, or is said of a condition of kstatus", c[1])
		}
	}
}

func TestStatus_ShowsARotationThatHasEndedOnce(t *testing.T) {
	o := waitingObject()
	o.Status.Rotation.RevokedAt = ago(time.Hour)
	o.Status.History = append([]v1alpha1.RotationStatus{*o.Status.Rotation}, o.Status.History...)
	env, _ := cluster(t, o)
	out, err := run(t, newStatusCommand(env))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, "present"); n != 1 {
		t.Errorf("it is shown %d times:\n%s", n, out)
	}
}

func TestStatus_KeepsApartWhatItShows(t *testing.T) {
	env, _ := cluster(t, lagged(func(*v1alpha1.SiblingsStatus) {}), namedOther(waitingObject()), freshSet())
	out, err := run(t, newStatusCommand(env))
	if err != nil {
		t.Fatal(err)
	}
	apart(t, out, "TARGET", "REGISTRY", "NOT SWITCHED", "ROTATION", "SECRET")
	for _, object := range []string{"PullSecretRotation account", "PullSecretRotation other", "CAPCredentialSet cap"} {
		if !strings.Contains("\n\n"+out, "\n\n"+object+"\n") {
			t.Errorf("there is no empty line before %s:\n%s", object, out)
		}
	}
}

func TestStatus_ShowsAnAccountWithoutItsName(t *testing.T) {
	o := waitingObject()
	o.Status.Account.Username = ""
	env, _ := cluster(t, o)
	out, err := run(t, newStatusCommand(env))
	if got := strings.Join(strings.Fields(lineWith(out, "Account")), " "); err != nil || got != "Account 1gs" {
		t.Errorf("it shows %q (%v)", got, err)
	}
}

func TestStatus_CountsWhatItDoesNotList(t *testing.T) {
	set, o := freshSet(), waitingObject()
	set.Status.TargetsNotListed, set.Status.NotServed = 42, 3
	o.Status.Targets[0].EntriesNotListed = 7
	env, _ := cluster(t, set, o)
	out, err := run(t, newStatusCommand(env))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, out, "and 42 more", "3 CredentialsRequests that use STS tokens", "1 Replaced, 2 KeptForeign, 7 more")
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
	if _, err := run(t, newStatusCommand(env), "-o", "xml"); err == nil {
		t.Error("an unknown output is no error")
	}
	both, _ := cluster(t, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "both"}}, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: "both"}})
	if out, err := run(t, newStatusCommand(both), "both"); err != nil || !strings.Contains(out, "PullSecretRotation both") || !strings.Contains(out, "CAPCredentialSet both") {
		t.Errorf("a name that both kinds have: %v\n%s", err, out)
	} else if strings.Contains(out, "TARGET") || strings.Contains(out, "SECRET") {
		t.Errorf("a table has no rows:\n%s", out)
	}
}

func TestStatus_HasAListForProgramsAlsoWhereItIsEmpty(t *testing.T) {
	none, _ := cluster(t)
	unseen, _ := cluster(t, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, &v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: "new"}})
	for _, env := range []environment{none, unseen} {
		for _, output := range []string{"json", "yaml"} {
			if out, err := run(t, newStatusCommand(env), "-o", output); err != nil || !strings.Contains(out, ": []") || strings.Contains(out, "null") {
				t.Errorf("-o %s prints an empty list as none (%v):\n%s", output, err, out)
			}
		}
	}
}

// A due rotation waits since T, not since the operator has noticed.
func TestStatus_CountsFromWhatBeganTheWaiting(t *testing.T) {
	for reason, want := range map[string]string{
		v1alpha1.ReasonAwaitingApproval:   "(due 1 d ago)",
		v1alpha1.ReasonAwaitingRevocation: "(applied 3 h ago)",
		v1alpha1.ReasonVerifying:          "(issued 4 h ago)",
		v1alpha1.ReasonOCMUnavailable:     "(for 7 min)",
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

// If somebody must act, the command says so, once, and a script can distinguish it from a failure of the command.
func TestStatus_SaysWhatNeedsAPersonAndHasAnExitCodeForIt(t *testing.T) {
	o, set := waitingObject(), freshSet()
	refused := strings.Repeat("The registry quay.io refuses the pull secret in use. ", 6)
	o.Status.WaitingFor = ""
	o.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRegistriesRefuse, Message: refused},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRegistriesRefuse, Message: refused},
		{Type: v1alpha1.ConditionPullSecretValid, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRegistriesRefuse, Message: refused},
	}
	env, _ := cluster(t, o, set)
	for _, output := range []string{"", "wide", "json", "yaml"} {
		out, err := run(t, newStatusCommand(env), "-o", output)
		var own *StalledError
		if !errors.As(err, &own) || own.ExitCode() != 3 || !strings.Contains(err.Error(), "act on PullSecretRotation account:") || strings.Contains(err.Error(), "cap") {
			t.Errorf("-o %q: it ends with %v", output, err)
		}
		if output == "" {
			expect(t, out, "Needs you     The registry quay.io refuses")
			if n := strings.Count(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(refused), " ")); n != 1 {
				t.Errorf("it is said %d times:\n%s", n, out)
			}
		}
	}
	if _, err := run(t, newStatusCommand(env), "cap"); err != nil {
		t.Errorf("a set that is not stalled ends with %v", err)
	}
	set.Status.Conditions = append(set.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRoleRefused})
	env, _ = cluster(t, o, set)
	out, err := run(t, newStatusCommand(env))
	expect(t, out, "Needs you One of two.")
	if err == nil || err.Error() != "you must act on PullSecretRotation account, CAPCredentialSet cap: see above" {
		t.Errorf("with a set that is stalled too it ends with %v", err)
	}
}
