package capset

import (
	"fmt"
	"slices"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

const (
	// patience is how long the right state may take after the last fault: the longest wait that a failure, CAP's wish or a fight of writers leaves.
	patience = 40 * time.Minute
	// longPatience is for an operator that believes in what is noted with a credential that lives shorter: for as long as any can live.
	longPatience = 38 * time.Hour
	// quietFor is how long the right state must stay: three refreshes of a credential of an hour.
	quietFor = 100 * time.Minute
)

// Settle ends all faults. Within patience each Secret that is wanted must have a live credential of its role, and must keep one.
func (w *world) Settle() {
	w.Say(stage.TheFaultsEnd)
	w.heal()
	w.Quiet = true
	began := time.Now()
	end := began.Add(patience)
	if w.cluster.misled() {
		end = began.Add(longPatience)
	}
	for !w.Fails() {
		wrong := w.wrong()
		if wrong == "" {
			break
		}
		if time.Now().After(end) {
			w.Violate("%s after the faults have ended: %s", time.Since(began).Round(time.Minute), wrong)
			return
		}
		w.Live(time.Minute, anyNumber)
	}
	w.Count.Add(history.Totals, "minutes until all was right", int(time.Since(began).Minutes()))
	w.stays()
}

// heal mends everything that the operator cannot.
func (w *world) heal() {
	c := w.cluster
	w.mend()
	w.stsAway, w.proxyDown = false, false
	if c.Skew != 0 {
		c.doubt()
	}
	c.Relieve()
	c.setMode("Manual")
	c.putCertificate()
	for _, name := range namespaces {
		c.putNamespace(name)
	}
	for _, r := range payloadRequests {
		c.putRequest(r)
	}
	c.restorer = 0
	c.deleteCronJob()
	c.deleteRequest("storage")
	for _, name := range bothNames {
		c.correct(name)
	}
	c.complete()
	for ref, wanted := range c.wantsNow() {
		s := c.secret(ref)
		if s != nil && (!wanted.adopt && c.foreign(s) || s.Type != "Opaque" || s.Immutable != nil && *s.Immutable) {
			c.deleteSecret(ref) // only a person can
		}
	}
	c.createEmpty()
	synctest.Wait()
	c.Lead()
}

// wrong is what is not as it should be; empty if nothing is.
func (w *world) wrong() string {
	c := w.cluster
	for _, set := range c.sets() {
		ready := stage.Condition(set.Status.Conditions, v1alpha1.ConditionReady)
		if ready.Status != metav1.ConditionTrue {
			return fmt.Sprintf("%s: Ready is %s (%s): %s", set.Name, ready.Status, ready.Reason, ready.Message)
		}
	}
	return c.dead(true)
}

// dead is a Secret that is wanted and has no live credential of its role. One that the operator must believe in may be left out.
func (c *cluster) dead(doubtful bool) string {
	for ref, wanted := range c.wantsNow() {
		now := c.w.truth(c.secret(ref))
		if !doubtful && c.doubts(now) {
			continue
		}
		if !now.alive || !slices.Contains(wanted.roles, now.role) {
			return fmt.Sprintf("Secret %s has no live credential of %v", ref, wanted.roles)
		}
	}
	return ""
}

// stays looks for a while whether the right state stays, and what that costs.
func (w *world) stays() {
	c := w.cluster
	writes, requests := w.Count.Get(history.Totals, "writes"), w.Count.Get(history.Totals, "requests to CAP")
	for end := time.Now().Add(quietFor); time.Now().Before(end) && !w.Fails(); {
		w.Live(5*time.Minute, anyNumber)
		if dead := c.dead(false); dead != "" {
			w.Violate("the state was right and does not stay so: %s", dead)
		}
	}
	if wrong := w.wrong(); wrong != "" && !w.Fails() {
		w.Violate("the state was right and is not in the end: %s", wrong)
	}
	// Each credential is renewed up to five times: after half its life, at the earliest at 40 % of it. Each renewal is followed by a status or two.
	secrets := len(c.wantsNow())
	if n := w.Count.Get(history.Totals, "writes") - writes; n > 5*secrets+5*4*len(c.sets())+5 {
		w.Violate("%d writes within %s although nothing happens", n, quietFor)
	}
	if n := w.Count.Get(history.Totals, "requests to CAP") - requests; n > 2*5*len(roles) {
		w.Violate("%d requests to CAP within %s although nothing happens", n, quietFor)
	}
}
