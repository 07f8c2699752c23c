package pullsecret

import (
	"fmt"
	"slices"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// patience is how long the right state may take after the last fault: a rotation under way takes days, and one that nobody can finish is given up
// after about two weeks.
const patience = 40 * stage.Day

// Settle ends all faults. Within patience the state must be the right one, and must stay.
func (w *world) Settle() {
	w.Say(stage.TheFaultsEnd)
	w.heal()
	end := time.Now().Add(patience)
	w.Live(time.Minute, 100) // what is on record may be from before the last reconcile was disturbed
	for !w.Fails() {
		wrong := w.wrong()
		if wrong == "" {
			break
		}
		if time.Now().After(end) {
			w.Violate("%s after the faults have ended: %s", patience, wrong)
			return
		}
		w.Live(time.Hour, 1)
	}
	w.stays()
}

// heal mends everything that the operator cannot.
func (w *world) heal() {
	w.Quiet = true
	w.mend()
	w.ocm.RevokeLate(0)
	w.ocm.Configure(func(h *simocm.Habits) { *h = simocm.Habits{CompleteWithoutClusters: true} })
	w.appease()
	for _, c := range w.clusters {
		c.Relieve()
		c.mute, c.restorer, c.machines = false, 0, machines{}
		c.host(false)
		c.disrupt(false)
		must(client.IgnoreNotFound(c.API.Delete(quietly, &v1alpha1.PullSecretRotation{ObjectMeta: metav1.ObjectMeta{Name: rivalName}})))
		c.pool(func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = false })
		c.rollOut()
		c.putToken(w.ocm.OfflineToken(w.account.ID))
		c.restore(global)
		c.restore(hub)
		if c.object() == nil {
			c.put(defaults())
		} else {
			c.correct()
		}
		c.renew()
		c.Lead()
	}
}

// renew is a person who asks for another rotation, because somebody has deleted the record of the one that was under way.
func (c *cluster) renew() {
	r := c.object().Status.Rotation
	if r == nil || r.ID == "" || slices.ContainsFunc(c.w.ocm.Rotations(c.w.account.ID), func(known simocm.Rotation) bool { return known.ID == r.ID }) {
		return
	}
	c.edit(func(o *v1alpha1.PullSecretRotation) {
		o.Spec.RotateAfter = ptr.To(metav1.NewTime(time.Now().Truncate(time.Second)))
	})
}

// restore is a person who gives a target what the operator may not: its type and form, and the account's entries where nothing of it is left
// that proves to whom the target belongs.
func (c *cluster) restore(ref v1alpha1.SecretReference) {
	w := c.w
	d := c.document(ref)
	auths := authsOf(d)
	whole := true
	for _, key := range simocm.Registries {
		whole = whole && w.alive(key, auths[key]) && !w.strangers(auths[key])
	}
	if whole && c.typeOf(ref) == "kubernetes.io/dockerconfigjson" {
		return
	}
	w.Count.Count(history.Totals, "pull secrets put in order by a person")
	given := w.ocm.PullSecret(w.account.ID)
	for _, key := range keys(auths) {
		if !ours(key) {
			given = with(given, key, auths[key])
		}
	}
	c.putTarget(ref, given)
}

// wrong is what is not as it should be; empty if nothing is.
func (w *world) wrong() string {
	for _, c := range w.clusters {
		o := c.object()
		if is := stage.Condition(o.Status.Conditions, v1alpha1.ConditionReady); is.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s: Ready is %s (%s): %s", c.Name, is.Status, is.Reason, is.Message)
		}
		if is := stage.Condition(o.Status.Conditions, v1alpha1.ConditionPullSecretValid); is.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s: PullSecretValid is %s (%s): %s", c.Name, is.Status, is.Reason, is.Message)
		}
		if r := o.Status.Rotation; r != nil && r.RevokedAt == nil {
			return c.Name + ": a rotation is under way"
		}
		for _, ref := range []v1alpha1.SecretReference{global, hub} {
			auths, now := authsOf(c.document(ref)), authsOf(w.ocm.PullSecret(w.account.ID))
			for _, key := range simocm.Registries {
				if auths[key] != now[key] {
					return fmt.Sprintf("%s: the entry %s of %s is not what OCM issues", c.Name, key, ref)
				}
			}
		}
	}
	return ""
}

// stays looks for a stage.Day whether the right state changes by itself.
func (w *world) stays() {
	before := w.picture()
	posts := w.Count.Get(history.Totals, rotations)
	for end := time.Now().Add(stage.Day); time.Now().Before(end) && !w.Fails(); {
		w.Live(time.Hour, 1)
	}
	if wrong := w.wrong(); wrong != "" && !w.Fails() {
		w.Violate("the state was right and does not stay so: %s", wrong)
	}
	if after := w.picture(); after != before && !w.Fails() {
		w.Violate("the state was right and changes by itself: from %s to %s", before, after)
	}
	if w.Count.Get(history.Totals, rotations) != posts {
		w.Violate("the state was right, and another rotation is requested")
	}
}

// picture is the state without the times of checks.
func (w *world) picture() string {
	text := ""
	for _, c := range w.clusters {
		o := c.object()
		text += fmt.Sprintf("[generation %d, phase %s, next %v,", o.Generation, o.Status.Phase, o.Status.NextRotationAfter)
		for _, cond := range o.Status.Conditions {
			if cond.Type == v1alpha1.ConditionOldCredentialsRevoked {
				continue // its proof is scheduled work, which may take days
			}
			if cond.Type == v1alpha1.ConditionSecondWriter {
				continue // a fight is over after a day without one
			}
			text += fmt.Sprintf(" %s=%s/%s", cond.Type, cond.Status, cond.Reason)
		}
		text += fmt.Sprintf(", targets %s %s]", fingerprint(c.document(global)), fingerprint(c.document(hub)))
	}
	return text
}

func (c *cluster) typeOf(ref v1alpha1.SecretReference) string {
	s := c.secret(client.ObjectKey{Namespace: ref.Namespace, Name: ref.Name})
	if s == nil {
		return ""
	}
	return string(s.Type)
}
