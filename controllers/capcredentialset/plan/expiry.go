package plan

import (
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

const (
	// defaultLifetime is that of the API: what a portal gives out by default.
	defaultLifetime = time.Hour
	// minLifetime is the shortest that is assumed, whatever has been learned: a credential that is refused within a minute has
	// another trouble than its age.
	minLifetime = time.Minute
)

// known is what is noted about an expiry. What is not understood, or was never noted, counts as assumed.
func known(noted v1alpha1.ExpiryKnowledge) v1alpha1.ExpiryKnowledge {
	switch noted {
	case v1alpha1.ExpiryTold, v1alpha1.ExpiryZoneless, v1alpha1.ExpiryUnreadable:
		return noted
	default:
		return v1alpha1.ExpiryAssumed
	}
}

// Assumed is the lifetime of a credential of which the portal does not tell it: that of the spec, or the shorter one that was
// learned when STS refused a credential before its time.
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

// expiry is until when a credential may be relied on by what is assumed now: an assumption that was corrected holds for the
// credentials that are there too.
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

// Outlives says whether what a row holds is worth more than a new credential: only a told expiry is known to be later than another
// told one. Whether it is alive at all is another question.
func (r Row) Outlives(knowledge v1alpha1.ExpiryKnowledge, expires time.Time) bool {
	return r.Expiry == v1alpha1.ExpiryTold && knowledge == v1alpha1.ExpiryTold && !expires.After(r.ExpiresAt)
}

// checksPerLife is how often in its life STS is asked about a credential that is in place.
const checksPerLife = 4

// check finds the credentials in place that STS has not been asked about for long: after a start, after the clock was set, and
// a few times in each life. Secrets with the same content are one question.
func (p *Plan) check(in Input) {
	seen := map[string]bool{}
	for i := range p.Rows {
		r := &p.Rows[i]
		lifetime := r.ExpiresAt.Sub(r.FetchedAt)
		if !r.Found || !r.Usable || lifetime <= 0 || seen[r.Hash] || in.Memory.Refused[r.Hash] || r.Holder != "" {
			continue
		}
		seen[r.Hash] = true
		asked, ok := in.Memory.Asked[r.Hash]
		if due := asked.Add(lifetime / checksPerLife); ok && due.After(in.Now) && !asked.After(in.Now) {
			p.wakeAt(due)
			continue
		}
		p.Checks = append(p.Checks, i)
	}
}
