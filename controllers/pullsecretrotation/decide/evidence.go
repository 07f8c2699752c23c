package decide

import (
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file is the table of evidence, status.credentials: what is known about each credential, by its fingerprint. The table answers whose an
// entry is, whether it may be written, and whether it is older than another.

// keptCredentials is the size of the table: several rotations of an account's four registries, for several targets.
const keptCredentials = 96

// Credential is the row of a credential at a registry; nil if nothing is known.
func (s Record) Credential(registry, fingerprint string) *v1alpha1.CredentialStatus {
	for i := range s.Credentials {
		if c := &s.Credentials[i]; c.Registry == registry && c.Fingerprint == fingerprint {
			return c
		}
	}
	return nil
}

// row is Credential, but adds a missing row. It replaces the oldest row that neither the rotation nor a proof of ownership needs.
func (s Record) row(registry, fingerprint string) *v1alpha1.CredentialStatus {
	if c := s.Credential(registry, fingerprint); c != nil {
		return c
	}
	for len(s.Credentials) >= keptCredentials {
		i := slices.IndexFunc(s.Credentials, func(c v1alpha1.CredentialStatus) bool { return !s.needed(c) })
		i = max(i, 0)
		s.Credentials = slices.Delete(s.Credentials, i, i+1)
	}
	s.Credentials = append(s.Credentials, v1alpha1.CredentialStatus{Registry: registry, Fingerprint: fingerprint})
	return &s.Credentials[len(s.Credentials)-1]
}

func (s Record) needed(c v1alpha1.CredentialStatus) bool {
	r := s.Rotation
	return r != nil && (Holds(r.Issued, c.Fingerprint) || Holds(r.Baseline, c.Fingerprint))
}

// Holds is true if a list has a fingerprint under any registry: one credential may be under several.
func Holds(list []v1alpha1.EntryFingerprint, fingerprint string) bool {
	return fingerprint != "" && slices.ContainsFunc(list, func(f v1alpha1.EntryFingerprint) bool { return f.Fingerprint == fingerprint })
}

// Given records that OCM issues these credentials to an account, unless it has replaced them since. The newer of two sets always gets the later
// time, even within a second or after the clock was set back, because only the times tell which is newer.
func (s Record) Given(account string, list []v1alpha1.EntryFingerprint, now time.Time) {
	news, at := !s.Superseded(account, list), now.Truncate(time.Second)
	if newest := s.givenAt(account, nil); !at.After(newest) {
		at = newest.Add(time.Second)
	}
	for _, f := range list {
		c := s.row(f.Registry, f.Fingerprint)
		if c.AccountID = account; c.GivenAt == nil && news {
			c.GivenAt = TimePtr(at)
		}
	}
}

// Owns records that OCM returns an account for a credential.
func (s Record) Owns(account, registry, fingerprint string) {
	if fingerprint != "" {
		s.row(registry, fingerprint).AccountID = account
	}
}

// Owner is the account to which a credential provably belongs, under any registry; empty if nothing proves it.
func (s Record) Owner(fingerprint string) string {
	for _, c := range s.Credentials {
		if c.Fingerprint == fingerprint && fingerprint != "" && c.AccountID != "" {
			return c.AccountID
		}
	}
	return ""
}

// Answered records the registries' answers about credentials.
func (s Record) Answered(checks []Check, now time.Time) {
	now = now.Truncate(time.Second)
	for _, c := range checks {
		if c.Fingerprint == "" || c.Policy == v1alpha1.VerificationSkip {
			continue
		}
		if c.Account != "" {
			s.Owns(c.Account, c.Registry, c.Fingerprint)
		}
		switch {
		case c.accepted():
			row := s.row(c.Registry, c.Fingerprint)
			row.VerifiedAt, row.RefusedSince = TimePtr(now), nil
		case c.Result.Outcome.Refused():
			if row := s.row(c.Registry, c.Fingerprint); row.RefusedSince == nil {
				row.RefusedSince = TimePtr(now)
			}
		}
	}
}

// RefusedSince is when a registry began to refuse a credential that it refuses now.
func (s Record) RefusedSince(c Check, now time.Time) time.Time {
	if c.Policy == v1alpha1.VerificationSkip || !c.Result.Outcome.Refused() {
		return time.Time{}
	}
	if row := s.Credential(c.Registry, c.Fingerprint); row != nil && row.RefusedSince != nil {
		return row.RefusedSince.Time
	}
	return now.Truncate(time.Second)
}

// accepted is true if the login works, and the pull of the image too unless the image was only our guess.
func (c Check) accepted() bool {
	return c.Result.Outcome == Accepted || c.Result.Outcome == NotFound && !c.Named
}

// Superseded is true for a set of credentials that OCM issued to the account before others, or that a recorded rotation has replaced: it comes
// from a server that lags behind. Such a set never counts as new, unless the supposedly newer one turns out dead.
func (s Record) Superseded(account string, list []v1alpha1.EntryFingerprint) bool {
	newest, own := s.givenAt(account, nil), s.givenAt(account, list)
	if !own.IsZero() && own.Before(newest) {
		return !s.dead(s.givenThen(account, newest))
	}
	by, ok := s.replacedBy(account, list)
	return ok && !s.dead(by)
}

// givenAt is when OCM last issued one of these, or any, to the account for the first time.
func (s Record) givenAt(account string, list []v1alpha1.EntryFingerprint) time.Time {
	var last time.Time
	for _, c := range s.Credentials {
		if c.GivenAt == nil || c.AccountID != account || !c.GivenAt.After(last) {
			continue
		}
		if list == nil || slices.Contains(list, v1alpha1.EntryFingerprint{Registry: c.Registry, Fingerprint: c.Fingerprint}) {
			last = c.GivenAt.Time
		}
	}
	return last
}

// givenThen is the set that OCM first issued to the account at a time.
func (s Record) givenThen(account string, at time.Time) []v1alpha1.EntryFingerprint {
	var list []v1alpha1.EntryFingerprint
	for _, c := range s.Credentials {
		if c.GivenAt != nil && c.AccountID == account && c.GivenAt.Time.Equal(at) {
			list = append(list, v1alpha1.EntryFingerprint{Registry: c.Registry, Fingerprint: c.Fingerprint})
		}
	}
	return list
}

// dead is true for a set that all registries that were asked about it refuse.
func (s Record) dead(list []v1alpha1.EntryFingerprint) bool {
	refused := false
	for _, f := range list {
		c := s.Credential(f.Registry, f.Fingerprint)
		if c == nil || c.VerifiedAt == nil && c.RefusedSince == nil {
			continue
		}
		if c.RefusedSince == nil {
			return false
		}
		refused = true
	}
	return refused
}

// replacedBy is the set with which a recorded rotation has replaced another. If the rotation was found after it had issued, its baseline comes
// from the cluster, and OCM may never have been seen to issue it.
func (s Record) replacedBy(account string, list []v1alpha1.EntryFingerprint) ([]v1alpha1.EntryFingerprint, bool) {
	all := func(known []v1alpha1.EntryFingerprint) bool {
		return !slices.ContainsFunc(list, func(f v1alpha1.EntryFingerprint) bool { return !Holds(known, f.Fingerprint) })
	}
	var later []v1alpha1.EntryFingerprint // the credentials that the latest recorded rotation has issued
	for _, r := range s.records() {
		switch {
		case r.AccountID != account:
			continue
		case all(r.Issued):
			return later, len(later) > 0
		case all(r.Baseline) && (r.AppliedAt != nil || r.Reason != v1alpha1.TriggerCatchUp && r.IssuedAt != nil):
			return r.Issued, true
		case all(r.Baseline):
			return nil, false // its replacement has not been issued yet
		}
		if len(later) == 0 {
			later = r.Issued
		}
	}
	return nil, false
}

// records are the recorded rotations, the current one first.
func (s Record) records() []v1alpha1.RotationStatus {
	if s.Rotation == nil {
		return s.History
	}
	return append([]v1alpha1.RotationStatus{*s.Rotation}, s.History...)
}

// FirstGiven is when the last of a set was first seen to be issued.
func (s Record) FirstGiven(list []v1alpha1.EntryFingerprint) time.Time {
	var last time.Time
	for _, f := range list {
		if c := s.Credential(f.Registry, f.Fingerprint); c != nil && c.GivenAt != nil && c.GivenAt.After(last) {
			last = c.GivenAt.Time
		}
	}
	return last
}

// GivenBefore is true for a set that OCM issued before a time, so that it cannot come from a rotation requested at that time.
func (s Record) GivenBefore(list []v1alpha1.EntryFingerprint, at time.Time) bool {
	if len(list) == 0 {
		return false
	}
	for _, f := range list {
		c := s.Credential(f.Registry, f.Fingerprint)
		if c == nil || c.GivenAt == nil || !c.GivenAt.Time.Before(at.Truncate(time.Second)) {
			return false
		}
	}
	return true
}
