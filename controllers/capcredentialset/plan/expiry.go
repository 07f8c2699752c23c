package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

const (
	// defaultLifetime is the API's default, which is CAP's too.
	defaultLifetime = time.Hour
	// minLifetime is the shortest assumed lifetime, whatever has been learned: a credential that is refused within a minute has another problem
	// than its age.
	minLifetime = time.Minute
)

// known reads the bookkeeping about an expiry. If it is missing or invalid, the expiry counts as assumed.
func known(noted v1alpha1.ExpiryKnowledge) v1alpha1.ExpiryKnowledge {
	switch noted {
	case v1alpha1.ExpiryTold, v1alpha1.ExpiryZoneless, v1alpha1.ExpiryUnreadable:
		return noted
	default:
		return v1alpha1.ExpiryAssumed
	}
}

// Assumed is the lifetime of a credential for which CAP gives none: the one in the spec, or a shorter one that was learned when STS refused a
// credential early.
func Assumed(spec *v1alpha1.CAPCredentialSetSpec, m *Memory) time.Duration {
	assumed := defaultLifetime
	if spec.Refresh.AssumedLifetime != nil {
		assumed = spec.Refresh.AssumedLifetime.Duration
	}
	if m.Learned > 0 {
		assumed = min(assumed, max(m.Learned, minLifetime))
	}
	return assumed
}

// expiry is the time until which a credential can be relied on by the current assumption: a corrected assumption also applies to existing
// credentials.
func (in Input) expiry(knowledge v1alpha1.ExpiryKnowledge, fetched, noted time.Time) time.Time {
	if fetched.IsZero() {
		return noted
	}
	byAssumption := fetched.Add(Assumed(in.Spec, in.Memory))
	switch knowledge {
	case v1alpha1.ExpiryTold:
		return noted
	case v1alpha1.ExpiryZoneless:
		return Earlier(noted, byAssumption)
	case v1alpha1.ExpiryUnreadable:
		return fetched.Add(Assumed(in.Spec, in.Memory) / 2)
	default:
		return byAssumption
	}
}

// Outlives is true if a row's credential expires later than a new one: only two told expiries can be compared. It does not say whether the
// credential works.
func (r Row) Outlives(knowledge v1alpha1.ExpiryKnowledge, expires time.Time) bool {
	return r.Expiry == v1alpha1.ExpiryTold && knowledge == v1alpha1.ExpiryTold && !expires.After(r.ExpiresAt)
}

// checksPerLife is how often in its life a credential in a Secret is checked with STS.
const checksPerLife = 4

// check finds the credentials in Secrets that are due for a check with STS: after a start, after the clock was set, and a few times in each life.
// Secrets with the same content share a check.
func (p *Plan) check(in Input) {
	seen := map[string]bool{}
	for i := range p.Rows {
		r := &p.Rows[i]
		lifetime := r.ExpiresAt.Sub(r.FetchedAt)
		if !r.Usable || lifetime <= 0 || seen[r.Hash] || in.Memory.Refused[r.Hash] || r.Holder != "" {
			continue
		}
		seen[r.Hash] = true
		asked := in.Memory.Asked[r.Hash]
		if due := asked.Add(lifetime / checksPerLife); due.After(in.Now) && !asked.After(in.Now) {
			p.wakeAt(due)
			continue
		}
		p.Checks = append(p.Checks, i)
	}
}
