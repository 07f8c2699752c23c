package decide

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// keptProbes is the schema's bound.
const keptProbes = 32

// Reached records which pools were seen with the new file. A pool that no longer has it begins anew.
func (s Record) Reached(in Input, now time.Time) {
	if !Probing(in) || in.Facts.Pools == nil || in.Facts.Machines == nil {
		return
	}
	s.Rotation.Probes = slices.DeleteFunc(s.Rotation.Probes, func(p v1alpha1.ProbeStatus) bool {
		if p.Pod != "" || p.EndedAt != nil && wanted(in.Spec, p) {
			return false
		}
		pool := seenPool(in, p.Pool)
		return !wanted(in.Spec, p) || pool == nil || !hasFile(in.Status, *pool, machines(in))
	})
	for _, pool := range *in.Facts.Pools {
		known := slices.ContainsFunc(s.Rotation.Probes, func(p v1alpha1.ProbeStatus) bool { return p.Pool == pool.Name })
		if !known && listedPool(in.Spec, pool.Name) && hasFile(in.Status, pool, machines(in)) && len(s.Rotation.Probes) < keptProbes {
			s.Rotation.Probes = append(s.Rotation.Probes, v1alpha1.ProbeStatus{
				Pool: pool.Name, Image: in.Spec.Rollout.Probe.Image, FileSince: metav1.NewTime(now),
			})
		}
	}
}

// Probe is the record of a pool's probe; nil if there is none.
func (s Record) Probe(pool string) *v1alpha1.ProbeStatus {
	for i := range s.Rotation.Probes {
		if p := &s.Rotation.Probes[i]; p.Pool == pool {
			return p
		}
	}
	return nil
}

// PlanProbe records that a Pod is about to be created.
func (s Record) PlanProbe(pool, machine, pod string, now time.Time) {
	p := s.Probe(pool)
	p.Machine, p.Pod, p.PodUID, p.StartedAt, p.TriedAt = machine, pod, "", TimePtr(now), nil
}

// ProbeNotCreated records that no Pod could be created.
func (s Record) ProbeNotCreated(pool string, now time.Time) {
	p := s.Probe(pool)
	p.TriedAt, p.Result = TimePtr(now), v1alpha1.ProbeNotCreated
}

// Probed records what machines have answered, and whom nobody asks any more.
func (s Record) Probed(in Input) {
	for i := range s.Rotation.Probes {
		p := &s.Rotation.Probes[i]
		switch result, machine, over := outcome(in, *p); {
		case over:
			p.TriedAt, p.Result, p.Machine = TimePtr(in.Now), result, machine
			switch {
			case result == v1alpha1.ProbePulled:
				p.EndedAt, p.RefusedSince = TimePtr(in.Now), nil
			case result == v1alpha1.ProbeRefused && p.RefusedSince == nil:
				p.RefusedSince = TimePtr(in.Now)
			}
		case gaveUp(in, *p):
			p.EndedAt = TimePtr(in.Now)
			if p.Result == "" {
				p.Result = v1alpha1.ProbeNotStarted
			}
		}
	}
}

// ProbesDropped records that Pods are gone. An attempt that was under way has ended without an answer.
func (s Record) ProbesDropped(in Input, all bool) {
	for i := range s.Rotation.Probes {
		p := &s.Rotation.Probes[i]
		if p.Pod == "" || !all && Awaited(in, *p) {
			continue
		}
		if p.TriedAt == nil {
			p.TriedAt = TimePtr(in.Now)
		}
		p.Pod, p.PodUID = "", ""
	}
}

// probesAnew has every pool without an answer asked again from the beginning: its file has been changed.
func (s Record) probesAnew() {
	s.Rotation.Probes = slices.DeleteFunc(s.Rotation.Probes, func(p v1alpha1.ProbeStatus) bool { return p.EndedAt == nil })
}
