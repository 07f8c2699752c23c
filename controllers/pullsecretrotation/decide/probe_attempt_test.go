package decide

import (
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func TestOutcome_IsWhatThePodOnRecordSays(t *testing.T) {
	pod := func(in *Input) *ProbeFact { return &(*in.Facts.Probes)[0] }
	late := func(in *Input) { probe(in).StartedAt = TimePtr(noon.Add(-in.Timing.ProbeAttempt)) }
	for _, row := range []struct {
		name    string
		change  func(*Input)
		result  v1alpha1.ProbeResult
		machine string
		over    bool
	}{
		{"it pulls", func(*Input) {}, "", "worker-1", false},
		{"it has pulled", func(in *Input) { pod(in).Result = v1alpha1.ProbePulled }, v1alpha1.ProbePulled, "worker-1", true},
		{"on a machine that the scheduler chose", func(in *Input) {
			pod(in).Result, pod(in).Machine, probe(in).Machine = v1alpha1.ProbeRefused, "worker-2", ""
		}, v1alpha1.ProbeRefused, "worker-2", true},
		{"it never had a machine", func(in *Input) { late(in); pod(in).Machine = "" }, v1alpha1.ProbeNotStarted, "worker-1", true},
		{"its time is over", late, v1alpha1.ProbeNotStarted, "worker-1", true},
		{"its time is over, and something is known", func(in *Input) { late(in); pod(in).Late = v1alpha1.ProbeFailed }, v1alpha1.ProbeFailed, "worker-1", true},
		{"an answer in the last moment counts", func(in *Input) { late(in); pod(in).Result, pod(in).Late = v1alpha1.ProbePulled, v1alpha1.ProbeFailed }, v1alpha1.ProbePulled, "worker-1", true},
		{"its time is almost over", func(in *Input) { late(in); in.Now = in.Now.Add(-time.Second) }, "", "worker-1", false},
		{"somebody has removed it", func(in *Input) { in.Facts.Probes, probe(in).Result = &[]ProbeFact{}, v1alpha1.ProbeRefused }, v1alpha1.ProbeRefused, "worker-1", true},
		{"somebody has made another one", func(in *Input) { pod(in).UID = "other" }, "", "worker-1", true},
		{"there is only another one", func(in *Input) { pod(in).Pod = "other" }, "", "worker-1", true},
		{"nobody has looked", func(in *Input) { in.Facts.Probes = nil }, "", "", false},
		{"nobody waits", func(in *Input) { pod(in).Result, probe(in).TriedAt = v1alpha1.ProbePulled, hours(0) }, "", "", false},
		{"nobody waits any more", func(in *Input) { pod(in).Result, probe(in).EndedAt = v1alpha1.ProbePulled, hours(0) }, "", "", false},
		{"there is none", func(in *Input) { probe(in).Pod = "" }, "", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := probingInput()
			pulling(&in)
			row.change(&in)
			if result, machine, over := outcome(in, *probe(&in)); result != row.result || machine != row.machine || over != row.over {
				t.Errorf("it is %q of %q, over: %v", result, machine, over)
			}
		})
	}
}

// A pool without an answer is asked for an hour, or for as long as the spec says, from when its machines may use the new file alone.
func TestGaveUp_WhenTheTimeIsOver(t *testing.T) {
	timing := testTiming()
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   bool
	}{
		{"the time is over", func(*Input) {}, true},
		{"almost", func(in *Input) { in.Now = in.Now.Add(-time.Second) }, false},
		{"the spec gives more time", func(in *Input) { in.Spec.Rollout.Probe.Timeout = duration(61 * time.Minute) }, false},
		{"the spec gives less", func(in *Input) {
			in.Spec.Rollout.Probe.Timeout, in.Now = duration(time.Minute), in.Now.Add(-59*time.Minute)
		}, true},
		{"a machine is at it", pulling, false},
		{"it was given up before", func(in *Input) { probe(in).EndedAt = hours(0) }, false},
		{"a refusal lasts until it is mended", func(in *Input) { refusedMachine(in, time.Minute) }, false},
		{"the spec does not ask for it", func(in *Input) { in.Spec.Rollout.Probe.Image = "other" }, false},
	} {
		in := probingInput()
		probe(&in).FileSince = *TimePtr(noon.Add(-timing.ProbeDelay - time.Hour))
		row.change(&in)
		if got := gaveUp(in, *probe(&in)); got != row.want {
			t.Errorf("%s: it is given up: %v", row.name, got)
		}
	}
}

// Attempts come with pauses that grow with the time for which kubelet has used the new file alone, from one minute to an hour.
func TestNextAttempt_ComesLessAndLessOften(t *testing.T) {
	since := noon.Add(-8 * time.Minute)
	for name, row := range map[string]struct {
		change func(*v1alpha1.ProbeStatus)
		want   time.Duration // after noon
	}{
		"the first as soon as it may":                  {func(*v1alpha1.ProbeStatus) {}, -8 * time.Minute},
		"a quarter of the time after the last":         {func(p *v1alpha1.ProbeStatus) { p.StartedAt, p.TriedAt = TimePtr(since), hours(0) }, 2 * time.Minute},
		"after its beginning while it has no end":      {func(p *v1alpha1.ProbeStatus) { p.StartedAt = hours(0) }, 2 * time.Minute},
		"no sooner than a minute":                      {func(p *v1alpha1.ProbeStatus) { p.StartedAt = TimePtr(since) }, -7 * time.Minute},
		"no later than an hour, however long it lasts": {func(p *v1alpha1.ProbeStatus) { p.StartedAt = hours(100) }, 101 * time.Hour},
	} {
		in := probingInput()
		probe(&in).FileSince = *TimePtr(since.Add(-in.Timing.ProbeDelay))
		row.change(probe(&in))
		if got := nextAttempt(in, *probe(&in)).Sub(noon); got != row.want {
			t.Errorf("%s: it comes %s after noon, want %s", name, got, row.want)
		}
	}
}

func TestProbeIsDue_WhileThePoolHasGivenNoAnswer(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   bool
	}{
		{"its time has come", func(*Input) {}, true},
		{"a machine is at it", pulling, false},
		{"it has ended", func(in *Input) { probe(in).EndedAt = hours(0) }, false},
		{"the spec asks for another image", func(in *Input) { in.Spec.Rollout.Probe.Image = "other" }, false},
		{"the time is over", func(in *Input) { probe(in).FileSince = *hours(-9) }, false},
		{"the pause is not over", func(in *Input) { refusedMachine(in, time.Minute) }, false},
		{"the pause is over", func(in *Input) { refusedMachine(in, time.Minute); in.Now = in.Now.Add(time.Hour) }, true},
	} {
		in := probingInput()
		row.change(&in)
		if got := probeIsDue(in, *probe(&in)); got != row.want {
			t.Errorf("%s: due: %v", row.name, got)
		}
	}
}

// The pools are looked at while one that the spec names, or that had a configuration before the change, was not seen with the new file.
func TestLacksPool_UntilEachWasSeenWithTheFile(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Input)
		want   bool
	}{
		{"all were seen", func(*Input) {}, false},
		{"none was", func(in *Input) { in.Status.Rotation.Probes = nil }, true},
		{"one was not", func(in *Input) {
			in.Status.Rotation.Pools = append(in.Status.Rotation.Pools, v1alpha1.PoolStatus{Name: "infra"})
		}, true},
		{"the spec does not name it", func(in *Input) {
			in.Status.Rotation.Pools = append(in.Status.Rotation.Pools, v1alpha1.PoolStatus{Name: "infra"})
			in.Spec.Rollout.Probe.Pools = []string{"worker"}
		}, false},
		{"one that the spec names was not", func(in *Input) { in.Spec.Rollout.Probe.Pools = []string{"worker", "infra"} }, true},
		{"one was, for another image", func(in *Input) { probe(in).Image = "other" }, true},
		{"nobody knows which there are", func(in *Input) { in.Status.Rotation.Pools = nil }, false},
		{"nobody knows, and none was seen", func(in *Input) { in.Status.Rotation.Pools, in.Status.Rotation.Probes = nil, nil }, true},
	} {
		in := probingInput()
		row.change(&in)
		if got := lacksPool(in); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

func TestHasFile_IfEachMachineOfThePoolHasIt(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Input, *Pool)
		want   bool
	}{
		{"each has", func(*Input, *Pool) {}, true},
		{"it has no machine", func(_ *Input, p *Pool) { p.Machines, p.Updated = 0, 0 }, false},
		{"it is paused", func(_ *Input, p *Pool) { p.Paused = true }, false},
		{"it is not settled", func(_ *Input, p *Pool) { p.Updated = 1 }, false},
		{"the change is not rendered", func(_ *Input, p *Pool) { p.Wanted, p.Current = "old", "old" }, false},
		{"a machine lags", func(in *Input, _ *Pool) {
			(*in.Facts.Machines)[0].Current, (*in.Facts.Machines)[0].Updated = "old", false
		}, false},
	} {
		in := probingInput()
		pool := (*in.Facts.Pools)[0]
		row.change(&in, &pool)
		if got := hasFile(in.Status, pool, machines(in)); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}

// A refusal is asked about at the machine that has met it; a machine that never began says nothing, so the next one is asked.
func TestMachineFor_StaysWithTheMachineThatHasAnswered(t *testing.T) {
	machine := func(name string) Machine { return Machine{Name: name, Pool: "worker"} }
	three := []Machine{machine("c"), machine("a"), machine("b"), {Name: "0", Pool: "infra"}, {Name: "1", Pool: "worker", Degraded: true}}
	for _, row := range []struct {
		name     string
		machines []Machine
		before   string
		result   v1alpha1.ProbeResult
		want     string
	}{
		{"the first by name", three, "", "", "a"},
		{"the same after an answer", three, "b", v1alpha1.ProbeRefused, "b"},
		{"the next after none", three, "a", v1alpha1.ProbeNotStarted, "b"},
		{"the first after the last", three, "c", v1alpha1.ProbeNotStarted, "a"},
		{"the first if the same is gone", three, "z", v1alpha1.ProbeRefused, "a"},
		{"the first if the one that did not begin is gone", three, "z", v1alpha1.ProbeNotStarted, "a"},
		{"whichever the scheduler chooses, where none is known", three[3:], "", "", ""},
	} {
		in := probingInput()
		in.Facts.Machines = &row.machines
		if got := machineFor(in, v1alpha1.ProbeStatus{Pool: "worker", Machine: row.before, Result: row.result}); got != row.want {
			t.Errorf("%s: it is %q, want %q", row.name, got, row.want)
		}
	}
	in := probingInput()
	if d := Decide(in); d.Pool != "worker" || d.Machine != "worker-1" {
		t.Errorf("planned is %q of %q", d.Machine, d.Pool)
	}
}
