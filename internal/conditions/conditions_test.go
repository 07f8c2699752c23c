package conditions

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

type object struct{ conditions []metav1.Condition }

func (o *object) GetConditions() []metav1.Condition  { return o.conditions }
func (o *object) SetConditions(c []metav1.Condition) { o.conditions = c }
func (o *object) GetGeneration() int64               { return 7 }

func TestEachStateLeavesExactlyTheConditionsThatKstatusExpects(t *testing.T) {
	states := map[string]struct {
		// set brings the object into the state.
		set func(Object, string, string)
		// ready is the status of Ready; reconciling and stalled whether these conditions are present.
		ready                metav1.ConditionStatus
		reconciling, stalled bool
	}{
		"ready":       {set: Ready, ready: metav1.ConditionTrue},
		"progressing": {set: Progressing, ready: metav1.ConditionUnknown, reconciling: true},
		"failing":     {set: Failing, ready: metav1.ConditionFalse, reconciling: true},
		"stalled":     {set: Stalled, ready: metav1.ConditionFalse, stalled: true},
	}
	for from, before := range states {
		for to, after := range states {
			t.Run(from+" then "+to, func(t *testing.T) {
				o := &object{}
				before.set(o, "Before", "before")
				after.set(o, "After", "after")
				got := meta.FindStatusCondition(o.conditions, "Ready")
				if got == nil || got.Status != after.ready || got.Reason != "After" || got.ObservedGeneration != 7 {
					t.Errorf("Ready = %+v, want %s with reason After at generation 7", got, after.ready)
				}
				if is := meta.IsStatusConditionTrue(o.conditions, "Reconciling"); is != after.reconciling {
					t.Errorf("Reconciling present = %t, want %t", is, after.reconciling)
				}
				if is := meta.IsStatusConditionTrue(o.conditions, "Stalled"); is != after.stalled {
					t.Errorf("Stalled present = %t, want %t", is, after.stalled)
				}
			})
		}
	}
}

func TestKeepTimes_OfAStatusThatIsWhatItWas(t *testing.T) {
	hour := func(h int) metav1.Time { return metav1.Date(2026, 3, 2, h, 0, 0, 0, time.UTC) }
	o := &object{}
	for kind, status := range map[string]metav1.ConditionStatus{"Same": metav1.ConditionUnknown, "Other": metav1.ConditionTrue, "New": metav1.ConditionTrue} {
		o.conditions = append(o.conditions, metav1.Condition{Type: kind, Status: status, LastTransitionTime: hour(9)})
	}
	KeepTimes(o, []metav1.Condition{
		{Type: "Same", Status: metav1.ConditionUnknown, LastTransitionTime: hour(8)}, {Type: "Other", Status: metav1.ConditionUnknown, LastTransitionTime: hour(8)},
	})
	for kind, want := range map[string]metav1.Time{"Same": hour(8), "Other": hour(9), "New": hour(9)} {
		if got := meta.FindStatusCondition(o.conditions, kind).LastTransitionTime; !got.Equal(&want) {
			t.Errorf("%s is so since %s, want %s", kind, got, want)
		}
	}
}

func TestALongMessageIsShortenedWithoutBreakingACharacter(t *testing.T) {
	o := &object{}
	Ready(o, "Reason", strings.Repeat("ä", 5000))
	got := o.conditions[0].Message
	if n := len([]rune(got)); n != maxMessage || !strings.HasSuffix(got, "ä…") {
		t.Errorf("message has %d characters and ends with %q, want %d and an ellipsis", n, got[len(got)-5:], maxMessage)
	}
}

func TestAddToReady_SaysItOnceAndOnlyWhereThereIsReady(t *testing.T) {
	o := &object{}
	AddToReady(o, "And this.")
	if len(o.conditions) > 0 {
		t.Fatalf("an object without Ready has %v", o.conditions)
	}
	Failing(o, "Reason", "This.")
	for range 2 {
		AddToReady(o, "And this.")
	}
	if is := meta.FindStatusCondition(o.conditions, ready); is == nil || is.Message != "This. And this." || is.Reason != "Reason" || is.Status != metav1.ConditionFalse {
		t.Errorf("Ready is %v", is)
	}
}

func TestShorten_LeavesWhatFits(t *testing.T) {
	for text, want := range map[string]string{"äbc": "äbc", "äbcd": "äb…", "": ""} {
		if got := Shorten(text, 3); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
