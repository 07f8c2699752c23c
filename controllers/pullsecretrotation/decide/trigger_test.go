package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

var noon = time.Date(2026, 5, 6, 12, 0, 0, 0, time.UTC)

func testTiming() *Timing {
	t := &Timing{}
	t.SetDefaults()
	return t
}

func hours(n int) *metav1.Time { return TimePtr(noon.Add(time.Duration(n) * time.Hour)) }

func TestTrigger_IsTheLaterOfRotateAfterAndTheLastTick(t *testing.T) {
	daily := &v1alpha1.RotationSchedule{Cron: "0 3 * * *", TimeZone: "UTC"}
	for _, c := range []struct {
		name string
		spec v1alpha1.PullSecretRotationSpec
		// created is how many hours before noon the object was created.
		created int
		// want is T in hours from noon; set is false when there is none.
		want   int
		set    bool
		reason v1alpha1.RotationTrigger
		// next is the next T, in hours from noon; 0 for none.
		next int
	}{
		{"a time in the past", v1alpha1.PullSecretRotationSpec{RotateAfter: hours(-5)}, 100, -5, true, v1alpha1.TriggerRotateAfter, 0},
		{"a time to come", v1alpha1.PullSecretRotationSpec{RotateAfter: hours(5)}, 100, 0, false, "", 5},
		{"the last tick since it was created", v1alpha1.PullSecretRotationSpec{Schedule: daily}, 100, -9, true, v1alpha1.TriggerSchedule, 15},
		{"no tick since it was created", v1alpha1.PullSecretRotationSpec{Schedule: daily}, 2, 0, false, "", 15},
		{"both, the tick is later", v1alpha1.PullSecretRotationSpec{Schedule: daily, RotateAfter: hours(-20)}, 100, -9, true, v1alpha1.TriggerSchedule, 15},
		{"both, the time is later", v1alpha1.PullSecretRotationSpec{Schedule: daily, RotateAfter: hours(-2)}, 100, -2, true, v1alpha1.TriggerRotateAfter, 15},
		{"both, the time is to come", v1alpha1.PullSecretRotationSpec{Schedule: daily, RotateAfter: hours(2)}, 100, -9, true, v1alpha1.TriggerSchedule, 2},
		{"a follower has none", v1alpha1.PullSecretRotationSpec{Mode: v1alpha1.ModeFollow, RotateAfter: hours(-5)}, 100, 0, false, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := Trigger(Input{Spec: &c.spec, Created: noon.Add(-time.Duration(c.created) * time.Hour), Now: noon})
			if err != nil {
				t.Fatal(err)
			}
			if d.Set != c.set || c.set && (!d.T.Equal(hours(c.want).Time) || d.Reason != c.reason) {
				t.Errorf("got %v %s by %s, want %d hours from noon by %s", d.Set, d.T, d.Reason, c.want, c.reason)
			}
			if (d.Next != nil) != (c.next != 0) || d.Next != nil && !d.Next.Equal(hours(c.next).Time) {
				t.Errorf("the next is %v, want %d hours from noon", d.Next, c.next)
			}
		})
	}
}

func TestDecide_SaysWhichPartOfTheSpecCannotBeCarriedOut(t *testing.T) {
	for where, spec := range map[string]v1alpha1.PullSecretRotationSpec{
		"spec.schedule":        {Schedule: &v1alpha1.RotationSchedule{Cron: "0 3 * * *", TimeZone: "Mars/Olympus"}},
		"spec.startWindows[1]": {RotateAfter: hours(-1), StartWindows: []v1alpha1.StartWindow{{Cron: "0 3 * * *"}, {Cron: "0 3 30 2 *"}}},
	} {
		d := Decide(Input{Spec: &spec, Status: &v1alpha1.PullSecretRotationStatus{}, Facts: &Facts{}, Timing: testTiming(), Now: noon})
		if d.State != Stalled || d.Reason != v1alpha1.ReasonInvalidSpec || !strings.Contains(d.Message, where) {
			t.Errorf("%s: got %s %s: %s", where, d.State, d.Reason, d.Message)
		}
	}
}

// Times in the status have whole seconds: one with a fraction would never match.
func TestTrigger_HasWholeSeconds(t *testing.T) {
	in := dueInput()
	in.Spec.RotateAfter = TimePtr(noon.Add(-time.Hour + time.Second/2))
	in.Status.Rotation = &v1alpha1.RotationStatus{ID: "a", After: hours(-1), RequestedAt: TimePtr(noon.Add(-time.Hour - time.Minute)), RevokedAt: hours(0)}
	if d, err := Trigger(in); err != nil || !satisfiedByRecord(in.Status, d.T) {
		t.Errorf("the rotation for %s does not satisfy it (%v)", d.T, err)
	}
}

func TestSatisfiedByRecord_CountsWhatThisObjectHasSeen(t *testing.T) {
	for _, c := range []struct {
		name   string
		status v1alpha1.PullSecretRotationStatus
		want   bool
	}{
		{"nothing yet", v1alpha1.PullSecretRotationStatus{}, false},
		{"a rotation for this T, by a clock that is behind", v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: "a", After: hours(0), RequestedAt: hours(-1)}}, true},
		{"a rotation that was requested later", v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: "a", RequestedAt: hours(1)}}, true},
		{"a rotation for an earlier T", v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{ID: "a", After: hours(-2), RequestedAt: hours(-1)}}, false},
		{"one that was begun and never requested", v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{After: hours(0)}}, false},
		{"one of an account that the operator has left", v1alpha1.PullSecretRotationStatus{
			Account: &v1alpha1.AccountStatus{ID: "me"}, Rotation: &v1alpha1.RotationStatus{ID: "a", AccountID: "before", After: hours(0)},
		}, false},
		{"one in the history", v1alpha1.PullSecretRotationStatus{History: []v1alpha1.RotationStatus{{ID: "b", After: hours(-9)}, {ID: "a", After: hours(0)}}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := satisfiedByRecord(&c.status, noon); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestPendingAndSatisfying_ReadOCMsList(t *testing.T) {
	at := func(id, status string, h int) Rotation {
		return Rotation{ID: id, Status: status, CreatedAt: hours(h).Time}
	}
	in := Input{Now: hours(3).Time, Status: &v1alpha1.PullSecretRotationStatus{}}
	under := []Rotation{at("b", "some new word", -1), at("a", RotationPending, -2)}
	if r, ok := pending(under, in.Now); !ok || r.ID != "b" {
		t.Errorf("pending is %v %s: an unknown status counts as under way, and the newest is used", ok, r.ID)
	}
	list := append([]Rotation{at("c", RotationCompleted, 1)}, under...)
	if r, ok := pending(list, in.Now); ok {
		t.Errorf("%s is pending although a later one has completed", r.ID)
	}
	for _, gone := range []Rotation{at("f", "failed", 2), at("o", RotationPending, -24*16), at("o", "", -24*400)} {
		if r, ok := pending([]Rotation{gone}, in.Now); ok {
			t.Errorf("%s (%q of %s) is pending", r.ID, r.Status, r.CreatedAt)
		}
		if r, ok := satisfying([]Rotation{gone}, hours(-24*500).Time, in); ok {
			t.Errorf("%s (%q of %s) satisfies", r.ID, r.Status, r.CreatedAt)
		}
	}
	if r, ok := satisfying(list, noon, in); !ok || r.ID != "c" {
		t.Errorf("satisfying is %v %s", ok, r.ID)
	}
	if _, ok := satisfying(list[1:], hours(1).Time, in); ok {
		t.Error("a rotation created long before T satisfies it")
	}
	if r, ok := satisfying(list[1:], noon, in); !ok || r.ID != "b" {
		t.Error("a rotation created so shortly before T that clocks may be the reason does not satisfy it")
	}
	in.Status.History = []v1alpha1.RotationStatus{{ID: "b"}}
	if _, ok := satisfying(list[1:], noon, in); ok {
		t.Error("a rotation that is on record for another T satisfies this one")
	}
	if r, ok := satisfying(list, hours(1).Time, in); !ok || r.ID != "c" {
		t.Error("a rotation created at T does not satisfy it")
	}
	if _, ok := FindRotation(list, "z"); ok {
		t.Error("found what is not there")
	}
}

func TestApproves_IsForOneTInAnySpelling(t *testing.T) {
	for annotation, want := range map[string]bool{
		"2026-05-06T12:00:00Z": true, "2026-05-06T14:00:00+02:00": true, "2026-05-06T12:00:01Z": false, "yes": false, "": false,
	} {
		if got := approves(annotation, noon); got != want {
			t.Errorf("approves(%q) is %v", annotation, got)
		}
	}
}
