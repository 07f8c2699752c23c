package pullsecretrotation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// withSiblings has awake clusters beside the scene's, and sleeping ones, whose names it returns: the first to lose access first.
func (s *scene) withSiblings(awake, asleep int) (sleepers []string) {
	for range awake {
		s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Mode: simocm.SwitchesSoon})
	}
	for i := range asleep {
		name := fmt.Sprintf("asleep %d", i)
		s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: name, Mode: simocm.NeverSwitches, TransferLife: 5*day - time.Duration(i)*time.Hour})
		sleepers = append([]string{name}, sleepers...)
	}
	return sleepers
}

func (s *scene) siblings() v1alpha1.SiblingsStatus {
	s.t.Helper()
	n := s.get().Status.Siblings
	if n == nil {
		s.t.Fatal("the siblings were not counted")
	}
	return *n
}

func lagging(n v1alpha1.SiblingsStatus) (names []string) {
	for _, l := range n.Lagging {
		names = append(names, l.Name)
	}
	return names
}

// The whole way, from OCM's lists in pages to the status: 13 of 500 clusters sleep, and lose their credentials at the end.
func TestProgress_OfFiveHundredClustersTheThirteenThatSleepAreNamed(t *testing.T) {
	s := newScene(t, simocm.Options{})
	sleepers := s.withSiblings(486, 13)
	s.create(dueNow(allowSiblings))
	s.until("it has switched", 3*day, applied)
	s.run(day)
	n := s.siblings()
	if n.Answer != v1alpha1.SiblingsComplete || *n.Clusters != 500 || *n.Switched != 487 || *n.NotSwitched != 13 || !slices.Equal(lagging(n), sleepers) {
		t.Fatalf("%s: %v of %v have switched, not %v: %v", n.Answer, n.Switched, n.Clusters, n.NotSwitched, lagging(n))
	}
	first := s.get().Status.Rotation.RequestedAt.Add(5*day - 12*time.Hour)
	if at := n.FirstOfferEndsAt; at == nil || at.Sub(first).Abs() > time.Minute || !at.Equal(n.Lagging[0].OfferEndsAt) {
		t.Errorf("the first loses access at %v, want %v", at, first)
	}
	s.until("it has ended", 9*day, func(o *v1alpha1.PullSecretRotation) bool { return o.Status.Rotation.RevokedAt != nil })
	if n := s.siblings(); *n.Switched != 487 || !slices.Equal(lagging(n), sleepers) {
		t.Errorf("after the end: %d have switched, not %v", *n.Switched, lagging(n))
	}
}

func TestProgress_OfAllThatSwitchNobodyIsNamed(t *testing.T) {
	s := newScene(t, simocm.Options{})
	s.withSiblings(3, 0)
	s.create(dueNow(allowSiblings))
	s.until("it has ended", 9*day, func(o *v1alpha1.PullSecretRotation) bool {
		return o.Status.Rotation != nil && o.Status.Rotation.RevokedAt != nil
	})
	if n := s.siblings(); n.Switched == nil || *n.Switched != 4 || *n.NotSwitched != 0 || len(n.Lagging) > 0 || n.FirstOfferEndsAt != nil {
		t.Errorf("after the end: %+v", n)
	}
}

// A name may be anything, and goes no further than the status.
func TestProgress_NamesOfClustersAreNotTrusted(t *testing.T) {
	s := newScene(t, simocm.Options{})
	const password = "CANARY-of-the-mirror"
	s.putTarget(global, edited(s.document(global), map[string]string{"mirror.example.com": auth("user", password)}))
	for _, name := range []string{"\x1b[31mred\n[click](https://evil.example)", "has " + password, strings.Repeat("long", 100)} {
		s.sim.AddCluster(s.account.ID, simocm.ClusterSpec{Name: name, Mode: simocm.NeverSwitches})
	}
	s.create(dueNow(allowSiblings))
	s.until("it has switched", 3*day, applied)
	s.run(day)
	names := lagging(s.siblings())
	if want := []string{"[31mred [click](https://evil.example)", "", strings.Repeat("long", 32)}; !slices.Equal(names, want) {
		t.Errorf("it names %q, want %q", names, want)
	}
	if s.events.has("click") || s.events.has("longlong") {
		t.Errorf("an event names a cluster: %q", s.events.lines)
	}
}

// What OCM does not tell stays unknown, and nothing else comes of it.
func TestProgress_WhatOCMDoesNotTellStaysUnknownWithoutNoise(t *testing.T) {
	refuse := func(f simocm.Fault) func(*scene) {
		return func(s *scene) {
			s.sim.Configure(func(h *simocm.Habits) { h.SiblingTransfers = simocm.SiblingTransfersForbidden })
			f.Endpoint = simocm.OpTransfers
			s.sim.Break(f)
		}
	}
	habit := func(h simocm.SiblingTransfers) func(*scene) {
		return func(s *scene) { s.sim.Configure(func(to *simocm.Habits) { to.SiblingTransfers = h }) }
	}
	for _, row := range []struct {
		name  string
		make  func(*scene)
		want  v1alpha1.SiblingsAnswer
		tries int // at most, in two days
	}{
		{"403", habit(simocm.SiblingTransfersForbidden), v1alpha1.SiblingsRefused, 3},
		{"404", refuse(simocm.Fault{Kind: simocm.Answer, Status: 404, Body: `{"kind":"Error"}`}), v1alpha1.SiblingsRefused, 3},
		{"400", refuse(simocm.Fault{Kind: simocm.Answer, Status: 400, Body: `{"kind":"Error"}`}), v1alpha1.SiblingsIncomplete, 17},
		{"204", habit(simocm.SiblingTransfersNone), v1alpha1.SiblingsIncomplete, 34},
		{"only those that are open", habit(simocm.SiblingTransfersOpen), v1alpha1.SiblingsIncomplete, 34},
		{"500", refuse(simocm.Fault{Kind: simocm.Error500}), "", 17},
		{"a web page", refuse(simocm.Fault{Kind: simocm.HTML200}), "", 17},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t, simocm.Options{})
			s.withSiblings(3, 2)
			s.create(dueNow(allowSiblings))
			s.until("it waits", day, func(o *v1alpha1.PullSecretRotation) bool {
				return o.Status.Rotation != nil && o.Status.Rotation.ID != ""
			})
			row.make(s)
			s.sim.ResetCounts()
			s.until("it has switched", 2*day, applied)
			s.run(2 * day)
			n := s.siblings()
			if n.Answer != row.want || n.Switched != nil || n.NotSwitched != nil || len(n.Lagging) > 0 || n.FirstOfferEndsAt != nil {
				t.Errorf("it says %+v, want %q", n, row.want)
			}
			if status, reason, message := s.ready(); status != "True" || reason != v1alpha1.ReasonAwaitingRevocation {
				t.Errorf("Ready is %s %s: %s", status, reason, message)
			}
			if s.events.has("Warning") {
				t.Errorf("an event warns: %q", s.events.lines)
			}
			if got := s.sim.Count(simocm.OpTransfers); got == 0 || got > row.tries {
				t.Errorf("OCM was asked %d times in two days, want at most %d", got, row.tries)
			}
		})
	}
}
