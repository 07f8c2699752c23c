package capset

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/awscreds"
	"github.com/openshift/credential-rotation-operator/test/simulation/history"
	"github.com/openshift/credential-rotation-operator/test/simulation/stage"
)

// This file has the invariants: of each effect at the moment in which it takes place, and of the sets after each round. They are about the truth of
// the world, not about what the operator believes.

const (
	// maxRequests is how often CAP may be asked within an hour: three roles and two sets, each tried as often as a failing role is (76 times), and
	// as much again for edits and processes that begin anew.
	maxRequests = 800
	// maxRounds is how many rounds there may be within an hour: two sets each half minute, and ten times that for what wakes them.
	maxRounds = 2400
	// maxPatches is how often the status of a set may be written within an hour, on average of two: once in ten seconds.
	maxPatches = 720
	// maxRows is how many Secrets the schema lets a status list.
	maxRows = 200
	// maxStatus is how large a set may become.
	maxStatus = 256 << 10
)

// Judge is for a write of the operator that has taken effect.
func (c *cluster) Judge(l *stage.Life, name string, before, after client.Object) {
	w := c.w
	_, status := after.(*v1alpha1.CAPCredentialSet)
	// An apply cannot be told to create only: it is merged with what somebody, or another process, creates in the same moment.
	meets := strings.HasPrefix(name, stage.ApplyNew) && before != nil && after != nil
	if before != nil && after != nil && !((status || meets) && c.Shaken()) && stage.Same(before, after) {
		w.Violate("%s: %s changes nothing", l, name)
	}
	if status {
		if n := c.patches.Add(); n > maxPatches {
			w.Violate("%s writes %d times to a status within an hour", l, n)
		}
		return
	}
	is, ok := after.(*corev1.Secret)
	if !ok || is.Namespace == operatorNamespace {
		return
	}
	was, _ := before.(*corev1.Secret)
	if was != nil && was.UID != is.UID {
		was = nil
	}
	if !meets || !c.foreign(was) {
		c.judgeSecret(l, was, is, meets)
	}
	ref := client.ObjectKeyFromObject(is)
	c.written[ref] = append(c.written[ref], is.DeepCopy())
	if was != nil && c.restorer > 0 && !w.Quiet {
		c.restorer--
		c.putSecret(ref, func(s *corev1.Secret) { s.Data = was.Data })
	}
}

func (c *cluster) judgeSecret(l *stage.Life, was, is *corev1.Secret, meets bool) {
	w, ref := c.w, client.ObjectKeyFromObject(is)
	wants := c.wantsSince(ref, l.Since)
	allowed := func(f func(want) bool) bool { return slices.ContainsFunc(wants, f) }
	now := w.truth(is)
	switch {
	case len(wants) == 0:
		w.Violate("%s writes Secret %s, which nobody wants to be served", l, ref)
	case was == nil && !allowed(func(x want) bool { return x.create }):
		w.Violate("%s creates Secret %s, and nobody allows it", l, ref)
	case was != nil && c.foreign(was) && len(c.written[ref]) == 0 && !allowed(func(x want) bool { return x.adopt }):
		w.Violate("%s takes Secret %s over, and nobody allows it", l, ref)
	case now.role != "" && !allowed(func(x want) bool { return slices.Contains(x.roles, now.role) }):
		w.Violate("%s gives Secret %s a credential of role %s, and nobody wants that", l, ref, now.role)
	}
	if was != nil {
		c.judgeChange(l, was, is, meets)
	}
}

// judgeChange compares a Secret before and after a write. One that meets what another process has just created may bring an older credential, which
// lives.
func (c *cluster) judgeChange(l *stage.Life, was, is *corev1.Secret, meets bool) {
	w, ref := c.w, client.ObjectKeyFromObject(is)
	for key, value := range was.Data {
		if !slices.Contains(awscreds.Keys(), key) && string(is.Data[key]) != string(value) {
			w.Violate("%s changes the key %s of Secret %s, which is not the operator's", l, key, ref)
		}
	}
	if !maps.Equal(was.Labels, is.Labels) || was.Type != is.Type {
		w.Violate("%s changes labels or the type of Secret %s", l, ref)
	}
	for key, value := range was.Annotations {
		if !strings.HasPrefix(key, "rotation.openshift.io/") && is.Annotations[key] != value {
			w.Violate("%s changes the annotation %s of Secret %s", l, key, ref)
		}
	}
	before, after := w.truth(was), w.truth(is)
	sameRole := before.role == after.role || after.role == ""
	if !before.alive || !sameRole {
		return
	}
	if c.doubts(before) || c.doubts(after) {
		return
	}
	ours := c.ours(was) && !meets
	if ours && !after.issued.IsZero() && after.issued.Before(before.issued.Add(-time.Second)) {
		w.Violate("%s gives Secret %s a credential of %s, and its own is of %s", l, ref, clock(after.issued), clock(before.issued))
	}
	if !after.alive {
		w.Violate("%s replaces the live credential in Secret %s by a dead one", l, ref)
		return
	}
	if ours && after.expires.Before(before.expires) {
		w.Violate("%s gives Secret %s a credential that expires at %s, and its own expires at %s", l, ref, clock(after.expires), clock(before.expires))
	}
}

// foreign is true for content that the operator did not write, that nobody has handed over, and that is not empty.
func (c *cluster) foreign(s *corev1.Secret) bool {
	if s.Annotations[v1alpha1.RoleAnnotation] != "" || s.Annotations[v1alpha1.CredentialSetAnnotation] != "" {
		return false
	}
	for key, value := range s.Data {
		if key != "role" && len(value) > 0 {
			return true
		}
	}
	return false
}

// ours is true for what the operator has written to a Secret, with the bookkeeping as it was: without that it knows nothing about the content.
func (c *cluster) ours(s *corev1.Secret) bool {
	books := func(s *corev1.Secret) map[string]string {
		kept := maps.Clone(s.Annotations)
		maps.DeleteFunc(kept, func(key, _ string) bool { return !strings.HasPrefix(key, "rotation.openshift.io/") })
		return kept
	}
	return slices.ContainsFunc(c.written[client.ObjectKeyFromObject(s)], func(w *corev1.Secret) bool {
		return maps.Equal(books(w), books(s)) && maps.EqualFunc(w.Data, s.Data, func(a, b []byte) bool { return string(a) == string(b) })
	})
}

// doubts is true for a credential of which the operator may know a wrong time, because the portal did not tell the truth, AWS has revoked it, or
// a clock was wrong while it was fetched or has been set since.
func (c *cluster) doubts(t truth) bool { return c.Skew != 0 || c.doubtful[t.key] }

// doubt notes that of all credentials that there are.
func (c *cluster) doubt() {
	for _, key := range c.w.portal.Keys() {
		c.doubtful[key.AccessKeyID] = true
	}
}

// lie is a portal that does not tell the truth until it is mended.
func (c *cluster) lie() {
	c.lies = true
	c.doubt()
}

// misled is true while a Secret that is wanted has a doubtful credential.
func (c *cluster) misled() bool {
	for ref := range c.wantsNow() {
		if c.doubts(c.w.truth(c.secret(ref))) {
			return true
		}
	}
	return false
}

// Ended is for the sets after a round.
func (c *cluster) Ended() {
	w := c.w
	if n := c.Rounds.Len(); n > maxRounds {
		w.Violate("%d rounds within an hour", n)
	}
	for _, name := range bothNames {
		stored, _ := c.Stored(&v1alpha1.CAPCredentialSet{ObjectMeta: metav1.ObjectMeta{Name: name}}).(*v1alpha1.CAPCredentialSet)
		if stored == nil || c.shown[name] == stored.ResourceVersion {
			continue
		}
		set := *stored
		c.shown[name] = set.ResourceVersion
		for _, cond := range set.Status.Conditions {
			w.Count.Count(history.Reasons, cond.Reason)
		}
		for _, t := range set.Status.Targets {
			w.Count.Count(history.Reasons, t.Result)
		}
		if len(set.Status.Targets) == maxRows {
			w.Count.Count(history.Totals, "full statuses")
		}
		set.ManagedFields = nil
		raw, err := json.Marshal(&set)
		must(err)
		if len(raw) > maxStatus {
			w.Violate("set %s has %d bytes", set.Name, len(raw))
		}
		w.Scan("a set", string(raw))
	}
	w.Leaks([]string{canary, foreignSecret})
}
