package pullsecretrotation

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// wideRounds limits a run. The longest one, a rotation that expires and is followed by another, has about thirty rounds.
const wideRounds = 60

// stubborn is a run without fixes: unreachable registries and stuck pools stay so, and the account's other clusters switch at once, so that OCM
// deletes the old credentials as soon as possible. In it no writable target may die while OCM has issued credentials that nothing has refused.
//
// fair is a run without faults in which users follow the conditions' advice: it must end.
const (
	stubborn = false
	fair     = true
)

// run is one of the two from a state. It stops at a state from which a run is known to end well.
func (w *wideWalk) runOn(s wide, first wideLook, kind bool) error {
	log := &wideTrail{}
	var visited []uint64
	guards := s.guards()
	if kind == stubborn && (guards == [2]bool{} || s.hopeless()) {
		return nil
	}
	again := s.recover(kind)
	for range wideRounds {
		h := w.key(w.seed, &s)*4 + runBits(kind, guards)
		if _, known := w.ends[h]; known {
			break
		}
		visited = append(visited, h)
		out := first.out
		if again {
			out = w.reconcile(&s, 0)
		} else {
			s, again = first.next, true
		}
		log.add(out.String)
		if s.broken != "" {
			return fmt.Errorf("%s\nrun:\n%s", s.broken, log)
		}
		if kind == fair && w.ended(&s, out) || kind == stubborn && !s.open() {
			break
		}
		w.everybody(&s, out, kind, log)
		for i, guarded := range guards {
			if dead := s.dead(i); guarded && len(dead) > 0 && s.serves(i) {
				return fmt.Errorf("%v of target %d have died although the operator had all the time it needs\nrun:\n%s", dead, i, log)
			}
		}
		if kind == fair && len(visited) == wideRounds {
			return fmt.Errorf("it does not end: %s, %s\n%s\nrun:\n%s", out.reason, out.message, &s, log)
		}
	}
	for _, h := range visited {
		w.ends[h] = struct{}{}
	}
	return nil
}

func runBits(kind bool, guards [2]bool) uint64 {
	n := uint64(0)
	for i, b := range []bool{kind, guards[0], guards[1]} {
		if b {
			n |= 1 << (61 + i)
		}
	}
	return n
}

// recover ends transient faults; true if there were any.
func (w *wide) recover(kind bool) bool {
	some := w.lagging || w.ocmAway
	w.lagging, w.ocmAway = false, false
	if kind == fair {
		some = some || w.stuck || w.registry != [registryCount]answers{}
		w.registry, w.stuck = [registryCount]answers{}, false
	}
	return some
}

// hopeless is true if the operator cannot save a target: a registry refuses the newest credentials, or the spec prevents the
// operator from working.
func (w *wide) hopeless() bool {
	for r := range cloud {
		if w.registry[r] == answersLate || w.refused[ours][r]&bit16(w.accounts[ours].newest) != 0 {
			return true
		}
	}
	return w.spec.suspended || w.spec.mode == v1alpha1.ModeAudit || w.object.Status.Rotation != nil && w.object.Status.Rotation.RolledBackAt != nil
}

// guards are the targets that must not die from here on: they are valid and writable, and each rotation under way will wait for this
// cluster for at least two ticks and the margin.
func (w *wide) guards() [2]bool {
	var list [2]bool
	for i := range w.targets {
		h := w.targets[i]
		list[i] = w.serves(i) && len(w.dead(i)) == 0 && !h.unwritable && h.document != unreadable && w.proves(i)
		for _, r := range w.rotations {
			mayEnd := over(r.mine) || i > 0 && r.issued >= 0 && !w.lacks(0, r.issued) || w.now.Add(2*wideTick+wideMargin).After(r.expires)
			if r.account == ours && !r.ending() && r.created.After(w.now.AddDate(0, -1, 0)) && mayEnd && (r.issued < 0 || w.lacks(i, r.issued)) {
				list[i] = false
			}
		}
	}
	if t := w.targets[0]; t.unwritable || t.document == unreadable || w.owner(0) != ours {
		list[1] = false // the first is the canary: while it cannot be used, no target is
	}
	return list
}

// lacks is true if an entry of a target is older than a generation.
func (w *wide) lacks(i int, g int8) bool {
	for _, s := range w.entries(i) {
		if s.account >= 0 && s.generation < g {
			return true
		}
	}
	return false
}

// proves is true if the owner of a target is known: by its token for OCM, or by a pin.
func (w *wide) proves(i int) bool {
	_, ok := w.entries(i)[registryNames[cloud]]
	return ok || w.spec.pin == ours
}

// open is true while a rotation of ours is under way.
func (w *wide) open() bool {
	for _, r := range w.rotations {
		if r.account == ours && r.status == decide.RotationPending && r.created.After(w.now.AddDate(0, -1, 0)) {
			return true
		}
	}
	return false
}

// ended is true when nothing is left to do.
func (w *wideWalk) ended(s *wide, out wideOutcome) bool {
	for i := range s.targets {
		if s.targets[i].document == "" || i > 0 && !s.spec.hub {
			continue
		}
		owner := s.owner(i)
		if owner == none {
			owner = s.spec.pin
		}
		if i == 0 && (owner != s.spec.credential && s.spec.credential >= 0 || len(s.dead(0)) > 0) {
			return false
		}
		if owner == s.spec.credential && (s.behind(i) || len(s.dead(i)) > 0) {
			return false
		}
	}
	if s.open() || s.spec.suspended || s.provable() {
		return false
	}
	switch out.reason {
	case v1alpha1.ReasonFollowing:
		return true
	case v1alpha1.ReasonNotDue:
		return s.spec.after.IsZero() || s.satisfied(w)
	}
	return s.object.Status.Phase == "A target is left out"
}

// provable is true while deleted credentials are not proven dead yet, and every registry responds correctly.
func (w *wide) provable() bool {
	if w.registry != [registryCount]answers{} || w.spec.mode == v1alpha1.ModeAudit {
		return false
	}
	awaits := func(r v1alpha1.RotationStatus) bool {
		return r.RevokedAt != nil && r.BackupSecret != "" && !w.outlives(r.BackupSecret)
	}
	s := &w.object.Status
	return s.Rotation != nil && awaits(*s.Rotation) || slices.ContainsFunc(s.History, awaits)
}

// outlives is true if a rotation has replaced another account's credentials because of a wrong pin. Its end does not delete them, so they
// cannot be proven dead.
func (w *wide) outlives(backup string) bool {
	replaced := func(auth string) bool {
		return !slices.ContainsFunc(w.targets[:], func(h holder) bool { return strings.Contains(h.document, auth) })
	}
	for _, b := range w.backups {
		for _, entries := range b.Data {
			for auth, s := range wideAuths {
				if b.Name == backup && w.alive(s) && s.account != w.spec.credential && bytes.Contains(entries, []byte(auth)) && replaced(auth) {
					return true
				}
			}
		}
	}
	return false
}

// satisfied is true when a rotation has taken place for T.
func (w *wide) satisfied(m *wideWalk) bool {
	if w.clusterNow(m.skew).Before(w.spec.after) {
		return true
	}
	for _, h := range w.object.Status.History {
		if h.GivenUpAt != nil && h.AppliedAt != nil {
			return true // its record was deleted
		}
	}
	for _, r := range w.rotations {
		if r.account == w.spec.credential && r.status == decide.RotationCompleted && !r.created.Before(w.spec.after.Add(-apart)) {
			return true
		}
	}
	return false
}

// everybody is all other actors: users who follow conditions, OCM, the machine-config-operator, time.
func (w *wideWalk) everybody(s *wide, out wideOutcome, kind bool, log *wideTrail) {
	if kind == fair {
		w.people(s, out, log)
	}
	if !s.stuck {
		s.rendered = s.rendering()
	}
	s.telemetry()
	for i := range s.rotations {
		if s.rotations[i].sibling == acceptedTransfer {
			s.change(i, func(r *wideRotation) { r.sibling = completedTransfer })
		}
	}
	if s.batchWorks() {
		s.batch()
	}
	s.tick(wideTick)
	log.add(s.String)
}

// people follow the conditions' advice.
func (w *wideWalk) people(s *wide, out wideOutcome, log *wideTrail) {
	for i := range s.targets {
		s.targets[i].unwritable = false
		if s.targets[i].document == unreadable {
			s.put(i, s.targets[i].good)
		}
	}
	if s.spec.suspended {
		s.edit(func(p *wideSpec) { p.suspended = false })
	}
	if s.spec.mode == v1alpha1.ModeAudit {
		s.edit(func(p *wideSpec) { p.mode = v1alpha1.ModeRotate })
	}
	if foreign := s.owner(1); s.spec.hub && foreign != s.spec.credential && s.owner(0) == s.spec.credential && (out.reason == v1alpha1.ReasonAccountMismatch || out.reason == v1alpha1.ReasonOwnerUnknown) {
		log.say("   a person removes the target of another account from the spec")
		s.edit(func(p *wideSpec) { p.hub = false })
		return
	}
	if out.reason == v1alpha1.ReasonRegistriesRefuse && s.spec.credential == none {
		log.say("   a person provides an OCM credential")
		s.edit(func(p *wideSpec) { p.credential = ours })
		return
	}
	switch out.reason {
	case v1alpha1.ReasonAccountMismatch, v1alpha1.ReasonAccountPinMismatch:
		if owner := s.owner(0); owner >= 0 && (owner != s.spec.credential || s.spec.pin >= 0 && s.spec.pin != owner) {
			log.say("   a person provides the OCM credential of the pull secret's account")
			s.posts = 0 // for the other account
			s.edit(func(p *wideSpec) { p.credential, p.pin = owner, none })
		} else if out.reason == v1alpha1.ReasonAccountMismatch && owner == s.spec.credential {
			log.say("   a person pins the account to which the cluster has moved")
			s.edit(func(p *wideSpec) { p.pin = owner })
		}
	case v1alpha1.ReasonOwnerUnknown:
		log.say("   a person pins the account and provides its credential")
		s.edit(func(p *wideSpec) { p.credential = s.owner(0); p.pin = p.credential })
		s.posts = 0
	case v1alpha1.ReasonClusterTokenDead:
		log.say("   a person provides an OCM credential")
		s.edit(func(p *wideSpec) { p.credential = max(s.owner(0), ours) })
	case v1alpha1.ReasonRolledBack:
		log.say("   a person wants the new ones")
		s.edit(func(p *wideSpec) { p.neverBack = true })
	case v1alpha1.ReasonIssueOverdue, v1alpha1.ReasonRevocationOverdue:
		s.dropOdd()
	case v1alpha1.ReasonRotationVanished, v1alpha1.ReasonRegistriesRefuse:
		if s.spec.mode == v1alpha1.ModeRotate {
			log.say("   a person requests another rotation")
			s.posts = 0
			s.edit(func(p *wideSpec) { p.after = s.clusterNow(w.skew) })
		}
	}
}

// dropOdd deletes the records with an unknown status, as the condition advises.
func (w *wide) dropOdd() {
	var kept []wideRotation
	for _, r := range w.rotations {
		if r.status == decide.RotationPending || r.status == decide.RotationCompleted {
			kept = append(kept, r)
		}
	}
	w.rotations = kept
}

func (w wide) String() string {
	words := fmt.Sprintf("-- %s: %s | %s; alive %b %b", w.now.Format(time.DateTime), short(w.entries(0)), short(w.entries(1)), w.accounts[ours].alive, w.accounts[theirs].alive)
	for _, r := range w.rotations {
		words += fmt.Sprintf("; %s of %s %q issued %d", r.id, accountNames[r.account], r.status, r.issued)
	}
	return words
}

// wideTrail has the moves of a run, formatted only for a failure.
type wideTrail struct{ told []func() string }

func (t *wideTrail) add(words func() string) { t.told = append(t.told, words) }

func (t *wideTrail) say(words string) { t.add(func() string { return words }) }

func (t *wideTrail) String() string {
	var lines []string
	for _, f := range t.told[max(0, len(t.told)-30):] {
		lines = append(lines, "  "+f())
	}
	return strings.Join(lines, "\n")
}

// short is the content of a target in a trail.
func short(entries map[string]set) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(&b, " %s:%d.%d", name, entries[name].account, entries[name].generation)
	}
	return b.String()
}

var errTooMany = errors.New("too many states")
