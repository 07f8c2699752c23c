package decide

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// What is worse than a probe is reported before it, and what is better after it.
func TestBesideProbes_ReportsTheProbesBesideOCMsProgress(t *testing.T) {
	refused := func(in *Input) { refusedMachine(in, time.Minute) }
	ended := func(in *Input) { probe(in).EndedAt = hours(0) }
	second := func(in *Input) {
		refused(in)
		in.Status.Rotation.Probes = append(in.Status.Rotation.Probes, v1alpha1.ProbeStatus{Pool: "infra", Image: appImage, FileSince: *hours(0)})
	}
	wait := func(s State) Decision { return Waiting(s, "Said", "Said", "said", 9*time.Hour) }
	for _, row := range []struct {
		name   string
		change func(*Input)
		said   Decision
		reason string // "" for a step
		short  bool   // it is looked at again when the probe is
	}{
		{"all is well, and a pool has not answered", pulling, wait(Ready), v1alpha1.ReasonProbing, true},
		{"all is well, and each pool has answered", ended, wait(Ready), "Said", true},
		{"all is well, and a machine is refused", refused, wait(Ready), v1alpha1.ReasonProbeRefused, true},
		{"the roll-out is under way", pulling, wait(Progressing), "Said", true},
		{"the roll-out is under way, and a machine is refused", refused, wait(Progressing), v1alpha1.ReasonProbeRefused, true},
		{"something has failed", pulling, wait(Failing), "Said", true},
		{"something has failed, and a machine is refused", refused, wait(Failing), "Said", true},
		{"a person is asked, and a machine is refused", refused, wait(Stalled), "Said", true},
		{"the rotation has ended, and a pool has not answered", pulling, Do(Finish), v1alpha1.ReasonProbing, true},
		{"the rotation has ended, one pool is refused, and another has not answered", second, Do(Finish), v1alpha1.ReasonProbing, true},
		{"the rotation has ended, and one pool is refused", refused, Do(Finish), "", false},
		{"the rotation has ended, and each pool has answered", ended, Do(Finish), "", false},
		{"something is to be done", pulling, Do(MarkIssued), "", false},
		{"something is to be done, and a machine is refused", refused, Do(RollBack), "", false},
		{"nobody is asked", func(in *Input) { pulling(in); in.Spec.Rollout.Probe = nil }, wait(Ready), "Said", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := probingInput()
			row.change(&in)
			said := row.said
			d := besideProbes(in, &said)
			if d.Reason != row.reason || row.reason == "" && d.Step != row.said.Step || row.reason != "" && (d.Step != Wait || (d.After <= time.Hour) != row.short) {
				t.Errorf("it becomes %s %s for %s", d.Step, d.Reason, d.After)
			}
		})
	}
}

func TestUntilProbe_IsUntilOneNeedsAttention(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   time.Duration
	}{
		{"none is to be asked", func(in *Input) { probe(in).EndedAt = hours(0) }, time.Hour},
		{"a machine is at it", pulling, 30 * time.Second},
		{"the pool has lost the file", func(*Input) {}, 30 * time.Second},
		{"kubelet will have forgotten", func(in *Input) { probe(in).FileSince = *TimePtr(noon.Add(7*time.Minute - in.Timing.ProbeDelay)) }, 7 * time.Minute},
		{"in this moment", func(in *Input) { probe(in).FileSince = *TimePtr(noon.Add(time.Millisecond - in.Timing.ProbeDelay)) }, time.Second},
		{"long from now", func(in *Input) { probe(in).FileSince = *hours(9) }, time.Hour},
	} {
		in := probingInput()
		row.change(&in)
		if got := untilProbe(in); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestSayPools_NamesThreeWithTheirMachines(t *testing.T) {
	list := []v1alpha1.ProbeStatus{{Pool: "a", Machine: "m"}, {Pool: "b"}, {Pool: "c"}, {Pool: "d"}, {Pool: "e"}}
	for n, want := range map[int]string{1: "a (m)", 3: "a (m), b, c", 5: "a (m), b, c, 2 more"} {
		if got := sayPools(list[:n]); got != want {
			t.Errorf("%d are %q, want %q", n, got, want)
		}
	}
}

// twoPools adds a pool that has had the file, or the refusal, for longer.
func twoPools(in *Input, longer func(*v1alpha1.ProbeStatus)) {
	second := *probe(in).DeepCopy()
	second.Pool = "infra"
	longer(&second)
	in.Status.Rotation.Probes = append(in.Status.Rotation.Probes, second)
}

func TestProbeWords_SayTheTimeOfTheFirst(t *testing.T) {
	in := probingInput()
	twoPools(&in, func(p *v1alpha1.ProbeStatus) { p.FileSince = *hours(-1) })
	if got := probingWords(in); !strings.Contains(got, "from 2026-05-06 11:05 UTC on") || !strings.Contains(got, "awaited: worker, infra.") {
		t.Errorf("it says %s", got)
	}
	in = probingInput()
	refusedMachine(&in, time.Minute)
	twoPools(&in, func(p *v1alpha1.ProbeStatus) { p.RefusedSince = TimePtr(noon.Add(-20 * time.Minute)) })
	if got := refusedWords(in); !strings.Contains(got, "since 2026-05-06 11:40 UTC") || !strings.Contains(got, "at 2026-05-06 12:10 UTC and the registry serves it to the old entry") {
		t.Errorf("it says %s", got)
	}
	in.Now = noon.Add(10 * time.Minute)
	if got := refusedWords(in); !strings.Contains(got, "The old entries are not restored") {
		t.Errorf("once that is too late it says %s", got)
	}
	in.Now, in.Spec.Rollback = noon, v1alpha1.RollbackNever
	if got := refusedWords(in); !strings.Contains(got, "spec.rollback forbids it") {
		t.Errorf("where the spec says Never it says %s", got)
	}
}

func TestMachinesCanPull_ReportsTheWorstAnswer(t *testing.T) {
	answers := func(in *Input, results ...v1alpha1.ProbeResult) {
		in.Status.Rotation.Probes = nil
		for i, r := range results {
			p := v1alpha1.ProbeStatus{Pool: string(rune('a' + i)), Image: appImage, Result: r}
			if r != "" {
				p.TriedAt = hours(-1)
			}
			if r == v1alpha1.ProbePulled || r == v1alpha1.ProbeNotStarted {
				p.EndedAt = hours(-1)
			}
			in.Status.Rotation.Probes = append(in.Status.Rotation.Probes, p)
		}
	}
	const again, over = "the operator tries again", "no other follows"
	for _, row := range []struct {
		results []v1alpha1.ProbeResult
		status  metav1.ConditionStatus
		reason  string
		says    string
	}{
		{[]v1alpha1.ProbeResult{"", v1alpha1.ProbePulled, v1alpha1.ProbeFailed, v1alpha1.ProbeRefused}, metav1.ConditionFalse, v1alpha1.ReasonProbeRefused, again},
		{[]v1alpha1.ProbeResult{"", v1alpha1.ProbeNotFound, v1alpha1.ProbeFailed}, metav1.ConditionFalse, v1alpha1.ReasonProbeFailed, again},
		{[]v1alpha1.ProbeResult{v1alpha1.ProbeNotStarted, v1alpha1.ProbeNotFound}, metav1.ConditionUnknown, v1alpha1.ReasonProbeImageMissing, again},
		{[]v1alpha1.ProbeResult{v1alpha1.ProbeNotCreated, v1alpha1.ProbeNotStarted}, metav1.ConditionUnknown, v1alpha1.ReasonProbeNotCreated, again},
		{[]v1alpha1.ProbeResult{"", v1alpha1.ProbeNotStarted}, metav1.ConditionUnknown, v1alpha1.ReasonProbeNotStarted, over},
		{[]v1alpha1.ProbeResult{v1alpha1.ProbePulled, ""}, metav1.ConditionUnknown, v1alpha1.ReasonProbing, "have not answered yet"},
		{[]v1alpha1.ProbeResult{v1alpha1.ProbePulled}, metav1.ConditionTrue, v1alpha1.ReasonProbesPulled, "the pools a has pulled " + appImage + " with the new pull secret."},
	} {
		in := probingInput()
		answers(&in, row.results...)
		status, reason, message, ok := MachinesCanPull(in)
		if !ok || status != row.status || reason != row.reason || !strings.Contains(message, row.says) || !strings.Contains(message, appImage) {
			t.Errorf("%q: %v %s %s %q", row.results, ok, status, reason, message)
		}
		if row.status == metav1.ConditionTrue && strings.Contains(message, "attempt") {
			t.Errorf("%q: no attempt is left: %s", row.results, message)
		}
	}
	for name, change := range map[string]func(*Input){
		"the spec asks for nothing": func(in *Input) { in.Spec.Rollout.Probe = nil },
		"nothing is on record":      func(in *Input) { in.Status.Rotation = nil },
		"nothing is applied":        func(in *Input) { in.Status.Rotation.AppliedAt = nil },
		"it was rolled back":        func(in *Input) { in.Status.Rotation.RolledBackAt = hours(0) },
		"no pool was seen":          func(in *Input) { in.Status.Rotation.Probes = nil },
	} {
		in := probingInput()
		change(&in)
		if _, reason, _, ok := MachinesCanPull(in); ok {
			t.Errorf("%s: %s", name, reason)
		}
	}
	in := probingInput()
	probe(&in).Result = "Unheard"
	if _, _, _, ok := MachinesCanPull(in); ok {
		t.Error("a result that nobody knows has a meaning")
	}
	for result, want := range map[v1alpha1.ProbeResult]string{
		v1alpha1.ProbeRefused: v1alpha1.ReasonProbeRefused, v1alpha1.ProbePulled: v1alpha1.ReasonProbesPulled, "": v1alpha1.ReasonProbeNotStarted, "Unheard": v1alpha1.ReasonProbeNotStarted,
	} {
		if got := ReasonOfProbe(result); got != want {
			t.Errorf("the reason of %q is %s", result, got)
		}
	}
}

// With one pool that has ended and one that goes on, the sentence is about the first that has tried.
func TestTried_IsAboutTheFirstThatHasTried(t *testing.T) {
	list := []v1alpha1.ProbeStatus{{Pool: "a"}, {Pool: "b", TriedAt: hours(-2), EndedAt: hours(-2)}, {Pool: "c", TriedAt: hours(-1)}}
	if got := tried(list); !strings.Contains(got, "at 2026-05-06 10:00 UTC, and no other follows") {
		t.Errorf("it says %q", got)
	}
	if got := tried(list[2:]); !strings.Contains(got, "at 2026-05-06 11:00 UTC; the operator tries again") {
		t.Errorf("it says %q", got)
	}
	if got := tried(list[:1]); got != "" {
		t.Errorf("without an attempt it says %q", got)
	}
}
