package pullsecret

import (
	"slices"
	"time"

	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	simregistry "github.com/openshift/credential-rotation-operator/test/sim/registry"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// What is wrong with the account, with OCM's records and with the registries' knowledge, and does not end by itself.

func (c *cluster) troubleAccount() {
	w := c.w
	switch w.Roll(4) {
	case 0:
		w.ocm.Ban(w.account.ID, w.Odds(2))
	case 1:
		w.ocm.ForbidOfflineTokens(w.account.ID, w.Odds(2))
	case 2:
		w.ocm.SetClockSkew(pick(w, []time.Duration{0, 2 * time.Hour, -2 * time.Hour}), 0)
	case 3:
		w.ocm.SetSubscriptionStatus(c.id, pick(w, []string{"Active", "Archived", "Stale"}))
	}
}

// changeRecords lets OCM show its rotations otherwise, drops the record of one, or shows one that has failed long ago.
func (c *cluster) changeRecords() {
	w := c.w
	list := w.ocm.Rotations(w.account.ID)
	if len(list) == 0 || w.Odds(2) {
		status := pick(w, []string{"failed", "cancelled", ""})
		id := w.ocm.AddRecord(w.account.ID, simocm.Record{Status: status, CreatedAt: time.Now().Add(-time.Duration(1+w.Roll(60)) * stage.Day)})
		if status == "" {
			w.forgotten = append(w.forgotten, id)
		}
		return
	}
	of := pick(w, list).ID
	if w.Odds(3) {
		w.Say("somebody deletes the record of rotation %s", of)
		w.ocm.DeleteRecord(of)
		w.orphans = true
		return
	}
	w.ocm.EditRecord(of, func(r *simocm.Record) { r.HideTimes = w.Odds(2) })
}

// troubleRegistry lets a registry refuse what OCM calls valid, know new credentials late, or forget old ones early.
func (c *cluster) troubleRegistry() {
	w := c.w
	sets := w.ocm.PullSecrets(w.account.ID)
	key := pick(w, simocm.Registries)
	switch w.Roll(5) {
	case 0, 1:
		w.refuse(key, sets[len(sets)-1], true)
	case 2:
		w.refuse(key, pick(w, sets), w.Odds(2))
	case 3:
		w.registries.Spread(pick(w, simregistry.Hosts), w.Roll(4), time.Duration(w.Roll(180))*time.Minute)
	case 4:
		if len(sets) > 1 {
			w.ocm.Revoke(w.account.ID, w.Roll(len(sets)-1), key)
		}
	}
}

// refuseNext lets a registry accept new credentials until they are in use, before OCM hears of that.
func (c *cluster) refuseNext() {
	w := c.w
	if r := c.object(); r == nil || r.Status.Rotation == nil || r.Status.Rotation.IntendedAt == nil || r.Status.Rotation.RevokedAt != nil {
		return
	}
	c.mute = true
	w.ocm.RunBatch()
	w.Live(time.Duration(1+w.Roll(4))*time.Hour, 30)
	sets := w.ocm.PullSecrets(w.account.ID)
	w.refuse(pick(w, simregistry.Hosts), sets[len(sets)-1], true)
}

// refuse lets a registry refuse one of a document's users, or accept them again.
func (w *world) refuse(key string, document []byte, refuse bool) {
	user, _ := login(authsOf(document)[key])
	if slices.Contains(simregistry.Hosts, key) && user != "" {
		w.registries.Refuse(key, user, refuse)
	}
}

// appease ends all of it.
func (w *world) appease() {
	w.ocm.Ban(w.account.ID, false)
	w.ocm.ForbidOfflineTokens(w.account.ID, false)
	w.ocm.SetClockSkew(0, 0)
	for _, c := range w.clusters {
		w.ocm.SetSubscriptionStatus(c.id, "Active")
	}
	for _, host := range simregistry.Hosts {
		w.registries.Spread(host, 0, 0)
	}
	for _, document := range w.ocm.PullSecrets(w.account.ID) {
		for _, key := range simocm.Registries {
			w.refuse(key, document, false)
		}
	}
	if w.orphans && !w.pending() { // Red Hat deletes what no rotation is left to delete
		for i := range len(w.ocm.PullSecrets(w.account.ID)) - 1 {
			w.ocm.Revoke(w.account.ID, i)
		}
	}
	for _, r := range w.ocm.Rotations(w.account.ID) {
		w.ocm.EditRecord(r.ID, func(rec *simocm.Record) {
			rec.HideTimes = false
			if slices.Contains(w.forgotten, r.ID) {
				rec.Status = "completed" // by Red Hat: OCM works on it no more, and would show it as it is for ever
			}
		})
	}
}

// pending is true while OCM works on a rotation.
func (w *world) pending() bool {
	return slices.ContainsFunc(w.ocm.Rotations(w.account.ID), func(r simocm.Rotation) bool {
		return r.Status == simocm.StatusPending && !slices.Contains(w.forgotten, r.ID)
	})
}
