package plan

import (
	"cmp"
	"sort"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/internal/schedule"
)

// Input is all that decides what a set has to do now.
type Input struct {
	// Seed spreads what is due, over roles and over clusters: two sets of one name in two clusters have two seeds.
	Seed string
	Spec *v1alpha1.CAPCredentialSetSpec
	// RequestedAt is when somebody asked for a refresh of everything older; zero: nobody did.
	RequestedAt time.Time
	Targets     []Target
	Secrets     map[types.NamespacedName]Observation
	Memory      *Memory
	// Flying are the roles that the portal is being asked for.
	Flying map[string]bool
	// Hold is why no credential may be fetched or written at all, such as a client certificate that has expired.
	Hold *Hold
	// Unproven is true while CAP has not answered well since what it is asked with was changed.
	Unproven bool
	// Checking is true where STS is asked about what the Secrets hold.
	Checking bool
	Now      time.Time
}

// Hold keeps a set from doing anything.
type Hold struct {
	Reason, Message string
	// Fetching is true when it is only the portal that cannot be asked: what is in one Secret may still be given to another.
	Fetching bool
}

// Plan is what to do now.
type Plan struct {
	// Rows are the targets, in order of importance.
	Rows []Row
	// Fetches are the roles to ask the portal for, the most important first.
	Fetches []Fetch
	// Copies are the Secrets that get the credential of their role from another Secret, which has it fresh.
	Copies []Copying
	// Checks are the rows whose credential STS is asked about, one of each content.
	Checks []int
	// Wake is when to look again; zero: nothing is ahead that time brings.
	Wake time.Time
	// Requested is when a refresh that somebody asked for is still to come; zero: none is.
	Requested time.Time
	// Complete is true when every Secret has been looked for.
	Complete bool
}

// why a target needs a credential. Those of schedule.RefreshReason are used too.
const (
	whyMissing     = "Missing"     // the Secret does not exist
	whyUnusable    = "Unusable"    // it holds no complete credential
	whyUnknown     = "Unknown"     // it holds one that the operator has not written
	WhyEdited      = "Edited"      // somebody has changed what the operator wrote
	whyRoleChanged = "RoleChanged" // it holds another role's credential
	whyRequested   = "Requested"   // somebody asked for a refresh
	whyRefused     = "Refused"     // STS refuses what it holds
)

// Row is a target with what is known of it and what is to be done about it.
type Row struct {
	Target
	Observation
	Role string
	// Result is a condition reason; Message explains it where it is not Fresh.
	Result, Message string
	// Why a credential is needed; empty when it is not.
	Why string
	// FetchedAt and ExpiresAt of the credential that it holds; zero when that is not known.
	FetchedAt, ExpiresAt time.Time
	// Expiry is how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
	// Next is when it is refreshed or tried again; zero when time alone will not do.
	Next time.Time
	// Together is true of a row that waits with all others for the portal, so that Next is the whole set's.
	Together bool
	// Disturbed is true when it is somebody's doing to the Secret that it needs a credential.
	Disturbed bool
	// Fighting is true while somebody keeps doing it.
	Fighting bool
	// ownRole is true when the Secret itself has chosen Role.
	ownRole bool
}

// Unread is true of a row of whose Secret nothing is known yet.
func (r *Row) Unread() bool { return !r.Known && !r.Forbidden && r.Holder == "" }

// RefreshedSince is true when another operator has refreshed the Secret since the row was looked at.
func (o Observation) RefreshedSince(row Row) bool {
	return o.Usable && !o.Edited() && o.Books.Role == row.Role && o.Books.RefreshedAt.After(row.Books.RefreshedAt) && o.Books.Hash != ""
}

// SetsRight is true when writing the row's Secret undoes what somebody did to it. A role that it has chosen is noticed as it is
// chosen, see Memory.Notice.
func (r *Row) SetsRight() bool { return r.Disturbed && r.Why != whyRoleChanged }

// Fetch is one question to the portal, and the rows that get the answer.
type Fetch struct {
	Role string
	// Flying is true when it has been asked and the answer is still to come.
	Flying bool
	// Proof is true when it is asked to see whether CAP answers well, and for no row.
	Proof bool
	Rows  []int
}

// Copying takes a credential from one row's Secret to others'.
type Copying struct {
	// From is the row; negative: from what the process holds of the role.
	From int
	Role string
	Rows []int
}

// Decide makes the plan. It is a pure function of its input.
func Decide(in Input) Plan {
	p := Plan{Complete: true, Rows: make([]Row, 0, len(in.Targets))}
	for _, t := range in.Targets {
		r := in.row(t)
		p.Complete = p.Complete && (r.Known || r.Forbidden || r.Holder != "")
		p.Rows = append(p.Rows, r)
	}
	sort.SliceStable(p.Rows, func(i, j int) bool { return before(p.Rows[i].Ref, p.Rows[j].Ref) })
	if in.Hold == nil || in.Hold.Fetching {
		p.group(in)
		p.prove(in)
	}
	if in.Checking && in.Hold == nil {
		p.check(in)
	}
	for _, r := range p.Rows {
		p.wakeAt(r.Next)
	}
	if in.RequestedAt.After(in.Now) && in.Hold == nil {
		p.Requested = in.RequestedAt
		p.wakeAt(p.Requested)
	}
	return p
}

func (p *Plan) wakeAt(t time.Time) {
	if !t.IsZero() && (p.Wake.IsZero() || t.Before(p.Wake)) {
		p.Wake = t
	}
}

// row judges one target by itself.
func (in Input) row(t Target) Row {
	r := Row{Target: t, Observation: in.Secrets[t.Ref]}
	r.Role, r.ownRole = t.roleOf(r.Observation.Role)
	if r.Usable && r.Books.Hash == r.Hash { // else nothing is known of what it holds, whatever is noted on it
		r.FetchedAt, r.Expiry = r.Books.RefreshedAt, known(r.Books.Expiry)
		r.ExpiresAt = in.expiry(r.Expiry, r.Books.RefreshedAt, r.Books.ExpiresAt)
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

// confirmed takes what the memory has of a row, and says when it was fetched; ok is false when it has nothing of the row as it is.
func (in Input) confirmed(r *Row) (fetched time.Time, ok bool) {
	c, ok := in.Memory.Confirmed[r.Ref]
	if !ok || !r.Found || c.Hash != r.Hash || c.Role != r.Role {
		return time.Time{}, false
	}
	r.FetchedAt, r.Expiry = c.FetchedAt, known(c.Expiry)
	r.ExpiresAt = in.expiry(r.Expiry, c.FetchedAt, c.ExpiresAt)
	return c.FetchedAt, true
}

// hindrance is why nothing can be done about a row, whatever it holds; the reason is empty when there is none.
func (in Input) hindrance(r Row) (reason, message string) {
	switch {
	case r.Holder != "":
		return v1alpha1.ReasonConflict, "The older CAPCredentialSet " + r.Holder + " keeps this Secret. Take it out of one of the two sets."
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
		return v1alpha1.ReasonNamespaceMissing, "The namespace does not exist yet. The Secret is created as soon as it does."
	}
	return "", ""
}

// broken is why a Secret needs a credential although none was due: it does not hold what was written. Empty when it does; confirmed is
// true when the memory has that it was written so.
func (in Input) broken(r Row, confirmed bool) string {
	switch {
	case !r.Found:
		return whyMissing
	case !confirmed && (r.Edited() || r.Books.Hash == "" && in.Memory.Kept[r.Ref]): // before what the edit made of it: whoever empties a Secret all the time is a writer to tell of too
		return WhyEdited
	case !r.Usable:
		return whyUnusable
	case !confirmed && r.Books.Hash == "":
		return whyUnknown
	case !confirmed && r.Books.Role != r.Role:
		return whyRoleChanged
	}
	return ""
}

// overdue is why the credential that a Secret holds is to be renewed; empty when it is not.
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

// MayCreate is true unless the spec says that a missing Secret stays missing.
func MayCreate(spec *v1alpha1.CAPCredentialSetSpec) bool {
	return spec.CreateMissingSecrets == nil || *spec.CreateMissingSecrets
}

// gate holds a row that needs a credential back for as long as trying is pointless, and says why.
func (in Input) gate(r Row) Row {
	r.Result, r.Next = v1alpha1.ReasonAwaitingRefresh, in.Now
	r.Message = "A credential is about to be fetched."
	if in.Hold != nil {
		// The words are in the condition Ready, once for all rows.
		r.Result, r.Message = in.Hold.Reason, ""
		if !in.Hold.Fetching {
			r.Next = time.Time{}
			return r
		}
	}
	if r.Disturbed {
		if fighting, notBefore := in.Memory.fight(r.Ref, in.Now); fighting {
			r.Fighting = true
			if notBefore.After(in.Now) {
				r.Result, r.Message, r.Next = v1alpha1.ReasonWriterFight, FightMessage(r), notBefore
				return r
			}
		}
	}
	if f := in.Memory.Writes[r.Ref]; f.Count > 0 {
		r.Result, r.Message = f.Reason, f.Message
		if at := f.retryAt(in.Seed+"/"+r.Ref.String(), in.life(r), in.Now); at.After(in.Now) && !in.requested(f.Last) {
			r.Next = at
			return r
		}
	}
	if f := in.Memory.Roles[r.Role]; f.Count > 0 && in.Hold == nil {
		r.Result, r.Message = f.Reason, f.Message
	}
	return r
}

// life is until when the consumers of a row have something that works.
func (in Input) life(r Row) life {
	dead := !r.Found || !r.Usable || r.Why == whyRefused || !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(in.Now)
	return life{dead: dead, at: r.ExpiresAt}
}

// requested says whether somebody asked for what is older than the last request to be done anew. What is noted on a Secret
// is cut to seconds, so the request is too: else a refresh in the same second would count as older.
func (in Input) requested(at time.Time) bool {
	return !in.RequestedAt.IsZero() && !in.RequestedAt.After(in.Now) && at.Before(in.RequestedAt.Truncate(time.Second))
}

// policy of a role: one seed per role, set and cluster, so that all Secrets of a role are due together and the roles apart.
func (in Input) policy(role string) schedule.RefreshPolicy {
	jitter := 10
	if in.Spec.Refresh.JitterPercent != nil {
		jitter = int(*in.Spec.Refresh.JitterPercent)
	}
	return schedule.RefreshPolicy{
		AtLifetimePercent: int(in.Spec.Refresh.AtLifetimePercent), JitterPercent: jitter, Seed: in.Seed + "/" + role,
	}
}

func (r Row) blocked(reason, message string) Row {
	r.Result, r.Message = reason, message
	return r
}

// Earlier of two times, of which zero is none.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
