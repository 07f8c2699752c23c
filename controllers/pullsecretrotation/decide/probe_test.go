package decide

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

const appImage = "registry.redhat.io/app:1"

// probingInput is a cluster whose machines have the new file for half an hour, and whose pool worker is to pull an image with it.
func probingInput() Input {
	in := underWayInput()
	rolledOut(&in)
	in.LastPoll, in.Status.LastHealthCheck = noon, hours(0)
	in.Spec.Rollout.Probe = &v1alpha1.RolloutProbe{Image: appImage}
	in.Facts.Pools = &[]Pool{{Name: "worker", Wanted: "new", Current: "new", Machines: 2, Updated: 2}}
	in.Facts.Machines = &[]Machine{{Name: "worker-2", Pool: "worker", Current: "new", Updated: true}, {Name: "worker-1", Pool: "worker", Current: "new", Updated: true}}
	in.Status.Rotation.Probes = []v1alpha1.ProbeStatus{{Pool: "worker", Image: appImage, FileSince: *TimePtr(noon.Add(-30 * time.Minute))}}
	return in
}

func probe(in *Input) *v1alpha1.ProbeStatus { return &in.Status.Rotation.Probes[0] }

// pulling is a Pod on record that a machine has had for a while.
func pulling(in *Input) {
	p := probe(in)
	p.Machine, p.Pod, p.PodUID, p.StartedAt = "worker-1", "pod", "uid", TimePtr(noon.Add(-time.Minute))
	in.Facts.Probes = &[]ProbeFact{{Pod: "pod", UID: "uid", Machine: "worker-1"}}
}

// refusedMachine is one that its registry has refused for a while.
func refusedMachine(in *Input, since time.Duration) {
	p := probe(in)
	p.Machine, p.StartedAt, p.TriedAt = "worker-1", TimePtr(noon.Add(-time.Second)), TimePtr(noon.Add(-time.Second))
	p.Result, p.RefusedSince = v1alpha1.ProbeRefused, TimePtr(noon.Add(-since))
}

func TestProbing_IsWhileTheNewFileIsInUse(t *testing.T) {
	if !Probing(probingInput()) {
		t.Fatal("it is not")
	}
	for name, change := range map[string]func(*Input){
		"the spec asks for nothing":   func(in *Input) { in.Spec.Rollout.Probe = nil },
		"it is suspended":             func(in *Input) { in.Spec.Suspend = true },
		"the mode only reports":       func(in *Input) { in.Spec.Mode = v1alpha1.ModeAudit },
		"nothing is under way":        func(in *Input) { in.Status.Rotation.RevokedAt = hours(0) },
		"nothing is on record":        func(in *Input) { in.Status.Rotation = nil },
		"nothing is applied":          func(in *Input) { in.Status.Rotation.AppliedAt = nil },
		"it was rolled back":          func(in *Input) { in.Status.Rotation.RolledBackAt = hours(0) },
		"machines are not waited for": func(in *Input) { in.Spec.Rollout.WaitForPools = ptr.To(false) },
	} {
		in := probingInput()
		if change(&in); Probing(in) {
			t.Errorf("%s: it is", name)
		}
	}
}

func TestDecide_HasAMachineOfEachPoolPull(t *testing.T) {
	for _, c := range []decision{
		{"a machine is asked once kubelet has forgotten the old file", func(*Input) {}, PlanProbe, "", ""},
		{"not before", func(in *Input) { probe(in).FileSince = *TimePtr(noon.Add(time.Second - in.Timing.ProbeDelay)) }, Wait, v1alpha1.ReasonProbing, "worker"},
		{"at that moment", func(in *Input) { probe(in).FileSince = *TimePtr(noon.Add(-in.Timing.ProbeDelay)) }, PlanProbe, "", ""},
		{"the pools are looked at first", func(in *Input) { in.Facts.Pools = nil }, LookAtPools, "", ""},
		{"and the machines", func(in *Input) { in.Facts.Machines = nil }, LookAtMachines, "", ""},
		{"a pool that has lost the file is waited for", func(in *Input) { (*in.Facts.Pools)[0].Updated = 1 }, Wait, v1alpha1.ReasonProbing, ""},
		{"one that is gone is not asked", func(in *Input) { in.Facts.Pools = &[]Pool{} }, Wait, v1alpha1.ReasonProbing, ""},
		{"the attempt is on record: the Pod is created", func(in *Input) { in.Facts.ProbeIsOurs = "worker" }, StartProbe, "", ""},
		{"its Pod is looked at", func(in *Input) { pulling(in); in.Facts.Probes = nil }, LookAtProbes, "", ""},
		{"and awaited", pulling, Wait, v1alpha1.ReasonProbing, "worker (worker-1)"},
		{"its answer is recorded", func(in *Input) { pulling(in); (*in.Facts.Probes)[0].Result = v1alpha1.ProbePulled }, RecordProbes, "", ""},
		{"so is the end of the time", func(in *Input) { probe(in).FileSince = *hours(-2) }, RecordProbes, "", ""},
		{"a Pod that is not on record is removed", func(in *Input) {
			pulling(in)
			*in.Facts.Probes = append(*in.Facts.Probes, ProbeFact{Pod: "other", UID: "uid"})
		}, DropProbes, "", ""},
		{"also one that somebody else made under its name", func(in *Input) { pulling(in); (*in.Facts.Probes)[0].UID = "another" }, DropProbes, "", ""},
		{"and one that has answered", func(in *Input) { pulling(in); probe(in).TriedAt = hours(0) }, DropProbes, "", ""},
		{"and one for an image that the spec no longer has", func(in *Input) { pulling(in); in.Spec.Rollout.Probe.Image = "other" }, DropProbes, "", ""},
		{"and one in a pool that it no longer has", func(in *Input) { pulling(in); in.Spec.Rollout.Probe.Pools = []string{"infra"} }, DropProbes, "", ""},
		{"and one of a suspended object", func(in *Input) { pulling(in); in.Spec.Suspend = true }, DropProbes, "", ""},
		{"a process that begins looks for Pods that are not on record", func(in *Input) { in.Unswept = true }, LookAtProbes, "", ""},
		{"in every state of the object", func(in *Input) { in.Unswept, in.Spec.Suspend, in.Status.Rotation = true, true, nil }, LookAtProbes, "", ""},
		{"and removes them", func(in *Input) {
			in.Unswept, in.Spec.Suspend, in.Status.Rotation, in.Facts.Probes = true, true, nil, &[]ProbeFact{{Pod: "left", UID: "uid"}}
		}, DropProbes, "", ""},
		{"the end of the rotation waits for the answer", func(in *Input) { list(in, RotationCompleted); pulling(in); in.LastPoll = time.Time{} }, Wait, v1alpha1.ReasonProbing, ""},
		{"not once there is one", func(in *Input) {
			list(in, RotationCompleted)
			in.LastPoll, probe(in).EndedAt = time.Time{}, hours(0)
		}, Finish, "", ""},
		{"nor for a pool that has answered, and is refused", func(in *Input) {
			list(in, RotationCompleted)
			in.LastPoll = time.Time{}
			refusedMachine(in, time.Minute)
		}, Finish, "", ""},
		{"Pods are removed before their record goes away", func(in *Input) { pulling(in); in.Facts.Issued.SameAsIssued, in.LastPoll = false, time.Time{} }, DropProbes, "", ""},
		{"without a Pod it goes at once", func(in *Input) {
			in.Facts.Issued.SameAsIssued, in.LastPoll, probe(in).EndedAt = false, time.Time{}, hours(0)
		}, MarkIssued, "", ""},
		{"a refusal is reported", func(in *Input) { refusedMachine(in, time.Minute) }, Wait, v1alpha1.ReasonProbeRefused, "refuses to serve " + appImage},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, probingInput()) })
	}
	in := probingInput()
	pulling(&in)
	in.Facts.Issued.SameAsIssued, in.LastPoll = false, time.Time{}
	if d := Decide(in); !d.All {
		t.Errorf("%s leaves the Pod whose answer is awaited", d.Step)
	}
	in = probingInput()
	in.Facts.ProbeIsOurs = "worker"
	if d := Decide(in); d.Pool != "worker" {
		t.Errorf("%s for the pool %q", d.Step, d.Pool)
	}
}

// A machine that its registry refuses is evidence as the registry's own answer is, and with the same patience.
func TestDecide_AMachineThatIsRefusedForLongBringsTheOldEntriesBack(t *testing.T) {
	forLong := func(in *Input) {
		refusedMachine(in, in.Timing.VerifyDeadline)
		in.Facts.ProbeChecks, in.Facts.Offer = said(Accepted, v1alpha1.VerificationRequired), &OfferFact{Open: true}
	}
	for _, c := range []decision{
		{"where the registry serves the image to the old entry", forLong, RollBack, "", ""},
		{"not before", func(in *Input) {
			forLong(in)
			probe(in).RefusedSince = TimePtr(noon.Add(time.Second - in.Timing.VerifyDeadline))
		}, Wait, v1alpha1.ReasonProbeRefused, ""},
		{"not where it refuses that too", func(in *Input) { forLong(in); in.Facts.ProbeChecks = said(Denied, v1alpha1.VerificationRequired) }, Wait, v1alpha1.ReasonProbeRefused, ""},
		{"it is asked first", func(in *Input) { forLong(in); in.Facts.ProbeChecks = nil }, CheckProbe, "", ""},
		{"with the old entries", func(in *Input) { forLong(in); in.Facts.BackupKnown = false }, LookAtBackup, "", ""},
		{"not without them", func(in *Input) { forLong(in); in.Status.Rotation.BackupSecret = "" }, Wait, v1alpha1.ReasonProbeRefused, ""},
		{"not where the spec says Never", func(in *Input) { forLong(in); in.Spec.Rollback = v1alpha1.RollbackNever }, Wait, v1alpha1.ReasonProbeRefused, "The old entries are not restored"},
		{"where it says so nobody is asked either", func(in *Input) { forLong(in); in.Spec.Rollback, in.Facts.ProbeChecks = v1alpha1.RollbackNever, nil }, Wait, v1alpha1.ReasonProbeRefused, ""},
		{"nor when machines are no longer asked", func(in *Input) { forLong(in); in.Spec.Rollout.Probe, in.Facts.ProbeChecks = nil, nil }, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
		{"nor for a pool that is no longer asked", func(in *Input) { forLong(in); probe(in).EndedAt = hours(0) }, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
		{"nor for one that cannot pull for another reason", func(in *Input) { forLong(in); probe(in).Result = v1alpha1.ProbeFailed }, Wait, v1alpha1.ReasonProbing, ""},
		{"nor for one whose refusal has no beginning", func(in *Input) { forLong(in); probe(in).RefusedSince = nil }, Wait, v1alpha1.ReasonAwaitingRevocation, ""},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, probingInput()) })
	}
}
