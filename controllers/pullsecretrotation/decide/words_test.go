package decide

import (
	"slices"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestNaming_NamesThreeMachinesTheDegradedFirst(t *testing.T) {
	s := &v1alpha1.PullSecretRotationStatus{Rotation: &v1alpha1.RotationStatus{}}
	pool := Pool{Name: "worker", Wanted: "new", Current: "old"}
	var all []Machine
	for _, name := range []string{"d", "c", "b", "a"} {
		all = append(all, Machine{Name: name, Pool: "worker", Current: "old", Degraded: name == "d"})
	}
	for n, want := range map[int]string{0: "", 1: ", without d", 3: ", without d, b, c", 4: ", without d, a, b, 1 more"} {
		if got := naming(laggards(s, pool, all[:n])); got != want {
			t.Errorf("%d lag: %q, want %q", n, got, want)
		}
	}
}

// A pool whose configuration was not recorded, or whose file another wrote, may have rendered the change before the operator looked.
func TestUnrendered_IsKnownOnlyOfTheOperatorsOwnChange(t *testing.T) {
	for _, row := range []struct {
		name, before, wanted, result string
		want                         bool
	}{
		{"it wants what it had", "old", "old", v1alpha1.ReasonPullSecretUpdated, true},
		{"it wants something else", "old", "new", v1alpha1.ReasonPullSecretUpdated, false},
		{"another has changed it", "old", "old", v1alpha1.ReasonAlreadyCurrent, false},
		{"what it had is not on record", "", "", v1alpha1.ReasonPullSecretUpdated, false},
	} {
		s := &v1alpha1.PullSecretRotationStatus{
			Rotation: &v1alpha1.RotationStatus{Pools: []v1alpha1.PoolStatus{{Name: "worker", ConfigurationBefore: row.before}}},
			Targets:  []v1alpha1.TargetStatus{{Namespace: global.Namespace, Name: global.Name, Result: row.result}},
		}
		if got := unrendered(s, Pool{Name: "worker", Wanted: row.wanted}); got != row.want {
			t.Errorf("%s: unrendered: %v", row.name, got)
		}
	}
	in := underWayInput()
	appliedSince(&in, 0)
	in.Spec.Targets, in.Facts.Machines = []v1alpha1.SecretReference{hive}, nil
	if d := Decide(in); d.Step != MarkRolledOut {
		t.Errorf("a pull secret that is not the machines' is rolled out by %s", d.Step)
	}
	in = underWayInput()
	rolledOut(&in)
	in.Facts.Machines = nil
	if d := Decide(in); d.Reason != v1alpha1.ReasonAwaitingRevocation {
		t.Errorf("after the roll-out the machines are looked at: %s", d.Step)
	}
}

func TestJudge_AMissingImageCountsIfTheSpecNamesIt(t *testing.T) {
	for named, want := range map[bool]int{true: 1, false: 0} {
		checks := said(NotFound, v1alpha1.VerificationRequired)
		checks[0].Named = named
		if refused, unknown := Judge(checks); len(refused) != 0 || len(unknown) != want {
			t.Errorf("named %v: refused %q, unknown %q", named, refused, unknown)
		}
	}
}

func TestUntilProof_EndsOnlyAWaitInWhichItMayBeMade(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*Input)
		said   Decision
		want   time.Duration
	}{
		"a wait":              {nil, Decision{Step: Wait, After: 9 * time.Hour}, time.Hour},
		"another step":        {nil, Decision{Step: Apply, After: 9 * time.Hour}, 9 * time.Hour},
		"a suspended object":  {func(in *Input) { in.Spec.Suspend = true }, Decision{Step: Wait, After: 9 * time.Hour}, 9 * time.Hour},
		"mode Audit":          {func(in *Input) { in.Spec.Mode = v1alpha1.ModeAudit }, Decision{Step: Wait, After: 9 * time.Hour}, 9 * time.Hour},
		"nothing to be shown": {func(in *Input) { Record{in.Status}.BackupDropped("backup") }, Decision{Step: Wait, After: 9 * time.Hour}, 9 * time.Hour},
	} {
		in := endedInput(time.Hour)
		in.Status.Rotation.RevocationTriedAt, in.Status.History[0].RevocationTriedAt = hours(0), hours(0)
		if row.change != nil {
			row.change(&in)
		}
		if got := untilProof(in, row.said); got.After != row.want {
			t.Errorf("%s: it ends in %s, want %s", name, got.After, row.want)
		}
	}
}

func TestTried_TellsAboutWhichRotation(t *testing.T) {
	in := endedInput(time.Hour)
	s := Record{in.Status}
	if got := s.Tried("backup", nil, noon); got.ID != "a" || got.RevocationTriedAt == nil || got.RevocationProvenAt != nil {
		t.Errorf("without an answer it is %+v", got)
	}
	if got := s.Tried("another", []Check{old("quay.io", Unauthorized)}, noon); got.ID != "" {
		t.Errorf("a backup that is not on record is that of %+v", got)
	}
	if testTiming().Overdue(&v1alpha1.RotationStatus{RevocationTriedAt: hours(0)}) || testTiming().Overdue(&v1alpha1.RotationStatus{RevokedAt: hours(-99)}) {
		t.Error("what has not ended, or was not tried, is overdue")
	}
}

// Each registry has one answer: the worst of its credentials, and for as long as it has been so.
func TestOldAnswers_AreTheWorstOfEachRegistry(t *testing.T) {
	before := []v1alpha1.RegistryAnswer{{Registry: "registry.redhat.io", Result: AnswerRefused, At: hours(-3)}, {Registry: "quay.io", Result: AnswerAccepted, At: hours(-2)}}
	checks := []Check{old("quay.io", Unauthorized), old("registry.redhat.io", Unauthorized), old("quay.io", Accepted), old("quay.io", Unreachable), old("other.io", Unreachable)}
	got := oldAnswers(before, checks, noon)
	want := []v1alpha1.RegistryAnswer{{Registry: "quay.io", Result: AnswerAccepted, At: hours(-2)}, {Registry: "registry.redhat.io", Result: AnswerRefused, At: hours(-3)}, {Registry: "other.io", Result: AnswerNone, At: hours(0)}}
	if len(got) != len(want) {
		t.Fatalf("the answers are %+v", got)
	}
	for i := range want {
		if got[i].Registry != want[i].Registry || got[i].Result != want[i].Result || !got[i].At.Equal(want[i].At) {
			t.Errorf("the answer is %+v, want %+v", got[i], want[i])
		}
	}
	accepted, unasked := StillAccepted(&v1alpha1.RotationStatus{RevocationAnswers: got})
	if !slices.Equal(accepted, []string{"quay.io"}) || !slices.Equal(unasked, []string{"other.io"}) {
		t.Errorf("accepted by %q, unasked are %q", accepted, unasked)
	}
	if got := oldAnswers([]v1alpha1.RegistryAnswer{{Registry: "quay.io", Result: AnswerRefused, At: hours(-3)}}, []Check{old("quay.io", Accepted)}, noon); !got[0].At.Equal(hours(0)) {
		t.Errorf("another answer than before is from %s", got[0].At)
	}
	var many []Check
	for i := range 40 {
		many = append(many, old(string(rune('A'+i)), Unauthorized))
	}
	if got := oldAnswers(nil, many, noon); len(got) != keptAnswers {
		t.Errorf("%d answers are kept", len(got))
	}
}

func TestHealth_OnlyARegistryThatCannotTellIsAskedSooner(t *testing.T) {
	in := dueInput()
	in.Status.Registries = []v1alpha1.RegistryStatus{
		{Registry: "a", Result: string(Accepted), Policy: v1alpha1.VerificationRequired, Since: hours(-99)},
		{Registry: "b", Result: string(Unreachable), Policy: v1alpha1.VerificationRequired},
	}
	if got := recheckUnprovable(in); got != time.Minute {
		t.Errorf("the trouble has just begun, and the registry is asked again in %s", got)
	}
}
