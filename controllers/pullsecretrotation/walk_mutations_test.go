package pullsecretrotation

import (
	"slices"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// A walk without a violation proves something only if it would find defects. Each of these defects, most of them real ones, must stop the
// walk of its scenario.
var mutations = []struct {
	defect   string
	scenario string
	decide   func(decide.Input) decide.Decision
	faults   faults
}{
	{defect: "waits for completed before it applies", scenario: "a sibling that may never switch", decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if r := in.Status.Rotation; d.Step == decide.MarkIssued && in.Facts.Rotations != nil {
			if current, ok := decide.FindRotation(*in.Facts.Rotations, r.ID); ok && current.Status != decide.RotationCompleted {
				return decide.Waiting(decide.Progressing, v1alpha1.ReasonAwaitingIssue, "", "", time.Minute)
			}
		}
		return d
	}},
	{defect: "requests without reading the list", scenario: "another client is faster", decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if d.Step == decide.LookAtRotations && in.Facts.IntentIsOurs {
			return decide.Do(decide.Request)
		}
		return d
	}},
	{defect: "adopts nothing", scenario: "one replica that crashes and loses answers", decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if d.Step == decide.RecordID {
			facts := *in.Facts
			facts.Rotations = &[]decide.Rotation{}
			in.Facts = &facts
			return decide.Decide(in)
		}
		return d
	}},
	{defect: "writes without verification", scenario: "registries that refuse and fail", decide: func(in decide.Input) decide.Decision {
		if d := decide.Decide(in); d.Step != decide.CheckIssued {
			return d
		}
		return decide.Do(decide.MarkVerified)
	}},
	{defect: "writes although a registry refuses", scenario: "registries that refuse and fail", decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if d.Reason == v1alpha1.ReasonVerifying || d.Reason == v1alpha1.ReasonCredentialsRefused {
			return decide.Do(decide.MarkVerified)
		}
		return d
	}},
	{defect: "requests again before a lost request can have had its effect", scenario: "one replica that crashes and loses answers", decide: func(in decide.Input) decide.Decision {
		if r := in.Status.Rotation; r != nil && r.IntendedAt != nil && !in.Facts.IntentIsOurs {
			in.Status = in.Status.DeepCopy()
			in.Status.Rotation.IntendedAt = decide.TimePtr(r.IntendedAt.Add(-time.Hour))
		}
		return decide.Decide(in)
	}},
	{defect: "requests after a pause since the intent", scenario: "two replicas, one of which pauses for a while", decide: func(in decide.Input) decide.Decision {
		if r := in.Status.Rotation; r != nil && r.IntendedAt != nil && in.Facts.IntentIsOurs {
			in.Status = in.Status.DeepCopy()
			in.Status.Rotation.IntendedAt = decide.TimePtr(in.Now)
		}
		return decide.Decide(in)
	}},
	{defect: "restores dead credentials", scenario: "others write the target", decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if r := in.Status.Rotation; d.Step == decide.Finish && r.AppliedAt != nil && r.RolledBackAt == nil {
			return decide.Do(decide.RollBack)
		}
		return d
	}},
	{defect: "needs no approval", scenario: "people who change their minds", decide: func(in decide.Input) decide.Decision {
		in.Approved = in.Spec.RotateAfter.Format(time.RFC3339)
		return decide.Decide(in)
	}},
	{defect: "has effects although it is suspended", scenario: "people who change their minds", decide: func(in decide.Input) decide.Decision {
		in.Spec = in.Spec.DeepCopy()
		in.Spec.Suspend = false
		return decide.Decide(in)
	}},
	{defect: "requests before T", scenario: "people who change their minds", decide: func(in decide.Input) decide.Decision {
		in.Now = in.Now.Add(tick)
		return decide.Decide(in)
	}},
	{defect: "waits for a paused pool", scenario: "a paused pool and a broken target", decide: func(in decide.Input) decide.Decision {
		if d := decide.Decide(in); d.Step != decide.MarkRolledOut {
			return d
		}
		return decide.Waiting(decide.Progressing, v1alpha1.ReasonRollingOut, "", "", time.Minute)
	}},
	{defect: "takes a machine's word for that of its pool", scenario: laggingMachine, decide: func(in decide.Input) decide.Decision {
		if m := in.Facts.Machines; m != nil && len(*m) > 0 && (*m)[0].Updated && !(*m)[0].Degraded {
			facts := *in.Facts
			facts.Pools = &[]decide.Pool{{Name: "worker"}}
			in.Facts = &facts
		}
		return decide.Decide(in)
	}},
	{defect: "does not wait for a machine", scenario: laggingMachine, decide: func(in decide.Input) decide.Decision {
		if in.Facts.Machines != nil {
			facts := *in.Facts
			facts.Machines = &[]decide.Machine{}
			in.Facts = &facts
		}
		return decide.Decide(in)
	}},
	{defect: "rolls back for a machine that is degraded", scenario: laggingMachine, decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if m := in.Facts.Machines; d.Step == decide.Wait && m != nil && len(*m) > 0 && (*m)[0].Degraded && in.Facts.Rotations != nil {
			return decide.Decision{Step: decide.RollBack}
		}
		return d
	}},
	{defect: "asks a machine whose kubelet uses the old file", scenario: askedMachine, decide: func(in decide.Input) decide.Decision {
		timing := *in.Timing
		timing.ProbeDelay = 0
		in.Timing = &timing
		return decide.Decide(in)
	}},
	{defect: "leaves the Pod of a probe", scenario: askedMachine, decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if d.Step != decide.DropProbes {
			return d
		}
		in.Status = in.Status.DeepCopy()
		for i := range in.Status.Rotation.Probes {
			in.Status.Rotation.Probes[i].Pod = ""
		}
		facts := *in.Facts
		facts.Probes = nil
		in.Facts = &facts
		return decide.Decide(in)
	}},
	{defect: "restores the old entries for a refusal that has just begun", scenario: askedMachine, decide: func(in decide.Input) decide.Decision {
		timing := *in.Timing
		timing.VerifyDeadline = 0
		in.Timing = &timing
		return decide.Decide(in)
	}},
	{defect: "rolls back for a machine's word alone", scenario: askedMachine, decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if r := in.Status.Rotation; r != nil && len(r.Probes) > 0 && r.Probes[0].RefusedSince != nil && d.Step == decide.Wait && r.RolledBackAt == nil {
			return decide.Do(decide.RollBack)
		}
		return d
	}},
	{defect: "waits for a deleted record regardless of the advice", scenario: "records that are deleted", decide: func(in decide.Input) decide.Decision {
		d := decide.Decide(in)
		if d.Step == decide.Abandon && in.Status.Rotation.ID != "" {
			return decide.Waiting(decide.Stalled, v1alpha1.ReasonRotationVanished, "", "", time.Minute)
		}
		return d
	}},
	{defect: "does not catch up", scenario: "a cluster that comes late", decide: func(in decide.Input) decide.Decision {
		if in.Facts.Issued != nil && !decide.UnderWay(in.Status.Rotation) {
			facts := *in.Facts
			facts.Issued = &decide.IssuedFact{Present: true, InUse: true}
			in.Facts = &facts
		}
		return decide.Decide(in)
	}},
	{defect: "never heals", scenario: "others write the target", decide: func(in decide.Input) decide.Decision {
		facts := *in.Facts
		facts.Targets = slices.Clone(facts.Targets)
		for i := range facts.Targets {
			facts.Targets[i].Old = nil
		}
		if facts.Issued != nil {
			issued := *facts.Issued
			issued.InUse = true
			facts.Issued = &issued
		}
		in.Facts = &facts
		return decide.Decide(in)
	}},
	{defect: "never ends a reconcile", scenario: "another client is faster", decide: func(in decide.Input) decide.Decision {
		if d := decide.Decide(in); d.Step != decide.LookAtSiblings {
			return d
		}
		return decide.Do(decide.LookAtCluster)
	}},
	{defect: "a status that overwrites another writer's", scenario: "two replicas at once", faults: faults{noLock: true}},
	{defect: "a request without a record of the intent", scenario: "one replica that crashes and loses answers", faults: faults{forgottenIntent: true}},
	{defect: "a target that overwrites another writer's change", scenario: "others write the target", faults: faults{blindWrite: true}},
	{defect: "a Pod created before its record", scenario: askedMachine, faults: faults{unrecordedPod: true}},
	{defect: "a target written before its record", scenario: "others write the target", faults: faults{earlyWrite: true}},
}

func TestWalk_FindsEachOfTheseDefects(t *testing.T) {
	skipLongWalk(t)
	for _, m := range mutations {
		t.Run(m.defect, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(scenarios, func(c scenario) bool { return c.name == m.scenario })
			chosen := m.decide
			if chosen == nil {
				chosen = decide.Decide
			}
			w := &walk{model: &model{scenario: &scenarios[i], decide: chosen, faults: m.faults}}
			if err := w.run(); err == nil {
				t.Errorf("%d states were walked and the defect was not found", len(w.seen))
			} else {
				t.Logf("found after %d states: %s", len(w.seen), firstLine(err))
			}
		})
	}
}

func firstLine(err error) string {
	for i, c := range err.Error() {
		if c == '\n' {
			return err.Error()[:i]
		}
	}
	return err.Error()
}
