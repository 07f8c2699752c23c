package decide

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

func TestCountIsOld_AfterADay(t *testing.T) {
	for name, row := range map[string]struct {
		counted *v1alpha1.SiblingsStatus
		want    bool
	}{
		"never counted":       {nil, true},
		"counted today":       {&v1alpha1.SiblingsStatus{CountedAt: *TimePtr(noon.Add(time.Second - 24*time.Hour))}, false},
		"counted a day ago":   {&v1alpha1.SiblingsStatus{CountedAt: *hours(-24)}, true},
		"counted tomorrow":    {&v1alpha1.SiblingsStatus{CountedAt: *hours(24)}, true},
		"counted this moment": {&v1alpha1.SiblingsStatus{CountedAt: *hours(0)}, false},
	} {
		if got := CountIsOld(Input{Now: noon, Status: &v1alpha1.PullSecretRotationStatus{Siblings: row.counted}}); got != row.want {
			t.Errorf("%s: the count is old: %v", name, got)
		}
	}
}

func TestKnownOthers_AreThoseJustCountedOrThoseOnRecord(t *testing.T) {
	for name, row := range map[string]struct {
		seen    *Siblings
		others  int
		unknown bool
	}{
		"on record":             {nil, 6, false},
		"just counted":          {&Siblings{Others: 3}, 3, false},
		"OCM just did not tell": {&Siblings{Unknown: true}, 0, true},
	} {
		in := shared(7)
		in.Facts.Siblings = row.seen
		if others, unknown := knownOthers(in); others != row.others || unknown != row.unknown {
			t.Errorf("%s: %d others, unknown: %v", name, others, unknown)
		}
	}
	in := shared(7)
	in.Status.Siblings = nil
	if others, unknown := knownOthers(in); others != 0 || unknown {
		t.Errorf("without a record: %d others, unknown: %v", others, unknown)
	}
}

// A cluster that knows its position has the middle of its share of the period; another one's place comes from its id.
func TestPlace_IsTheMiddleOfTheClustersShare(t *testing.T) {
	for _, row := range []struct {
		position *int32
		want     float64
	}{
		{ptr.To(int32(0)), 0.125},
		{ptr.To(int32(3)), 0.875},
		{ptr.To(int32(4)), schedule.Place("id")}, // there are fewer clusters since
		{nil, schedule.Place("id")},
	} {
		in := shared(4)
		in.Status.ClusterID, in.Status.Siblings.Position = "id", row.position
		if got := place(in); got != row.want {
			t.Errorf("at the position %v of four its place is %v, want %v", row.position, got, row.want)
		}
	}
}

// However many there are, an account asks OCM no more often than each second, and in a period of an hour or more than twice a second.
func TestLookPeriod_GrowsWithTheNumberOfClusters(t *testing.T) {
	for clusters, want := range map[int]time.Duration{
		0: 0, 1: 0, 2: 2 * time.Second, 3600: time.Hour, 5000: time.Hour, 7200: time.Hour, 10000: 5000 * time.Second,
	} {
		if got := lookPeriod(shared(clusters)); got != want {
			t.Errorf("%d clusters share a period of %s, want %s", clusters, got, want)
		}
	}
}

// beside is one of many, for which it is not the moment to ask for an access_token: only need lets it.
func beside(changes ...func(*Input)) Input {
	return shared(10000, append([]func(*Input){func(in *Input) {
		in.Status.Rotation, in.Facts.Rotations = nil, &[]Rotation{}
		in.Status.Siblings.Position = ptr.To(int32(0))
		in.Facts.Targets = []TargetFact{{Ref: global}}
	}}, changes...)...)
}

func TestIssuedFrom_AnAccessTokenIsOnlyForWhoeverNeedsIt(t *testing.T) {
	due := func(in *Input) { in.Spec.RotateAfter = TimePtr(in.Now.Add(-time.Hour)) }
	for _, row := range []struct {
		name string
		in   Input
		want Source
	}{
		{"nothing is the matter", beside(), FromNowhere},
		{"a rotation is due", beside(due), FromToken},
		{"one is due by a spec that cannot be carried out", beside(due, func(in *Input) { in.Spec.Schedule = &v1alpha1.RotationSchedule{Cron: "x"} }), FromNowhere},
		{"the cluster's own rotation is under way", beside(func(in *Input) { in.Status.Rotation = &v1alpha1.RotationStatus{ID: "r"} }), FromToken},
		{"a target has an old value", beside(func(in *Input) { in.Facts.Targets[0].Old = []string{"quay.io"} }), FromToken},
		{"a target has an unknown value", beside(func(in *Input) { in.Facts.Targets[0].Other = []string{"quay.io"} }), FromToken},
		{"a target has both", beside(func(in *Input) {
			in.Facts.Targets[0].Old, in.Facts.Targets[0].Other = []string{"quay.io"}, []string{"registry.redhat.io"}
		}), FromToken},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := IssuedFrom(row.in); got != row.want {
				t.Errorf("they are read from %s, want %s", got, row.want)
			}
		})
	}
}

func TestCountMatters_ForARequestAndForAReport(t *testing.T) {
	in := dueInput()
	if !CountMatters(in) {
		t.Error("not for a rotation that is due")
	}
	in.Spec.RotateAfter = hours(1)
	if CountMatters(in) {
		t.Error("for one that is not due")
	}
	in.Spec.Mode = v1alpha1.ModeAudit
	if !CountMatters(in) {
		t.Error("not for a report")
	}
}

// OCM offers credentials to each cluster within two of its batches; then a cluster of its own accord asks for an access_token.
func TestFallsBack_AfterTwoBatches(t *testing.T) {
	requested := func(ago time.Duration) func(*Input) {
		return func(in *Input) { in.Status.Rotation.RequestedAt = TimePtr(in.Now.Add(-ago)) }
	}
	listed := func(ago time.Duration) func(*Input) {
		return func(in *Input) {
			in.Status.Rotation, in.Facts.Rotations = nil, &[]Rotation{{ID: "r", Status: RotationPending, CreatedAt: in.Now.Add(-ago)}}
		}
	}
	for _, row := range []struct {
		name string
		in   Input
		want bool
	}{
		{"two batches ago", shared(2, requested(12*time.Hour)), true},
		{"not quite", shared(2, requested(12*time.Hour-time.Second)), false},
		{"found two batches after", shared(2, listed(12*time.Hour)), true},
		{"found before", shared(2, listed(12*time.Hour-time.Second)), false},
		{"it has asked a period ago", shared(2, requested(12*time.Hour), func(in *Input) { in.LastToken = in.Now.Add(-time.Minute) }), true},
		{"it has asked in the future", shared(2, requested(12*time.Hour), func(in *Input) { in.LastToken = in.Now.Add(time.Minute) }), true},
		{"it is alone", shared(1, requested(12*time.Hour), func(in *Input) { in.LastToken = in.Now }), true},
		{"only the own token is there", shared(2, requested(12*time.Hour), func(in *Input) { in.Spec.Mode, in.Spec.OCM.CredentialsSecretRef = v1alpha1.ModeFollow, nil }), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := FallsBack(row.in, false); got != row.want {
				t.Errorf("FallsBack is %v", got)
			}
		})
	}
}

// Among so many that the moment for an access_token comes seldom, a cluster that may need one polls at that moment.
func TestFallbackTurn_IsForAFollowerAmongMany(t *testing.T) {
	for _, row := range []struct {
		name string
		in   Input
		want bool
	}{
		{"one of 451", shared(451), true},
		{"one of 450, of which each poll is such a moment", shared(450), false},
		{"only the own token is there", shared(451, func(in *Input) { in.Spec.Mode, in.Spec.OCM.CredentialsSecretRef = v1alpha1.ModeFollow, nil }), false},
		{"nothing is under way", shared(451, func(in *Input) {
			in.Status.Rotation, in.Facts.Rotations = nil, &[]Rotation{{ID: "r", Status: RotationPending, CreatedAt: in.Now}}
		}), false},
		{"it has switched", shared(451, func(in *Input) { in.Status.Rotation.AppliedAt = TimePtr(in.Now) }), false},
		{"it has requested the rotation", shared(451, func(in *Input) { in.Status.Rotation.RequestedHere = true }), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			at, got := fallbackTurn(row.in, row.in.Now)
			if got != row.want || got && (!at.After(row.in.Now) || at.Sub(row.in.Now) > 451*tokenPace) {
				t.Errorf("its turn is %v at %s", got, at)
			}
		})
	}
}
