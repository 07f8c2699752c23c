package pullsecretrotation

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// wideKey identifies a state without irrelevant details: times are ages in ticks, capped where no decision distinguishes them, and the order
// of compared times; messages are left out. Two states with the same key are visited once; this may skip a state, but never reports an
// impossible one.
type wideKey struct {
	h   maphash.Hash
	now time.Time
}

// ageLimit is the largest age in ticks: one more than the longest time of wideTiming, except the window's.
const ageLimit = 2

func (k *wideKey) str(s string) { _, _ = k.h.WriteString(s); _ = k.h.WriteByte(0) }

func (k *wideKey) num(n ...int) {
	for _, v := range n {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(v))
		_, _ = k.h.Write(b[:])
	}
}

func (k *wideKey) flags(list ...bool) {
	for _, f := range list {
		if f {
			k.num(1)
		} else {
			k.num(0)
		}
	}
}

// age is how long ago a time is, at most limit ticks; none when it is not set.
func (k *wideKey) age(t *metav1.Time, limit int) {
	if t == nil {
		k.num(none)
		return
	}
	k.num(max(min(int(k.now.Sub(t.Time)/wideTick), limit), -limit))
}

func (k *wideKey) set(t *metav1.Time) { k.flags(t != nil) }

// key of a state.
func (m *wideModel) key(seed maphash.Seed, w *wide) uint64 {
	k := &wideKey{now: w.clusterNow(m.skew)}
	k.h.SetSeed(seed)
	k.world(w)
	k.status(w, &w.object.Status)
	return k.h.Sum64()
}

func (k *wideKey) world(w *wide) {
	s := w.spec
	k.str(string(s.mode) + s.cron + string(s.policy))
	k.flags(s.suspended, s.hub, s.addMissing, s.neverBack, s.after.IsZero(), w.forgotten, w.lagging, w.ocmAway, w.stuck, w.looked, w.rendered == w.rendering())
	k.num(int(s.credential), int(s.pin), int(w.posts))
	after := metav1.NewTime(s.after)
	k.age(&after, ageLimit)
	for _, h := range w.targets {
		k.str(h.document)
		k.flags(h.ours, h.unwritable)
		if h.document == unreadable {
			k.str(h.good)
		}
	}
	k.str(w.rendered)
	k.num(len(w.backups))
	for a := range w.accounts {
		k.num(int(w.accounts[a].newest), int(w.accounts[a].before), int(w.accounts[a].alive), int(w.accounts[a].registered), int(w.accounts[a].seen))
		for r := range w.registry {
			k.num(int(w.accepted[a][r]), int(w.refused[a][r]))
		}
	}
	for r := range w.registry {
		k.num(int(w.registry[r]))
	}
	for i := range w.rotations {
		k.rotation(w, &w.rotations[i])
	}
	k.budget(&w.left)
	if w.memory.lastPoll.IsZero() {
		k.num(none)
	} else {
		last := metav1.NewTime(w.memory.lastPoll)
		k.age(&last, ageLimit)
	}
}

func (k *wideKey) rotation(w *wide, r *wideRotation) {
	created := metav1.NewTime(r.created)
	k.num(int(r.account), int(r.issued), int(r.mine), int(r.sibling))
	k.str(r.status)
	k.flags(r.updated.After(r.created), !r.created.Before(w.spec.after.Add(-apart)), !r.created.Before(w.spec.after))
	if over(r.mine) && over(r.sibling) {
		k.age(&created, ageLimit)
	} else {
		k.age(&created, int(wideWindow/wideTick))
	}
	k.flags(k.now.Sub(r.created) > 15*24*time.Hour)
}

func (k *wideKey) budget(b *wideBudget) {
	for _, n := range []int8{b.crashes, b.away, b.late, b.old, b.lag, b.ocmDown, b.odd, b.others, b.people, b.edits, b.pools, b.breaks, b.writes, b.naps, b.fortnights} {
		k.num(int(n))
	}
}

func (k *wideKey) status(w *wide, s *v1alpha1.PullSecretRotationStatus) {
	k.flags(s.ObservedGeneration == w.object.Generation, s.ObservedGeneration == 0)
	for _, c := range s.Conditions {
		k.str(c.Type + string(c.Status) + c.Reason)
	}
	if s.Account != nil {
		k.str(s.Account.ID)
	}
	if s.Schedule != nil {
		k.str(s.Schedule.Cron)
	}
	k.age(s.LastHealthCheck, ageLimit)
	given := []time.Time{}
	for _, c := range s.Credentials {
		if c.GivenAt != nil {
			given = append(given, c.GivenAt.Time)
		}
	}
	slices.SortFunc(given, time.Time.Compare)
	given = slices.Compact(given)
	for _, c := range s.Credentials {
		k.str(c.Registry + c.Fingerprint + c.AccountID)
		if c.GivenAt != nil {
			k.num(slices.Index(given, c.GivenAt.Time))
		}
		k.set(c.VerifiedAt)
		k.age(c.RefusedSince, ageLimit)
	}
	for _, r := range s.Registries {
		k.str(r.Registry + r.Result)
		k.age(r.Since, ageLimit)
	}
	for _, t := range s.Targets {
		k.str(t.Namespace + t.Result)
		k.num(int(t.Healed))
		k.age(t.AppliedAt, 1)
	}
	if s.Rotation != nil {
		k.str("rotation")
		k.record(w, s.Rotation)
	}
	for i := range s.History {
		k.record(w, &s.History[i])
	}
}

func (k *wideKey) record(w *wide, r *v1alpha1.RotationStatus) {
	k.str(r.ID + r.AccountID + string(r.Reason) + r.OCMStatus + r.ListedBefore)
	k.flags(r.Adopted, r.BackupSecret != "", r.After != nil && !r.After.Time.Before(w.spec.after), r.RevokedAt != nil, r.GivenUpAt != nil, r.RolledOutAt != nil, r.VerifiedAt != nil)
	for _, list := range [][]v1alpha1.EntryFingerprint{r.Baseline, r.Issued} {
		k.num(len(list))
		for _, f := range list {
			k.str(f.Registry + f.Fingerprint)
		}
	}
	for _, p := range r.Pools {
		k.str(p.ConfigurationBefore)
		k.flags(p.DegradedBefore)
	}
	if r.RevokedAt != nil {
		k.set(r.AppliedAt)
		k.set(r.RevocationProvenAt)
		if r.BackupSecret != "" {
			k.age(r.RevocationTriedAt, ageLimit)
			k.age(r.RevokedAt, ageLimit)
		}
		return
	}
	k.age(r.OfferEndsAt, int(wideWindow/wideTick))
	for _, t := range []*metav1.Time{r.StartedAt, r.IntendedAt, r.RequestedAt, r.AppliedAt, r.RolledBackAt} {
		k.age(t, ageLimit)
	}
	k.age(r.IssuedAt, int(wideWindow/wideTick))
}
