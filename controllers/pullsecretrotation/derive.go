package pullsecretrotation

import (
	"fmt"
	"slices"

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
		now := s.prints().All(s.issued)
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

// writer is the field manager that last changed a Secret's data, according to managedFields.
func writer(secret *corev1.Secret) string {
	return managedfields.LastWriter(secret.ManagedFields, func(_ metav1.ManagedFieldsEntry, f managedfields.Fields) bool { return f.HasData() })
}
