package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// gateInput is a cluster with one sibling, for which T has been due for long.
func gateInput(now time.Time) Input {
	options := Timing{RequestSpread: 30 * time.Minute}
	options.SetDefaults()
	return Input{
		Name: "account", Created: now.Add(-240 * time.Hour), Now: now, Timing: &options,
		Spec:   &v1alpha1.PullSecretRotationSpec{SiblingClusters: v1alpha1.SiblingsAllow},
		Status: &v1alpha1.PullSecretRotationStatus{},
		Facts:  &Facts{Cluster: &Cluster{ID: "one"}, Siblings: &Siblings{Others: 1, Named: []Sibling{{ClusterID: "two"}}, Before: -1}, Pools: &[]Pool{}},
	}
}

// A commit that sets rotateAfter to a time in the past reaches every cluster of the account within seconds, and so does an
// approval, or the end of a suspension.
func TestTurn_IsSpreadFromTheLatestThingThatSetAllClustersGoing(t *testing.T) {
	now := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	due := Due{T: now.Add(-48 * time.Hour), Set: true}
	daily := []v1alpha1.StartWindow{{Cron: "0 10 * * *", Duration: metav1.Duration{Duration: time.Hour}}}
	for name, c := range map[string]struct {
		edited  time.Time
		windows []v1alpha1.StartWindow
		spread  bool // the cluster waits for its turn
	}{
		"long after all of them":       {time.Time{}, nil, false},
		"an edit of this moment":       {now.Add(-time.Second), nil, true},
		"an edit of yesterday":         {now.Add(-24 * time.Hour), nil, false},
		"an edit in the future":        {now.Add(time.Hour), nil, false},
		"a window that has opened now": {time.Time{}, daily, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := gateInput(now)
			in.Edited, in.Spec.StartWindows = c.edited, c.windows
			if c.windows != nil {
				in.Now = in.Now.Add(time.Second)
			}
			in.due = due
			d := mayRequest.decide(in)
			if (d != nil) != c.spread {
				t.Errorf("held back: %+v", d)
			}
			if c.spread && d.Reason != v1alpha1.ReasonSpreadingRequests {
				t.Errorf("held back for %s, want %s", d.Reason, v1alpha1.ReasonSpreadingRequests)
			}
		})
	}
}

// The jitter of a cluster is the same for one T at each opening of a window: one that did not fit would never fit.
func TestTurn_FitsIntoAShortWindow(t *testing.T) {
	opens := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	due := Due{T: opens.Add(-48 * time.Hour), Set: true}
	for _, id := range []string{"one", "two", "three", "four", "five", "six", "seven", "eight"} {
		in := gateInput(opens.Add(29 * time.Second))
		in.Facts.Cluster.ID = id
		in.Spec.StartWindows = []v1alpha1.StartWindow{{Cron: "0 10 * * *", Duration: metav1.Duration{Duration: time.Minute}}}
		in.Now, in.due = opens.Add(31*time.Second), due
		if d := mayRequest.decide(in); d != nil {
			t.Errorf("cluster %s is still held back (%s) in the second half of a window of a minute", id, d.Reason)
		}
		// Nor does an edit at the end of the window put the request off beyond it.
		in.Edited = in.Now
		if d := mayRequest.decide(in); d != nil {
			t.Errorf("cluster %s is held back beyond the window by an edit (%s until %s)", id, d.Reason, in.Now.Add(d.After))
		}
	}
}

func TestMayRequest_LooksAgainWhenTheNextTComes(t *testing.T) {
	now := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	next := now.Add(10 * time.Minute)
	in := gateInput(now)
	in.Spec.Approval = v1alpha1.ApprovalBeforeRequest
	in.due = Due{T: now.Add(-48 * time.Hour), Set: true, Next: &next}
	if d := mayRequest.decide(in); d == nil || d.Reason != v1alpha1.ReasonAwaitingApproval || d.After != 10*time.Minute {
		t.Errorf("got %+v, want to wait for approval of this T, and to check again in 10 minutes for the next one", d)
	}
}

// A condition's message is cut at its maximum length, before which must be what to do.
func TestObstacles_SayWhatToDoBeforeTheNames(t *testing.T) {
	in := gateInput(time.Now())
	in.Spec.SiblingClusters = v1alpha1.SiblingsRefuse
	many := make([]Sibling, 40)
	for i := range many {
		many[i].DisplayName = strings.Repeat("n", 250)
	}
	in.Facts.Siblings = &Siblings{Others: len(many), Named: many}
	in.due = Due{T: time.Now(), Set: true}
	if d := mayRequest.decide(in); d == nil || d.Reason != v1alpha1.ReasonSiblingClusters || len(d.Message) > 1024 || !strings.Contains(d.Message, "and 30 more") {
		t.Errorf("the message has %d characters: %s", len(d.Message), d.Message)
	}
}

// A rotation that was pending before T does not satisfy T.
func TestAdopt_KeepsTForARotationRequestedAfterIt(t *testing.T) {
	at := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	r := &v1alpha1.RotationStatus{After: TimePtr(at)}
	for name, c := range map[string]struct {
		created time.Time
		counts  bool
	}{
		"requested long before T":                         {at.Add(-2 * time.Hour), false},
		"requested after T":                               {at.Add(time.Second), true},
		"requested at T, by a clock a bit behind it":      {at.Add(-time.Minute), true},
		"requested at T, by a clock in another time zone": {at.Add(-time.Hour), true},
	} {
		t.Run(name, func(t *testing.T) {
			in := gateInput(at)
			in.Status.Rotation = r
			if d := adopt(Rotation{ID: "r", CreatedAt: c.created}, in); (d.Rotation.After != nil) != c.counts {
				t.Errorf("T is kept: %t, want %t", d.Rotation.After != nil, c.counts)
			}
		})
	}
}

// A rotation that OCM listed before the intent was recorded, or that this cluster has completed, is not an effect of its request.
func TestAdoptable_TellsTheEffectOfALostRequestFromWhatWasThereBefore(t *testing.T) {
	at := time.Date(2026, 5, 6, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		ours    bool // this process has recorded the intent and sent nothing yet
		before  string
		created time.Duration // before the intent
		history []v1alpha1.RotationStatus
		adopted bool
	}{
		"nothing was sent yet":                     {true, "", 2 * time.Hour, nil, false},
		"listed before":                            {false, "listed", 3 * time.Minute, nil, false},
		"seen through by this cluster":             {false, "", 3 * time.Minute, []v1alpha1.RotationStatus{{ID: "listed"}}, false},
		"created long before":                      {false, "deleted since", 2 * time.Hour, nil, false},
		"perhaps the effect, by a slow clock":      {false, "", 3 * time.Minute, nil, true},
		"perhaps the effect, by another time zone": {false, "other", time.Hour, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := gateInput(at.Add(time.Minute))
			far := at.Add(24 * time.Hour) // no T that the rotation could count for
			in.Status.Rotation = &v1alpha1.RotationStatus{After: TimePtr(far), IntendedAt: TimePtr(at), ListedBefore: c.before}
			in.Status.History, in.Facts.IntentIsOurs = c.history, c.ours
			listed := []Rotation{{ID: "listed", Status: RotationCompleted, CreatedAt: at.Add(-c.created)}}
			if _, got := adoptable(listed, in); got != c.adopted {
				t.Errorf("adopted: %t, want %t", got, c.adopted)
			}
		})
	}
}

// The names of clusters are what anybody writes, and messages become events, which some tools show as Markdown or with links.
func TestSiblingHolds_ANameIsNeitherMarkupNorALink(t *testing.T) {
	siblings := &Siblings{Others: 5, Named: []Sibling{
		{DisplayName: "my-cluster_2 (Zürich, 東京)"}, {DisplayName: "[click](https://evil.example)"}, {DisplayName: "<b>`*bold*`|#@here~"}, {ClusterID: "0-1"},
		{DisplayName: strings.Repeat("long ", 40)},
	}}
	if got := names(siblings); strings.ContainsAny(got, "[]<>`*|#@~/\n") || len(strings.Split(got, ", ")) < 6 {
		t.Errorf("the names are %q", got)
	}
	if got := inSentence("my-cluster_2 (Zürich, 東京)"); got != "my-cluster_2 (Zürich, 東京)" {
		t.Errorf("a harmless name becomes %q", got)
	}
}
