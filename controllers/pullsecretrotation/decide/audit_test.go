package decide

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// auditInput is a cluster in mode Audit whose pull secret is the account's, and for which nothing is due.
func auditInput() Input {
	in := dueInput()
	in.Spec.Mode, in.Spec.RotateAfter = v1alpha1.ModeAudit, nil
	in.Facts.Targets[0].Owner = "me"
	return in
}

// stale is a target of the account that lacks what OCM issues.
func stale(ref v1alpha1.SecretReference, owner string) TargetFact {
	return TargetFact{Ref: ref, Owner: owner, Changes: []Change{{Registry: "quay.io", Source: "quay.io", Fingerprint: "new"}}}
}

func TestAudit_ReportsWhatARotationWouldDoAndWhatWouldHoldItBack(t *testing.T) {
	listed := func(in *Input, status string) {
		in.Facts.Rotations = &[]Rotation{{ID: "b", Status: status, CreatedAt: hours(-3).Add(time.Second / 2), UpdatedAt: hours(-2).Time}}
	}
	applied := func(in *Input) {
		listed(in, RotationPending)
		in.Facts.Issued = &IssuedFact{Present: true, InUse: true, FirstGiven: hours(-3).Time}
	}
	ended := func(in *Input) { listed(in, RotationCompleted); in.Facts.Targets[0] = stale(global, "me") }
	for _, c := range []decision{
		{"nothing is due", func(*Input) {}, Wait, v1alpha1.ReasonAudited, "No rotation is due. The account has 0 other active clusters."},
		{"or not yet", func(in *Input) { in.Spec.RotateAfter = hours(3) }, Wait, v1alpha1.ReasonAudited, "No rotation is due before 2026-05-06 15:00 UTC."},
		{"or long since", func(in *Input) { in.Spec.RotateAfter = hours(-3) }, Wait, v1alpha1.ReasonAudited, "A rotation has been due since 2026-05-06 09:00 UTC."},
		{"what would hold it back is said", func(in *Input) { in.Facts.Siblings.Others = 2 }, Wait, v1alpha1.ReasonAudited, "It would be held back: the account has 2 other active clusters."},
		{"the pools are looked at, because they may be what holds it back", func(in *Input) { in.Facts.Pools = nil }, LookAtPools, "", ""},
		{"a rotation of others that nobody applies here ends the pull secret in use", func(in *Input) { applied(in); in.Facts.Issued.InUse = false }, Wait, v1alpha1.ReasonAuditedStale,
			"Rotation b of the account is under way"},
		{"not where somebody has applied it", applied, Wait, v1alpha1.ReasonAudited, ""},
		{"what is in use was issued before it", func(in *Input) { applied(in); in.Facts.Issued.FirstGiven = hours(-4).Time }, Wait, v1alpha1.ReasonAuditedStale, "under way"},
		{"it has issued nothing yet", func(in *Input) { applied(in); in.Facts.Issued.Present = false }, Wait, v1alpha1.ReasonAuditedStale, "under way"},
		{"OCM has not touched it since the request", func(in *Input) { applied(in); (*in.Facts.Rotations)[0].UpdatedAt = (*in.Facts.Rotations)[0].CreatedAt }, Wait, v1alpha1.ReasonAuditedStale, "under way"},
		{"one that has ended has replaced what is in use", ended, Wait, v1alpha1.ReasonAuditedStale, "openshift-config/pull-secret still have credentials that OCM has replaced (rotation b)"},
		{"only in the targets that lack what it issued", func(in *Input) {
			ended(in)
			in.Facts.Targets = append([]TargetFact{stale(hive, "you"), {Ref: hive, Owner: "me"}}, in.Facts.Targets...)
		}, Wait, v1alpha1.ReasonAuditedStale, "openshift-config/pull-secret still"},
		{"not where they have it", func(in *Input) { ended(in); in.Facts.Targets[0].Changes = nil }, Wait, v1alpha1.ReasonAudited, ""},
		{"nor by the word of a server that lags behind", func(in *Input) { ended(in); in.Facts.Issued.Superseded = true }, Wait, v1alpha1.ReasonAudited, ""},
		{"nor if nothing was ever rotated", func(in *Input) { ended(in); in.Facts.Rotations = &[]Rotation{} }, Wait, v1alpha1.ReasonAudited, ""},
		{"what another account has is not looked at", func(in *Input) { ended(in); in.Facts.Targets[0].Owner = "you" }, Wait, v1alpha1.ReasonAudited, ""},
		{"nor before the account is known", func(in *Input) { ended(in); in.Status.Account = nil }, Wait, v1alpha1.ReasonAudited, ""},
		{"nor what cannot be used", func(in *Input) {
			ended(in)
			in.Facts.Targets[0].Problem = v1alpha1.ReasonForbidden
			in.Facts.Targets = append([]TargetFact{{Ref: hive}}, in.Facts.Targets...)
		}, Wait, v1alpha1.ReasonAudited, "a target cannot be used"},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, auditInput()) })
	}
}

func TestAudit_IsMadeAgainAtTheNextCheckOrT(t *testing.T) {
	in := auditInput()
	if d := Decide(in); d.After != 5*time.Hour || d.State != Ready {
		t.Errorf("%s until the health check, in %s", d.State, d.After)
	}
	in.Spec.RotateAfter = hours(3)
	if d := Decide(in); d.After != 3*time.Hour {
		t.Errorf("it is made again in %s, and the next T comes in three hours", d.After)
	}
}

// reportedLately is an object whose last report was made an hour ago.
func reportedLately(in *Input, reason string) {
	in.LastPoll, in.Facts.Rotations, in.Status.Phase = hours(-1).Time, nil, "Audited"
	in.due, in.dueErr = Trigger(*in)
	report := reportOn(*in)
	in.Status.Audit = &report
	in.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Reason: reason, Message: "as reported"}}
}

// A report stands until OCM is asked again, so that reconciles with other causes cost no request.
func TestAudit_KeepsAReportThatIsStillAboutThisSpecAndT(t *testing.T) {
	for _, c := range []decision{
		{"the same", func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited) }, Wait, v1alpha1.ReasonAudited, "as reported"},
		{"the same about a rotation that is not applied", func(in *Input) { reportedLately(in, v1alpha1.ReasonAuditedStale) }, Wait, v1alpha1.ReasonAuditedStale, "as reported"},
		{"the same T is due, and the same is next", func(in *Input) {
			in.Spec.RotateAfter, in.Spec.Schedule = nil, &v1alpha1.RotationSchedule{Cron: "0 3 * * *"}
			in.Status.Schedule = &v1alpha1.ScheduleStatus{Cron: "0 3 * * *", Since: *hours(-90)}
			reportedLately(in, v1alpha1.ReasonAudited)
		}, Wait, v1alpha1.ReasonAudited, "as reported"},
		{"the spec was edited", func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited); in.Generation++ }, LookAtRotations, "", ""},
		{"a T has come", func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited); in.Spec.RotateAfter = hours(-1) }, LookAtRotations, "", ""},
		{"another T has come", func(in *Input) {
			in.Spec.RotateAfter = hours(-2)
			reportedLately(in, v1alpha1.ReasonAudited)
			in.Spec.RotateAfter = hours(-1)
		}, LookAtRotations, "", ""},
		{"the T that was due no longer is", func(in *Input) {
			in.Spec.RotateAfter = hours(-2)
			reportedLately(in, v1alpha1.ReasonAudited)
			in.Spec.RotateAfter = nil
		}, LookAtRotations, "", ""},
		{"another T is next", func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited); in.Spec.RotateAfter = hours(1) }, LookAtRotations, "", ""},
		{"there is no report", func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited); in.Status.Audit = nil }, LookAtRotations, "", ""},
		{"its words are lost", func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited); in.Status.Conditions = nil }, LookAtRotations, "", ""},
		{"something else was said since", func(in *Input) { reportedLately(in, v1alpha1.ReasonOCMForbidden) }, LookAtRotations, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, auditInput()) })
	}
	for reason, want := range map[string]State{v1alpha1.ReasonAudited: Ready, v1alpha1.ReasonAuditedStale: Stalled} {
		in := auditInput()
		reportedLately(&in, reason)
		if d := Decide(in); d.State != want {
			t.Errorf("the report %s is repeated as %s, want %s", reason, d.State, want)
		}
	}
}

func TestNoteAudit_SaysWhatTheReportIsAbout(t *testing.T) {
	before := func(in *Input) { reportedLately(in, v1alpha1.ReasonAudited); in.Status.Audit.ReportedAt = *hours(-1) }
	for _, row := range []struct {
		name     string
		change   func(*Input)
		reason   string
		reported *metav1.Time // nil: there is no report on record
	}{
		{"the first", func(*Input) {}, v1alpha1.ReasonAudited, hours(0)},
		{"the first, about a rotation that is not applied", func(*Input) {}, v1alpha1.ReasonAuditedStale, hours(0)},
		{"what is no report", func(*Input) {}, v1alpha1.ReasonOCMForbidden, nil},
		{"what is no report, after one", before, v1alpha1.ReasonOCMForbidden, hours(-1)},
		{"the same, without a look at OCM", before, v1alpha1.ReasonAudited, hours(-1)},
		{"the same, after a look", func(in *Input) { before(in); in.Facts.Rotations = &[]Rotation{} }, v1alpha1.ReasonAudited, hours(0)},
		{"about another T", func(in *Input) { before(in); in.Spec.RotateAfter = hours(-5) }, v1alpha1.ReasonAudited, hours(0)},
		{"a spec that cannot be carried out", func(in *Input) { before(in); in.Spec.Schedule = &v1alpha1.RotationSchedule{Cron: "x"} }, v1alpha1.ReasonAudited, hours(-1)},
		{"the mode is another", func(in *Input) { before(in); in.Spec.Mode = v1alpha1.ModeRotate }, v1alpha1.ReasonAudited, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := auditInput()
			in.Spec.RotateAfter = hours(-2)
			row.change(&in)
			Record{in.Status}.NoteAudit(in, row.reason)
			a := in.Status.Audit
			if (a != nil) != (row.reported != nil) || a != nil && !a.ReportedAt.Equal(row.reported) {
				t.Fatalf("the report is %+v, want one of %s", a, row.reported)
			}
			if a != nil && row.reported.Equal(hours(0)) && (a.DueSince == nil || !a.DueSince.Equal(in.Spec.RotateAfter)) {
				t.Errorf("it is about the T %s, want %s", a.DueSince, in.Spec.RotateAfter)
			}
		})
	}
}
