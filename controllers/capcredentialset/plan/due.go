package plan

import (
	"cmp"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// row plans one target by itself.
func (in Input) row(t Target) Row {
	r := Row{Target: t, Observation: in.Secrets[t.Ref]}
	r.Role, r.ownRole = t.roleOf(r.Observation.Role)
	if r.Usable && r.Bookkeeping.Hash == r.Hash { // otherwise nothing is known about its content, whatever the bookkeeping says
		r.FetchedAt, r.Expiry = r.Bookkeeping.RefreshedAt, known(r.Bookkeeping.Expiry)
		r.ExpiresAt = in.expiry(r.Expiry, r.Bookkeeping.RefreshedAt, r.Bookkeeping.ExpiresAt)
	}
	if reason, message := in.hindrance(r); reason != "" {
		return r.blocked(reason, message)
	}
	confirmedAt, ok := in.confirmed(&r)
	due := schedule.RefreshDue(in.Now, r.FetchedAt, r.ExpiresAt, in.policy(r.Role))
	r.Why = cmp.Or(in.broken(r, ok), in.overdue(r, due))
	if r.Why == "" {
		r.Result, r.Next = v1alpha1.ReasonFresh, due.At
		return r
	}
	if early := confirmedAt.Add(minConfirmed); ok && r.Why == string(schedule.RefreshScheduled) && early.After(in.Now) {
		r.Why, r.Result, r.Next = "", v1alpha1.ReasonFresh, Earlier(early, r.ExpiresAt)
		return r
	}
	r.Disturbed = r.Why == WhyEdited || r.Why == whyMissing && in.Memory.Kept[t.Ref] || r.Why == whyRoleChanged && r.ownRole
	return in.gate(r)
}

// confirmed returns the memory's confirmation of a row, and when it was fetched; ok is false if there is none for its current content.
func (in Input) confirmed(r *Row) (fetched time.Time, ok bool) {
	c := in.Memory.Confirmed[r.Ref]
	if c.Hash != r.Hash || c.Role != r.Role { // the role of a row is never empty here
		return time.Time{}, false
	}
	r.FetchedAt, r.Expiry = c.FetchedAt, known(c.Expiry)
	r.ExpiresAt = in.expiry(r.Expiry, c.FetchedAt, c.ExpiresAt)
	return c.FetchedAt, true
}

// hindrance is why nothing can be done about a row, whatever it holds; the reason is empty if there is none.
func (in Input) hindrance(r Row) (reason, message string) {
	switch {
	case r.Holder != "":
		return v1alpha1.ReasonConflict, "The older CAPCredentialSet " + r.Holder + " has this Secret. Remove it from one of the two sets."
	case r.Forbidden:
		return v1alpha1.ReasonForbidden, r.Problem
	case !r.Known:
		return v1alpha1.ReasonAwaitingRefresh, "The Secret has not been read yet."
	case r.Found && r.NotOpaque:
		return v1alpha1.ReasonSecretNotOpaque, notOpaqueMessage
	case r.Found && r.Foreign && !r.Adopt && !in.Memory.Kept[r.Ref]:
		return v1alpha1.ReasonSecretNotOurs, NotOursMessage
	case r.Role == "":
		return v1alpha1.ReasonNoRole, noRoleMessage(r)
	case !r.Found && !MayCreate(in.Spec):
		return v1alpha1.ReasonSecretMissing, MissingMessage
	case !r.Found && r.NamespaceMissing:
		return v1alpha1.ReasonNamespaceMissing, "The namespace does not exist yet, or is being deleted. The operator creates the Secret once it exists."
	}
	return "", ""
}

// broken is why a Secret needs a credential although none is due: its content is not what was written. It is empty if the content is intact;
// confirmed is true if the memory confirms the content.
func (in Input) broken(r Row, confirmed bool) string {
	switch {
	case !r.Found:
		return whyMissing
	case !confirmed && (r.Edited() || r.Bookkeeping.Hash == "" && in.Memory.Kept[r.Ref]): // checked before the result of the edit: a writer that keeps emptying a Secret must be reported too
		return WhyEdited
	case !r.Usable:
		return whyUnusable
	case !confirmed && r.Bookkeeping.Hash == "":
		return whyUnknown
	case !confirmed && r.Bookkeeping.Role != r.Role:
		return whyRoleChanged
	}
	return ""
}

// overdue is why the credential in a Secret is due for a refresh; empty if it is not.
func (in Input) overdue(r Row, due schedule.Refresh) string {
	switch {
	case in.Memory.Refused[r.Hash]:
		return whyRefused
	case in.Memory.Suspect[r.Hash]:
		return string(schedule.RefreshClockJumped)
	case in.requested(r.FetchedAt):
		return whyRequested
	case due.Due:
		return string(due.Reason)
	}
	return ""
}

// life is how long the consumers of a row have a working credential.
func (in Input) life(r Row) life {
	dead := !r.Found || !r.Usable || r.Why == whyRefused || !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(in.Now)
	return life{dead: dead, at: r.ExpiresAt}
}

// requested is true if a refresh was requested after the row's last one. The times on a Secret are truncated to seconds, so the request is too:
// otherwise a refresh in the same second would count as older.
func (in Input) requested(at time.Time) bool {
	return !in.RequestedAt.IsZero() && !in.RequestedAt.After(in.Now) && at.Before(in.RequestedAt.Truncate(time.Second))
}

// policy of a role: with one seed per role, set and cluster all Secrets of a role are due together, and the roles at different times.
func (in Input) policy(role string) schedule.RefreshPolicy {
	jitter := 10
	if in.Spec.Refresh.JitterPercent != nil {
		jitter = int(*in.Spec.Refresh.JitterPercent)
	}
	return schedule.RefreshPolicy{
		AtLifetimePercent: int(in.Spec.Refresh.AtLifetimePercent), JitterPercent: jitter, Seed: in.Seed + "/" + role,
	}
}
