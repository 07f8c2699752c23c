package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// keptInput is an idle cluster that keeps what its last rotation brought.
func keptInput() Input {
	in := idleInput()
	in.Status.Rotation = &v1alpha1.RotationStatus{ID: "a", AppliedAt: hours(-40), RevokedAt: hours(-30)}
	in.Facts.Issued = nil
	return in
}

// restored is a target whose old value somebody has restored; fought, one about which there is a fight that pauses for a while.
func restored(ref v1alpha1.SecretReference) TargetFact {
	t := stale(ref, "me")
	t.Old = []string{"quay.io"}
	return t
}

func fought(in *Input, t TargetFact, healed int32, applied *metav1.Time) {
	in.Facts.Targets = append(in.Facts.Targets, t)
	in.Status.Targets = append(in.Status.Targets, v1alpha1.TargetStatus{Namespace: t.Ref.Namespace, Name: t.Ref.Name, Healed: healed, AppliedAt: applied})
}

func TestHealing_LooksOnlyWhereSomethingIsToBeHealed(t *testing.T) {
	unknown := func(ref v1alpha1.SecretReference) TargetFact {
		return TargetFact{Ref: ref, Owner: "me", Other: []string{"quay.io"}}
	}
	current := func(in *Input) { in.Facts.Issued = &IssuedFact{Present: true, SameAsIssued: true} }
	for _, c := range []decision{
		{"nothing was restored", func(*Input) {}, Wait, v1alpha1.ReasonNotDue, ""},
		{"an old entry was: what does OCM issue?", func(in *Input) { in.Facts.Targets[0] = restored(global) }, LookAtIssued, "", ""},
		{"in a fight that pauses: nothing is asked", func(in *Input) { fought(in, restored(hive), 9, hours(0)) }, Wait, v1alpha1.ReasonWriterFight, "hive/pull"},
		{"not even when OCM was not asked for long", func(in *Input) { fought(in, restored(hive), 9, hours(0)); in.LastPoll = time.Time{} }, Wait, v1alpha1.ReasonWriterFight, ""},
		{"an unknown value may be newer: OCM is asked, fight or not", func(in *Input) { fought(in, unknown(hive), 9, hours(0)); in.LastPoll = time.Time{} }, LookAtIssued, "", ""},
		{"OCM has something newer: it is asked, fight or not", func(in *Input) {
			fought(in, restored(hive), 9, hours(0))
			in.Facts.Targets[0], in.Facts.Issued = restored(global), &IssuedFact{Present: true}
		}, LookAtRotations, "", ""},
		{"what may not be written yet leaves the fight to be reported", func(in *Input) {
			fought(in, restored(hive), 9, hours(0))
			in.Facts.Targets[0], in.LastPoll = restored(global), time.Time{}
			current(in)
			in.Facts.IssuedChecks = said(Unauthorized, v1alpha1.VerificationRequired)
			Record{in.Status}.Answered(in.Facts.IssuedChecks, in.Now)
		}, Wait, v1alpha1.ReasonWriterFight, "hive/pull"},
		{"what can be written is", func(in *Input) {
			fought(in, restored(hive), 9, hours(0))
			in.Facts.Targets[0] = restored(global)
			current(in)
			accepted(in)
		}, Heal, "", ""},
		{"a server that lags behind heals nothing", func(in *Input) {
			in.Facts.Targets[0] = restored(global)
			current(in)
			in.Facts.Issued.Superseded = true
			accepted(in)
		}, Wait, v1alpha1.ReasonNotDue, ""},
		{"mode Audit heals nothing", func(in *Input) {
			in.Facts.Targets[0], in.Spec.Mode, in.LastPoll = restored(global), v1alpha1.ModeAudit, time.Time{}
			current(in)
			accepted(in)
		}, LookAtRotations, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, keptInput()) })
	}
}

func TestFight_IsReportedAboutTheTargetThatIsHealedNext(t *testing.T) {
	ref := func(name string) v1alpha1.SecretReference {
		return v1alpha1.SecretReference{Namespace: "n", Name: name}
	}
	in := keptInput()
	fought(&in, restored(ref("last")), 9, hours(0))
	fought(&in, restored(ref("next")), 9, TimePtr(noon.Add(-30*time.Minute)))
	fought(&in, restored(ref("with-it")), 9, TimePtr(noon.Add(-30*time.Minute)))
	fought(&in, restored(ref("later")), 9, TimePtr(noon.Add(-time.Minute)))
	d := fightAbout(in)
	if d == nil || d.After != 30*time.Minute || !strings.Contains(d.Message, "to n/next (quay.io) 9 times") || !strings.HasPrefix(d.Message, "Another writer has") {
		t.Errorf("it is %+v", d)
	}
}

func TestPauses_ForOneTargetWhileSomethingIsWrongWithIt(t *testing.T) {
	for name, row := range map[string]struct {
		target TargetFact
		want   bool
	}{
		"nothing is wrong":     {TargetFact{Ref: hive}, false},
		"an old value":         {TargetFact{Ref: hive, Old: []string{"quay.io"}}, true},
		"an unknown value":     {TargetFact{Ref: hive, Other: []string{"quay.io"}}, true},
		"both":                 {TargetFact{Ref: hive, Old: []string{"quay.io"}, Other: []string{"registry.redhat.io"}}, true},
		"in another namespace": {TargetFact{Ref: v1alpha1.SecretReference{Namespace: "n", Name: hive.Name}, Old: []string{"quay.io"}}, false},
		"with another name":    {TargetFact{Ref: v1alpha1.SecretReference{Namespace: hive.Namespace, Name: "n"}, Old: []string{"quay.io"}}, false},
	} {
		in := keptInput()
		fought(&in, TargetFact{Ref: hive}, 9, hours(0))
		if got := Pauses(in, row.target); got != row.want {
			t.Errorf("%s: it pauses: %v", name, got)
		}
	}
}

func TestApplied_IsATargetThatHasHadTheNewCredentials(t *testing.T) {
	for result, want := range map[string]bool{
		v1alpha1.ReasonPullSecretUpdated: true, v1alpha1.ReasonAlreadyCurrent: true, v1alpha1.ReasonEntryHealed: true,
		v1alpha1.ReasonRolledBack: false, v1alpha1.ReasonForbidden: false, "": false,
	} {
		if got := Applied(&v1alpha1.TargetStatus{Result: result}); got != want {
			t.Errorf("%s: applied: %v", result, got)
		}
	}
	if Applied(nil) {
		t.Error("a target without a row has had them")
	}
}
