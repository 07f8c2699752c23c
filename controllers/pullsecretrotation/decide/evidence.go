package decide

import (
	"slices"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// This file is the table of evidence, status.credentials: what is known of each credential, by its fingerprint. Whose an entry
// is, whether it may be written, and whether it is older than another are questions to this table.

// keptCredentials is how many rows the table has: some rotations of an account's four registries, several targets'.
const keptCredentials = 96

// Credential is the row of a credential at a registry; nil when nothing is known.
func (s Record) Credential(registry, fingerprint string) *v1alpha1.CredentialStatus {
	for i := range s.Credentials {
		if c := &s.Credentials[i]; c.Registry == registry && c.Fingerprint == fingerprint {
			return c
		}
	}
	return nil
}

// row is Credential, made where it is missing. The oldest row that neither the rotation nor a proof of ownership needs makes room.
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

// Holds is true when a list has a fingerprint, under whatever registry: one credential may stand under several.
func Holds(list []v1alpha1.EntryFingerprint, fingerprint string) bool {
	return fingerprint != "" && slices.ContainsFunc(list, func(f v1alpha1.EntryFingerprint) bool { return f.Fingerprint == fingerprint })
}

// Given notes that OCM gives these credentials out to an account. What it has replaced is not noted as news. Of two sets the newer has
// the later time, also when both came within a second or the clock was put back: the times are what tells which one it is.
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

// Owns notes that OCM names an account when it is asked with a credential.
func (s Record) Owns(account, registry, fingerprint string) {
	if fingerprint != "" {
		s.row(registry, fingerprint).AccountID = account
	}
}

// Owner is the account that a credential is proven to be of, under whatever registry it stands; empty when nothing proves any.
func (s Record) Owner(fingerprint string) string {
	for _, c := range s.Credentials {
		if c.Fingerprint == fingerprint && fingerprint != "" && c.AccountID != "" {
			return c.AccountID
		}
	}
	return ""
}

// Answered notes what registries say of credentials.
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

// accepted is true when the login is good, and the image too unless it was only our guess.
func (c Check) accepted() bool {
	return c.Result.Outcome == Accepted || c.Result.Outcome == NotFound && !c.Named
}

// Superseded is true for a set of credentials that OCM has given to the account before it gave others, or that a rotation on record has
// replaced: a server that lags behind gives it once more. It is never taken for new, unless what was taken for newer turns out dead.
func (s Record) Superseded(account string, list []v1alpha1.EntryFingerprint) bool {
	newest, own := s.givenAt(account, nil), s.givenAt(account, list)
	if !own.IsZero() && own.Before(newest) {
		return !s.dead(s.givenThen(account, newest))
	}
	by, ok := s.replacedBy(account, list)
	return ok && !s.dead(by)
}

// givenAt is when OCM last gave one of these, or any, to the account for the first time.
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

// givenThen is the set that OCM gave to the account for the first time at a time.
func (s Record) givenThen(account string, at time.Time) []v1alpha1.EntryFingerprint {
	var list []v1alpha1.EntryFingerprint
	for _, c := range s.Credentials {
		if c.GivenAt != nil && c.AccountID == account && c.GivenAt.Time.Equal(at) {
			list = append(list, v1alpha1.EntryFingerprint{Registry: c.Registry, Fingerprint: c.Fingerprint})
		}
	}
	return list
}

// dead is true for a set that every registry which was asked about it refuses.
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

// replacedBy is what a rotation on record has replaced a set by. One that was found after it had issued has its baseline from the
// cluster: OCM may never have been seen to give that out.
func (s Record) replacedBy(account string, list []v1alpha1.EntryFingerprint) ([]v1alpha1.EntryFingerprint, bool) {
	all := func(known []v1alpha1.EntryFingerprint) bool {
		return len(known) > 0 && len(list) > 0 && !slices.ContainsFunc(list, func(f v1alpha1.EntryFingerprint) bool { return !Holds(known, f.Fingerprint) })
	}
	var later []v1alpha1.EntryFingerprint // what the latest rotation on record has issued
	for _, r := range s.records() {
		switch {
		case r.AccountID != account:
			continue
		case all(r.Issued):
			return later, later != nil
		case all(r.Baseline) && (r.AppliedAt != nil || r.Reason != v1alpha1.TriggerCatchUp && r.IssuedAt != nil):
			return r.Issued, true
		case all(r.Baseline):
			return nil, false // what replaces it is still awaited
		}
		if later == nil && len(r.Issued) > 0 {
			later = r.Issued
		}
	}
	return nil, false
}

// records are the rotations on record, the present one first.
func (s Record) records() []v1alpha1.RotationStatus {
	if s.Rotation == nil {
		return s.History
	}
	return append([]v1alpha1.RotationStatus{*s.Rotation}, s.History...)
}

// FirstGiven is when the last of a set was first seen to be given out.
func (s Record) FirstGiven(list []v1alpha1.EntryFingerprint) time.Time {
	var last time.Time
	for _, f := range list {
		if c := s.Credential(f.Registry, f.Fingerprint); c != nil && c.GivenAt != nil && c.GivenAt.After(last) {
			last = c.GivenAt.Time
		}
	}
	return last
}

// GivenBefore is true for a set that OCM gave out before a time, so that it cannot be the fruit of what was requested then.
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
