package plan

import (
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Memory is the state that a set's rounds share and that is not on the Secrets. It is deliberately lost with the process: a new process tries
// each failing role once, at once, which is the only cost. The credentials of Held are stored elsewhere, so that deciding code has none.
type Memory struct {
	// Basis is what the failures belong to: another spec, client certificate or CA clears them.
	Basis string
	// Roles are the failing roles, writes the Secrets that could not be written.
	Roles  map[string]Failure
	Writes map[types.NamespacedName]Failure
	// Portal is the state of the breaker in this round, which all sets with the same endpoint share.
	Portal Breaker
	// Prover is the role that is requested to see whether CAP still answers well after a change.
	Prover string
	// Trials are the roles that only the next release needs, with CAP's answer to each.
	Trials map[string]Trial
	// Held are the latest known credentials of the roles, fetched or seen in a Secret.
	Held map[string]Held
	// Fetched is when a role's credential was last fetched.
	Fetched map[string]time.Time
	// Confirmed are the Secrets that hold CAP's current credential according to CAP.
	Confirmed map[types.NamespacedName]Confirmation
	// Asked is when STS last checked a content, by its hash; Refused are those that it has refused.
	Asked   map[string]time.Time
	Refused map[string]bool
	// Learned is the actual lifetime of a credential that STS refused earlier than assumed; zero if there was none.
	Learned time.Duration
	// Suspect are the contents, by their hash, that existed when the clock was set: their times mean nothing.
	Suspect map[string]bool
	// heals are the latest few times at which a Secret was corrected after an edit.
	heals map[types.NamespacedName][]time.Time
	// writers are the field managers of those edits, if known.
	writers map[types.NamespacedName]string
	// chosen is the role that a Secret last chose for itself.
	chosen map[types.NamespacedName]string
	// Kept are the Secrets that this process has written: if one has no bookkeeping, it has been replaced since.
	Kept map[types.NamespacedName]bool
	// Written is when this process last wrote a Secret of a namespace, restarts the progress of the workloads.
	Written  map[string]time.Time
	Restarts map[v1alpha1.RestartTarget]RestartState
}

// NewMemory returns an empty memory.
func NewMemory() *Memory {
	return &Memory{
		Trials: map[string]Trial{}, Roles: map[string]Failure{}, Writes: map[types.NamespacedName]Failure{}, Fetched: map[string]time.Time{}, Held: map[string]Held{},
		Asked: map[string]time.Time{}, Refused: map[string]bool{},
		Confirmed: map[types.NamespacedName]Confirmation{}, Suspect: map[string]bool{}, heals: map[types.NamespacedName][]time.Time{},
		writers: map[types.NamespacedName]string{},
		Kept:    map[types.NamespacedName]bool{}, chosen: map[types.NamespacedName]string{},
		Written: map[string]time.Time{}, Restarts: map[v1alpha1.RestartTarget]RestartState{},
	}
}

// Rebase clears the failures if the basis has changed, and returns whether there was another basis before.
func (m *Memory) Rebase(basis string) (edited bool) {
	if m.Basis == basis {
		return false
	}
	edited = m.Basis != ""
	m.Basis, m.Learned, m.Prover = basis, 0, ""
	m.Roles, m.Writes, m.Portal = map[string]Failure{}, map[types.NamespacedName]Failure{}, Breaker{}
	if edited {
		clear(m.Trials)
	}
	for t, s := range m.Restarts {
		s.Failure = Failure{}
		m.Restarts[t] = s
	}
	return edited
}

// Notice counts edits of a Secret that need no correction but a request: choosing another role.
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

// Forget drops the state of Secrets, roles and workloads that are no longer served.
func (m *Memory) Forget(rows []Row, workloads []v1alpha1.RestartTarget) {
	served, there := make(map[types.NamespacedName]bool, len(rows)), make(map[string]bool, len(rows))
	roles, namespaces := map[string]bool{}, map[string]bool{}
	for i := range rows {
		r := &rows[i]
		served[r.Ref], there[r.Hash], roles[r.Role], namespaces[r.Ref.Namespace] = true, true, true, true
		for _, role := range r.AllowedRoles { // otherwise switching back and forth would clear a failure
			roles[role] = true
		}
	}
	for role := range m.Trials { // else a failure would be forgotten in each round
		roles[role] = true
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

// Confirmation records that a Secret already holds CAP's current credential: there was nothing to write, so the Secret's own bookkeeping has an
// earlier time.
type Confirmation struct {
	// Hash of the Secret's content that was confirmed, and the role it was confirmed for.
	Hash, Role string
	// FetchedAt is when CAP returned it, ExpiresAt when it expires.
	FetchedAt, ExpiresAt time.Time
	// Expiry says how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
}

// Held describes a credential in memory, without its values. A Secret that has lost its content can get it back.
type Held struct {
	FetchedAt, ExpiresAt time.Time
	// Expiry says how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
}

const (
	// minFetch is the shortest interval between two fetches of a role, whatever lifetimes CAP gives: it limits the cost of a broken CAP, and is
	// short compared to any sensible lifetime.
	minFetch = 2 * time.Second
	// minConfirmed is the shortest wait after CAP returned the same credential again: the waits are half of the remaining lifetime, and would get
	// shorter and shorter.
	minConfirmed = 30 * time.Second
)

const (
	// FightAfter heals within fightWindow are a fight with a program. Three could still be a person.
	FightAfter  = 3
	fightWindow = 10 * time.Minute
	// Each heal costs a request to CAP and a restart of consumers, so another writer must not set the pace: the wait doubles from fightBase to
	// fightMax.
	fightBase, fightMax = time.Minute, 15 * time.Minute
	// regularWindow is how long heals are remembered for Regular: a job that runs twice an hour is noticed in the second hour.
	regularWindow = 24 * time.Hour
)

// Regular is true if a Secret was corrected several times within a day, but less often than in a fight, and returns the writers: a scheduled job
// does not fight, but spoils the Secret each time.
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

// Healed records that a Secret was corrected after an edit.
func (m *Memory) Healed(ref types.NamespacedName, writer string, at time.Time) {
	m.writers[ref] = writer
	recent := slices.Concat(m.heals[ref], []time.Time{at})
	m.heals[ref] = recent[max(len(recent)-2*FightAfter, 0):]
}

// fight is true if somebody keeps editing a Secret, and returns when it may be corrected again.
func (m *Memory) fight(ref types.NamespacedName, now time.Time) (fighting bool, notBefore time.Time) {
	// The waits during a fight must not make it look as if it were over.
	const within = fightWindow + fightMax
	recent := slices.DeleteFunc(slices.Clone(m.heals[ref]), func(t time.Time) bool { return t.After(now) || now.Sub(t) > within })
	if len(recent) < FightAfter {
		return false, time.Time{}
	}
	wait := fightBase << (len(recent) - FightAfter)
	return true, recent[len(recent)-1].Add(min(wait, fightMax))
}

// RestartState is the progress of a workload's restarts.
type RestartState struct {
	// Done is the last write of its namespace's Secrets for which it has been restarted; zero if not checked yet.
	Done    time.Time
	Retry   time.Time
	Failure Failure
}

// RestartWake is when the next restart is retried. A time that a round has let pass belongs to a workload that needs no restart at present, such as
// one whose Secret somebody has replaced: nothing is due then.
func (m *Memory) RestartWake(now time.Time) time.Time {
	var wake time.Time
	for _, st := range m.Restarts {
		if st.Retry.After(now) {
			wake = Earlier(wake, st.Retry)
		}
	}
	return wake
}
