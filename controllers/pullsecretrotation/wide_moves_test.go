package pullsecretrotation

import (
	"fmt"
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// moves calls yield with every possible next state and the name of the move.
func (m *wideModel) moves(from wide, first wideLook, yield func(string, wide)) {
	try := func(name string, do func(*wide)) {
		next := from
		do(&next)
		yield(name, next)
	}
	m.operatorMoves(from, first, yield)
	from.ocmMoves(m, try)
	from.clusterMoves(try)
	from.peopleMoves(m, try)
	if from.looked || from.left.naps > 0 {
		try("time passes", func(w *wide) {
			if !w.looked {
				w.left.naps--
			}
			w.tick(wideTick)
		})
	}
	if from.left.fortnights > 0 {
		try("a fortnight passes without a reconcile", func(w *wide) { w.left.fortnights--; w.tick(16 * 24 * time.Hour) })
	}
}

func (m *wideModel) operatorMoves(from wide, first wideLook, yield func(string, wide)) {
	yield("the operator reconciles: "+first.out.String(), first.next)
	if from.left.crashes == 0 {
		return
	}
	for n := range len(first.out.effects) {
		next := from
		next.left.crashes--
		out := m.reconcile(&next, n+1)
		yield(fmt.Sprintf("the operator reconciles and crashes: %s", out), next)
	}
}

// ocmMoves are moves of OCM and its other clients.
func (w wide) ocmMoves(m *wideModel, try func(string, func(*wide))) {
	if w.batchWorks() {
		try("OCM runs its batch", (*wide).batch)
	}
	if reported := w; reported.telemetry() {
		try("telemetry reports with the cluster's token", func(w *wide) { w.telemetry() })
	}
	for i, r := range w.rotations {
		if r.sibling == acceptedTransfer {
			try("the sibling switches", func(w *wide) { w.change(i, func(r *wideRotation) { r.sibling = completedTransfer }) })
		}
		if w.left.odd > 0 && r.account == ours && r.status == decide.RotationPending {
			for _, status := range []string{"failed", "cancelled", "", "in_progress"} {
				try(fmt.Sprintf("OCM sets the status of rotation %s to %q", r.id, status), func(w *wide) { w.left.odd--; w.change(i, func(r *wideRotation) { r.status = status }) })
			}
		}
	}
	if w.left.others > 0 && len(w.rotations) < maxGenerations-1 {
		try("another client rotates our account", func(w *wide) { w.left.others--; w.request(m, ours, w.now) })
		if m.hub == theirs || m.credential == theirs {
			try("a client rotates the other account", func(w *wide) { w.left.others--; w.request(m, theirs, w.now) })
		}
	}
	if w.lagging {
		try("the replica has caught up", func(w *wide) { w.lagging = false })
	} else if a := w.accounts[ours]; w.left.lag > 0 && !w.looked && a.newest != a.before && a.seen&bit16(a.before) != 0 {
		try("a lagging replica responds", func(w *wide) { w.left.lag--; w.lagging = true })
	}
	if w.ocmAway {
		try("OCM is available again", func(w *wide) { w.ocmAway = false })
	} else if w.left.ocmDown > 0 {
		try("OCM is unavailable", func(w *wide) { w.left.ocmDown--; w.ocmAway = true })
	}
}

// clusterMoves are the machine-config-operator's, insights-operator's, the registries', and those of other writers of a target.
func (w wide) clusterMoves(try func(string, func(*wide))) {
	if !w.stuck && w.rendered != w.rendering() {
		try("the pool updates", func(w *wide) { w.rendered = w.rendering() })
	}
	if w.stuck {
		try("the pool recovers", func(w *wide) { w.stuck = false })
	} else if w.left.pools > 0 {
		try("the pool degrades", func(w *wide) { w.left.pools--; w.stuck = true })
	}
	for r := range cloud {
		if w.registry[r] != answersTruly {
			try(registryNames[r]+" works again", func(w *wide) { w.registry[r] = answersTruly })
			continue
		}
		if w.left.away > 0 {
			try(registryNames[r]+" cannot be reached", func(w *wide) { w.left.away--; w.registry[r] = answersNot })
		}
		if w.left.old > 0 {
			try(registryNames[r]+" accepts what OCM has deleted", func(w *wide) { w.left.old--; w.registry[r] = answersOld })
		}
		if w.left.late > 0 {
			try(registryNames[r]+" does not accept the newest yet", func(w *wide) { w.left.late--; w.registry[r] = answersLate })
		}
	}
	for i := range w.targets {
		w.targetMoves(i, try)
	}
}

// targetMoves are changes of a target by others.
func (w wide) targetMoves(i int, try func(string, func(*wide))) {
	h := w.targets[i]
	if h.document == "" {
		return
	}
	if h.document == unreadable {
		try(fmt.Sprintf("a person repairs target %d", i), func(w *wide) { w.put(i, h.good) })
	}
	if h.unwritable {
		try(fmt.Sprintf("target %d may be written again", i), func(w *wide) { w.targets[i].unwritable = false })
	}
	if w.left.breaks > 0 && h.document != unreadable {
		try(fmt.Sprintf("a person spoils target %d", i), func(w *wide) { w.left.breaks--; w.put(i, unreadable) })
		if !h.unwritable {
			try(fmt.Sprintf("an admission policy refuses to write target %d", i), func(w *wide) { w.left.breaks--; w.targets[i].unwritable = true })
		}
	}
	if w.left.writes == 0 {
		return
	}
	write := func(name, document string) {
		if document != h.document {
			try(fmt.Sprintf("%s target %d", name, i), func(w *wide) { w.left.writes--; w.put(i, document) })
		}
	}
	if r, ok := w.offered(); ok && i == 0 {
		write("insights-operator writes the offered pull secret to", switched(h.document, set{ours, r.issued}))
	}
	write("a person restores an old pull secret in", switched(h.document, set{ours, 0}))
	write("a person writes another account's pull secret to", given(set{theirs, w.accounts[theirs].newest}))
}

// offered is the rotation whose credentials OCM offers to this cluster.
func (w *wide) offered() (wideRotation, bool) {
	for i := len(w.rotations) - 1; i >= 0; i-- {
		if w.rotations[i].mine == acceptedTransfer {
			return w.rotations[i], true
		}
	}
	return wideRotation{}, false
}

// switched is a document with the account's entries of another set.
func switched(document string, to set) string {
	doc := parse([]byte(document))
	if doc == nil {
		return given(to)
	}
	var list []entryOf
	for _, name := range doc.Registries() {
		e, _ := doc.Entry(name)
		auth := e.Auth()
		if known, ok := wideAuths[auth]; ok && known.account == to.account {
			auth = wideAuth(to, max(hostIndex(name), quay))
		}
		list = append(list, entryOf{name, auth, e.Email})
	}
	return documentOf(list)
}

// peopleMoves are users' changes of the object.
func (w wide) peopleMoves(m *wideModel, try func(string, func(*wide))) {
	if w.spec.suspended {
		try("a person resumes", func(w *wide) { w.edit(func(s *wideSpec) { s.suspended = false }) })
	}
	if w.left.edits > 0 && w.object.Status.ObservedGeneration > 0 {
		for _, e := range m.edits {
			next := w.spec
			changed := w
			if e.change(&next, &changed); next != w.spec {
				try("a person sets "+e.name, func(w *wide) {
					w.left.edits--
					if next.after != w.spec.after || next.credential != w.spec.credential {
						w.posts = 0
					}
					w.edit(func(s *wideSpec) { *s = next })
				})
			}
		}
	}
}

// The edits that scenarios choose from.
var (
	editModes = []wideEdit{
		{"mode Audit", func(s *wideSpec, _ *wide) { s.mode = v1alpha1.ModeAudit }},
		{"mode Rotate", func(s *wideSpec, _ *wide) { s.mode = v1alpha1.ModeRotate }},
		{"mode Follow", func(s *wideSpec, _ *wide) { s.mode = v1alpha1.ModeFollow }},
		{"suspend", func(s *wideSpec, _ *wide) { s.suspended = true }},
	}
	editSchedules = []wideEdit{
		{"a yearly schedule", func(s *wideSpec, _ *wide) { s.cron = "0 0 1 2 *" }},
		{"a monthly schedule, whose last tick has passed", func(s *wideSpec, _ *wide) { s.cron = "0 0 27 * *" }},
		{"rotateAfter to now", func(s *wideSpec, w *wide) { s.after = w.now }},
	}
	editTargets = []wideEdit{
		{"the second target", func(s *wideSpec, _ *wide) { s.hub = !s.hub }},
		{"entries.addMissing", func(s *wideSpec, _ *wide) { s.addMissing = !s.addMissing }},
	}
	editRollback = []wideEdit{
		{"rollback", func(s *wideSpec, _ *wide) { s.neverBack = !s.neverBack }},
	}
	editPolicies = []wideEdit{
		{"the policy of registry.redhat.io to BestEffort", func(s *wideSpec, _ *wide) { s.policy = v1alpha1.VerificationBestEffort }},
		{"the policy of registry.redhat.io to Skip", func(s *wideSpec, _ *wide) { s.policy = v1alpha1.VerificationSkip }},
	}
	editAccounts = []wideEdit{
		{"their OCM credential", func(s *wideSpec, _ *wide) { s.credential = theirs }},
		{"our OCM credential", func(s *wideSpec, _ *wide) { s.credential = ours }},
		{"the pin to our account", func(s *wideSpec, _ *wide) { s.pin = ours }},
		{"the pin to their account", func(s *wideSpec, _ *wide) { s.pin = theirs }},
	}
)

// change replaces a rotation.
func (w *wide) change(i int, do func(*wideRotation)) {
	w.rotations = slices.Clone(w.rotations)
	do(&w.rotations[i])
	w.rotations[i].updated = w.now
}

// batchWorks is true if a run of OCM's batch would have an effect.
func (w *wide) batchWorks() bool {
	for i := range w.rotations {
		r := &w.rotations[i]
		if !r.ending() && r.created.After(w.now.AddDate(0, -1, 0)) && (r.issued < 0 || over(r.mine) && over(r.sibling)) {
			return true
		}
	}
	return false
}

// batch is one run of OCM's reconciler, as test/sim/ocm does it.
func (w *wide) batch() {
	for a := range w.accounts {
		w.accounts[a].before = w.accounts[a].newest
	}
	for i := range w.rotations {
		r := &w.rotations[i]
		a := &w.accounts[r.account]
		switch {
		case r.ending(), r.created.Before(w.now.AddDate(0, -1, 0)):
		case r.issued < 0:
			if a.newest+1 >= maxGenerations {
				w.fail("the wide world has no room for another generation")
				return
			}
			old := a.alive
			a.newest++
			a.alive |= bit16(a.newest)
			w.change(i, func(r *wideRotation) {
				r.issued, r.old = a.newest, old
				accept(&r.mine)
				accept(&r.sibling)
			})
		case over(r.mine) && over(r.sibling):
			a.alive &^= r.old
			w.change(i, func(r *wideRotation) { r.status = decide.RotationCompleted })
		}
	}
}

// telemetry reports with the token of the cluster's own pull secret; true if that has an effect.
func (w *wide) telemetry() bool {
	s, ok := w.entries(0)[registryNames[cloud]]
	if !ok || s.account < 0 || !w.alive(s) {
		return false
	}
	reported := w.accounts[s.account].registered&bit16(s.generation) == 0
	w.accounts[s.account].registered |= bit16(s.generation)
	for i := range w.rotations {
		if r := &w.rotations[i]; r.account == s.account && r.mine == acceptedTransfer && s.generation >= r.issued {
			w.change(i, func(r *wideRotation) { r.mine = completedTransfer })
			reported = true
		}
	}
	return reported
}

// tick advances time.
func (w *wide) tick(d time.Duration) {
	w.now, w.looked = w.now.Add(d), false
	for i := range w.rotations {
		r := &w.rotations[i]
		if w.now.Before(r.expires) || over(r.mine) && over(r.sibling) {
			continue
		}
		w.change(i, func(r *wideRotation) {
			for _, t := range []*transfer{&r.mine, &r.sibling} {
				if *t == pendingTransfer || *t == acceptedTransfer {
					*t = expiredTransfer
				}
			}
		})
	}
}
