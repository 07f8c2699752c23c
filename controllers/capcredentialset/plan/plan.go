package plan

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// Input is everything that a plan depends on.
type Input struct {
	// Seed spreads due times over roles and clusters: sets of the same name in two clusters have different seeds.
	Seed string
	Spec *v1alpha1.CAPCredentialSetSpec
	// RequestedAt is the time of a request to refresh everything older; zero if there is none.
	RequestedAt time.Time
	Targets     []Target
	Secrets     map[types.NamespacedName]Observation
	Memory      *Memory
	// Flying are the roles with pending requests to CAP.
	Flying map[string]bool
	// Hold is why no credential may be fetched or written at all, such as an expired client certificate.
	Hold *Hold
	// Unproven is true while CAP has given no good answer since a change of its inputs.
	Unproven bool
	// Checking is true if the credentials in the Secrets are checked with STS.
	Checking bool
	Now      time.Time
}

// Hold keeps a set from doing anything.
type Hold struct {
	Reason, Message string
	// Fetching is true if only requests to CAP are held: a credential may still be copied between Secrets.
	Fetching bool
}

// Plan is what to do now.
type Plan struct {
	// Rows are the targets, in order of importance.
	Rows []Row
	// Fetches are the roles to fetch from CAP, the most important first.
	Fetches []Fetch
	// Copies are the Secrets that get the fresh credential of their role from another Secret.
	Copies []Copying
	// Checks are the rows whose credential is checked with STS, one for each content.
	Checks []int
	// Wake is when the next round is due; zero if no time is.
	Wake time.Time
	// Requested is the future time of a requested refresh; zero if there is none.
	Requested time.Time
	// Complete is true if every Secret has been looked up.
	Complete bool
}

// why a target needs a credential. Those of schedule.RefreshReason are used too.
const (
	whyMissing     = "Missing"     // the Secret does not exist
	whyUnusable    = "Unusable"    // it holds no complete credential
	whyUnknown     = "Unknown"     // it holds one that the operator did not write
	WhyEdited      = "Edited"      // somebody has changed what the operator wrote
	whyRoleChanged = "RoleChanged" // it holds another role's credential
	whyRequested   = "Requested"   // somebody asked for a refresh
	whyRefused     = "Refused"     // STS refuses what it holds
)

// Row is a target with what is known about it and what to do about it.
type Row struct {
	Target
	Observation
	Role string
	// Result is a condition reason; Message explains it unless it is Fresh.
	Result, Message string
	// Why a credential is needed; empty if it is not.
	Why string
	// FetchedAt and ExpiresAt of its credential; zero if unknown.
	FetchedAt, ExpiresAt time.Time
	// Expiry is how ExpiresAt is known.
	Expiry v1alpha1.ExpiryKnowledge
	// Next is when it is refreshed or retried; zero if it does not depend on time.
	Next time.Time
	// Together is true for a row that waits with all others for CAP, so that Next is the same for the whole set.
	Together bool
	// Disturbed is true if it needs a credential because somebody edited the Secret.
	Disturbed bool
	// Fighting is true while somebody keeps doing that.
	Fighting bool
	// ownRole is true if the Secret itself has chosen Role.
	ownRole bool
}

// Unread is true for a row whose Secret has not been read yet.
func (r *Row) Unread() bool { return !r.Known && !r.Forbidden && r.Holder == "" }

// RefreshedSince is true if another operator has refreshed the Secret since the row was planned.
func (o Observation) RefreshedSince(row Row) bool {
	return o.Usable && !o.Edited() && o.Bookkeeping.Role == row.Role && o.Bookkeeping.RefreshedAt.After(row.Bookkeeping.RefreshedAt) && o.Bookkeeping.Hash != ""
}

// SetsRight is true if writing the row's Secret undoes an edit. A newly chosen role is counted when it is chosen, see Memory.Notice.
func (r *Row) SetsRight() bool { return r.Disturbed && r.Why != whyRoleChanged }

// Fetch is one request to CAP, with the rows that get the answer.
type Fetch struct {
	Role string
	// Flying is true if the request has been sent and the answer is pending.
	Flying bool
	// Proof is true if the request only tests whether CAP answers well, and serves no row.
	Proof bool
	Rows  []int
}

// Copying copies a credential from one row's Secret to others.
type Copying struct {
	// From is the row; negative means the process' memory.
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
	slices.SortStableFunc(p.Rows, func(a, b Row) int { return order(a.Ref, b.Ref) })
	if in.Hold == nil || in.Hold.Fetching {
		p.group(in)
		p.try(in)
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

// MayCreate is true unless the spec forbids creating missing Secrets.
func MayCreate(spec *v1alpha1.CAPCredentialSetSpec) bool {
	return spec.CreateMissingSecrets == nil || *spec.CreateMissingSecrets
}

// gate holds back a row that needs a credential for as long as a try is pointless, and says why.
func (in Input) gate(r Row) Row {
	r.Result, r.Next = v1alpha1.ReasonAwaitingRefresh, in.Now
	r.Message = "A credential is about to be fetched."
	if in.Hold != nil {
		// The condition Ready has the message, once for all rows.
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

func (r Row) blocked(reason, message string) Row {
	r.Result, r.Message = reason, message
	return r
}

// Earlier of two times, where zero means none.
func Earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
