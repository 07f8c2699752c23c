package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// group turns the rows that need a credential now into the fewest requests to CAP: one per role, and none for a role of which another Secret or
// the process holds a fresh credential. That keeps the Secrets of a role in step, restores a deleted or edited one even during an outage of CAP,
// and completes an interrupted round with the credentials that it had fetched.
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

// donor is a credential that a Secret can get without a request to CAP.
type donor struct {
	// from is the row that has it; negative for the process.
	from             int
	role             string
	fetched, expires time.Time
	// next is when it is due for a refresh.
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

// donors are the freshest credentials by role, among those that are not due themselves.
func (p *Plan) donors(in Input) map[string]donor {
	donors := map[string]donor{}
	for i, r := range p.Rows {
		if r.Why != "" || r.Result != v1alpha1.ReasonFresh {
			continue
		}
		if donors[r.Role].fetched.Before(r.FetchedAt) {
			donors[r.Role] = donor{i, r.Role, r.FetchedAt, r.ExpiresAt, r.Next}
		}
	}
	for role, h := range in.Memory.Held {
		expires := in.expiry(h.Expiry, h.FetchedAt, h.ExpiresAt)
		due := schedule.RefreshDue(in.Now, h.FetchedAt, expires, in.policy(role))
		if !due.Due && !in.requested(h.FetchedAt) && donors[role].fetched.Before(h.FetchedAt) {
			donors[role] = donor{-1, role, h.FetchedAt, expires, due.At}
		}
	}
	return donors
}

// gives is true if a donor's credential is worth copying to r: always if r has none; if r is due by time, only if it would not be due again soon,
// because each change restarts consumers.
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

// lastResort is the process' credential for a row that has none and whose role cannot be fetched now: it is due for a refresh, but still works.
func (in Input) lastResort(r Row) (donor, bool) {
	h := in.Memory.Held[r.Role]
	expires := in.expiry(h.Expiry, h.FetchedAt, h.ExpiresAt)
	nothing := r.Why == WhyEdited || in.life(r).dead
	return donor{-1, r.Role, h.FetchedAt, expires, in.Now}, nothing && expires.After(in.Now) && expires.After(r.ExpiresAt)
}

// ask plans the requests to CAP for the rows without a donor, and sets until when the others wait.
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
			r.Next = in.untilAnswer(r)
			continue
		}
		switch probing := in.Memory.Portal.Open; {
		case in.Hold != nil:
			r.Next = time.Time{}
		case in.Flying[r.Role]:
			r.Next = in.untilAnswer(r)
			p.Fetches = append(p.Fetches, Fetch{Role: r.Role, Flying: true, Rows: []int{i}})
			fetches[r.Role] = len(p.Fetches) - 1
		case probing && portal.After(in.Now):
			r.Next, r.Together = portal, true
		case at.After(in.Now):
			r.Next = at
		case probing && r.Role != probe: // one role is tried for all
			r.Next, r.Together = in.Now, true
		default:
			r.Next = in.untilAnswer(r)
			fetches[r.Role] = len(p.Fetches)
			p.Fetches = append(p.Fetches, Fetch{Role: r.Role, Rows: []int{i}})
		}
		if f := in.Memory.Portal; f.Open && in.Hold == nil && in.Memory.Writes[r.Ref].Count == 0 {
			r.Result, r.Message = f.Reason, f.Message
		}
	}
	return fetches
}

// untilAnswer is when the next round is due for a row whose role is asked for: an answer wakes the set, so no time is, where one is awaited for the
// role or as many as may be at a time. A round at once would only find the same.
func (in Input) untilAnswer(r *Row) time.Time {
	if in.Flying[r.Role] || len(in.Flying) >= Concurrency(in.Spec) {
		return time.Time{}
	}
	return r.Next
}

// defaultConcurrency is the API's default.
const defaultConcurrency = 4

// Concurrency is how many answers of CAP may be awaited at a time.
func Concurrency(spec *v1alpha1.CAPCredentialSetSpec) int {
	if n := int(spec.Endpoint.MaxConcurrentRequests); n > 0 {
		return n
	}
	return defaultConcurrency
}

// probe is the role that is tried for all while CAP fails: the one that was tried longest ago, so that a role whose requests hang does not stand
// for all others.
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

// portalAt is when CAP may be asked again after a failure that concerns CAP itself.
func (in Input) portalAt(l life) time.Time {
	f := in.Memory.Portal
	if !f.Open || in.requested(f.Last) {
		return time.Time{}
	}
	return f.retryAt(in.Seed, l, in.Now)
}

// askAt is when a role may be requested; zero means at once.
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

// joinAlmostDue adds the rows that are due soon to a request for their role, so that they get back into step instead of needing their own
// requests. Correcting one Secret changes no other: while another is fresh, it is copied, and no request is sent.
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
