package decide

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// endedInput is a cluster whose rotation OCM completed some time ago.
func endedInput(ago time.Duration) Input {
	in := dueInput()
	r := v1alpha1.RotationStatus{ID: "a", After: hours(-1), AppliedAt: hours(-200), RevokedAt: TimePtr(noon.Add(-ago)), BackupSecret: "backup"}
	in.Status.Rotation, in.Status.History = r.DeepCopy(), []v1alpha1.RotationStatus{r}
	return in
}

func old(registry string, o Outcome) Check {
	return Check{Registry: registry, Policy: v1alpha1.VerificationRequired, Fingerprint: "old", Result: Answer{Outcome: o}}
}

func TestProof_IsAskedForAtOnceThenLessAndLessThenDaily(t *testing.T) {
	timing := testTiming()
	timing.ProofRetry, timing.ProofPatience, timing.ProofInterval = 5*time.Minute, 24*time.Hour, 24*time.Hour
	in := endedInput(0)
	in.Timing = timing
	end, asked := in.Now, 0
	for in.Now.Before(end.Add(24 * time.Hour)) {
		d := Decide(in)
		if d.Step == CheckOld {
			asked++
			Record{in.Status}.Tried("backup", []Check{old("quay.io", Accepted)}, in.Now)
			continue
		}
		if d.Step != Wait {
			t.Fatalf("decided %s", d.Step)
		}
		in.Now, in.Status.LastHealthCheck = in.Now.Add(d.After), TimePtr(in.Now.Add(d.After))
	}
	if asked < 8 || asked > 14 {
		t.Errorf("%d checks in the first day", asked)
	}
	if at := nextProof(timing, in.Status.Rotation); !at.Equal(end.Add(24 * time.Hour)) {
		t.Errorf("the next is at %s, want it when the day is over: a person is told on time", at)
	}
	Record{in.Status}.Tried("backup", []Check{old("quay.io", Accepted)}, end.Add(24*time.Hour))
	if !timing.Overdue(in.Status.Rotation) {
		t.Error("a day is over, and that is not overdue")
	}
	if at := nextProof(timing, in.Status.Rotation); !at.Equal(end.Add(48 * time.Hour)) {
		t.Errorf("the next is at %s, want it a day later", at)
	}
}

func TestDecide_ProvesWhatIsCalledDeleted(t *testing.T) {
	for _, c := range []decision{
		{"a rotation that has ended is proven", func(*Input) {}, CheckOld, "", ""},
		{"with the answers", func(in *Input) { in.Facts.OldChecks = []Check{old("quay.io", Unauthorized)} }, RecordRevocation, "", ""},
		{"a backup that has nothing to ask with is of no use", func(in *Input) { in.Facts.OldChecks = []Check{} }, DropBackup, "", ""},
		{"nor is one that is proven dead", func(in *Input) {
			in.Status.Rotation.RevocationProvenAt, in.Status.History[0].RevocationProvenAt = hours(0), hours(0)
		}, DropBackup, "", ""},
		{"one without a backup is left alone", func(in *Input) { Record{in.Status}.BackupDropped("backup") }, Wait, v1alpha1.ReasonNotDue, ""},
		{"so is it in mode Audit", func(in *Input) { in.Spec.Mode = v1alpha1.ModeAudit }, Wait, v1alpha1.ReasonAudited, ""},
		{"and while the object is suspended", func(in *Input) { in.Spec.Suspend = true }, Wait, v1alpha1.ReasonSuspended, ""},
		{"an earlier rotation is proven while another is under way", func(in *Input) {
			under := underWayInput()
			in.Status.Rotation, in.Facts = under.Status.Rotation, under.Facts
		}, CheckOld, "", ""},
		{"one that has not ended is not tried", func(in *Input) {
			*in = underWayInput()
			rolledOut(in)
		}, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
		{"a clock that went back does not put it off", func(in *Input) {
			in.Status.Rotation.RevocationTriedAt, in.Status.History[0].RevocationTriedAt = hours(50), hours(50)
		}, CheckOld, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, endedInput(time.Hour)) })
	}
}

func TestTried_TakesOnlyARefusedLoginForAProof(t *testing.T) {
	for name, c := range map[string]struct {
		checks []Check
		want   string // of quay.io
		proven bool
	}{
		"all refuse":                        {[]Check{old("quay.io", Unauthorized), old("registry.redhat.io", Unauthorized)}, AnswerRefused, true},
		"one accepts":                       {[]Check{old("quay.io", Accepted), old("registry.redhat.io", Unauthorized)}, AnswerAccepted, false},
		"for one only the image is missing": {[]Check{old("quay.io", NotFound)}, AnswerAccepted, false},
		"one only denies a pull":            {[]Check{old("quay.io", Denied)}, AnswerNone, false},
		"one cannot be reached":             {[]Check{old("quay.io", Unreachable), old("registry.redhat.io", Unauthorized)}, AnswerNone, false},
		"one is rate limiting":              {[]Check{old("quay.io", RateLimited)}, AnswerNone, false},
		"the second target's is accepted": {[]Check{old("quay.io", Unauthorized), {Registry: "quay.io", Fingerprint: "other", Target: "hive/pull", Result: Answer{Outcome: Accepted}}},
			AnswerAccepted, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := endedInput(time.Hour)
			s := Record{in.Status}
			s.Tried("backup", c.checks, noon)
			for _, r := range s.all() {
				if r.RevocationTriedAt == nil || r.RevocationAnswers[0].Result != c.want || (r.RevocationProvenAt != nil) != c.proven {
					t.Errorf("the record has %+v, proven at %s", r.RevocationAnswers, r.RevocationProvenAt)
				}
			}
			s.Tried("backup", c.checks, noon.Add(time.Hour))
			if a := s.Rotation.RevocationAnswers[0]; !a.At.Time.Equal(noon) {
				t.Errorf("the answer is from %s, and it is the same since noon", a.At)
			}
		})
	}
	in := endedInput(time.Hour)
	in.Status.History = append(in.Status.History, v1alpha1.RotationStatus{ID: "b", BackupSecret: "another", RevokedAt: &metav1.Time{Time: noon}})
	if (Record{in.Status}).Tried("backup", []Check{old("quay.io", Unauthorized)}, noon); in.Status.History[1].RevocationProvenAt != nil {
		t.Error("the proof of one rotation is taken for another's")
	}
}
