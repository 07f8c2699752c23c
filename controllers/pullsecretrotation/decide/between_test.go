package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

var (
	global = v1alpha1.SecretReference{Namespace: "openshift-config", Name: "pull-secret"}
	hive   = v1alpha1.SecretReference{Namespace: "hive", Name: "pull"}
)

// dueInput is a cluster for which a rotation is due, everything is known and nothing is wrong: the rotation would begin.
func dueInput() Input {
	return Input{
		Name: "account", Created: hours(-100).Time, Now: noon, Timing: testTiming(),
		Spec:   &v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeRotate, RotateAfter: hours(-1), Targets: []v1alpha1.SecretReference{global}},
		Status: &v1alpha1.PullSecretRotationStatus{Account: &v1alpha1.AccountStatus{ID: "me"}, LastHealthCheck: hours(-1)},
		Facts: &Facts{
			Cluster: &Cluster{ID: "this"}, Targets: []TargetFact{{Ref: global, Own: []string{"quay.io"}}}, RightsKnown: true,
			Account: &Account{ID: "me", Username: "jdoe", Email: "jdoe@example.com"}, Owner: &OwnerFact{AccountID: "me"},
			Siblings: &Siblings{}, Rotations: &[]Rotation{}, Issued: &IssuedFact{Present: true, InUse: true}, Pools: &[]Pool{}, Machines: &[]Machine{},
		},
	}
}

// decision is a row of a table: the difference, and the decision.
type decision struct {
	name   string
	change func(*Input)
	step   Step
	reason string // of a Wait
	says   string // part of its message
}

func (c decision) check(t *testing.T, in Input) {
	t.Helper()
	c.change(&in)
	d := Decide(in)
	if d.Step != c.step || d.Reason != c.reason || !strings.Contains(d.Message, c.says) {
		t.Errorf("decided %s %s %q,\nwant %s %s %q", d.Step, d.Reason, d.Message, c.step, c.reason, c.says)
	}
	if d.Step == Wait && (d.Phase == "" || d.Message == "" || d.After <= 0) {
		t.Errorf("a Wait without phase, message or time: %+v", d)
	}
	if again := Decide(in); again.Step != d.Step || again.Message != d.Message {
		t.Errorf("equal inputs, and the second answer is %s %q", again.Step, again.Message)
	}
}

var refusedCondition = metav1.Condition{
	Type: v1alpha1.ConditionPullSecretValid, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonRegistriesRefuse, Message: "The pull secret in use is refused: quay.io.",
}

func TestDecide_BetweenRotations(t *testing.T) {
	pendingOne := []Rotation{{ID: "b", Status: RotationPending, CreatedAt: hours(-3).Time}}
	for _, c := range []decision{
		{"a rotation that is due is begun", func(*Input) {}, Begin, "", ""},
		{"a pull secret in use that is refused is not ready, though no rotation is due", func(in *Input) {
			in.Spec.RotateAfter = hours(5)
			in.Status.Conditions = []metav1.Condition{refusedCondition}
			in.Status.LastHealthCheck = &metav1.Time{Time: noon.Add(-4 * time.Minute)}
		}, Wait, v1alpha1.ReasonRegistriesRefuse, refusedCondition.Message},
		{"and is proven again soon", func(in *Input) {
			in.Spec.RotateAfter = hours(5)
			in.Status.Conditions = []metav1.Condition{refusedCondition}
			in.Status.LastHealthCheck = &metav1.Time{Time: noon.Add(-6 * time.Minute)}
		}, CheckInUse, "", ""},
		{"a suspended object does nothing", func(in *Input) { in.Spec.Suspend = true }, Wait, v1alpha1.ReasonSuspended, "Set it to false"},
		{"and says what that means while a rotation is under way", func(in *Input) {
			in.Spec.Suspend, in.Status.Rotation = true, &v1alpha1.RotationStatus{ID: "a"}
		}, Wait, v1alpha1.ReasonSuspended, "stops working when OCM ends rotation a"},
		{"first the cluster is looked at", func(in *Input) { in.Facts = &Facts{} }, LookAtCluster, "", ""},
		{"a hosted cluster is sent to its management cluster", func(in *Input) { in.Facts.Cluster.Hosted = true }, Wait, v1alpha1.ReasonHostedControlPlane, "HostedCluster.spec.pullSecret"},
		{"a hosted cluster may serve other targets", func(in *Input) {
			in.Facts.Cluster.Hosted = true
			in.Spec.Targets[0].Namespace = "hive"
		}, Begin, "", ""},
		{"what is not due waits for T", func(in *Input) { in.Spec.RotateAfter = hours(3) }, Wait, v1alpha1.ReasonNotDue, "The next rotation is due at 2026-05-06 15:00 UTC"},
		{"a canary that is missing holds the rotation back", func(in *Input) {
			in.Facts.Targets[0] = TargetFact{Ref: global, Problem: v1alpha1.ReasonTargetMissing, Message: "Create it."}
		}, Wait, v1alpha1.ReasonTargetMissing, "Create it."},
		{"another target that is missing does, too", func(in *Input) {
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Problem: v1alpha1.ReasonTargetMissing, Message: "Create it."})
		}, Wait, v1alpha1.ReasonTargetMissing, "its credentials would stop working. Create it."},
		{"so does one of another account", func(in *Input) {
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Owner: "you", Problem: v1alpha1.ReasonAccountMismatch, Message: "Remove it."})
		}, Wait, v1alpha1.ReasonAccountMismatch, "Remove it."},
		{"and one that an older object has", func(in *Input) {
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Problem: v1alpha1.ReasonConflict, Message: "Remove it."})
		}, Wait, v1alpha1.ReasonConflict, "Remove it."},
		{"a broken target holds up nothing that is under way", func(in *Input) {
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Problem: v1alpha1.ReasonTargetMissing, Message: "Create it."})
			in.Facts.Rotations = &pendingOne
		}, Begin, "", ""},
		{"a banned account cannot rotate", func(in *Input) { in.Facts.Account.Banned = true }, Wait, v1alpha1.ReasonOCMForbidden, "Contact Red Hat support"},
		{"the pin is compared", func(in *Input) { in.Spec.OCM.AccountID = "you" }, Wait, v1alpha1.ReasonAccountPinMismatch, "correct spec.ocm.accountID"},
		{"a pending rotation is adopted", func(in *Input) { in.Facts.Rotations = &pendingOne }, Begin, "", ""},
		{"a rotation after T makes ours unnecessary", func(in *Input) {
			in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationCompleted, CreatedAt: hours(0).Time}}
		}, RecordSatisfied, "", ""},
		{"a rotation before T does not", func(in *Input) {
			in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationCompleted, CreatedAt: hours(-3).Time}}
		}, Begin, "", ""},
		{"siblings hold it back", func(in *Input) {
			in.Facts.Siblings = &Siblings{Others: 1, Named: []Sibling{{ClusterID: "2", DisplayName: "second"}}}
		}, Wait, v1alpha1.ReasonSiblingClusters, "second"},
		{"a node disruption policy holds it back", func(in *Input) { in.Facts.Cluster.DisruptiveActions = []string{"Drain"} }, Wait, v1alpha1.ReasonNodeDisruption, "drain every node"},
		{"the policy may be accepted", func(in *Input) {
			in.Facts.Cluster.DisruptiveActions, in.Spec.Rollout.AllowNodeDisruption = []string{"Drain"}, true
		}, Begin, "", ""},
		{"approval holds it back, and the command is named", func(in *Input) { in.Spec.Approval = v1alpha1.ApprovalBeforeRequest }, Wait, v1alpha1.ReasonAwaitingApproval,
			"oc annotate --overwrite pullsecretrotation account rotation.openshift.io/approved-rotation-after=2026-05-06T11:00:00Z"},
		{"what is approved is begun", func(in *Input) {
			in.Spec.Approval, in.Approved = v1alpha1.ApprovalBeforeRequest, "2026-05-06T11:00:00Z"
		}, Begin, "", ""},
		{"the approval of another T is none", func(in *Input) {
			in.Spec.Approval, in.Approved = v1alpha1.ApprovalBeforeRequest, "2026-05-05T11:00:00Z"
		}, Wait, v1alpha1.ReasonAwaitingApproval, ""},
		{"a closed window holds it back until it opens", func(in *Input) {
			in.Spec.StartWindows = []v1alpha1.StartWindow{{Cron: "0 22 * * *", Duration: metav1.Duration{Duration: time.Hour}}}
		}, Wait, v1alpha1.ReasonAwaitingWindow, "2026-05-06 22:00 UTC"},
		{"an open window does not", func(in *Input) {
			in.Spec.StartWindows = []v1alpha1.StartWindow{{Cron: "0 11 * * *", Duration: metav1.Duration{Duration: 2 * time.Hour}}}
		}, Begin, "", ""},
		{"a late cluster catches up before anything is requested", func(in *Input) {
			in.Facts.Issued.InUse = false
			in.Facts.Owner = &OwnerFact{Dead: true, Email: "JDoe@example.com"}
		}, Begin, "", ""},
		{"different but working credentials are kept if nothing was ever rotated", func(in *Input) {
			in.Facts.Issued.InUse, in.Spec.RotateAfter = false, hours(5)
			in.Status.LastHealthCheck = nil
		}, CheckInUse, "", ""},
		{"a health check is due", func(in *Input) { in.Spec.RotateAfter, in.Status.LastHealthCheck = hours(5), hours(-7) }, CheckInUse, "", ""},
		{"a health check in the future is due", func(in *Input) { in.Spec.RotateAfter, in.Status.LastHealthCheck = hours(5), hours(1) }, CheckInUse, "", ""},
		{"its answers are recorded", func(in *Input) {
			in.Spec.RotateAfter, in.Status.LastHealthCheck, in.Facts.Checks = hours(5), hours(-7), []Check{}
		}, RecordHealth, "", ""},
		{"a follower waits for others", func(in *Input) { in.Spec.Mode, in.Spec.RotateAfter = v1alpha1.ModeFollow, nil }, Wait, v1alpha1.ReasonFollowing, "another cluster, a person or Red Hat"},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, dueInput()) })
	}
}

func TestDecide_BeginsForTheRightReason(t *testing.T) {
	in := dueInput()
	if r := Decide(in).Rotation; r.Adopted || r.ID != "" || r.Reason != v1alpha1.TriggerRotateAfter || !r.After.Equal(hours(-1)) {
		t.Errorf("one of our own is begun as %+v", r)
	}
	in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationPending, CreatedAt: hours(-3).Time}}
	if r := Decide(in).Rotation; !r.Adopted || r.ID != "b" || r.Reason != v1alpha1.TriggerStartedElsewhere || r.After != nil {
		t.Errorf("one from before T is begun as %+v: it is seen through first, and does not satisfy T", r)
	}
	in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationCompleted, CreatedAt: hours(-3).Time}}
	in.Facts.Issued.InUse = false
	if r := Decide(in).Rotation; r.Reason != v1alpha1.TriggerCatchUp || r.ID != "b" || r.OCMStatus != RotationCompleted || r.After != nil {
		t.Errorf("catching up is begun as %+v", r)
	}
}

func TestOwnerMismatch_TellsWhoseTheTokenIs(t *testing.T) {
	for _, c := range []struct {
		name   string
		owner  OwnerFact
		change func(*Input)
		bad    bool
	}{
		{"the same account", OwnerFact{AccountID: "me"}, nil, false},
		{"another account", OwnerFact{AccountID: "you"}, nil, true},
		{"no token in the pull secret", OwnerFact{Absent: true}, nil, true},
		{"no token, and an entry that OCM issued to the account", OwnerFact{Absent: true, Known: true}, nil, false},
		{"no token, and a pin", OwnerFact{Absent: true}, func(in *Input) { in.Spec.OCM.AccountID = "me" }, false},
		{"a dead token without an address", OwnerFact{Dead: true}, nil, true},
		{"a dead token that OCM has given to the account", OwnerFact{Dead: true, Known: true, Email: "other@example.com"}, nil, false},
		{"a dead token beside the account's address", OwnerFact{Dead: true, Email: "JDOE@example.com"}, nil, false},
		{"a dead token beside another address", OwnerFact{Dead: true, Email: "other@example.com"}, nil, true},
		{"a dead token beside another address, and a pin", OwnerFact{Dead: true, Email: "other@example.com"}, func(in *Input) { in.Spec.OCM.AccountID = "me" }, false},
		{"a living token of another account, and a pin", OwnerFact{AccountID: "you"}, func(in *Input) { in.Spec.OCM.AccountID = "me" }, true},
		{"a service account and a dead token", OwnerFact{Dead: true}, func(in *Input) { in.Facts.Account.ServiceAccount = true }, true},
		{"a service account and no token", OwnerFact{Absent: true}, func(in *Input) { in.Facts.Account.ServiceAccount = true }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := dueInput()
			in.Facts.Owner = &c.owner
			if c.change != nil {
				c.change(&in)
			}
			d := sameOwner.decide(in)
			if (d != nil) != c.bad {
				t.Errorf("got %+v", d)
			}
			if d != nil && (d.Reason != v1alpha1.ReasonAccountMismatch && d.Reason != v1alpha1.ReasonOwnerUnknown || d.State != Stalled || !strings.Contains(d.Message, "Nothing was")) {
				t.Errorf("it says %s %s %q", d.State, d.Reason, d.Message)
			}
		})
	}
}

func TestIdle_LeavesTheCommandThatGrantsATargetAtTheEndOfItsMessage(t *testing.T) {
	in := dueInput()
	in.Status.History = []v1alpha1.RotationStatus{{ID: "a", After: hours(-1)}}
	in.Facts.Targets = append(in.Facts.Targets, TargetFact{Ref: hive, Problem: v1alpha1.ReasonForbidden, Message: "Grant it with: oc create"})
	if d := Decide(in); d.Reason != v1alpha1.ReasonForbidden || !strings.HasSuffix(d.Message, "Grant it with: oc create") || !strings.Contains(d.Message, "left out") {
		t.Errorf("it says %s: %s", d.Reason, d.Message)
	}
}

func TestHealing_IsAtOnceAndBacksOffInAFight(t *testing.T) {
	healed := func(times int32) Input {
		in := dueInput()
		in.Spec.RotateAfter = hours(-50)
		in.Status.Rotation = &v1alpha1.RotationStatus{ID: "a", After: hours(-50), AppliedAt: hours(-40), RevokedAt: hours(-30)}
		in.Status.Targets = []v1alpha1.TargetStatus{{Namespace: global.Namespace, Name: global.Name, Healed: times, AppliedAt: TimePtr(noon)}}
		in.Facts.Targets[0].Old, in.Facts.Targets[0].Writer = []string{"quay.io"}, "argocd"
		in.Facts.Issued = &IssuedFact{Present: true, SameAsIssued: true}
		changed(&in)
		accepted(&in)
		return in
	}
	pauses := []time.Duration{0, 0, 0, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour}
	for times, pause := range pauses {
		in := healed(int32(times))
		if d := Decide(in); pause > 0 && (d.Reason != v1alpha1.ReasonWriterFight || d.After != pause || !strings.Contains(d.Message, `"argocd"`)) {
			t.Errorf("healed %d times: %s %s in %s, want a pause of %s", times, d.Step, d.Reason, d.After, pause)
		}
		in.Now = noon.Add(pause)
		if d := Decide(in); d.Step != Heal {
			t.Errorf("healed %d times, %s later: %s %s, want Heal", times, pause, d.Step, d.Reason)
		}
	}
	in := healed(8)
	in.Facts.Targets = append(in.Facts.Targets, TargetFact{Ref: hive, Old: []string{"quay.io"}, Changes: in.Facts.Targets[0].Changes})
	if d := Decide(in); d.Step != Heal {
		t.Errorf("another target is fought about, and this one waits: %s %s", d.Step, d.Reason)
	}
	in = healed(0)
	in.Facts.Issued.SameAsIssued = false
	in.Facts.Rotations = nil
	if d := Decide(in); d.Step != LookAtRotations {
		t.Errorf("OCM has newer credentials than those of the record, and the decision is %s %s", d.Step, d.Reason)
	}
	in = healed(0)
	in.Status.Rotation.RolledBackAt = hours(-39)
	if d := Decide(in); d.Step == Heal {
		t.Error("what was rolled back on purpose is healed")
	}
}
