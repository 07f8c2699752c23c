package simulation

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
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

// judge is for a write of the operator that has taken effect.
func (c *cluster) judge(r *replica, name string, before, after client.Object) {
	if before != nil && after != nil && before.GetUID() == after.GetUID() && bare(before) == bare(after) {
		c.w.violate("%s: %s changes nothing", r, name)
	}
	was, _ := before.(*corev1.Secret)
	is, _ := after.(*corev1.Secret)
	if was == nil || was.Namespace == operatorNamespace {
		return
	}
	if is == nil {
		c.w.violate("%s: %s: a target is gone", r, name)
		return
	}
	c.judgeTarget(r, authsOf(was.Data[corev1.DockerConfigJsonKey]), authsOf(is.Data[corev1.DockerConfigJsonKey]))
	if (v1alpha1.SecretReference{Namespace: is.Namespace, Name: is.Name}) == global {
		c.rollOut()
	}
}

// bare is an object without what every write changes.
func bare(o client.Object) string {
	o = o.DeepCopyObject().(client.Object)
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
	raw, err := json.Marshal(o)
	must(err)
	return string(raw)
}

func (c *cluster) judgeTarget(r *replica, before, after map[string]string) {
	w := c.w
	if after == nil {
		w.violate("%s writes a pull secret that nobody can read", r)
		return
	}
	if r.spec.all(func(s spec) bool { return s.Suspend || s.Mode == v1alpha1.ModeAudit }) {
		w.violate("%s writes a target although the spec forbids it", r)
	}
	for _, key := range keys(before) {
		old, now := before[key], after[key]
		switch {
		case now == "":
			w.violate("%s takes the entry %s away", r, key)
		case now == old:
		case !w.issued(key, old) && r.spec.all(func(s spec) bool { return s.Entries.Foreign != v1alpha1.ForeignReplace }):
			w.violate("%s replaces the entry %s, which is the customer's own", r, key)
		case !w.issued(key, now):
			w.violate("%s gives the entry %s something that OCM has not issued", r, key)
		case w.alive(key, old) && !w.alive(key, now):
			w.violate("%s replaces the working entry %s by a dead one", r, key)
		}
	}
	for _, key := range keys(after) {
		if before[key] == "" && r.spec.all(func(s spec) bool { return !slices.Contains(s.Entries.AddMissing, key) }) {
			w.violate("%s adds the entry %s, and nobody wants it", r, key)
		}
	}
}

// posted is for a rotation that OCM has just made for a replica.
func (w *world) posted(r *replica) {
	c := r.cluster
	w.count.posts++
	list := w.ocm.Rotations(w.account.ID)
	made := list[len(list)-1]
	o := c.object()
	if r.spec.all(func(s spec) bool { return !s.exists || s.Suspend || s.Mode != v1alpha1.ModeRotate }) {
		w.violate("%s requests a rotation although the spec forbids it", r)
	}
	if o == nil {
		return // it was deleted a moment ago
	}
	if o.Status.Rotation == nil || o.Status.Rotation.IntendedAt == nil {
		w.violate("%s requests a rotation, and the intent is not on record", r)
		return
	}
	after := o.Status.Rotation.After
	if after == nil {
		w.violate("%s requests a rotation for no T", r)
		return
	}
	key := string(o.UID) + "/" + after.UTC().Format(time.RFC3339)
	for _, id := range c.posts[key] {
		if slices.ContainsFunc(list, func(known simocm.Rotation) bool { return known.ID == id }) {
			w.violate("%s requests a second rotation for one T", r)
		}
	}
	c.posts[key] = append(c.posts[key], made.ID)
}

// judgeObject is for the object after a reconcile.
func (w *world) judgeObject(c *cluster) {
	w.leaks()
	hourAgo := time.Now().Add(-time.Hour)
	c.traffic = slices.DeleteFunc(c.traffic, func(t time.Time) bool { return t.Before(hourAgo) })
	if len(c.traffic) > maxRequests {
		w.violate("%s sends %d requests within an hour", c.name, len(c.traffic))
	}
	c.looks = slices.DeleteFunc(c.looks, func(t time.Time) bool { return t.Before(hourAgo) })
	if len(c.looks) > maxLooks {
		w.violate("%s reconciles %d times within an hour", c.name, len(c.looks))
	}
	o := c.object()
	if o == nil {
		return
	}
	for _, cond := range o.Status.Conditions {
		w.count.reason(cond.Reason)
	}
	for _, t := range o.Status.Targets {
		w.count.reason(t.Result)
	}
	raw, err := json.Marshal(o)
	must(err)
	if len(raw) > maxStatus {
		w.violate("the object of %s has %d bytes", c.name, len(raw))
	}
	if text := string(raw); text != c.shown {
		w.scan("the object", text)
		c.shown = text
	}
	w.leaks()
}

// output is what the operator has said and nobody has looked at yet.
type output struct{ where, text string }

// scan notes what the operator says.
func (w *world) scan(where, text string) { w.said = append(w.said, output{where, text}) }

// leaks looks for secrets in what the operator has said.
func (w *world) leaks() {
	if len(w.said) == 0 {
		return
	}
	secrets := append(append(w.ocm.Canaries(), w.registries.Canaries()...), foreignSecret)
	for _, o := range w.said {
		for _, secret := range secrets {
			if strings.Contains(o.text, secret) {
				w.violate("a secret is in %s", o.where)
				break
			}
		}
	}
	w.said = nil
}

// conditionOf is a condition's status and reason.
func conditionOf(o *v1alpha1.PullSecretRotation, kind string) (metav1.ConditionStatus, string, string) {
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			return c.Status, c.Reason, c.Message
		}
	}
	return "", "", ""
}
