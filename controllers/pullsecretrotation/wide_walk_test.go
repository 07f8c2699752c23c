package pullsecretrotation

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wideWalk is one walk of the wide world.
type wideWalk struct {
	*wideModel
	seed        maphash.Seed
	seen        map[uint64]struct{}
	ends        map[uint64]struct{}
	nodes       []node
	queue       []wideEntry
	limit       int
	transitions int
}

type wideEntry struct {
	state wide
	node  int32
}

// run walks to the end or to the first state that breaks an invariant, and returns the path to it.
func (w *wideWalk) run() error {
	w.seed, w.seen, w.ends = maphash.MakeSeed(), map[uint64]struct{}{}, map[uint64]struct{}{}
	w.add(w.begin(), -1, "")
	for len(w.queue) > 0 {
		e := w.queue[0]
		w.queue[0] = wideEntry{}
		w.queue = w.queue[1:]
		if e.state.broken != "" {
			return fmt.Errorf("%s\nhow:\n%s", e.state.broken, w.path(e.node))
		}
		first := w.look(e.state)
		for _, kind := range []bool{stubborn, fair} {
			if err := w.runOn(e.state, first, kind); err != nil {
				return fmt.Errorf("%w\npath to the run:\n%s", err, w.path(e.node))
			}
		}
		w.moves(e.state, first, func(name string, next wide) {
			w.transitions++
			w.add(next, e.node, name)
		})
		if len(w.seen) > w.limit {
			return errTooMany
		}
	}
	return nil
}

// wideLook is the result of a reconcile in a state.
type wideLook struct {
	next wide
	out  wideOutcome
}

func (m *wideModel) look(from wide) wideLook {
	l := wideLook{next: from}
	l.out = m.reconcile(&l.next, 0)
	return l
}

func (w *wideWalk) add(s wide, parent int32, move string) {
	h := w.key(w.seed, &s)
	if _, known := w.seen[h]; known && s.broken == "" {
		return
	}
	w.seen[h] = struct{}{}
	w.nodes = append(w.nodes, node{parent, move})
	w.queue = append(w.queue, wideEntry{s, int32(len(w.nodes) - 1)})
}

func (w *wideWalk) path(n int32) string {
	var lines []string
	for ; n > 0; n = w.nodes[n].parent {
		lines = append([]string{"  " + w.nodes[n].move}, lines...)
	}
	return strings.Join(lines, "\n")
}

// wideScenarios are the walks. Each has only a few of the dimensions, because their product is too large.
var wideScenarios = []wideScenario{
	{name: "two targets of one account", hub: ours, left: wideBudget{crashes: 1, writes: 1}},
	{name: "the second target is another account's", hub: theirs, left: wideBudget{others: 1, writes: 1}},
	{name: "the second target is another account's, in mode Follow", hub: theirs, follow: true, left: wideBudget{others: 2}},
	{name: "the OCM credential is another account's", hub: ours, credential: theirs, edits: editAccounts, left: wideBudget{edits: 2, others: 1}},
	{name: "a cluster without telemetry and another account's credential", hub: none, credential: theirs, noToken: true, edits: editAccounts, left: wideBudget{edits: 2, others: 1}},
	{name: "a cluster without telemetry that is pinned", hub: none, noToken: true, pinned: true, left: wideBudget{away: 1, crashes: 1}},
	{name: "the cluster gets another account's pull secret", hub: none, left: wideBudget{writes: 2, others: 1}},
	{name: "registries that are unreachable for long", hub: ours, siblings: true, left: wideBudget{away: 2}},
	{name: "registries that come and go", hub: none, siblings: true, left: wideBudget{away: 1, late: 1, crashes: 1}},
	{name: "registries that refuse what was applied", hub: ours, left: wideBudget{late: 2}, edits: editRollback},
	{name: "a registry that refuses late", hub: none, siblings: true, left: wideBudget{late: 1}},
	{name: "registries that refuse, and people who edit the rollback", hub: none, siblings: true, left: wideBudget{late: 1, edits: 2}, edits: editRollback},
	{name: "a token that OCM refuses until a cluster reports with it", hub: none, unregistered: true, left: wideBudget{away: 1, late: 1}},
	{name: "records with odd statuses", hub: none, left: wideBudget{odd: 1, others: 1, fortnights: 1}},
	{name: "an old record that never ends", hub: none, ancient: true, left: wideBudget{others: 1, crashes: 1}},
	{name: "registries that accept what OCM has deleted", hub: ours, left: wideBudget{old: 2, away: 1, others: 1}},
	{name: "a pool that degrades for reasons of its own", hub: none, siblings: true, left: wideBudget{pools: 2, late: 1}},
	{name: "a lagging replica", hub: ours, left: wideBudget{lag: 2, others: 1}},
	{name: "a lagging replica, and a follower", hub: none, follow: true, left: wideBudget{lag: 2, others: 2}},
	{name: "the cluster's clock is ahead", hub: none, siblings: true, skew: time.Hour, left: wideBudget{others: 1, crashes: 1}},
	{name: "the cluster's clock is behind", hub: none, siblings: true, skew: -time.Hour, left: wideBudget{others: 1, crashes: 1}},
	{name: "modes are edited", hub: none, edits: editModes, left: wideBudget{edits: 2, others: 1}},
	{name: "schedules are edited", hub: none, notDue: true, edits: editSchedules, left: wideBudget{edits: 3, others: 1}},
	{name: "targets and entries are edited", hub: ours, partial: true, edits: editTargets, left: wideBudget{edits: 2, away: 1}},
	{name: "policies are edited", hub: none, edits: editPolicies, left: wideBudget{edits: 1, away: 1, late: 1}},
	{name: "targets that cannot be used for a while", hub: ours, left: wideBudget{breaks: 2}},
	{name: "targets that cannot be used, and registries", hub: none, left: wideBudget{breaks: 1, away: 1, late: 1}},
	{name: "a credential under a key of the customer's", hub: none, alias: true, left: wideBudget{away: 1, writes: 1}},
	{name: "a cluster that comes late", hub: ours, late: true, left: wideBudget{away: 1, writes: 1, crashes: 1}},
	{name: "OCM is unavailable for days", hub: none, left: wideBudget{ocmDown: 1, naps: 2, away: 1}},
	{name: "a follower with only the cluster's token", hub: none, follow: true, credential: none, left: wideBudget{others: 2, away: 1}},
	{name: "a follower with only its token, and two targets", hub: ours, follow: true, credential: none, left: wideBudget{others: 1, writes: 1, crashes: 1}},
}

// wideLimit is the limit of states of a scenario. A larger one is walked breadth first up to it, so that all short paths are covered.
// WIDE_STATES sets another limit.
func wideLimit() int {
	if n, err := strconv.Atoi(os.Getenv("WIDE_STATES")); err == nil {
		return n
	}
	return 2500
}

func TestWideWalk_TheReconcilerKeepsTheInvariantsAndEnds(t *testing.T) {
	skipLongWalk(t)
	t.Setenv("SSL_CERT_FILE", "") // reading certificates is no part of it
	for i := range wideScenarios {
		c := &wideScenarios[i]
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &wideWalk{wideModel: &wideModel{wideScenario: c}, limit: wideLimit()}
			err := w.run()
			end := "to its end"
			if errors.Is(err, errTooMany) {
				err, end = nil, "breadth first"
			}
			fmt.Printf("wide walk: %-60s %8d states, %9d transitions, %8d runs, %s\n", c.name, len(w.seen), w.transitions, len(w.ends), end)
			if err != nil {
				t.Error(err)
			}
		})
	}
}
