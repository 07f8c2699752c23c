package decide

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// asker is the cluster of fifty that has requested a rotation, whose credentials are issued, in a reconcile that has asked OCM about it.
func asker(changes ...func(*Input)) Input {
	return shared(50, append([]func(*Input){func(in *Input) {
		r := in.Status.Rotation
		r.Adopted, r.RequestedHere, r.IssuedAt = false, true, TimePtr(in.Now)
		in.Facts.Rotations = &[]Rotation{{ID: "r", AccountID: "account", Status: RotationPending, CreatedAt: r.RequestedAt.Time}}
	}}, changes...)...)
}

func TestAsksProgress(t *testing.T) {
	joined := func(in *Input) { in.Status.Rotation.Adopted, in.Status.Rotation.RequestedHere = true, false }
	asked := func(ago time.Duration) func(*Input) {
		return func(in *Input) {
			in.Status.Siblings.RotationID, in.Status.Siblings.AskedAt = "r", TimePtr(in.Now.Add(-ago))
		}
	}
	for _, row := range []struct {
		name string
		in   Input
		want bool
	}{
		{"this cluster has requested it", asker(), true},
		{"another object of this cluster has", asker(func(in *Input) { in.Status.Rotation.Adopted = true }), true},
		{"another cluster has", asker(joined), false},
		{"somebody else has, and this one is the first", asker(joined, func(in *Input) { in.Status.Siblings.Position = ptr.To(int32(0)) }), true},
		{"somebody else has, and no place is known", asker(joined, func(in *Input) { in.Status.Siblings.Position = nil }), false},
		{"there is no other cluster", asker(func(in *Input) { in.Status.Siblings.Clusters = ptr.To(int32(1)) }), false},
		{"the siblings are not counted", asker(func(in *Input) { in.Status.Siblings = nil }), false},
		{"nothing is issued", asker(func(in *Input) { in.Status.Rotation.IssuedAt = nil }), false},
		{"OCM was not asked in this reconcile", asker(func(in *Input) { in.Facts.Rotations = nil }), false},
		{"its record was deleted", asker(func(in *Input) { in.Facts.Rotations = &[]Rotation{} }), false},
		{"it has ended", asker(func(in *Input) { in.Status.Rotation.RevokedAt = TimePtr(in.Now) }), false},
		{"OCM says that it has", asker(func(in *Input) { in.Status.Rotation.OCMStatus = RotationCompleted }), false},
		{"the OCM credential has become another account's", asker(func(in *Input) { in.Status.Account.ID = "other" }), false},
		{"only the cluster's own token is there", asker(func(in *Input) { in.Spec.Mode, in.Spec.OCM.CredentialsSecretRef = v1alpha1.ModeFollow, nil }), false},
		{"asked a moment ago", asker(asked(time.Hour)), false},
		{"asked a while ago", asker(asked(3 * time.Hour)), true},
		{"asked about an earlier rotation", asker(asked(time.Hour), func(in *Input) { in.Status.Siblings.RotationID = "earlier" }), true},
		{"this process has just failed to ask", asker(asked(9*time.Hour), func(in *Input) { in.LastProgress = in.Now.Add(-time.Minute) }), false},
		{"the clock was set back", asker(func(in *Input) { in.LastProgress = in.Now.Add(time.Hour) }), true},
		{"refused", asker(asked(9*time.Hour), func(in *Input) { in.Status.Siblings.Answer = v1alpha1.SiblingsRefused }), false},
		{"refused yesterday", asker(asked(24*time.Hour), func(in *Input) { in.Status.Siblings.Answer = v1alpha1.SiblingsRefused }), true},
		{"the first offer has ended", asker(asked(3*time.Hour), func(in *Input) { in.Status.Siblings.FirstOfferEndsAt = TimePtr(in.Now) }), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := AsksProgress(row.in); got != row.want {
				t.Errorf("AsksProgress is %v, want %v", got, row.want)
			}
		})
	}
}

// sleepers are n clusters, of which each loses access an hour after the one before.
func sleepers(n int, first time.Time) []Laggard {
	var list []Laggard
	for i := range n {
		list = append(list, Laggard{ID: fmt.Sprintf("id-%02d", i), Name: fmt.Sprintf("cluster %d", i), EndsAt: first.Add(time.Duration(i) * time.Hour)})
	}
	return list
}

func TestProgressed_IsKnownOnlyIfTheAnswerCoversEachActiveCluster(t *testing.T) {
	for _, row := range []struct {
		name string
		seen Progress
		want v1alpha1.SiblingsAnswer
	}{
		{"all of them", Progress{Active: 50, Switched: 37, NotSwitched: 13}, v1alpha1.SiblingsComplete},
		{"some have gone since", Progress{Active: 45, Switched: 37, NotSwitched: 13}, v1alpha1.SiblingsComplete},
		{"one is missing", Progress{Active: 51, Switched: 37, NotSwitched: 13}, v1alpha1.SiblingsIncomplete},
		{"nothing at all", Progress{}, v1alpha1.SiblingsIncomplete},
		{"refused", Progress{Refused: true}, v1alpha1.SiblingsRefused},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := asker()
			s := in.Status.Siblings
			s.RotationID, s.Switched, s.NotSwitched, s.FirstOfferEndsAt = "earlier", ptr.To(int32(7)), ptr.To(int32(7)), TimePtr(in.Now)
			s.Lagging = []v1alpha1.LaggingCluster{{ID: "earlier"}}
			Record{in.Status}.Progressed(row.seen, in.Now)
			if s.Answer != row.want || s.RotationID != "r" || s.AskedAt == nil || len(s.Lagging) > 0 || s.FirstOfferEndsAt != nil {
				t.Errorf("it is %+v, want %s", s, row.want)
			}
			if known := row.want == v1alpha1.SiblingsComplete; known != (s.Switched != nil) || known != (s.NotSwitched != nil) || known && *s.NotSwitched != 13 {
				t.Errorf("switched %v, not switched %v with the answer %s", s.Switched, s.NotSwitched, row.want)
			}
		})
	}
}

func TestProgressed_NamesTwentyTheSoonestToLoseAccessFirst(t *testing.T) {
	in := asker()
	end := in.Now.Add(2 * 24 * time.Hour)
	list := sleepers(30, end)
	list[1].Name = strings.Repeat("é", 200)
	list[2].EndsAt = time.Time{}
	Record{in.Status}.Progressed(Progress{Active: 50, Switched: 20, NotSwitched: 30, Lagging: list}, in.Now)
	s := in.Status.Siblings
	if len(s.Lagging) != 20 || *s.NotSwitched != 30 || s.Lagging[0].ID != "id-00" || s.Lagging[19].ID != "id-19" {
		t.Errorf("of %d clusters it names %+v", *s.NotSwitched, s.Lagging)
	}
	if !s.FirstOfferEndsAt.Time.Equal(end) || s.Lagging[2].OfferEndsAt != nil {
		t.Errorf("the first offer ends at %v, want %v; that of the third is unknown, and ends at %v", s.FirstOfferEndsAt, end, s.Lagging[2].OfferEndsAt)
	}
	if n := len([]rune(s.Lagging[1].Name)); n != 128 {
		t.Errorf("a name has %d characters, want at most 128", n)
	}
	if n, first := Lagging(in.Status); n == nil || *n != 30 || !first.Time.Equal(end) {
		t.Errorf("Lagging is %v, %v", n, first)
	}
}

// OCM ends a rotation when each cluster has switched or its offer has ended.
func TestFinish_ThoseForWhichOCMWaitedHaveSwitched(t *testing.T) {
	for _, row := range []struct {
		name             string
		seen             Progress
		after            time.Duration // the end, after the first offer's end
		lagging, known   int
		switched, remain int32
	}{
		{"before any offer has ended", Progress{Active: 50, Switched: 37, NotSwitched: 13}, -time.Hour, 13, 0, 50, 0},
		{"more than are named, before any offer has ended", Progress{Active: 50, Switched: 10, NotSwitched: 40}, -time.Hour, 40, 0, 50, 0},
		{"some offers have ended", Progress{Active: 50, Switched: 37, NotSwitched: 13}, 2 * time.Hour, 13, 3, 47, 3},
		{"more than are named, and an offer has ended", Progress{Active: 50, Switched: 10, NotSwitched: 40}, time.Hour, 40, 20, 10, 40},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := asker()
			first := in.Now.Add(24 * time.Hour)
			row.seen.Lagging = sleepers(row.lagging, first)
			record := Record{in.Status}
			record.Progressed(row.seen, in.Now)
			record.Finish(RotationCompleted, first.Add(row.after))
			if s := in.Status.Siblings; *s.Switched != row.switched || *s.NotSwitched != row.remain || len(s.Lagging) != row.known {
				t.Errorf("switched %d, not switched %d, named %d; want %d, %d, %d", *s.Switched, *s.NotSwitched, len(s.Lagging), row.switched, row.remain, row.known)
			}
			if n, first := Lagging(in.Status); n != nil || first != nil {
				t.Errorf("after the end nobody lags: %v, %v", n, first)
			}
		})
	}
}
