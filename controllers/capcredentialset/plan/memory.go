package plan

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Memory is what a set's rounds tell each other and no Secret tells. It is lost with the process, on purpose: a new
// process tries a failing role once, at once, and that is all that the loss costs. The credentials that go with Held are kept
// apart, so that nothing that decides has one.
type Memory struct {
	// Basis is what the failures hold for: another spec, client certificate or CA makes them void.
	Basis string
	// Roles are those that fail, writes the Secrets that could not be written.
	Roles  map[string]Failure
	Writes map[types.NamespacedName]Failure
	// Portal is what keeps every role from being asked for, as it is in this round: all sets that ask one portal share it.
	Portal Breaker
	// Prover is the role that is asked for to see whether CAP still answers well after a change.
	Prover string
	// Held are the credentials of roles that the process has, the latest of each that came or was seen in a Secret.
	Held map[string]Held
	// Fetched is when a role's credential last came.
	Fetched map[string]time.Time
	// Confirmed are the Secrets of which the portal has said that they hold its current credential.
	Confirmed map[types.NamespacedName]Confirmation
	// Asked is when STS was last asked about a content, by its hash; Refused are those that it has refused.
	Asked   map[string]time.Time
	Refused map[string]bool
	// Learned is how long a credential lived of which the portal does not tell it, when STS refused it before its time; zero: none has.
	Learned time.Duration
	// Suspect are the contents, by their hash, that were there when the clock was set: the times noted on them mean nothing.
	Suspect map[string]bool
	// heals are the times at which a Secret was set right after an edit, the latest few.
	heals map[types.NamespacedName][]time.Time
	// writers are those that made it necessary, by their field managers, as far as is known.
	writers map[types.NamespacedName]string
	// chosen is the role that a Secret last chose for itself.
	chosen map[types.NamespacedName]string
	// Kept are the Secrets that this process has written: one without bookkeeping has been replaced since.
	Kept map[types.NamespacedName]bool
	// Written is when this process last wrote a Secret of a namespace, restarts how far the workloads are with that.
	Written  map[string]time.Time
	Restarts map[v1alpha1.RestartTarget]RestartState
}

// NewMemory knows nothing yet.
func NewMemory() *Memory {
	return &Memory{
		Roles: map[string]Failure{}, Writes: map[types.NamespacedName]Failure{}, Fetched: map[string]time.Time{}, Held: map[string]Held{},
		Asked: map[string]time.Time{}, Refused: map[string]bool{},
		Confirmed: map[types.NamespacedName]Confirmation{}, Suspect: map[string]bool{}, heals: map[types.NamespacedName][]time.Time{},
		writers: map[types.NamespacedName]string{},
		Kept:    map[types.NamespacedName]bool{}, chosen: map[types.NamespacedName]string{},
		Written: map[string]time.Time{}, Restarts: map[v1alpha1.RestartTarget]RestartState{},
	}
}

// Rebase forgets failures that hold for something else than basis, and says whether there was another one before.
func (m *Memory) Rebase(basis string) (edited bool) {
	if m.Basis == basis {
		return false
	}
	edited = m.Basis != ""
	m.Basis, m.Learned, m.Prover = basis, 0, ""
	m.Roles, m.Writes, m.Portal = map[string]Failure{}, map[types.NamespacedName]Failure{}, Breaker{}
	for t, s := range m.Restarts {
		s.Failure = Failure{}
		m.Restarts[t] = s
	}
	return edited
}

// Notice counts what somebody does to a Secret that sets nothing right yet costs a question: choosing another role.
func (m *Memory) Notice(rows []Row, now time.Time) {
	for i := range rows {
		r := &rows[i]
		if !r.ownRole {
			continue
		}
		if before, known := m.chosen[r.Ref]; known && before != r.Role {
			m.Healed(r.Ref, r.Writer, now)
		}
		m.chosen[r.Ref] = r.Role
	}
}

// Forget drops what is known of Secrets, roles and workloads that are no longer served.
func (m *Memory) Forget(rows []Row, workloads []v1alpha1.RestartTarget) {
	served, there := make(map[types.NamespacedName]bool, len(rows)), make(map[string]bool, len(rows))
	roles, namespaces := map[string]bool{}, map[string]bool{}
	for i := range rows {
		r := &rows[i]
		served[r.Ref], there[r.Hash], roles[r.Role], namespaces[r.Ref.Namespace] = true, true, true, true
		for _, role := range r.AllowedRoles { // else choosing back and forth would make a failure forgotten
			roles[role] = true
		}
	}
	maps.DeleteFunc(m.Held, func(role string, _ Held) bool { return !roles[role] })
	maps.DeleteFunc(m.Asked, func(hash string, _ time.Time) bool { return !there[hash] })
	maps.DeleteFunc(m.Refused, func(hash string, _ bool) bool { return !there[hash] })
	maps.DeleteFunc(m.Roles, func(role string, _ Failure) bool { return !roles[role] })
	maps.DeleteFunc(m.Fetched, func(role string, _ time.Time) bool { return !roles[role] })
	maps.DeleteFunc(m.Written, func(namespace string, _ time.Time) bool { return !namespaces[namespace] })
	maps.DeleteFunc(m.Suspect, func(hash string, _ bool) bool { return !there[hash] })
	gone := func(ref types.NamespacedName) bool { return !served[ref] }
	maps.DeleteFunc(m.Writes, func(ref types.NamespacedName, _ Failure) bool { return gone(ref) })
	maps.DeleteFunc(m.Confirmed, func(ref types.NamespacedName, _ Confirmation) bool { return gone(ref) })
	maps.DeleteFunc(m.heals, func(ref types.NamespacedName, _ []time.Time) bool { return gone(ref) })
	maps.DeleteFunc(m.writers, func(ref types.NamespacedName, _ string) bool { return gone(ref) })
	maps.DeleteFunc(m.Kept, func(ref types.NamespacedName, _ bool) bool { return gone(ref) })
	maps.DeleteFunc(m.chosen, func(ref types.NamespacedName, _ string) bool { return gone(ref) })
	maps.DeleteFunc(m.Restarts, func(t v1alpha1.RestartTarget, _ RestartState) bool { return !slices.Contains(workloads, t) })
}

// Confirmation is the portal's word that a Secret holds what it would give out now: there was nothing to write, so the
// Secret's own bookkeeping still tells of an earlier time.
type Confirmation struct {
	// Hash of the Secret's content that was confirmed, and the role it was confirmed for.
	Hash, Role string
	// FetchedAt is when the portal said so, ExpiresAt when the credential dies.
	FetchedAt, ExpiresAt time.Time
	// Expiry is how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
}

// Held is a credential of a role that the process has in memory, without its values: what one Secret has lost, it can get back.
type Held struct {
	FetchedAt, ExpiresAt time.Time
	// Expiry is how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
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
	// FightAfter heals within fightWindow are a fight: the one who edits is a program. Three could still be a person who
	// has not understood yet.
	FightAfter  = 3
	fightWindow = 10 * time.Minute
	// A CAP call and a restart of consumers per heal must not be dictated by somebody else's loop: the wait doubles from
	// fightBase to fightMax.
	fightBase, fightMax = time.Minute, 15 * time.Minute
	// regularWindow is how long heals are remembered for Regular: a job that comes twice an hour is noticed in the second hour.
	regularWindow = 24 * time.Hour
)

// Regular says whether a Secret has been set right several times within a day, more seldom than in a fight, and because of whom: a job
// that runs by the clock fights with nobody, and spoils the Secret each time.
func (m *Memory) Regular(ref types.NamespacedName, now time.Time) (heals int, writer string) {
	for _, at := range m.heals[ref] {
		if age := now.Sub(at); age >= 0 && age < regularWindow {
			heals++
		}
	}
	if heals < FightAfter {
		return 0, ""
	}
	return heals, m.writers[ref]
}

// Healed notes that a Secret was set right, after somebody had changed it.
func (m *Memory) Healed(ref types.NamespacedName, writer string, at time.Time) {
	m.writers[ref] = writer
	recent := slices.Concat(m.heals[ref], []time.Time{at})
	if len(recent) > 2*FightAfter {
		recent = recent[len(recent)-2*FightAfter:]
	}
	m.heals[ref] = recent
}

// fight says whether somebody keeps editing a Secret, and when it is set right again at the earliest.
func (m *Memory) fight(ref types.NamespacedName, now time.Time) (fighting bool, notBefore time.Time) {
	// The waits that a fight itself imposes must not make it look as if it were over.
	const within = fightWindow + fightMax
	recent := slices.DeleteFunc(slices.Clone(m.heals[ref]), func(t time.Time) bool { return t.After(now) || now.Sub(t) > within })
	if len(recent) < FightAfter {
		return false, time.Time{}
	}
	wait := fightBase << (len(recent) - FightAfter)
	return true, recent[len(recent)-1].Add(min(wait, fightMax))
}

// RestartState is how far a workload is.
type RestartState struct {
	// Done is up to which write of its namespace's Secrets it has been restarted; zero: not looked at yet.
	Done    time.Time
	Retry   time.Time
	Failure Failure
}

// RestartWake is when the next workload is tried again.
func (m *Memory) RestartWake() time.Time {
	var wake time.Time
	for _, st := range m.Restarts {
		wake = Earlier(wake, st.Retry)
	}
	return wake
}
