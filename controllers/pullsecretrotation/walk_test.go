package pullsecretrotation

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

const laggingMachine = "a pool that degrades, and a machine that lags behind its pool"

const askedMachine = "a machine that pulls, is refused or never answers"

// scenarios are the walks. Together they cover all moves of the adversary; a single walk with all of them would never end.
var scenarios = []scenario{
	{name: "facts that are outdated before the last is gathered", fine: true, token: true, replicas: 1,
		budget: budget{foreignRotations: 1}},
	{name: "one replica that crashes and loses answers", token: true, replicas: 1,
		budget: budget{crashes: 2, lost: 1}},
	{name: "another client is faster", token: true, replicas: 1,
		budget: budget{crashes: 1, foreignRotations: 1}},
	{name: "a sibling that may never switch", token: true, replicas: 1, siblings: 1,
		budget: budget{crashes: 1, lost: 1}},
	{name: "two replicas at once", token: true, replicas: 2,
		budget: budget{lost: 1}},
	{name: "two replicas, one of which pauses for a while", token: true, replicas: 2,
		budget: budget{pauses: 1}},
	{name: "two replicas and another writer", token: true, replicas: 2, late: true,
		budget: budget{foreignWrites: 2}},
	{name: "others write the target", token: true, replicas: 1, siblings: 1,
		budget: budget{foreignWrites: 2}},
	{name: "a writer that does not give up", token: true, replicas: 1,
		budget: budget{foreignWrites: 4}},
	{name: "registries that refuse and fail", token: true, replicas: 1,
		budget: budget{badRegistries: 2, foreignWrites: 1}},
	{name: "a pool that degrades", token: true, replicas: 1,
		budget: budget{crashes: 1, badPool: 2}},
	{name: "a paused pool and a broken target", token: true, replicas: 1, pausedToo: true,
		budget: budget{crashes: 1, broken: 1, foreignWrites: 1}},
	{name: "people who change their minds", token: true, replicas: 1, approval: true, waiting: true,
		budget: budget{people: 2}},
	{name: "start windows and a rotation from elsewhere", token: true, replicas: 1, windows: true, waiting: true,
		budget: budget{foreignRotations: 1}},
	{name: "records that are deleted", token: true, replicas: 1,
		budget: budget{crashes: 1, deletions: 1}},
	{name: "records that are deleted while others request", token: true, replicas: 1,
		budget: budget{deletions: 1, foreignRotations: 1}},
	{name: "OCM's clock is behind", token: true, replicas: 1, ocmBehind: true,
		budget: budget{crashes: 2, lost: 1}},
	{name: "a cluster that comes late", token: true, replicas: 1, late: true,
		budget: budget{crashes: 1, badRegistries: 1, foreignWrites: 1}},
	{name: "a follower with OCM credentials", follow: true, token: true, replicas: 1,
		budget: budget{foreignRotations: 2}},
	{name: "a follower with OCM credentials and another writer", follow: true, token: true, replicas: 1, siblings: 1,
		budget: budget{crashes: 1, foreignRotations: 1, foreignWrites: 1}},
	{name: "a follower with only the cluster's token", follow: true, replicas: 1,
		budget: budget{crashes: 1, foreignRotations: 1, foreignWrites: 1, badRegistries: 1}},
	{name: "a follower with only the cluster's token, and two rotations", follow: true, replicas: 1,
		budget: budget{crashes: 1, foreignRotations: 2}},
	{name: "a late follower with only a dead token", follow: true, replicas: 1, late: true,
		budget: budget{crashes: 1, foreignRotations: 1, people: 1}},
	{name: laggingMachine, token: true, replicas: 1, machines: true,
		budget: budget{badPool: 1}},
	{name: askedMachine, token: true, replicas: 1, probe: true,
		budget: budget{crashes: 1, badProbes: 1}},
}

// walk is one walk: every state that can be reached, each once.
type walk struct {
	*model
	seed        maphash.Seed
	seen        map[uint64]struct{}  // by hash: no collision is expected among ten million states
	ends        map[fairKey]struct{} // states from which the fair run is known to end well
	nodes       []node
	queue       []entry
	transitions int
}

type node struct {
	parent int32
	move   string
}

type entry struct {
	state world
	node  int32
}

// stateLimit is an estimate: a larger walk takes too long for a test.
const stateLimit = 3_000_000

// run walks to the end or to the first state that breaks an invariant, and returns the path to it.
func (w *walk) run() error {
	w.seed, w.seen, w.ends = maphash.MakeSeed(), map[uint64]struct{}{}, map[fairKey]struct{}{}
	w.add(w.first(), -1, "")
	for len(w.queue) > 0 {
		e := w.queue[0]
		w.queue = w.queue[1:]
		if e.state.broken != "" {
			return fmt.Errorf("%s\nhow:\n%s", e.state.broken, w.path(e.node))
		}
		if err := w.fairRun(e.state); err != nil {
			return fmt.Errorf("%w\npath to the run:\n%s", err, w.path(e.node))
		}
		w.moves(e.state, func(name string, next world) {
			w.transitions++
			w.add(next, e.node, name)
		})
		if len(w.seen) > stateLimit {
			return fmt.Errorf("more than %d states", stateLimit)
		}
	}
	return nil
}

func (w *walk) add(s world, parent int32, move string) {
	h := maphash.Comparable(w.seed, s)
	if _, known := w.seen[h]; known {
		return
	}
	w.seen[h] = struct{}{}
	w.nodes = append(w.nodes, node{parent, move})
	w.queue = append(w.queue, entry{s, int32(len(w.nodes) - 1)})
}

func (w *walk) path(n int32) string {
	var lines []string
	for ; n > 0; n = w.nodes[n].parent {
		lines = append([]string{"  " + w.nodes[n].move}, lines...)
	}
	return strings.Join(lines, "\n")
}

// skipLongWalk skips a walk where -short says so, as for the race detector: a walk takes minutes and has one goroutine.
func skipLongWalk(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("a walk takes minutes")
	}
}

func TestWalk_EveryStateThatDecideCanReachKeepsTheInvariantsAndEnds(t *testing.T) {
	skipLongWalk(t)
	for i := range scenarios {
		c := &scenarios[i]
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &walk{model: &model{scenario: c, decide: decide.Decide}}
			err := w.run()
			report := fmt.Sprintf("walk: %-60s %8d states, %9d transitions, %8d fair runs", c.name, len(w.seen), w.transitions, len(w.ends))
			fmt.Println(report)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
