package pullsecretrotation

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	"github.com/openshift/credential-rotation-operator/controllers/pullsecretrotation/decide"
)

// This file has the Pod with which the machine of the only pool pulls, and its record. The transitions of the record are the real ones.

const (
	modelImage = "quay.io/org/probe:v1"
	modelPod   = "probe"
	modelUID   = "uid"
)

// pod is the only Pod; its name is always the same.
type pod struct {
	exists bool
	answer verdict // of the machine; notAsked while it has given none
}

// probeRecord is the row of status.rotation.probes.
type probeRecord struct {
	row                           bool
	pod, uid                      bool // recorded
	since, started, tried, refuse int8 // ages
	result                        v1alpha1.ProbeResult
	ended                         bool
}

var noProbe = probeRecord{since: none, started: none, tried: none, refuse: none}

func (p *probeRecord) tick() {
	older(&p.since, ageCap)
	older(&p.refuse, ageCap)
	older(&p.started, 1)
	older(&p.tried, 1)
}

// rows are the record as the status has it.
func (p probeRecord) rows(now time.Time) []v1alpha1.ProbeStatus {
	if !p.row {
		return nil
	}
	row := v1alpha1.ProbeStatus{
		Pool: "worker", Image: modelImage, FileSince: metav1.NewTime(at(now, p.since).Time), StartedAt: at(now, p.started), TriedAt: at(now, p.tried),
		RefusedSince: at(now, p.refuse), Result: p.result,
	}
	if p.pod {
		row.Pod = modelPod
	}
	if p.uid {
		row.PodUID = modelUID
	}
	if p.ended {
		row.EndedAt = at(now, 0)
	}
	return []v1alpha1.ProbeStatus{row}
}

// probeOf is the reverse.
func probeOf(rows []v1alpha1.ProbeStatus, now time.Time) probeRecord {
	if len(rows) == 0 {
		return noProbe
	}
	age := func(t *metav1.Time, limit int8) int8 {
		if t == nil {
			return none
		}
		return min(int8(now.Sub(t.Time)/tick), limit)
	}
	r := rows[0]
	return probeRecord{
		row: true, pod: r.Pod != "", uid: r.PodUID != "", since: age(&r.FileSince, ageCap), started: age(r.StartedAt, 1), tried: age(r.TriedAt, 1),
		refuse: age(r.RefusedSince, ageCap), result: r.Result, ended: r.EndedAt != nil,
	}
}

// recordProbe applies a transition of the record to a replica's status.
func (m *model) recordProbe(w *world, i int, change func(decide.Record, decide.Input)) {
	r := &w.replicas[i]
	if in := m.input(w, r); in.Status.Rotation != nil {
		change(decide.Record{PullSecretRotationStatus: in.Status}, in)
		r.status.probe = probeOf(in.Status.Rotation.Probes, in.Now)
	}
}

// probeStep performs the steps of a probe, and returns false for any other.
func (m *model) probeStep(w *world, i int, d decide.Decision) bool {
	r := &w.replicas[i]
	f := &r.facts
	switch d.Step {
	case decide.LookAtProbes:
		f.podKnown, f.pod = true, w.pod
	case decide.CheckProbe:
		f.probeAsked, f.probeAnswer = true, notAsked
		if r.status.backup >= 0 && r.status.backup != r.status.issued {
			f.probeAnswer = w.ask(r.status.backup)
		}
	case decide.PlanProbe:
		m.recordProbe(w, i, func(s decide.Record, in decide.Input) { s.PlanProbe(d.Pool, d.Machine, modelPod, in.Now) })
		if m.faults.unrecordedPod || m.flush(w, i) {
			f.probeOurs, f.podKnown = true, false
		}
	case decide.StartProbe:
		f.probeOurs, f.podKnown = false, false
		if !w.pod.exists {
			w.checkProbe(f)
			w.pod.exists, r.status.probe.uid = true, true
		}
	case decide.RecordProbes:
		m.recordProbe(w, i, func(s decide.Record, in decide.Input) { s.Probed(in) })
	case decide.DropProbes:
		if r.status != r.read {
			m.flush(w, i) // and decide again: the next effect is a separate move
			return true
		}
		if d.All || !decide.Believed(m.input(w, r), decide.ProbeFact{Pod: modelPod, UID: modelUID}) {
			w.pod = pod{}
		}
		m.recordProbe(w, i, func(s decide.Record, in decide.Input) { s.ProbesDropped(in, d.All) })
		f.podKnown = false
	default:
		return false
	}
	return true
}

// probeFacts are a replica's facts about the Pod.
func (m *findings) probeFacts(f *decide.Facts, backup generation) {
	if m.podKnown {
		f.Probes = &[]decide.ProbeFact{}
		if m.pod.exists {
			answers := map[verdict]v1alpha1.ProbeResult{accepted: v1alpha1.ProbePulled, refused: v1alpha1.ProbeRefused, unanswered: v1alpha1.ProbeFailed}
			*f.Probes = append(*f.Probes, decide.ProbeFact{Pod: modelPod, UID: modelUID, Result: answers[m.pod.answer], Late: v1alpha1.ProbeNotStarted})
		}
	}
	if m.probeOurs {
		f.ProbeIsOurs = "worker"
	}
	if m.probeAsked {
		f.ProbeChecks = append([]decide.Check{}, m.probeAnswer.fact(backup)...)
	}
}

// forgets has the machine's kubelet read its file again, as it has within a tick. Without a probe it does not matter.
func (w *world) forgets(c *scenario) {
	if c.probe {
		w.kubelet = w.pool.current
	}
}

// checkProbe: a machine is asked only with the new file, as far as its pool shows.
func (w *world) checkProbe(f *findings) {
	switch {
	case f.pool.paused || f.pool.degraded || f.pool.wanted != f.pool.current:
		w.fail("a machine is asked whose pool does not have the new file")
	case w.kubelet != w.pool.current:
		w.fail("a machine is asked whose kubelet uses the old file")
	}
}

// checkEvidence: the old entries are restored because a registry accepts them, and refuses the new ones or a machine with them for a while.
func (w *world) checkEvidence(r *replica) {
	switch f := &r.facts; {
	case f.oldChecks != accepted && f.probeAnswer != accepted:
		w.fail("invariant 4: old entries are restored that no registry accepts")
	case f.oldChecks != accepted && r.status.probe.refuse < ageCap:
		w.fail("old entries are restored although a machine has only just been refused")
	}
}

// probeMoves are the machine's.
func (w world) probeMoves(try func(string, func(*world))) {
	if !w.pod.exists || w.pod.answer != notAsked {
		return
	}
	try("the machine pulls", func(w *world) { w.pod.answer = w.ask(w.kubelet) })
	if w.left.badProbes > 0 {
		try("the machine is refused", func(w *world) { w.left.badProbes--; w.pod.answer = refused })
	}
}
