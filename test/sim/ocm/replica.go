package ocm

import (
	"maps"
	"net/http"
	"sync"
)

// replica is a copy of the service with the state at its creation and the current clock. Requests change only the copy.
type replica struct {
	mu     sync.Mutex
	copied *Sim
	api    http.Handler
}

// stale makes a replica of the current state.
func (s *Sim) stale() *replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Sim{opts: s.opts, key: s.key, ids: s.ids, sessions: map[string]*session{}, clients: map[string]*account{}}
	copyState(c, s)
	return &replica{copied: c, api: c.apiMux()}
}

// serve handles a request that was sent to s.
func (p *replica) serve(s *Sim, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.mu.Lock()
	p.copied.offset, p.copied.apiSkew, p.copied.opts.Habits = s.offset, s.apiSkew, s.opts.Habits
	s.mu.Unlock()
	p.api.ServeHTTP(w, r)
}

// copyState copies accounts, clusters, rotations and transfers, with their pointers to each other.
func copyState(to, from *Sim) {
	accounts, generations := map[*account]*account{}, map[*generation]*generation{}
	for _, a := range from.accounts {
		c := *a
		c.generations = nil
		accounts[a] = &c
		for _, g := range a.generations {
			copied := *g
			copied.account, copied.logins, copied.died, copied.dying = &c, maps.Clone(g.logins), maps.Clone(g.died), maps.Clone(g.dying)
			generations[g] = &copied
			c.generations = append(c.generations, &copied)
		}
		to.accounts = append(to.accounts, &c)
	}
	clusters, rotations := map[*cluster]*cluster{}, map[*rotation]*rotation{}
	for _, cl := range from.clusters {
		c := *cl
		c.account = accounts[cl.account]
		clusters[cl] = &c
		to.clusters = append(to.clusters, &c)
	}
	for _, r := range from.rotations {
		c := *r
		c.account, c.issued, c.old = accounts[r.account], generations[r.issued], nil
		for _, g := range r.old {
			c.old = append(c.old, generations[g])
		}
		rotations[r] = &c
		to.rotations = append(to.rotations, &c)
	}
	for _, t := range from.transfers {
		c := *t
		c.cluster, c.rotation = clusters[t.cluster], rotations[t.rotation]
		to.transfers = append(to.transfers, &c)
	}
}
