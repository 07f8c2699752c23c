package pullsecretrotation

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// This file has the invariants of the wide world. They are about the state of the world, not about the operator's view.

// apart is the maximum difference of the cluster's and OCM's clocks.
const apart = 65 * time.Minute

// checkPost checks a request when OCM gets it.
func (w *wide) checkPost(m *wideModel, account int8) {
	now := w.clusterNow(m.skew)
	status := &w.object.Status
	if w.posts++; w.posts > 1 {
		w.fail("this cluster requests %d rotations for one T", w.posts)
	}
	switch {
	case w.spec.mode != v1alpha1.ModeRotate:
		w.fail("mode %s requests a rotation", w.spec.mode)
	case w.spec.suspended:
		w.fail("a suspended object requests a rotation")
	case w.spec.after.IsZero():
		w.fail("a rotation is requested although no T was reached since the spec was edited")
	case now.Before(w.spec.after):
		w.fail("a rotation is requested before T")
	case status.Rotation == nil || status.Rotation.IntendedAt == nil:
		w.fail("a rotation is requested, but the intent is not on record")
	}
	if owner, proven := w.proven(0); proven && owner != account || !proven && w.owner(0) != account && w.spec.pin != account {
		w.fail("the rotation of account %s is requested, but the cluster's pull secret is not proven to belong to it", accountNames[account])
	}
	for i := range w.rotations {
		r := &w.rotations[i]
		lives := r.status != decide.RotationCompleted && !slices.Contains([]string{"failed", "cancelled"}, r.status) && r.created.After(w.now.AddDate(0, 0, -15))
		overtaken := slices.ContainsFunc(w.rotations, func(o wideRotation) bool {
			return o.account == account && o.status == decide.RotationCompleted && o.created.After(r.created)
		})
		known := slices.ContainsFunc(status.History, func(h v1alpha1.RotationStatus) bool { return h.ID == r.id })
		switch {
		case r.account != account:
		case lives && !overtaken:
			w.fail("a rotation is requested although rotation %s is under way", r.id)
		case r.status == decide.RotationCompleted && !r.created.Before(w.spec.after.Add(-apart)) && !known:
			w.fail("a rotation is requested although rotation %s satisfies T", r.id)
		}
	}
	if w.blind() && w.everLooked() {
		w.fail("a rotation is requested although a required registry has not responded since the last health check")
	}
	if w.stuck {
		w.fail("a rotation is requested while the machines are stuck")
	}
}

// everLooked is true once the registries have been checked.
func (w *wide) everLooked() bool { return w.object.Status.LastHealthCheck != nil }

// blind is true while a required registry is unreachable, and was so at the last health check.
func (w *wide) blind() bool {
	for r, name := range registryNames {
		if w.registry[r] != answersNot || r == redhat && w.spec.policy != "" && w.spec.policy != v1alpha1.VerificationRequired {
			continue
		}
		for _, row := range w.object.Status.Registries {
			if row.Registry == name && row.Result == string(decide.Unreachable) {
				return true
			}
		}
	}
	return false
}

// checkWidely checks a write of a target when the API server gets it.
func (w *wide) checkWidely(m *wideModel, target int, document string) {
	before, after := w.entries(target), setsOf(document)
	if after == nil {
		w.fail("an unreadable document is written")
		return
	}
	changed := false
	for key, old := range before {
		s, ok := after[key]
		switch {
		case !ok:
			w.fail("the entry %s is removed", key)
		case s != old:
			changed = true
			w.checkEntry(m, target, key, old, s)
		}
	}
	for key, s := range after {
		if _, known := before[key]; !known {
			changed = true
			if !w.spec.addMissing || key != registryNames[redhat] {
				w.fail("the entry %s is added, but not wanted", key)
			}
			w.checkProof(m, key, nobody, s)
		}
	}
	if !changed {
		w.fail("a target is written although its content stays the same")
	}
	if w.spec.suspended || w.spec.mode == v1alpha1.ModeAudit {
		w.fail("a target is written although the spec forbids it")
	}
}

// checkEntry checks one changed entry.
func (w *wide) checkEntry(m *wideModel, target int, key string, old, s set) {
	switch {
	case old == nobody:
		w.fail("the customer's own entry %s is replaced", key)
		return
	case s == nobody:
		w.fail("the entry %s gets a credential that OCM has not issued", key)
		return
	case old.account != s.account && !w.mayTakeOver(target, s.account):
		w.fail("the entry %s of account %s is replaced by one of account %s", key, accountNames[old.account], accountNames[s.account])
	case w.alive(old) && !w.alive(s):
		w.fail("the valid entry %s is replaced by a dead one", key)
	}
	if old.account == s.account && s.generation < old.generation {
		w.checkBack(key, old, s)
		return
	}
	w.checkProof(m, key, old, s)
}

// mayTakeOver is true if a target may get an account's credentials instead of another's: its own token belongs to that account, or it has no
// valid token and the spec pins the account.
func (w *wide) mayTakeOver(target int, account int8) bool {
	owner, proven := w.proven(target)
	return proven && owner == account || !proven && w.spec.pin == account
}

// checkBack checks a restored entry.
func (w *wide) checkBack(key string, old, s set) {
	r := w.object.Status.Rotation
	host := hostIndex(key)
	switch {
	case r == nil || r.RolledBackAt == nil:
		w.fail("the entry %s gets an older credential, but no rollback is on record", key)
		return
	case w.spec.neverBack:
		w.fail("the entry %s is restored, but spec.rollback is Never", key)
	}
	refusing := false
	for h := range cloud {
		refusing = refusing || w.refused[old.account][h]&bit16(old.generation) != 0
	}
	i := slices.IndexFunc(w.rotations, func(o wideRotation) bool { return o.id == r.ID })
	switch {
	case !refusing:
		w.fail("the entry %s is restored, but no registry has refused the new one", key)
	case i < 0 || w.rotations[i].status != decide.RotationPending:
		w.fail("the entry %s is restored, but OCM does not keep the old one", key)
	case w.rotations[i].mine != acceptedTransfer:
		w.fail("the entry %s is restored, but OCM no longer waits for this cluster", key)
	case host >= 0 && w.refused[s.account][host]&bit16(s.generation) != 0:
		w.fail("the entry %s is restored although its registry refuses it", key)
	}
}

// checkProof checks an entry that gets a newer credential: its registry has accepted it and has not refused it since; or this cluster's
// time to switch runs out, and nothing has refused it; or the spec does not require the registry.
func (w *wide) checkProof(m *wideModel, key string, old, s set) {
	host := max(hostIndex(key), quay)
	proven := func(h int) bool { return w.accepted[s.account][h]&bit16(s.generation) != 0 }
	if proven(host) || host == cloud && proven(quay) {
		return
	}
	if host == redhat && w.spec.policy == v1alpha1.VerificationSkip {
		return
	}
	if host == cloud {
		host = quay // OCM may refuse a token until a cluster has reported with it
	}
	if w.refused[s.account][host]&bit16(s.generation) != 0 {
		w.fail("the entry %s gets a credential that its registry has refused", key)
		return
	}
	if host == redhat && w.spec.policy == v1alpha1.VerificationSkip || host == redhat && w.spec.policy == v1alpha1.VerificationBestEffort && w.registry[redhat] == answersNot {
		return
	}
	if old != nobody && !w.alive(old) || w.closingFor(m, s) {
		return
	}
	w.fail("the entry %s gets a credential that was never proven", key)
}

// closingFor is true if OCM may soon delete, or has deleted, the credentials that a set replaces.
func (w *wide) closingFor(m *wideModel, s set) bool {
	for i := range w.rotations {
		r := &w.rotations[i]
		if r.account == s.account && r.issued == s.generation && (r.ending() || !w.now.Add(wideMargin+apart).Before(r.expires)) {
			return true
		}
	}
	return false
}

// checkTruth checks the status at the end of a reconcile.
func (w *wide) checkTruth(m *wideModel, out wideOutcome) {
	status := &w.object.Status
	now := w.clusterNow(m.skew)
	valid := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionPullSecretValid)
	if valid != nil && valid.Status == metav1.ConditionTrue {
		for key, s := range w.entries(0) {
			if host := hostIndex(key); host >= 0 && s.account >= 0 && !w.alive(s) && w.unproven(s, host) {
				w.fail("PullSecretValid is True, but %s is dead and was not verified within the health check's interval", key)
			}
		}
	}
	if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionOldCredentialsRevoked); c != nil && c.Status == metav1.ConditionTrue {
		r := status.Rotation
		if r == nil && len(status.History) > 0 {
			r = &status.History[0]
		}
		if r != nil && !w.revoked(r.ID) {
			w.fail("status reports the old credentials as deleted, but OCM has not deleted them")
		}
	}
	for i := range status.History {
		w.checkDeath(&status.History[i], now)
	}
	if r := w.object.Status.Rotation; r != nil && r.VerifiedAt != nil && r.RevokedAt == nil {
		w.checkVerified(r)
	}
	if out.status == metav1.ConditionTrue && len(w.dead(0)) > 0 && w.proofDue(now) {
		w.fail("Ready is True (%s), but %v are dead and were not verified within the health check's interval", out.reason, w.dead(0))
	}
	if r := status.Rotation; r != nil && r.RolledBackAt != nil && r.AppliedAt == nil {
		w.fail("a rotation is rolled back that was never applied")
	}
}

// checkDeath checks a rotation whose old credentials were just reported as dead: each is, and its registry has refused it.
func (w *wide) checkDeath(r *v1alpha1.RotationStatus, now time.Time) {
	if r.RevocationProvenAt == nil || now.Sub(r.RevocationProvenAt.Time) > time.Second {
		return
	}
	if len(r.RevocationAnswers) == 0 {
		w.fail("the old credentials of rotation %s are reported as dead without a check", r.ID)
	}
	for _, f := range r.Baseline {
		asked := slices.ContainsFunc(r.RevocationAnswers, func(a v1alpha1.RegistryAnswer) bool { return a.Registry == f.Registry })
		host := hostIndex(f.Registry)
		for g := range int8(maxGenerations) {
			old := set{ours, g}
			if host < 0 || !asked || f.Fingerprint != wideFingerprint(old, host) || decide.Holds(r.Issued, f.Fingerprint) { // the last did not change
				continue
			}
			if w.alive(old) || w.refused[ours][host]&bit16(g) == 0 {
				w.fail("the old credential of rotation %s for %s is reported as dead, but its registry has not refused it", r.ID, f.Registry)
			}
		}
	}
}

// checkVerified checks a rotation whose credentials are reported as verified.
func (w *wide) checkVerified(r *v1alpha1.RotationStatus) {
	for key, s := range w.entries(0) {
		host := hostIndex(key)
		if s.account < 0 || host < 0 || !decide.Holds(r.Issued, wideFingerprint(s, host)) {
			continue
		}
		if w.accepted[s.account][host]&bit16(s.generation) == 0 && w.refused[s.account][host]&bit16(s.generation) == 0 && host != cloud && w.spec.policy == "" {
			w.fail("the credentials of rotation %s are reported as verified, but %s never checked its own", r.ID, key)
		}
	}
}

// unproven is true if a registry has not accepted a set for longer than the health check's interval. While checks fail, the status may keep
// the last result for one more interval, as documented.
func (w *wide) unproven(s set, host int) bool {
	age := w.now.Sub(wideStart) - time.Duration(w.heardAt[s.account][host][s.generation])*time.Minute
	return age > wideHealth && (w.object.Status.LastHealthCheck == nil || age > 2*wideHealth || w.targets[0].document != unreadable && !w.spec.suspended)
}

func (w *wide) proofDue(now time.Time) bool {
	last := w.object.Status.LastHealthCheck
	return last == nil || now.Sub(last.Time) > wideHealth
}

// revoked is true if OCM has completed a rotation, or its record no longer exists.
func (w *wide) revoked(id string) bool {
	i := slices.IndexFunc(w.rotations, func(r wideRotation) bool { return r.id == id })
	return i < 0 || w.rotations[i].status == decide.RotationCompleted
}
