package pullsecretrotation

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/managedfields"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// deriveFacts compares the documents with the fingerprints in the status, before each decision.
func (s *scope) deriveFacts() {
	if s.targets != nil {
		facts := make([]decide.TargetFact, 0, len(s.targets))
		for i := range s.targets {
			facts = append(facts, s.targetFact(i))
		}
		s.facts.Targets = facts
		s.facts.Switched = s.switched()
	}
	if s.facts.Issued != nil {
		s.facts.Issued = s.issuedFact()
	}
	if o := s.facts.Owner; o != nil && len(s.targets) > 0 && o.AccountID == "" {
		owner, _ := s.owner(s.targets[0])
		o.Known = owner != "" && owner == s.accountID()
	}
}

func (s *scope) targetFact(i int) decide.TargetFact {
	t := s.targets[i]
	f := decide.TargetFact{Ref: t.ref, Problem: t.problem.reason, Message: t.problem.message}
	if t.doc == nil {
		return f
	}
	f.Writer = writer(t.secret)
	f.Owner, f.Asks = s.owner(t)
	for _, registry := range t.doc.Registries() {
		entry, _ := t.doc.Entry(registry)
		if s.own(f.Owner, entry) {
			f.Own = append(f.Own, registry)
			switch old, other := s.old(entry); {
			case old:
				f.Old = append(f.Old, registry)
			case other:
				f.Other = append(f.Other, registry)
			}
		}
	}
	if s.issued != nil && f.Owner == s.accountID() {
		f.Changes = s.changes(t)
	}
	if i > 0 && s.judgedForeign(t.ref, f) {
		f.Problem, f.Message = s.foreign(t.ref, f.Owner)
	}
	return f
}

// judgedForeign is true once a further target is known to be another account's or nobody's provably; that stays so until OCM is asked about it
// again.
func (s *scope) judgedForeign(ref v1alpha1.SecretReference, f decide.TargetFact) bool {
	if s.accountID() == "" || f.Owner == s.accountID() {
		return false
	}
	row := decide.TargetRow(&s.obj.Status, ref)
	return f.Owner != "" || s.facts.Owner != nil && s.issued != nil && !f.Asks || s.facts.Owner == nil && row != nil && row.Result == v1alpha1.ReasonOwnerUnknown
}

// foreign is the problem of a further target that is not proven to be the account's: it is left out. The first target would hold up everything,
// which Decide reports itself.
func (s *scope) foreign(ref v1alpha1.SecretReference, owner string) (reason, message string) {
	switch account := s.accountID(); owner {
	case account:
		return "", ""
	case "":
		return v1alpha1.ReasonOwnerUnknown, fmt.Sprintf("Nothing proves to whom the pull secret in the target Secret %s belongs. It was not "+
			"changed. If it belongs to account %s, set spec.ocm.accountID to %s; otherwise remove the Secret from spec.targets.", ref, account, account)
	default:
		return v1alpha1.ReasonAccountMismatch, fmt.Sprintf("The target Secret %s holds a pull secret of account %s, not of account %s. It was not "+
			"changed. Remove it from spec.targets, or use a PullSecretRotation of that account for it.", ref, owner, account)
	}
}

// changes are the entries of a target that a write would change.
func (s *scope) changes(t target) []decide.Change {
	_, changes, err := pullsecret.Merge(t.doc, s.issued, s.policy(t, nil))
	if err != nil {
		return nil // applyTo reports what is wrong with it
	}
	var list []decide.Change
	for _, c := range changes {
		if c.Action == pullsecret.Replaced || c.Action == pullsecret.Added {
			list = append(list, s.change(c.Registry, c.Source))
		}
	}
	return list
}

func (s *scope) change(registry, source string) decide.Change {
	fresh, _ := s.issued.Entry(source)
	return decide.Change{Registry: registry, Source: source, Fingerprint: s.fingerprint(fresh)}
}

func (s *scope) issuedFact() *decide.IssuedFact {
	if s.issued == nil {
		return &decide.IssuedFact{}
	}
	given := s.fingerprints(s.issued, all)
	f := &decide.IssuedFact{Present: true, InUse: true, Superseded: s.record().Superseded(s.accountID(), given), FirstGiven: s.record().FirstGiven(given)}
	if r := s.rotation(); r != nil {
		now := s.issued.Fingerprints(s.obj.Status.Salt)
		f.SameAsBaseline = sameWhereBoth(r.Baseline, now)
		f.SameAsIssued = len(r.Issued) > 0 && sameWhereBoth(r.Issued, now)
		f.GivenBefore = r.RequestedAt != nil && s.record().GivenBefore(given, r.RequestedAt.Time)
	}
	for i, t := range s.targets {
		if t.doc == nil {
			continue
		}
		switch owner, _ := s.owner(t); {
		case owner == s.accountID():
		case i > 0:
			continue // left out
		case owner != "":
			f.InUse = false // somebody has replaced the pull secret by another account's
		}
		if _, changes, err := pullsecret.Merge(t.doc, s.issued, s.policy(t, nil)); err != nil || writes(changes) {
			f.InUse = false
		}
	}
	return f
}

func writes(changes []pullsecret.Change) bool {
	return slices.ContainsFunc(changes, func(c pullsecret.Change) bool {
		return c.Action == pullsecret.Replaced || c.Action == pullsecret.Added || c.Action == pullsecret.Awaited
	})
}

// switched is true if the cluster had the new credentials before the current rotation was found: it uses credentials that the last recorded
// rotation does not know, neither as old nor as new.
func (s *scope) switched() bool {
	r := s.rotation()
	if !decide.UnderWay(r) || !r.Adopted || r.IssuedAt != nil {
		return false
	}
	i := slices.IndexFunc(s.obj.Status.History, func(h v1alpha1.RotationStatus) bool {
		return h.ID != r.ID && h.AccountID == r.AccountID && len(h.Baseline)+len(h.Issued) > 0
	})
	first := slices.IndexFunc(s.targets, func(t target) bool { return t.doc != nil })
	if i < 0 || first < 0 {
		return false
	}
	last, found := &s.obj.Status.History[i], false
	for _, registry := range s.targets[first].doc.Registries() {
		entry, _ := s.targets[first].doc.Entry(registry)
		fp := s.fingerprint(entry)
		if decide.Holds(last.Baseline, fp) || decide.Holds(last.Issued, fp) {
			return false
		}
		owner, _ := s.owner(s.targets[first])
		found = found || s.own(owner, entry)
	}
	return found
}

// owner is the account to which a target provably belongs, by the strongest available evidence: OCM's answer for its token; an entry whose value
// OCM issues, or has issued, to the account; the pin in the spec; the e-mail address beside an invalid token. asks is true while OCM has not been
// asked about the token.
func (s *scope) owner(t target) (account string, asks bool) {
	if t.doc == nil {
		return "", false
	}
	token, hasToken := ownToken(t)
	if hasToken {
		fp := s.fingerprint(token)
		if account := s.record().Owner(fp); account != "" {
			return account, false
		}
		_, asked := s.asked[fp]
		asks = !asked && s.facts.Cluster != nil && s.facts.Cluster.ID != ""
	}
	mine := s.accountID()
	if asks || mine == "" {
		return "", asks
	}
	if s.provenByValue(t) || s.obj.Spec.OCM.AccountID == mine || hasToken && provenByEmail(token, s.facts.Account) {
		return mine, false
	}
	return "", false
}

// provenByValue is true for a target with an entry whose value OCM issues, or has issued, to the account.
func (s *scope) provenByValue(t target) bool {
	return slices.ContainsFunc(t.doc.Registries(), func(registry string) bool {
		e, _ := t.doc.Entry(registry)
		return !e.Token && s.record().Owner(s.fingerprint(e)) == s.accountID()
	})
}

// provenByEmail is true if the account's e-mail address is beside the token.
func provenByEmail(token pullsecret.Entry, a *decide.Account) bool {
	return a != nil && !a.ServiceAccount && token.Email != "" && strings.EqualFold(token.Email, a.Email)
}

// own is true if an entry of a target was issued to the account: OCM has proven its value, under any key; a recorded rotation has it; or its user
// name looks like one that OCM issues, and the target is not another account's.
func (s *scope) own(owner string, e pullsecret.Entry) bool {
	if e.Token {
		return false // never replaced, whatever its user name
	}
	mine := s.accountID()
	if proven := s.record().Owner(s.fingerprint(e)); proven != "" && mine != "" {
		return proven == mine
	}
	if owner != "" && mine != "" && owner != mine {
		return false
	}
	return pullsecret.IssuedByOCM(e) || s.known(e)
}

// known is true if a recorded rotation of the account has the entry's fingerprint.
func (s *scope) known(e pullsecret.Entry) bool {
	fp := s.fingerprint(e)
	for _, r := range s.records() {
		if (r.AccountID == "" || r.AccountID == s.accountID()) && (decide.Holds(r.Baseline, fp) || decide.Holds(r.Issued, fp)) {
			return true
		}
	}
	return false
}

// old is true if an entry has a value that was replaced according to the record; other, if it has an unknown value although the last rotation
// brought another.
func (s *scope) old(e pullsecret.Entry) (old, other bool) {
	last, fp := s.rotation(), s.fingerprint(e)
	// An entry that cannot be replaced does not count as old: it would be healed forever.
	if e.Token || last == nil || last.AppliedAt == nil || decide.Holds(last.Issued, fp) {
		return false, false
	}
	if _, ok := s.sourceIn(last.Issued, e); !ok {
		return false, false
	}
	for i, r := range s.records() {
		if decide.Holds(r.Baseline, fp) || i > 0 && decide.Holds(r.Issued, fp) {
			return true, false
		}
	}
	return false, last.RolledBackAt == nil
}

// sourceIn is the issued registry whose credential an entry gets: its own or, for another key, the one for which the same credential was issued,
// preferably on the same host.
func (s *scope) sourceIn(issued []v1alpha1.EntryFingerprint, e pullsecret.Entry) (string, bool) {
	has := func(name string) bool {
		return slices.ContainsFunc(issued, func(f v1alpha1.EntryFingerprint) bool { return f.Registry == name })
	}
	if has(e.Registry) {
		return e.Registry, true
	}
	fp, host, found := s.fingerprint(e), hostOf(e.Registry), ""
	consider := func(registry, fingerprint string) {
		if fp == "" || fingerprint != fp || !has(registry) {
			return
		}
		if found == "" || registry == host || found == telemetryRegistry && found != host {
			found = registry
		}
	}
	for _, c := range s.obj.Status.Credentials {
		consider(c.Registry, c.Fingerprint)
	}
	for _, r := range s.records() {
		for _, f := range slices.Concat(r.Baseline, r.Issued) {
			consider(f.Registry, f.Fingerprint)
		}
	}
	if found == "" && has(host) && pullsecret.IssuedByOCM(e) {
		found = host
	}
	return found, found != ""
}

// hostOf is the host in the key of an entry.
func hostOf(registry string) string {
	registry = strings.TrimPrefix(strings.TrimPrefix(registry, "https://"), "http://")
	host, _, _ := strings.Cut(registry, "/")
	return host
}

// records are the rotations in the status, the current one first.
func (s *scope) records() []*v1alpha1.RotationStatus {
	var all []*v1alpha1.RotationStatus
	if r := s.rotation(); r != nil {
		all = append(all, r)
	}
	for i := range s.obj.Status.History {
		h := &s.obj.Status.History[i]
		if i == 0 && len(all) > 0 && h.ID == all[0].ID {
			continue // the same rotation, which has ended
		}
		all = append(all, h)
	}
	return all
}

// policy says what a merge may change in a target; hold holds back what must not be written yet.
func (s *scope) policy(t target, hold func(pullsecret.Entry) bool) pullsecret.Policy {
	owner, _ := s.owner(t)
	given := s.fingerprints(s.issued, all)
	return pullsecret.Policy{
		Own: func(e pullsecret.Entry) bool { return s.own(owner, e) },
		Source: func(e pullsecret.Entry) (string, bool) {
			if !s.own(owner, e) {
				return "", false
			}
			return s.sourceIn(given, e)
		},
		Hold:           hold,
		AddMissing:     s.obj.Spec.Entries.AddMissing,
		ReplaceForeign: s.obj.Spec.Entries.Foreign == v1alpha1.ForeignReplace,
	}
}

// sameWhereBoth compares the registries in both sets; it is false if there are none.
func sameWhereBoth(list []v1alpha1.EntryFingerprint, now map[string]string) bool {
	common := false
	for _, f := range list {
		fp, ok := now[f.Registry]
		if !ok {
			continue
		}
		if fp != f.Fingerprint {
			return false
		}
		common = true
	}
	return common
}

// fingerprints of a document, in its order, for the status.
func (s *scope) fingerprints(doc *pullsecret.Document, keep func(pullsecret.Entry) bool) []v1alpha1.EntryFingerprint {
	var list []v1alpha1.EntryFingerprint
	for _, registry := range doc.Registries() {
		entry, _ := doc.Entry(registry)
		if fp := s.fingerprint(entry); fp != "" && keep(entry) {
			list = append(list, v1alpha1.EntryFingerprint{Registry: registry, Fingerprint: fp})
		}
	}
	return list
}

// writer is the field manager that last changed a Secret's data, according to managedFields.
func writer(secret *corev1.Secret) string {
	return managedfields.LastWriter(secret.ManagedFields, func(_ metav1.ManagedFieldsEntry, f managedfields.Fields) bool { return f.HasData() })
}
