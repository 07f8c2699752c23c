package pullsecret

import (
	"encoding/json"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// This file has the invariants: of each effect at the moment in which it takes place, and of the object after each reconcile. They are about the truth
// of the world, not about what the operator believes.

const (
	// maxRequests is how many requests one cluster may send within an hour: the checks of new credentials every minute for half an hour, four
	// registries with four requests each, and as many again for what disturbs them.
	maxRequests = 1500
	// maxLooks is how often one cluster may reconcile within an hour: twice a minute while machines follow, and for what disturbs it.
	maxLooks = 400
	// maxStatus is how large a status may become: etcd takes 1.5 MiB for an object.
	maxStatus = 512 << 10
)

// Judge is for a write of the operator that has taken effect.
func (c *cluster) Judge(l *stage.Life, name string, before, after client.Object) {
	w := c.w
	if before != nil && after != nil && stage.Same(before, after) {
		w.Violate("%s: %s changes nothing", l, name)
	}
	was, _ := before.(*corev1.Secret)
	is, _ := after.(*corev1.Secret)
	if was == nil || was.Namespace == operatorNamespace {
		return
	}
	if is == nil {
		w.Violate("%s: %s: a target is gone", l, name)
		return
	}
	c.judgeTarget(l, authsOf(was.Data[corev1.DockerConfigJsonKey]), authsOf(is.Data[corev1.DockerConfigJsonKey]))
	ref := v1alpha1.SecretReference{Namespace: is.Namespace, Name: is.Name}
	if ref == global {
		c.rollOut()
	}
	if c.restorer > 0 && !w.Quiet {
		c.restorer--
		c.putTarget(ref, was.Data[corev1.DockerConfigJsonKey])
	}
}

func (c *cluster) judgeTarget(l *stage.Life, before, after map[string]string) {
	w, wanted := c.w, specs(c.past.Since(l.Since))
	unpinned := func(s spec) bool { return s.OCM.AccountID != w.account.ID }
	if after == nil {
		w.Violate("%s writes a pull secret that nobody can read", l)
		return
	}
	if wanted.all(func(s spec) bool { return s.Suspend || s.Mode == v1alpha1.ModeAudit }) {
		w.Violate("%s writes a target although the spec forbids it", l)
	}
	for _, key := range keys(before) {
		old, now := before[key], after[key]
		switch {
		case now == "":
			w.Violate("%s takes the entry %s away", l, key)
		case now == old:
		case !w.issued(key, old) && wanted.all(func(s spec) bool { return s.Entries.Foreign != v1alpha1.ForeignReplace }):
			w.Violate("%s replaces the entry %s, which is the customer's own", l, key)
		case !w.issued(key, now):
			w.Violate("%s gives the entry %s something that OCM has not issued", l, key)
		case w.strangers(now) && !w.strangers(old), w.strangers(old) && !w.strangers(now) && wanted.all(unpinned):
			w.Violate("%s gives the entry %s a credential of another account", l, key)
		case w.alive(key, old) && !w.alive(key, now):
			w.Violate("%s replaces the working entry %s by a dead one", l, key)
		}
	}
	for _, key := range keys(after) {
		if before[key] == "" && wanted.all(func(s spec) bool { return !slices.Contains(s.Entries.AddMissing, key) }) {
			w.Violate("%s adds the entry %s, and nobody wants it", l, key)
		}
	}
}

// posted is for a rotation that OCM has just made for a process.
func (c *cluster) posted(l *stage.Life) {
	w, wanted := c.w, specs(c.past.Since(l.Since))
	w.Count.Count(history.Totals, rotations)
	list := w.ocm.Rotations(w.account.ID)
	made := list[len(list)-1]
	o := c.object()
	if wanted.all(func(s spec) bool { return !s.exists || s.Suspend || s.Mode != v1alpha1.ModeRotate }) {
		w.Violate("%s requests a rotation although the spec forbids it", l)
	}
	if o == nil {
		return // it was deleted a moment ago
	}
	if o.Status.Rotation == nil || o.Status.Rotation.IntendedAt == nil {
		w.Violate("%s requests a rotation, and the intent is not on record", l)
		return
	}
	after := o.Status.Rotation.After
	if after == nil {
		w.Violate("%s requests a rotation for no T", l)
		return
	}
	key := string(o.UID) + "/" + after.UTC().Format(time.RFC3339)
	for _, id := range c.posts[key] {
		if slices.ContainsFunc(list, func(known simocm.Rotation) bool { return known.ID == id }) {
			w.Violate("%s requests a second rotation for one T", l)
		}
	}
	c.posts[key] = append(c.posts[key], made.ID)
}

// Ended is for the object after a reconcile.
func (c *cluster) Ended() {
	w := c.w
	if n := c.Rounds.Len(); n > maxLooks {
		w.Violate("%s reconciles %d times within an hour", c.Name, n)
	}
	c.judgeObject()
	c.rollOut()
	c.kubelet()
	w.Leaks(w.ocm.Canaries(), w.registries.Canaries(), []string{foreignSecret})
}

func (c *cluster) judgeObject() {
	w := c.w
	o := c.object()
	if o == nil || o.ResourceVersion == c.shown {
		return
	}
	c.shown = o.ResourceVersion
	for _, cond := range o.Status.Conditions {
		w.Count.Count(history.Reasons, cond.Reason)
	}
	for _, t := range o.Status.Targets {
		w.Count.Count(history.Reasons, t.Result)
	}
	c.countFull(o)
	raw, err := json.Marshal(o)
	must(err)
	if len(raw) > maxStatus {
		w.Violate("the object of %s has %d bytes", c.Name, len(raw))
	}
	w.Scan("the object", string(raw))
}

// countFull counts the lists of a status that have as many rows as the schema allows.
func (c *cluster) countFull(o *v1alpha1.PullSecretRotation) {
	full := func(what string, rows, most int) {
		if rows == most {
			c.w.Count.Count(history.Totals, "full lists of "+what)
		}
	}
	for i := range o.Status.Targets {
		full("entries", len(o.Status.Targets[i].Entries), 64)
	}
	if r := o.Status.Rotation; r != nil && r.Machines != nil {
		full("machines", len(r.Machines.Lagging), 20)
	}
	if all := o.Status.Siblings; all != nil {
		full("clusters", len(all.Lagging), 20)
	}
	full("rotations", len(o.Status.History), 10)
}

// rotations is what the rotations that OCM has made for the operator are counted as.
const rotations = "rotations requested"
