package pullsecretrotation

// The model_*_test.go files are a small world in which Decide is checked in every reachable state: OCM with its batches, the cluster, one or
// two replicas of the operator, and other actors. A state of the world is a comparable struct, so that each is visited once. Times are ages
// in ticks, capped where Decide no longer distinguishes them, so that the number of states is finite.

// generation of the account's credentials; 0 is that of the cluster's installation.
type generation int8

// none is no generation, or a time that is not set.
const none = -1

// maxRotations limits the rotations of one path.
const maxRotations = 3

// ageCap is the largest age: two ticks are longer than every deadline that changes a step, except transferLife.
const (
	ageCap       = 2
	transferLife = 4
)

// transfer is OCM's offer of new credentials to one cluster.
type transfer int8

const (
	noTransfer transfer = iota
	pendingTransfer
	acceptedTransfer
	completedTransfer
	expiredTransfer
)

// rotation is one record in OCM.
type rotation struct {
	exists, completed bool
	deleted           bool // the record was deleted
	since             int8 // the newest T that it was created at or after; none before the first
	behind            bool // its created_at is a little before T, because OCM's clock is behind
	issued            generation
	old               uint8 // generations that its end deletes
	mine, sibling     transfer
	age               int8
}

// registries is the registries' result for credentials.
type registries int8

const (
	truthful    registries = iota // alive is accepted, dead is refused
	spreading                     // the newest is not accepted yet
	unreachable                   // unreachable
)

// pool is the only MachineConfigPool. Rendered configurations are named by their generation.
type pool struct {
	wanted, current  generation
	said             generation // by the machine's MachineConfigNode; none where there is no such kind
	paused, degraded bool
}

// specification is the part of the object's spec and annotations that changes on a walk.
type specification struct {
	suspended, approved bool
	epoch               int8 // which T
}

// record is the part of the status that steps depend on: status.rotation, the history and more.
type record struct {
	account bool
	under   bool // there is a status.rotation

	id               int8
	after            int8 // epoch of the T it is for
	adopted, catchUp bool
	seenCompleted    bool // ocmStatus
	baseline, issued generation
	backup           generation
	before           generation // configuration of the pool before the change
	sick             bool       // it was degraded before the change
	intended         int8
	listed           int8 // the newest rotation that OCM listed when the intent was recorded
	issuedAge        int8
	verified         bool
	applied          int8
	rolledOut        bool
	rolledBack       bool
	revoked          bool
	probe            probeRecord
	tried            int8 // age of the last check of the old credentials
	proven           bool // they are refused

	wrote  bool // status.targets: PullSecretUpdated
	undone bool // status.targets: RolledBack
	healed int8
	wroteA int8 // age of status.targets.appliedAt
	health int8 // age of the last health check

	accepts uint8 // status.credentials: generations that a registry has accepted and not refused since
	refuses uint8 // and those that it refuses

	satisfied   int8 // newest epoch that a record of the history satisfies
	known       uint8
	lastApplied bool // newest record of the history
	lastIssued  generation
	lastKnown   uint8 // its generations
}

// ownership is the owner of the cluster's own token.
type ownership int8

const (
	unknownOwner ownership = iota
	aliveOwner
	deadOwner
)

// verdict is the registries' result in this reconcile.
type verdict int8

const (
	notAsked verdict = iota
	accepted
	refused
	unanswered
)

// findings are the facts of one reconcile.
type findings struct {
	cluster, targets, rights, account bool
	target                            generation
	owner                             ownership
	siblings                          bool
	rotations                         bool
	list                              [maxRotations]rotation
	fresh                             bool // nothing was written or read since the list was read
	issued                            bool
	given                             generation
	pools, machines                   bool
	pool                              pool
	checks, issuedChecks, oldChecks   verdict
	oldKnown                          bool
	oldAnswers                        verdict // about the replaced credentials; notAsked without a check
	offerKnown, offer, backup         bool
	proven                            bool
	intentIsOurs                      bool

	podKnown, probeOurs, probeAsked bool
	pod                             pod
	probeAnswer                     verdict // about the image and the replaced entry
}

// replica is one process of the operator.
type replica struct {
	running     bool
	spec        specification
	status      record // not yet flushed
	read        record // as it was read or last flushed
	facts       findings
	staleStatus bool // another writer has changed the object since
	staleTarget bool // another writer has changed the target since
	polled      bool // OCM was polled in this tick (memory of the process)
}

// budget limits the adversary's further moves on this path.
type budget struct {
	crashes, lost, foreignWrites, foreignRotations, deletions int8
	badRegistries, badPool, people, broken, pauses            int8
	badProbes                                                 int8
}

// world is one state.
type world struct {
	now           int8 // ticks since T; none before it
	spec          specification
	window        bool // a start window is open
	status        record
	replicas      [2]replica
	ocm           [maxRotations]rotation
	alive         uint8
	newest        generation
	target        generation
	pool          pool
	pod           pod
	kubelet       generation // whose file the machine's kubelet uses
	registry      registries
	hasToken      bool  // OCM credentials were given
	rollbackNever bool  // spec.rollback
	flying        int8  // requests in flight, without an effect yet
	posts         int8  // this cluster's rotations for the current T
	judged        uint8 // generations that the registries have accepted
	left          budget

	broken string // the invariant that the last move broke
}

func bit(g generation) uint8 {
	if g < 0 {
		return 0
	}
	return 1 << g
}

func (w *world) isAlive(g generation) bool { return w.alive&bit(g) != 0 }

func (w *world) rotations() int8 {
	n := int8(0)
	for _, r := range w.ocm {
		if r.exists {
			n++
		}
	}
	return n
}

func older(age *int8, limit int8) {
	if *age >= 0 && *age < limit {
		*age++
	}
}

// newRecord is an empty status.
func newRecord() record {
	r := record{health: none, satisfied: none, lastIssued: none, wroteA: none}
	r.clearRotation()
	return r
}

// clearRotation is status.rotation = nil.
func (r *record) clearRotation() {
	r.under, r.id, r.after, r.adopted, r.catchUp, r.seenCompleted = false, none, none, false, false, false
	r.baseline, r.issued, r.backup, r.before, r.intended, r.issuedAge, r.applied = none, none, none, none, none, none, none
	r.listed, r.tried, r.proven = none, none, false
	r.probe = noProbe
	r.verified, r.rolledOut, r.rolledBack, r.revoked, r.sick = false, false, false, false, false
}

func (r *record) tick() {
	older(&r.intended, ageCap)
	older(&r.issuedAge, ageCap)
	older(&r.applied, ageCap)
	older(&r.wroteA, 1)
	older(&r.tried, 1)
	older(&r.health, ageCap)
	r.probe.tick()
}
