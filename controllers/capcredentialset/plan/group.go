package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// group turns the rows that need a credential now into the fewest questions to the portal: one per role, and none for a
// role of which another Secret or the process itself holds a fresh credential. That keeps the Secrets of a role in step, brings
// a deleted or edited one back even while the portal is away, and lets a round that was killed halfway be finished with what it
// had fetched.
func (p *Plan) group(in Input) {
	donors := p.donors(in)
	copies := map[string]int{}
	var needy []int
	for i, r := range p.Rows {
		if r.Why == "" || r.Next.After(in.Now) || r.Next.IsZero() {
			continue
		}
		if d, ok := donors[r.Role]; ok && in.gives(d, r) {
			p.copy(copies, d, i)
			continue
		}
		needy = append(needy, i)
	}
	fetches := p.ask(in, needy)
	for _, i := range needy {
		r := &p.Rows[i]
		if _, asked := fetches[r.Role]; asked && !in.Flying[r.Role] {
			continue
		}
		if d, ok := in.lastResort(*r); ok {
			p.copy(copies, d, i)
		}
	}
	p.joinAlmostDue(fetches, in.Now)
}

// donor is a credential that a Secret can have without a question to the portal.
type donor struct {
	// from is the row that has it; negative: the process.
	from             int
	role             string
	fetched, expires time.Time
	// next is when it will be refreshed.
	next time.Time
}

func (p *Plan) copy(copies map[string]int, d donor, row int) {
	if _, ok := copies[d.role]; !ok {
		copies[d.role] = len(p.Copies)
		p.Copies = append(p.Copies, Copying{From: d.from, Role: d.role})
	}
	c := &p.Copies[copies[d.role]]
	c.Rows = append(c.Rows, row)
}

// donors are the freshest credentials by their role, of those that are not due themselves.
func (p *Plan) donors(in Input) map[string]donor {
	donors := map[string]donor{}
	for i, r := range p.Rows {
		if r.Why != "" || r.Result != v1alpha1.ReasonFresh {
			continue
		}
		if d, ok := donors[r.Role]; !ok || d.fetched.Before(r.FetchedAt) {
			donors[r.Role] = donor{i, r.Role, r.FetchedAt, r.ExpiresAt, r.Next}
		}
	}
	for role, h := range in.Memory.Held {
		expires := in.expiry(h.Expiry, h.FetchedAt, h.ExpiresAt)
		due := schedule.RefreshDue(in.Now, h.FetchedAt, expires, in.policy(role))
		if d, ok := donors[role]; !due.Due && !in.requested(h.FetchedAt) && (!ok || d.fetched.Before(h.FetchedAt)) {
			donors[role] = donor{-1, role, h.FetchedAt, expires, due.At}
		}
	}
	return donors
}

// gives says whether a donor has a credential worth giving to r. To a Secret that has none, always. To one that is due by time
// only when it would not be due again soon: each change restarts consumers.
func (in Input) gives(d donor, r Row) bool {
	switch r.Why {
	case whyMissing, whyUnusable, whyUnknown, WhyEdited, whyRoleChanged, whyRefused:
		return true
	case string(schedule.RefreshExpired):
		return d.expires.After(r.ExpiresAt)
	default:
		return d.fetched.After(r.FetchedAt) && d.next.Sub(in.Now) >= in.Now.Sub(d.fetched)
	}
}

// lastResort is what the process holds for a row that has nothing and whose role cannot be asked for now: though it is due, it
// lives.
func (in Input) lastResort(r Row) (donor, bool) {
	h, ok := in.Memory.Held[r.Role]
	expires := in.expiry(h.Expiry, h.FetchedAt, h.ExpiresAt)
	nothing := r.Why == WhyEdited || in.life(r).dead
	return donor{-1, r.Role, h.FetchedAt, expires, in.Now}, ok && nothing && expires.After(in.Now) && expires.After(r.ExpiresAt)
}

// ask plans the questions to the portal for the rows that nothing else helps, and says of the others until when they wait.
func (p *Plan) ask(in Input, needy []int) map[string]int {
	fetches, lives, all := map[string]int{}, map[string]life{}, life{}
	for _, i := range needy {
		r := p.Rows[i]
		lives[r.Role] = lives[r.Role].shorter(in.life(r))
		all = all.shorter(in.life(r))
	}
	portal, probe := in.portalAt(all), in.probe(p.Rows, needy, lives)
	for _, i := range needy {
		r := &p.Rows[i]
		at := in.askAt(r.Role, lives[r.Role])
		if n, asked := fetches[r.Role]; asked {
			p.Fetches[n].Rows = append(p.Fetches[n].Rows, i)
			continue
		}
		switch probing := in.Memory.Portal.Open; {
		case in.Hold != nil:
			r.Next = time.Time{}
		case in.Flying[r.Role]:
			r.Next = time.Time{} // the answer is news
			p.Fetches = append(p.Fetches, Fetch{Role: r.Role, Flying: true, Rows: []int{i}})
			fetches[r.Role] = len(p.Fetches) - 1
		case probing && portal.After(in.Now):
			r.Next, r.Together = portal, true
		case at.After(in.Now):
			r.Next = at
		case probing && r.Role != probe: // one role tries for all
			r.Next, r.Together = in.Now, true
		default:
			fetches[r.Role] = len(p.Fetches)
			p.Fetches = append(p.Fetches, Fetch{Role: r.Role, Rows: []int{i}})
		}
		if f := in.Memory.Portal; f.Open && in.Hold == nil && in.Memory.Writes[r.Ref].Count == 0 {
			r.Result, r.Message = f.Reason, f.Message
		}
	}
	return fetches
}

// probe is the role that tries for all while the portal is not well: the one that was tried the longest ago, so that one role
// whose questions hang does not speak for all others.
func (in Input) probe(rows []Row, needy []int, lives map[string]life) string {
	var best string
	for _, i := range needy {
		role := rows[i].Role
		if in.askAt(role, lives[role]).After(in.Now) || in.Flying[role] {
			continue
		}
		if best == "" || in.Memory.Roles[role].Last.Before(in.Memory.Roles[best].Last) {
			best = role
		}
	}
	return best
}

// portalAt is when the portal may be asked again after an answer that spoke of no role.
func (in Input) portalAt(l life) time.Time {
	f := in.Memory.Portal
	if !f.Open || in.requested(f.Last) {
		return time.Time{}
	}
	return f.retryAt(in.Seed, l, in.Now)
}

// askAt is when a role may be asked for; zero: at once.
func (in Input) askAt(role string, l life) time.Time {
	var at time.Time
	if f := in.Memory.Roles[role]; f.Count > 0 && !in.requested(f.Last) {
		at = f.retryAt(in.Seed+"/"+role, l, in.Now)
	}
	if early := in.Memory.Fetched[role].Add(minFetch); early.After(at) && early.Before(in.Now.Add(2*minFetch)) {
		at = early
	}
	return at
}

// joinAlmostDue takes the rows that would be due soon along with a question that is asked for their role anyway, so that
// they come back into step instead of costing a question of their own each time. Setting one Secret right changes no other: while one is
// fresh it gives what it has, and nothing is asked.
func (p *Plan) joinAlmostDue(fetches map[string]int, now time.Time) {
	for i, r := range p.Rows {
		n, ok := fetches[r.Role]
		if !ok || r.Why != "" || r.Result != v1alpha1.ReasonFresh || !r.almostDue(now) {
			continue
		}
		p.Rows[i].Why = string(schedule.RefreshScheduled)
		p.Fetches[n].Rows = append(p.Fetches[n].Rows, i)
	}
}

// almostDue is true in the second half of the time until the next refresh.
func (r Row) almostDue(now time.Time) bool {
	return r.Next.Sub(now) < now.Sub(r.FetchedAt)
}
