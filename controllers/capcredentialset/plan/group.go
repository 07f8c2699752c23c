package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// group turns the rows that need a credential now into the fewest questions to the portal: one per role, and none for a
// role of which another Secret holds a fresh credential. That keeps the Secrets of a role in step, brings a deleted or edited
// one back even while the portal is away, and lets a round that was killed halfway be finished with what it had fetched.
func (p *Plan) group(in Input) {
	donors := map[string]int{}
	for i, r := range p.Rows {
		if r.Why != "" || r.Result != v1alpha1.ReasonFresh {
			continue
		}
		if d, ok := donors[r.Role]; !ok || p.Rows[d].FetchedAt.Before(r.FetchedAt) {
			donors[r.Role] = i
		}
	}
	copies := map[string]int{}
	var needy []int
	askable := map[string]bool{}
	for i, r := range p.Rows {
		if r.Why == "" || r.Next.After(in.Now) || r.Next.IsZero() {
			continue
		}
		if d, ok := donors[r.Role]; ok && p.gives(d, r, in.Now) {
			if _, ok := copies[r.Role]; !ok {
				copies[r.Role] = len(p.Copies)
				p.Copies = append(p.Copies, Copying{From: d})
			}
			c := &p.Copies[copies[r.Role]]
			c.Rows = append(c.Rows, i)
			continue
		}
		needy = append(needy, i)
		askable[r.Role] = askable[r.Role] || in.Hold == nil && !r.askAt.After(in.Now)
	}
	fetches := map[string]int{}
	for _, i := range needy {
		role := p.Rows[i].Role
		if !askable[role] {
			p.Rows[i].Next = p.Rows[i].askAt // zero while the set is held
			continue
		}
		if _, ok := fetches[role]; !ok {
			fetches[role] = len(p.Fetches)
			p.Fetches = append(p.Fetches, Fetch{Role: role})
		}
		f := &p.Fetches[fetches[role]]
		f.Rows = append(f.Rows, i)
	}
	p.joinAlmostDue(fetches, in.Now)
}

// gives says whether the fresh row d has a credential worth giving to r. To a Secret that has none, always. To one that is due
// by time only when it would not be due again soon: each change restarts consumers.
func (p *Plan) gives(d int, r Row, now time.Time) bool {
	switch r.Why {
	case whyMissing, whyUnusable, whyUnknown, WhyEdited, whyRoleChanged:
		return true
	case string(schedule.RefreshExpired):
		return p.Rows[d].ExpiresAt.After(r.ExpiresAt)
	default:
		return p.Rows[d].FetchedAt.After(r.FetchedAt) && !p.Rows[d].almostDue(now)
	}
}

// joinAlmostDue takes the rows that would be due soon along with a question that is asked for their role anyway, so that
// they come back into step instead of costing a question of their own each time.
func (p *Plan) joinAlmostDue(fetches map[string]int, now time.Time) {
	for i, r := range p.Rows {
		n, ok := fetches[r.Role]
		if !ok || r.Why != "" || r.Result != v1alpha1.ReasonFresh || !r.almostDue(now) || !p.Fetches[n].scheduled(p.Rows) {
			continue
		}
		p.Rows[i].Why = string(schedule.RefreshScheduled)
		p.Fetches[n].Rows = append(p.Fetches[n].Rows, i)
	}
}

// scheduled is true when time alone brought the question about. Setting one Secret right is no reason to change another.
func (f Fetch) scheduled(rows []Row) bool {
	for _, i := range f.Rows {
		switch rows[i].Why {
		case whyMissing, whyUnusable, whyUnknown, WhyEdited, whyRoleChanged:
			return false
		}
	}
	return true
}

// almostDue is true in the second half of the time until the next refresh.
func (r Row) almostDue(now time.Time) bool {
	return r.Next.Sub(now) < now.Sub(r.FetchedAt)
}
