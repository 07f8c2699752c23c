package pullsecretrotation

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

// deriveFacts compares the documents at hand with the fingerprints in status. It is called after either changed: facts
// that follow from what was read are never read again.
func (s *scope) deriveFacts() {
	if s.targets != nil {
		facts := make([]decide.TargetFact, 0, len(s.targets))
		for _, t := range s.targets {
			facts = append(facts, s.targetFact(t))
		}
		s.facts.Targets = facts
		s.facts.Switched = s.switched()
	}
	if s.facts.Issued != nil {
		s.facts.Issued = s.issuedFact()
	}
}

func (s *scope) targetFact(t target) decide.TargetFact {
	f := decide.TargetFact{Ref: t.ref, Problem: t.problem.reason, Message: t.problem.message}
	if t.doc == nil {
		return f
	}
	f.Writer = writer(t.secret)
	for _, registry := range t.doc.Registries() {
		entry, _ := t.doc.Entry(registry)
		if s.own(entry) {
			f.Own = append(f.Own, registry)
		}
		if s.old(registry, entry) {
			f.Old = append(f.Old, registry)
		}
	}
	return f
}

func (s *scope) issuedFact() *decide.IssuedFact {
	if s.issued == nil {
		return &decide.IssuedFact{}
	}
	f := &decide.IssuedFact{Present: true, InUse: true}
	if r := s.rotation(); r != nil {
		now := s.issued.Fingerprints(r.Salt)
		f.SameAsBaseline = sameWhereBoth(r.Baseline, now)
		f.SameAsIssued = len(r.Issued) > 0 && sameWhereBoth(r.Issued, now)
	}
	for _, t := range s.targets {
		if t.doc == nil {
			continue
		}
		_, changes, err := pullsecret.Merge(t.doc, s.issued, s.policy())
		if err != nil {
			f.InUse = false
			continue
		}
		for _, c := range changes {
			if c.Action == pullsecret.Replaced || c.Action == pullsecret.Added {
				f.InUse = false
			}
		}
	}
	return f
}

// switched says whether the cluster had the new credentials before the rotation under way was found: what it uses is none that
// the last rotation on record knows, before or after.
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
		fp := entry.Fingerprint(last.Salt)
		if has(last.Baseline, registry, fp) || has(last.Issued, registry, fp) {
			return false
		}
		found = found || s.own(entry)
	}
	return found
}

// own says whether the account issued an entry: its fingerprint is in the record, or its user name has the shape that OCM
// gives out.
func (s *scope) own(e pullsecret.Entry) bool {
	if e.Token {
		return false // never replaced, whoever issued the user name beside it
	}
	return pullsecret.IssuedByOCM(e) || s.known(e)
}

// known says whether an entry's fingerprint is in the record.
func (s *scope) known(e pullsecret.Entry) bool {
	for _, r := range s.records() {
		if has(r.Baseline, e.Registry, e.Fingerprint(r.Salt)) || has(r.Issued, e.Registry, e.Fingerprint(r.Salt)) {
			return true
		}
	}
	return false
}

// old says whether an entry holds a value that the record knows as replaced.
func (s *scope) old(registry string, e pullsecret.Entry) bool {
	last := s.rotation()
	// What cannot be replaced is not called old: it would be healed for ever.
	if e.Token || last == nil || last.AppliedAt == nil || !issues(last, registry) || has(last.Issued, registry, e.Fingerprint(last.Salt)) {
		return false
	}
	for _, r := range s.records() {
		fp := e.Fingerprint(r.Salt)
		if has(r.Baseline, registry, fp) || r != last && has(r.Issued, registry, fp) {
			return true
		}
	}
	return false
}

// issues is true when a rotation issued a credential for a registry.
func issues(r *v1alpha1.RotationStatus, registry string) bool {
	return slices.ContainsFunc(r.Issued, func(f v1alpha1.EntryFingerprint) bool { return f.Registry == registry })
}

// records are the rotations that status knows, the present one first.
func (s *scope) records() []*v1alpha1.RotationStatus {
	var all []*v1alpha1.RotationStatus
	if r := s.rotation(); r != nil {
		all = append(all, r)
	}
	for i := range s.obj.Status.History {
		h := &s.obj.Status.History[i]
		if len(all) > 0 && h.Salt == all[0].Salt {
			continue
		}
		all = append(all, h)
	}
	return all
}

func (s *scope) policy() pullsecret.Policy {
	return pullsecret.Policy{
		Own:            s.own,
		AddMissing:     s.obj.Spec.Entries.AddMissing,
		ReplaceForeign: s.obj.Spec.Entries.Foreign == v1alpha1.ForeignReplace,
	}
}

func has(list []v1alpha1.EntryFingerprint, registry, fingerprint string) bool {
	if fingerprint == "" {
		return false
	}
	for _, f := range list {
		if f.Registry == registry && f.Fingerprint == fingerprint {
			return true
		}
	}
	return false
}

// sameWhereBoth compares the registries that both know; without one in common nothing is the same.
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

// fingerprints of a document, in its order, for status.
func fingerprints(doc *pullsecret.Document, salt string, keep func(pullsecret.Entry) bool) []v1alpha1.EntryFingerprint {
	var list []v1alpha1.EntryFingerprint
	for _, registry := range doc.Registries() {
		entry, _ := doc.Entry(registry)
		if fp := entry.Fingerprint(salt); fp != "" && keep(entry) {
			list = append(list, v1alpha1.EntryFingerprint{Registry: registry, Fingerprint: fp})
		}
	}
	return list
}

// writer is the field manager that last changed a Secret's data, as far as managedFields tell.
func writer(secret *corev1.Secret) string {
	name := ""
	var newest int64
	for _, m := range secret.ManagedFields {
		if m.FieldsV1 == nil || m.Subresource != "" || !ownsData(m.FieldsV1.GetRawBytes()) {
			continue
		}
		if m.Time == nil || m.Time.Unix() >= newest {
			name = m.Manager
			if m.Time != nil {
				newest = m.Time.Unix()
			}
		}
	}
	return name
}
