package decide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// audit is mode Audit: it checks everything that mode Rotate checks before a rotation, and reports what a rotation would do and what would hold
// it back. The entries go to status.targets with the report.
var audit = chain{
	{why: "a report names what would hold a rotation back", needs: []*need{needSiblings}, check: reportAudit},
}

func reportAudit(in Input) *Decision {
	if said, ok := leftToDie(in); ok {
		return audited(in, Waiting(Stalled, v1alpha1.ReasonAuditedStale, "A rotation is not applied", said, 0))
	}
	said := auditVerdict(in)
	for _, h := range requestHolds(in) {
		said += " It would be held back: " + h.sentence
	}
	said += fmt.Sprintf(" The account has %d other active clusters. status.targets says, entry by entry, what a rotation would change; nothing was "+
		"requested or written.",
		in.Facts.Siblings.Others)
	return audited(in, Waiting(Ready, v1alpha1.ReasonAudited, "Audited", said, 0))
}

func auditVerdict(in Input) string {
	switch d := in.due; {
	case isDue(in):
		return fmt.Sprintf("A rotation has been due since %s.", OnTheClock(d.T))
	case d.Next != nil:
		return fmt.Sprintf("No rotation is due before %s.", OnTheClock(*d.Next))
	default:
		return "No rotation is due."
	}
}

// leftToDie reports a rotation that ends the pull secret in use, because mode Audit applies none.
func leftToDie(in Input) (string, bool) {
	mine := in.Status.Account
	served := func(t TargetFact) bool { return t.Problem == "" && mine != nil && t.Owner == mine.ID }
	if !slices.ContainsFunc(in.Facts.Targets, served) {
		return "", false
	}
	if r, ok := pending(*in.Facts.Rotations, in.Now); ok {
		if has(in, r) {
			return "", false
		}
		return fmt.Sprintf("Rotation %s of the account is under way, but mode Audit does not apply it. The pull secret in use stops working when "+
			"OCM ends that rotation. "+
			"Set spec.mode to Follow or Rotate, or give this cluster the new pull secret.", r.ID), true
	}
	var stale []string
	for _, t := range in.Facts.Targets {
		if served(t) && len(t.Changes) > 0 {
			stale = append(stale, t.Ref.String())
		}
	}
	if i := in.Facts.Issued; len(*in.Facts.Rotations) == 0 || len(stale) == 0 || i.Superseded {
		return "", false
	}
	return fmt.Sprintf("%s still have credentials that OCM has replaced (rotation %s), but mode Audit does not apply the new ones. Images can no "+
		"longer be pulled with the old ones. "+
		"Set spec.mode to Follow or Rotate.", strings.Join(stale, ", "), (*in.Facts.Rotations)[0].ID), true
}

// has is true if the targets have the credentials that a current rotation has issued.
func has(in Input, r Rotation) bool {
	i := in.Facts.Issued
	return i.Present && i.InUse && !i.FirstGiven.Before(r.CreatedAt.Truncate(time.Second)) && r.UpdatedAt.After(r.CreatedAt)
}

// audited is a report that stands until the next check.
func audited(in Input, report Decision) *Decision {
	report.After = untilNext(in)
	if next := in.due.Next; next != nil {
		report.After = min(report.After, next.Sub(in.Now))
	}
	return &report
}

// Reports is true for the reasons of mode Audit's reports.
func Reports(reason string) bool {
	return reason == v1alpha1.ReasonAudited || reason == v1alpha1.ReasonAuditedStale
}

// lastAudit keeps the last report if it is about this spec and this T.
func lastAudit(in Input) *Decision {
	ready, about := meta.FindStatusCondition(in.Status.Conditions, v1alpha1.ConditionReady), in.Status.Audit
	if about == nil || ready == nil || !Reports(ready.Reason) || !sameReport(*about, reportOn(in)) {
		return nil
	}
	state := Ready
	if ready.Reason == v1alpha1.ReasonAuditedStale {
		state = Stalled
	}
	return audited(in, Waiting(state, ready.Reason, in.Status.Phase, ready.Message, 0))
}

// reportOn identifies a report made now.
func reportOn(in Input) v1alpha1.AuditStatus {
	a, d := v1alpha1.AuditStatus{ObservedGeneration: in.Generation, ReportedAt: *TimePtr(in.Now.Truncate(time.Second))}, in.due
	if isDue(in) {
		a.DueSince = TimePtr(d.T.Truncate(time.Second))
	}
	if d.Next != nil {
		a.NextAfter = TimePtr(d.Next.Truncate(time.Second))
	}
	return a
}

func sameReport(a, b v1alpha1.AuditStatus) bool {
	same := func(x, y *metav1.Time) bool {
		return x == nil && y == nil || x != nil && y != nil && x.Time.Equal(y.Time)
	}
	return a.ObservedGeneration == b.ObservedGeneration && same(a.DueSince, b.DueSince) && same(a.NextAfter, b.NextAfter)
}

// NoteAudit records in the status what the report of mode Audit is about.
func (s Record) NoteAudit(in Input, reason string) {
	if in.Spec.Mode != v1alpha1.ModeAudit {
		s.Audit = nil
		return
	}
	if in.due, in.dueErr = Trigger(in); in.dueErr != nil || !Reports(reason) {
		return
	}
	report := reportOn(in)
	if s.Audit == nil || in.Facts.Rotations != nil || !sameReport(*s.Audit, report) {
		s.Audit = &report
	}
}
