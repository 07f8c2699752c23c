package simulation

import (
	"fmt"
	"time"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// patience is how long the right state may take after the last fault: a rotation under way takes days, and one that nobody can finish is given up
// after about two weeks.
const patience = 40 * day

// settle ends all faults. Within patience the state must be the right one, and must stay.
func (w *world) settle() {
	w.say("THE FAULTS END")
	w.heal()
	end := time.Now().Add(patience)
	for _, c := range w.clusters {
		c.reconcile()
	}
	for len(w.violations) == 0 {
		wrong := w.wrong()
		if wrong == "" {
			break
		}
		if time.Now().After(end) {
			w.violate("%s after the faults have ended: %s", patience, wrong)
			return
		}
		w.goOnAlone()
	}
	w.stays()
}

// goOnAlone lets time pass until the next reconcile, and does it.
func (w *world) goOnAlone() {
	c := w.next()
	w.sleep(max(time.Until(c.due), 0))
	c.reconcile()
}

// heal mends everything that the operator cannot.
func (w *world) heal() {
	w.quiet = true
	w.mend()
	w.ocm.RevokeLate(0)
	w.ocm.Configure(func(h *simocm.Habits) { *h = simocm.Habits{} })
	for _, c := range w.clusters {
		for _, r := range c.replicas {
			r.plan = plan{}
			if r.task != nil {
				r.kill(w)
			}
		}
		c.skew, c.apiDown, c.mute, c.stuck = 0, false, false, false
		c.pool(func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = false })
		c.putToken(w.ocm.OfflineToken(w.account.ID))
		c.restore(global)
		c.restore(hub)
		if c.object() == nil {
			c.put(defaults())
		} else {
			c.correct()
		}
		c.leader, c.due = c.replicas[0], time.Now()
	}
}

// restore is a person who gives a target what the operator may not: its type and form, and the account's entries where nothing of it is left
// that proves to whom the target belongs.
func (c *cluster) restore(ref v1alpha1.SecretReference) {
	w := c.w
	d := c.document(ref)
	auths := authsOf(d)
	whole := true
	for _, key := range simocm.Registries {
		whole = whole && w.alive(key, auths[key])
	}
	if whole && c.typeOf(ref) == "kubernetes.io/dockerconfigjson" {
		return
	}
	w.count.restored++
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
		if status, reason, message := conditionOf(o, v1alpha1.ConditionReady); status != metav1.ConditionTrue {
			return fmt.Sprintf("%s: Ready is %s (%s): %s", c.name, status, reason, message)
		}
		if status, reason, message := conditionOf(o, v1alpha1.ConditionPullSecretValid); status != metav1.ConditionTrue {
			return fmt.Sprintf("%s: PullSecretValid is %s (%s): %s", c.name, status, reason, message)
		}
		if r := o.Status.Rotation; r != nil && r.RevokedAt == nil {
			return c.name + ": a rotation is under way"
		}
		for _, ref := range []v1alpha1.SecretReference{global, hub} {
			auths, now := authsOf(c.document(ref)), authsOf(w.ocm.PullSecret(w.account.ID))
			for _, key := range simocm.Registries {
				if auths[key] != now[key] {
					return fmt.Sprintf("%s: the entry %s of %s is not what OCM issues", c.name, key, ref)
				}
			}
		}
	}
	return ""
}

// stays looks for a day whether the right state changes by itself.
func (w *world) stays() {
	before := w.picture()
	posts := w.count.posts
	for end := time.Now().Add(day); time.Now().Before(end) && len(w.violations) == 0; {
		w.goOnAlone()
	}
	if wrong := w.wrong(); wrong != "" && len(w.violations) == 0 {
		w.violate("the state was right and does not stay so: %s", wrong)
	}
	if after := w.picture(); after != before && len(w.violations) == 0 {
		w.violate("the state was right and changes by itself: from %s to %s", before, after)
	}
	if w.count.posts != posts {
		w.violate("the state was right, and another rotation is requested")
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
