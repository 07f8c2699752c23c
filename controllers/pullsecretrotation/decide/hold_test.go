package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// A request is held back while another change is in the middle of the machines; a rotation under way is not.
func TestHold_PoolsThatWouldNotTakeTheChange(t *testing.T) {
	pool := func(change func(*Pool)) func(*Input) {
		return func(in *Input) {
			p := Pool{Name: "worker", Wanted: "new", Current: "new", Machines: 3, Updated: 3}
			change(&p)
			in.Facts.Pools = &[]Pool{p}
		}
	}
	busy := pool(func(p *Pool) { p.Updated = 2 })
	for _, c := range []decision{
		{"in the middle of a change", busy, Wait, v1alpha1.ReasonPoolsNotReady, "the pools worker are degraded or in the middle of another change"},
		{"settled", pool(func(*Pool) {}), Begin, "", ""},
		{"paused, which is only reported", pool(func(p *Pool) { p.Updated, p.Paused = 2, true }), Begin, "", ""},
		{"the spec does not wait for pools", func(in *Input) { busy(in); in.Spec.Rollout.WaitForPools = ptr.To(false) }, Begin, "", ""},
		{"the pull secret is not theirs", func(in *Input) { busy(in); in.Spec.Targets = []v1alpha1.SecretReference{hive} }, Begin, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, dueInput()) })
	}
}

// Pools that hold a rotation back are looked at again and again, which costs OCM nothing.
func TestHold_OCMIsNotAskedWhilePoolsHoldTheRequestBack(t *testing.T) {
	heldBefore := func(in *Input, reason string) {
		in.LastPoll, in.Facts.Rotations = hours(-1).Time, nil
		in.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason}}
		in.Facts.Pools = &[]Pool{{Name: "worker", Wanted: "new", Current: "old"}}
	}
	for _, c := range []decision{
		{"they still do", func(in *Input) { heldBefore(in, v1alpha1.ReasonPoolsNotReady) }, Wait, v1alpha1.ReasonPoolsNotReady, "A rotation has been due since"},
		{"they no longer do", func(in *Input) { heldBefore(in, v1alpha1.ReasonPoolsNotReady); in.Facts.Pools = &[]Pool{} }, LookAtRotations, "", ""},
		{"it was something else", func(in *Input) { heldBefore(in, v1alpha1.ReasonSiblingClusters) }, LookAtRotations, "", ""},
		{"nothing is on record", func(in *Input) { heldBefore(in, ""); in.Status.Conditions = nil }, LookAtRotations, "", ""},
		{"the mode only reports now", func(in *Input) { heldBefore(in, v1alpha1.ReasonPoolsNotReady); in.Spec.Mode = v1alpha1.ModeAudit }, LookAtRotations, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, dueInput()) })
	}
}

// What goes away by itself is looked at sooner than what a person has to decide.
func TestHold_IsLookedAtAgainAsSoonAsItMayGoAway(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Input)
		want   time.Duration
	}{
		"pools": {func(in *Input) { in.Facts.Pools = &[]Pool{{Name: "worker", Wanted: "new", Current: "old"}} }, testTiming().PoolPoll},
		"a missing right": {func(in *Input) {
			in.Facts.Targets = append(in.Facts.Targets, TargetFact{Ref: hive, Problem: v1alpha1.ReasonForbidden, Message: "Grant it."})
		}, time.Minute},
		"a registry that cannot tell": {func(in *Input) {
			in.Status.LastHealthCheck = hours(0)
			in.Status.Registries = []v1alpha1.RegistryStatus{{Registry: "quay.io", Result: string(Unreachable), Policy: v1alpha1.VerificationRequired, Since: hours(0)}}
		}, time.Minute},
		"other clusters": {func(in *Input) { in.Facts.Siblings.Others = 1 }, time.Hour},
		"a first target without a right": {func(in *Input) {
			in.Facts.Targets[0] = TargetFact{Ref: global, Problem: v1alpha1.ReasonForbidden, Message: "Grant it."}
		}, time.Minute},
		"a first target that is missing": {func(in *Input) {
			in.Facts.Targets[0] = TargetFact{Ref: global, Problem: v1alpha1.ReasonTargetMissing, Message: "Create it."}
		}, time.Hour},
	} {
		in := dueInput()
		row.change(&in)
		if d := Decide(in); d.State != Stalled || d.After != row.want {
			t.Errorf("%s: %s %s for %s, want %s", name, d.Step, d.Reason, d.After, row.want)
		}
	}
}

func TestHold_ClustersThatOCMDoesNotListMayBeMany(t *testing.T) {
	in := dueInput()
	in.Facts.Siblings = &Siblings{Unknown: true}
	if d := Decide(in); d.Reason != v1alpha1.ReasonSiblingClusters || !strings.Contains(d.Message, "OCM does not let this account list its clusters") {
		t.Errorf("decided %s %s %q", d.Step, d.Reason, d.Message)
	}
	in.Spec.SiblingClusters, in.Edited = v1alpha1.SiblingsAllow, noon.Add(-time.Second)
	if d := Decide(in); d.Reason != v1alpha1.ReasonSpreadingRequests {
		t.Errorf("it does not wait for its turn: %s %s", d.Step, d.Reason)
	}
	if got := names(&Siblings{Others: 1, Named: []Sibling{{ClusterID: "two"}}}); got != "two" {
		t.Errorf("the only other one is %q", got)
	}
}

// A cluster that knows its position among the others has its share of the spread; a window leaves half of itself for the requests.
func TestTurn_IsTheClustersShareOfTheSpread(t *testing.T) {
	window := func(d time.Duration) []v1alpha1.StartWindow {
		return []v1alpha1.StartWindow{{Cron: "0 12 * * *", Duration: metav1.Duration{Duration: d}}}
	}
	for _, row := range []struct {
		name     string
		position int32
		windows  []v1alpha1.StartWindow
		want     time.Duration // after noon, when the window opens or the object was edited
	}{
		{"the first of two", 0, nil, 7*time.Minute + 30*time.Second},
		{"the second", 1, nil, 22*time.Minute + 30*time.Second},
		{"the second, in a window of twenty minutes", 1, window(20 * time.Minute), 7*time.Minute + 30*time.Second},
		{"the second, in a long window", 1, window(4 * time.Hour), 22*time.Minute + 30*time.Second},
	} {
		in := dueInput()
		in.Status.Siblings = &v1alpha1.SiblingsStatus{CountedAt: *hours(0), Clusters: ptr.To(int32(2)), Position: ptr.To(row.position)}
		in.Edited, in.Spec.StartWindows, in.due = noon, row.windows, Due{T: hours(-9).Time, Set: true}
		if row.windows != nil {
			in.Edited, in.Now = hours(-2).Time, noon.Add(time.Second)
		}
		if got := turn(in).Sub(noon); got != row.want {
			t.Errorf("%s: its turn is %s after noon, want %s", row.name, got, row.want)
		}
	}
}
