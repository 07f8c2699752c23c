package pullsecretrotation

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// progress is what lookAtProgress asks and records.
func (c *crowd) progress(m *crowdCluster) {
	if !decide.AsksProgress(c.input(m)) {
		return
	}
	m.progress = c.now
	p := decide.Progress{Active: len(c.clusters)}
	for _, o := range c.clusters {
		if !c.waitsFor(o) {
			p.Switched++
			continue
		}
		p.NotSwitched++
		p.Lagging = append(p.Lagging, decide.Laggard{ID: crowdID(o.id), Name: fmt.Sprint("cluster ", o.id), EndsAt: c.expires(o)})
	}
	slices.SortStableFunc(p.Lagging, func(a, b decide.Laggard) int { return a.EndsAt.Compare(b.EndsAt) })
	p.Lagging = p.Lagging[:min(len(p.Lagging), 100)]
	for _, endpoint := range []string{askTransfers, askTransfers, askSiblings} {
		c.ask(endpoint)
	}
	for range (len(p.Lagging) + 49) / 50 {
		c.ask(askSiblings)
	}
	c.askers[m.id]++
	decide.Record{PullSecretRotationStatus: &m.status}.Progressed(p, c.now)
}

// Of 500 clusters 13 sleep: whoever requested the rotation, the cluster that reports names them, the first to lose access first, within the account's
// budget. Nobody else asks.
func TestBudget_ThirteenOfFiveHundredSleepAndAreNamed(t *testing.T) {
	const size = 500
	for name, elsewhere := range map[string]bool{"a cluster requests it": false, "a person requests it": true} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(size, true)
			if elsewhere {
				c.rotations = []decide.Rotation{{ID: "elsewhere", AccountID: "account", Status: decide.RotationPending, CreatedAt: crowdStart.Add(-time.Minute)}}
			}
			var want []string
			for i := range 13 {
				sleeper := (7 + 31*i) % size
				c.asleep[sleeper], c.clusters[sleeper].life = true, crowdTransfer-time.Duration(i)*time.Hour
				want = append([]string{crowdID(sleeper)}, want...)
			}
			var reporter *crowdCluster
			c.until(crowdStart.Add(4 * 24 * time.Hour))
			for _, m := range c.clusters {
				if c.askers[m.id] > 0 && (reporter == nil || c.askers[m.id] > c.askers[reporter.id]) {
					reporter = m
				}
			}
			if len(c.askers) == 0 || len(c.askers) > 2 {
				t.Fatalf("%d clusters have asked who lags, want one or two: %v", len(c.askers), c.askers)
			}
			s := reporter.status.Siblings
			var named []string
			for _, l := range s.Lagging {
				named = append(named, l.ID)
			}
			if s.Switched == nil || *s.Switched != size-13 || *s.NotSwitched != 13 || !slices.Equal(named, want) {
				t.Errorf("of %d clusters it says %v and %v, and names\n%v, want\n%v", size, s.Switched, s.NotSwitched, named, want)
			}
			if first := c.expires(c.clusters[(7+31*12)%size]).Truncate(time.Second); s.FirstOfferEndsAt == nil || !s.FirstOfferEndsAt.Time.Equal(first) {
				t.Errorf("the first loses access at %v, want %v", s.FirstOfferEndsAt, first)
			}
			if !elsewhere {
				c.run()
				showTable(t, c.row("500, of which 13 sleep"))
				if s := reporter.status.Siblings; reporter.status.Rotation.RevokedAt == nil || *s.NotSwitched != 13 || len(s.Lagging) != 13 {
					t.Errorf("after the end, at %v, %v have not switched, of which %d are named", reporter.status.Rotation.RevokedAt, *s.NotSwitched, len(s.Lagging))
				}
			}
			if n := c.askers[reporter.id]; n > 4*8 {
				t.Errorf("it has asked %d times in four days", n)
			}
			if n := c.worstSecond(); n > requestsASecond {
				t.Errorf("%d requests in the worst second, want at most %d", n, requestsASecond)
			}
			if n := c.worstHour(askToken); n > tokensAnHour {
				t.Errorf("%d access_tokens in the worst hour", n)
			}
		})
	}
}
