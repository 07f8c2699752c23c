package capcredentialset

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// memory is what a set's rounds tell each other and no Secret tells. It is lost with the process, on purpose: a new
// process tries a failing role once, at once, and that is all that the loss costs. No credential is kept in it.
type memory struct {
	// basis is what the failures hold for: another spec or another client certificate makes them void.
	basis string
	// roles are those that fail, writes the Secrets that could not be written.
	roles  map[string]failure
	writes map[types.NamespacedName]failure
	// fetched is when a role's credential last came.
	fetched map[string]time.Time
	// confirmed are the Secrets of which the portal has said that they hold its current credential.
	confirmed map[types.NamespacedName]confirmation
	// suspect are the contents, by their hash, that were there when the clock was set: the times noted on them mean nothing.
	suspect map[string]bool
	// heals are the times at which a Secret was set right after an edit, the latest few.
	heals map[types.NamespacedName][]time.Time
	// kept are the Secrets that this process has written: one without bookkeeping has been replaced since.
	kept map[types.NamespacedName]bool
	// written is when this process last wrote a Secret of a namespace, restarts how far the workloads are with that.
	written  map[string]time.Time
	restarts map[v1alpha1.RestartTarget]restartState
}

func newMemory() *memory {
	return &memory{
		roles: map[string]failure{}, writes: map[types.NamespacedName]failure{}, fetched: map[string]time.Time{},
		confirmed: map[types.NamespacedName]confirmation{}, suspect: map[string]bool{}, heals: map[types.NamespacedName][]time.Time{},
		kept:    map[types.NamespacedName]bool{},
		written: map[string]time.Time{}, restarts: map[v1alpha1.RestartTarget]restartState{},
	}
}

// rebase forgets failures that hold for something else than basis.
func (m *memory) rebase(basis string) {
	if m.basis == basis {
		return
	}
	m.basis = basis
	m.roles, m.writes = map[string]failure{}, map[types.NamespacedName]failure{}
	for t, s := range m.restarts {
		s.failure = failure{}
		m.restarts[t] = s
	}
}

// forget drops what is known of Secrets and workloads that are no longer served.
func (m *memory) forget(rows []row, workloads []v1alpha1.RestartTarget) {
	served, there := make(map[types.NamespacedName]bool, len(rows)), make(map[string]bool, len(rows))
	for i := range rows {
		served[rows[i].Ref], there[rows[i].Hash] = true, true
	}
	maps.DeleteFunc(m.suspect, func(hash string, _ bool) bool { return !there[hash] })
	gone := func(ref types.NamespacedName) bool { return !served[ref] }
	maps.DeleteFunc(m.writes, func(ref types.NamespacedName, _ failure) bool { return gone(ref) })
	maps.DeleteFunc(m.confirmed, func(ref types.NamespacedName, _ confirmation) bool { return gone(ref) })
	maps.DeleteFunc(m.heals, func(ref types.NamespacedName, _ []time.Time) bool { return gone(ref) })
	maps.DeleteFunc(m.kept, func(ref types.NamespacedName, _ bool) bool { return gone(ref) })
	maps.DeleteFunc(m.restarts, func(t v1alpha1.RestartTarget, _ restartState) bool { return !slices.Contains(workloads, t) })
}

// failure is a row of failed tries.
type failure struct {
	// Reason is a condition reason, Message says what happened without anything of an answer's body.
	Reason, Message string
	Count           int
	Last            time.Time
	// NotBefore is when the other side asked to be left alone until; zero: it did not.
	NotBefore time.Time
	// Rhythm of the tries.
	Rhythm schedule.RetryRhythm
}

// again counts one more failure.
func (f failure) again(reason, message string, at, notBefore time.Time, rhythm schedule.RetryRhythm) failure {
	if f.Reason != reason {
		f.Count = 0 // another trouble: its own rhythm, from its start
	}
	return failure{Reason: reason, Message: message, Count: f.Count + 1, Last: at, NotBefore: notBefore, Rhythm: rhythm}
}

// retryAt is when the next try is due. expires is when the credential in the Secret dies: the wait gets shorter as that
// comes near.
func (f failure) retryAt(seed string, expires, now time.Time) time.Time {
	if f.Last.After(now) {
		return now // the clock has jumped back; what it said then means nothing
	}
	at := f.Last.Add(f.Rhythm.Backoff(f.Count, seed, expires, f.Last))
	if f.NotBefore.After(at) && f.NotBefore.Before(f.Last.Add(maxRetryAfter)) {
		at = f.NotBefore
	}
	return at
}

// maxRetryAfter bounds how long a portal may ask to be left alone: half of the half hour that an hour's credential has left
// when its refresh begins.
const maxRetryAfter = 15 * time.Minute

// confirmation is the portal's word that a Secret holds what it would give out now: there was nothing to write, so the
// Secret's own bookkeeping still tells of an earlier time.
type confirmation struct {
	// Hash of the Secret's content that was confirmed, and the role it was confirmed for.
	Hash, Role string
	// FetchedAt is when the portal said so, ExpiresAt when the credential dies.
	FetchedAt, ExpiresAt time.Time
}

const (
	// minFetch is the shortest time between two credentials of a role, whatever lifetimes a portal gives them: it bounds
	// what a broken one costs, and is short against any lifetime that makes sense.
	minFetch = 2 * time.Second
	// minConfirmed is the shortest time until a portal is asked again that has just said that nothing is new: the waits are
	// half of what is left of the lifetime, and would get ever shorter.
	minConfirmed = 30 * time.Second
)

const (
	// fightAfter heals within fightWindow are a fight: the one who edits is a program. Three could still be a person who
	// has not understood yet.
	fightAfter  = 3
	fightWindow = 10 * time.Minute
	// A CAP call and a restart of consumers per heal must not be dictated by somebody else's loop: the wait doubles from
	// fightBase to fightMax.
	fightBase, fightMax = time.Minute, 15 * time.Minute
)

// healed notes that a Secret was set right.
func (m *memory) healed(ref types.NamespacedName, at time.Time) {
	recent := slices.Concat(m.heals[ref], []time.Time{at})
	if len(recent) > 2*fightAfter {
		recent = recent[len(recent)-2*fightAfter:]
	}
	m.heals[ref] = recent
}

// fight says whether somebody keeps editing a Secret, and when it is set right again at the earliest.
func (m *memory) fight(ref types.NamespacedName, now time.Time) (fighting bool, notBefore time.Time) {
	// The waits that a fight itself imposes must not make it look as if it were over.
	const within = fightWindow + fightMax
	recent := slices.DeleteFunc(slices.Clone(m.heals[ref]), func(t time.Time) bool { return t.After(now) || now.Sub(t) > within })
	if len(recent) < fightAfter {
		return false, time.Time{}
	}
	wait := fightBase << (len(recent) - fightAfter)
	return true, recent[len(recent)-1].Add(min(wait, fightMax))
}
