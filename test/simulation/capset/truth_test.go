package capset

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// want is what people want of a Secret at a time.
type want struct {
	roles         []string
	create, adopt bool
}

// snapshot is what the sets and the cluster say from a time on.
type snapshot struct {
	sets  []v1alpha1.CAPCredentialSet
	facts facts
}

// facts are those of the cluster as they are.
type facts struct {
	mode     string
	requests map[string]request
}

// truths are the facts of each cluster; there is one cluster in a world.
func (c *cluster) mode(mode string) {
	c.facts().mode = mode
	c.remember()
}

func (c *cluster) noteRequest(name string, r *request) {
	f := c.facts()
	delete(f.requests, name)
	if r != nil {
		f.requests[name] = *r
	}
	c.remember()
}

func (c *cluster) facts() *facts {
	if c.known == nil {
		c.known = &facts{requests: map[string]request{}}
	}
	return c.known
}

// remember notes what people say from now on.
func (c *cluster) remember() {
	known := *c.facts()
	known.requests = maps.Clone(known.requests)
	c.past.Note(snapshot{c.sets(), known})
}

// wants are those of some sets in a cluster.
func wants(sets []v1alpha1.CAPCredentialSet, f facts) map[types.NamespacedName]want {
	all := map[types.NamespacedName]want{}
	f.each(sets, func(ref types.NamespacedName, w want) { all[ref] = all[ref].and(w) })
	return all
}

// wantOf is that for one Secret.
func wantOf(ref types.NamespacedName, sets []v1alpha1.CAPCredentialSet, f facts) (one want, wanted bool) {
	f.each(sets, func(other types.NamespacedName, w want) {
		if other == ref {
			one, wanted = one.and(w), true
		}
	})
	return one, wanted
}

// and is what two want of one Secret.
func (w want) and(other want) want {
	return want{append(slices.Clone(w.roles), other.roles...), w.create || other.create, w.adopt || other.adopt}
}

// each is what each set wants of each Secret, by the words of the API: this is not the operator's own code.
func (f facts) each(sets []v1alpha1.CAPCredentialSet, do func(types.NamespacedName, want)) {
	for i := range sets {
		spec := &sets[i].Spec
		if f.mode != "Manual" || spec.Suspend {
			continue
		}
		create := spec.CreateMissingSecrets == nil || *spec.CreateMissingSecrets
		for _, s := range spec.Secrets {
			do(types.NamespacedName{Namespace: s.Namespace, Name: s.Name}, want{[]string{s.Role}, create, true})
		}
		r := spec.CredentialsRequests
		if r == nil {
			continue
		}
		for _, q := range f.requests {
			if !q.timed && selected(r.Selector, q) && !slices.ContainsFunc(r.Exclude, func(e v1alpha1.RequestReference) bool { return e.Name == q.name }) {
				do(q.secret, want{rolesOf(r, q), create, r.AdoptExisting})
			}
		}
	}
}

func selected(s *v1alpha1.LabelSelector, q request) bool {
	if s == nil {
		return true
	}
	for key, value := range s.MatchLabels {
		if key != "team" || value != q.team {
			return false
		}
	}
	for _, e := range s.MatchExpressions { // the mutators use In alone
		if e.Key != "team" || !slices.Contains(e.Values, q.team) {
			return false
		}
	}
	return true
}

func rolesOf(r *v1alpha1.CredentialsRequestsSpec, q request) []string {
	for _, named := range r.Roles {
		if named.Name == q.name {
			return []string{named.Role}
		}
	}
	if r.SecretRoleKey == v1alpha1.SecretRoleKeyAllowListed {
		return append(slices.Clone(r.AllowedRoles), r.DefaultRole)
	}
	return []string{r.DefaultRole}
}

// longestLag is how long after a change a process may still act on what was before: a watch that is late, and lists that fail.
const longestLag = 30 * time.Minute

// wantsSince are the wishes about a Secret that a process may act on. It sees the sets and the cluster through watches of their own.
func (c *cluster) wantsSince(ref types.NamespacedName, since time.Time) []want {
	past := c.past.Since(since.Add(-longestLag))
	var all []want
	for _, a := range past {
		for _, b := range past {
			if w, ok := wantOf(ref, a.sets, b.facts); ok {
				all = append(all, w)
			}
		}
	}
	return all
}

// wantsNow are all wishes of the moment.
func (c *cluster) wantsNow() map[types.NamespacedName]want { return wants(c.sets(), *c.facts()) }
