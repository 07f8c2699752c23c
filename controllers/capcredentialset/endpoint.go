package capcredentialset

import (
	"encoding/json"

	"github.com/openshift/credential-rotation-operator/controllers/capcredentialset/plan"
)

// endpoint is CAP as some sets ask it: with the same client certificate, the same route and the same CAs. A failure that concerns CAP and not a
// role would be the same for all of them, so they share the breaker.
type endpoint struct {
	breaker plan.Breaker
	sets    map[string]bool
}

// endpointKey identifies an endpoint. It stays in memory.
func (s *scope) endpointKey() string {
	e := s.set.Spec.Endpoint
	key, _ := json.Marshal([]any{e.URL, e.TLS, e.Proxy, s.certificateBasis, s.authorities}) // marshalling strings cannot fail
	return digest(key)
}

// join makes a set share the breaker of its endpoint. An edit of the set is tried at once, by this set for all.
func (r *reconciler) join(s *scope, edited bool) {
	key, name := s.endpointKey(), s.set.Name
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.endpoint != key {
		r.leave(name, s.state)
	}
	e := r.endpoints[key]
	if e == nil {
		e = &endpoint{sets: map[string]bool{}}
		if r.endpoints == nil {
			r.endpoints = map[string]*endpoint{}
		}
		r.endpoints[key] = e
	}
	e.sets[name], s.endpoint = true, key
	if s.memory.Portal = e.breaker; edited {
		e.breaker.Count, s.memory.Portal = 0, plan.Breaker{}
	}
}

// leave undoes join. The caller holds the lock.
func (r *reconciler) leave(name string, st *state) {
	e := r.endpoints[st.endpoint]
	if e == nil {
		return
	}
	if delete(e.sets, name); len(e.sets) == 0 {
		delete(r.endpoints, st.endpoint)
	}
	st.endpoint = ""
}

// portalAnswers updates the breaker after an answer. When it closes, it wakes the other sets, which waited for that.
func (r *reconciler) portalAnswers(s *scope, change func(plan.Breaker) plan.Breaker) {
	r.mu.Lock()
	e := r.endpoints[s.endpoint]
	if e == nil { // the set has been deleted in the meantime
		r.mu.Unlock()
		return
	}
	was := e.breaker.Open
	e.breaker = change(e.breaker)
	s.memory.Portal = e.breaker
	var others []string
	if was && !e.breaker.Open {
		for name := range e.sets {
			if name != s.set.Name {
				others = append(others, name)
			}
		}
	}
	r.mu.Unlock()
	for _, name := range others {
		r.wake(name)
	}
}
