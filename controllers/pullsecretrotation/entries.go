package pullsecretrotation

import (
	"slices"
	"strings"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
	"github.com/openshift/credential-rotation-operator/internal/pullsecret"
)

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
