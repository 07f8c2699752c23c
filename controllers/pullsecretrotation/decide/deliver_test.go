package decide

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func issuedInput(change func(*Input)) Input {
	in := underWayInput()
	issued(&in)
	if change != nil {
		change(&in)
	}
	return in
}

func TestDecide_DeliversWhatIsIssued(t *testing.T) {
	unlisted := func(in *Input) { in.Facts.Rotations = nil }
	newer := func(in *Input) {
		in.Facts.Issued.SameAsIssued = false
		in.Facts.Rotations = &[]Rotation{{ID: "b", Status: RotationPending, CreatedAt: hours(0).Time}, {ID: "a", Status: RotationPending, CreatedAt: hours(-1).Time}}
	}
	for _, c := range []decision{
		{"somebody else has written it: there is nothing to verify, and the pull secret in use is checked next", func(in *Input) { in.Facts.Targets[0].Changes = nil }, Apply, "", ""},
		{"the list is read at the first look", unlisted, LookAtRotations, "", ""},
		{"and when the next poll is due", func(in *Input) { unlisted(in); in.LastPoll = hours(-1).Time }, LookAtRotations, "", ""},
		{"not before", func(in *Input) { unlisted(in); in.LastPoll = noon.Add(-time.Minute) }, CheckIssued, "", ""},
		{"but after an edit", func(in *Input) { unlisted(in); in.LastPoll, in.Unasked = noon.Add(-time.Minute), true }, LookAtRotations, "", ""},
		{"and after the clock was set back", func(in *Input) { unlisted(in); in.LastPoll = hours(1).Time }, LookAtRotations, "", ""},
		{"a rotation that was found after its end is not in it", func(in *Input) {
			unlisted(in)
			in.Status.Rotation.ID, in.Status.Rotation.Reason = "", v1alpha1.TriggerCatchUp
		}, CheckIssued, "", ""},
		{"other credentials come from a rotation that was requested later", newer, RecordID, "", ""},
		{"or from this one, if that was requested before it", func(in *Input) { newer(in); (*in.Facts.Rotations)[0].CreatedAt = hours(-2).Time }, MarkIssued, "", ""},
		{"or if that has ended", func(in *Input) { newer(in); (*in.Facts.Rotations)[0].Status = "failed" }, MarkIssued, "", ""},
		{"or if no request is on record", func(in *Input) { newer(in); in.Status.Rotation.RequestedAt = nil }, MarkIssued, "", ""},
		{"which only the list shows", func(in *Input) { newer(in); unlisted(in) }, LookAtRotations, "", ""},
		{"but not for a rotation without an id", func(in *Input) {
			newer(in)
			unlisted(in)
			in.Status.Rotation.ID, in.Status.Rotation.Reason = "", v1alpha1.TriggerCatchUp
		}, MarkIssued, "", ""},
		{"the first that are issued are this one's, whatever was requested later", func(in *Input) {
			newer(in)
			in.Status.Rotation.IssuedAt = nil
		}, MarkIssued, "", ""},
		{"the offer's end is asked for while a registry cannot tell", func(in *Input) {
			answers(in, said(Unreachable, v1alpha1.VerificationRequired))
			in.Status.Rotation.OfferEndsAt = nil
		}, LookAtOffer, "", ""},
		{"with the own token it is known with what is issued", func(in *Input) {
			answers(in, said(Unreachable, v1alpha1.VerificationRequired))
			in.Status.Rotation.OfferEndsAt, in.Spec.Mode, in.Spec.RotateAfter = nil, v1alpha1.ModeFollow, nil
		}, Wait, v1alpha1.ReasonVerificationIncomplete, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, issuedInput(nil)) })
	}
}

func TestPendingChanges_AreThoseOfTargetsThatCanBeWritten(t *testing.T) {
	in := issuedInput(func(in *Input) {
		in.Facts.Targets = []TargetFact{stale(global, "me"), stale(hive, "me"), stale(v1alpha1.SecretReference{Namespace: "fought", Name: "over"}, "me")}
		in.Facts.Targets[1].Problem = v1alpha1.ReasonForbidden
		in.Facts.Targets[2].Old = []string{"quay.io"}
		in.Status.Targets = []v1alpha1.TargetStatus{{Namespace: "fought", Name: "over", Healed: 9, AppliedAt: hours(0)}}
	})
	if got := pendingChanges(in); len(got) != 1 {
		t.Errorf("they are %+v", got)
	}
	accepted(&in)
	in.Facts.Targets[0].Changes = append(in.Facts.Targets[0].Changes, Change{Source: "registry.redhat.io", Fingerprint: "r"}, Change{Source: "registry.redhat.io", Fingerprint: "r"})
	if got := Unproven(in); !slices.Equal(got, []string{"registry.redhat.io"}) {
		t.Errorf("the registries to ask are %q: each once, and none that has accepted", got)
	}
}

// The cluster's token is the credential of another registry too, whose word counts for it: OCM may not know a token before it is used.
func TestProven_TheTokenForOCMIsProvenByItsTwin(t *testing.T) {
	for _, row := range []struct {
		name   string
		source string
		row    v1alpha1.CredentialStatus
		want   bool
	}{
		{"by its registry", "quay.io", v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: "new", VerifiedAt: hours(-1)}, true},
		{"not if it refuses now", "quay.io", v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: "new", VerifiedAt: hours(-1), RefusedSince: hours(0)}, false},
		{"another credential is not by a twin", "quay.io", v1alpha1.CredentialStatus{Registry: "registry.redhat.io", Fingerprint: "new", VerifiedAt: hours(-1)}, false},
		{"the token by its twin", telemetryRegistry, v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: "new", VerifiedAt: hours(-1)}, true},
		{"not by another credential", telemetryRegistry, v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: "other", VerifiedAt: hours(-1)}, false},
		{"not by one that is refused", telemetryRegistry, v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: "new", VerifiedAt: hours(-1), RefusedSince: hours(0)}, false},
		{"not by one that was never accepted", telemetryRegistry, v1alpha1.CredentialStatus{Registry: "quay.io", Fingerprint: "new"}, false},
		{"not by OCM, if it refuses it now", telemetryRegistry, v1alpha1.CredentialStatus{Registry: telemetryRegistry, Fingerprint: "new", VerifiedAt: hours(-1), RefusedSince: hours(0)}, false},
	} {
		in := issuedInput(func(in *Input) { in.Status.Credentials = []v1alpha1.CredentialStatus{row.row} })
		if got := proven(in, Change{Source: row.source, Fingerprint: "new"}); got != row.want {
			t.Errorf("%s: proven: %v", row.name, got)
		}
	}
	in := issuedInput(nil)
	if MayWrite(in, Change{Source: "quay.io", Fingerprint: "new"}) {
		t.Error("an entry may be written about which nobody was asked")
	}
}

// Unproven credentials are written a day before the offer ends, or after half of an offer that is shorter than two.
func TestCloses_LeavesTelemetryTheTimeToReport(t *testing.T) {
	for name, row := range map[string]struct{ issued, ends, want int }{
		"OCM does not say: five days": {0, 0, 4 * 24},
		"OCM says":                    {0, 72, 48},
		"a short offer":               {0, 10, 5},
	} {
		in := issuedInput(func(in *Input) {
			in.Status.Rotation.IssuedAt, in.Status.Rotation.OfferEndsAt = hours(row.issued), nil
			if row.ends > 0 {
				in.Status.Rotation.OfferEndsAt = hours(row.ends)
			}
		})
		if got := closes(in); !got.Equal(hours(row.want).Time) {
			t.Errorf("%s: they are written at %s, want %s", name, got, hours(row.want))
		}
	}
}

func TestUnverified_LooksAgainInTime(t *testing.T) {
	incomplete := func(in *Input) {
		answers(in, said(Unreachable, v1alpha1.VerificationRequired))
	}
	for _, row := range []struct {
		name   string
		change func(*Input)
		after  time.Duration
	}{
		{"first after a minute", incomplete, time.Minute},
		{"as late as the registry asks", func(in *Input) {
			checks := said(RateLimited, v1alpha1.VerificationRequired)
			checks[0].Result.RetryAfter = 20 * time.Minute
			answers(in, checks)
		}, 20 * time.Minute},
		{"when the entries are written unproven", func(in *Input) {
			incomplete(in)
			in.Status.Rotation.IssuedAt, in.Status.Rotation.OfferEndsAt = hours(-48), TimePtr(hours(24).Add(30*time.Second))
		}, 30 * time.Second},
		{"what is refused is not: in its own rhythm", func(in *Input) {
			in.Status.Rotation.IssuedAt = hours(-24)
			answers(in, said(Unauthorized, v1alpha1.VerificationRequired))
			in.Status.Rotation.OfferEndsAt = hours(24)
		}, testTiming().PollMax},
	} {
		if d := Decide(issuedInput(row.change)); d.Step != Wait || d.After != row.after {
			t.Errorf("%s: %s for %s, want %s", row.name, d.Step, d.After, row.after)
		}
	}
	in := issuedInput(incomplete)
	in.Status.Siblings = shared(50).Status.Siblings
	if d := Decide(in); in.Now.Add(d.After) != nextTurn(in, in.Now.Add(time.Minute)) {
		t.Errorf("one of fifty looks again at %s, want it at its turn", in.Now.Add(d.After))
	}
}

// What is at stake is said without claiming what is not proven.
func TestUnverified_SaysWhatBecomesOfThePullSecretInUse(t *testing.T) {
	for says, change := range map[string]func(*Input){
		"those in use stop working when OCM ends the rotation.": nil,
		"the pull secret in use is refused as well.": func(in *Input) {
			in.Status.Conditions = append(in.Status.Conditions, refusedCondition)
			in.Status.LastHealthCheck = hours(0)
		},
		"OCM has deleted the old ones, so the pull secret in use no longer works.": func(in *Input) { in.Status.Rotation.OCMStatus = RotationCompleted },
	} {
		in := issuedInput(func(in *Input) {
			in.Status.Rotation.IssuedAt = TimePtr(noon.Add(-30 * time.Minute))
			answers(in, said(Unauthorized, v1alpha1.VerificationRequired))
		})
		if change != nil {
			change(&in)
		}
		if d := Decide(in); d.Reason != v1alpha1.ReasonCredentialsRefused || !strings.Contains(d.Message, says) {
			t.Errorf("%s %s: %s\nwant %s", d.Step, d.Reason, d.Message, says)
		}
	}
}
