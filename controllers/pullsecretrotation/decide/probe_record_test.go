package decide

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

func duration(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// The pause until kubelet has forgotten the old file begins anew for a pool that loses the new one.
func TestReached_RecordsWhichPoolsHaveTheNewFile(t *testing.T) {
	none := func(in *Input) { in.Status.Rotation.Probes = nil }
	for _, row := range []struct {
		name   string
		change func(*Input)
		since  *metav1.Time // of the pool worker; nil if it is not on record
	}{
		{"a pool that has it", none, hours(0)},
		{"a pool that had it before", func(*Input) {}, TimePtr(noon.Add(-30 * time.Minute))},
		{"a pool without it", func(in *Input) { none(in); (*in.Facts.Pools)[0].Updated = 1 }, nil},
		{"a pool that the spec does not name", func(in *Input) { none(in); in.Spec.Rollout.Probe.Pools = []string{"infra"} }, nil},
		{"a pool that has lost it", func(in *Input) { (*in.Facts.Pools)[0].Updated = 1 }, nil},
		{"a pool that is gone", func(in *Input) { in.Facts.Pools = &[]Pool{} }, nil},
		{"while a machine is at it", func(in *Input) { pulling(in); (*in.Facts.Pools)[0].Updated = 1 }, TimePtr(noon.Add(-30 * time.Minute))},
		{"after it has answered", func(in *Input) { probe(in).EndedAt = hours(0); (*in.Facts.Pools)[0].Updated = 1 }, TimePtr(noon.Add(-30 * time.Minute))},
		{"for another image it begins anew", func(in *Input) { probe(in).Image, probe(in).EndedAt = "other", hours(0) }, hours(0)},
		{"for another image before an answer too", func(in *Input) { probe(in).Image = "other" }, hours(0)},
		{"nothing is under way", func(in *Input) { none(in); in.Status.Rotation.AppliedAt = nil }, nil},
		{"nobody has looked at the pools", func(in *Input) { in.Facts.Pools = nil; probe(in).Image = "other" }, TimePtr(noon.Add(-30 * time.Minute))},
		{"nobody has looked at the machines", func(in *Input) { none(in); in.Facts.Machines = nil }, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := probingInput()
			row.change(&in)
			s := Record{in.Status}
			s.Reached(in, noon)
			p := s.Probe("worker")
			if (p != nil) != (row.since != nil) || p != nil && !p.FileSince.Equal(row.since) || len(in.Status.Rotation.Probes) > 1 {
				t.Errorf("the record is %+v, want since %s", in.Status.Rotation.Probes, row.since)
			}
			if p != nil && row.since.Equal(hours(0)) && p.Image != appImage {
				t.Errorf("the image is %q", p.Image)
			}
		})
	}
	in := probingInput()
	for i := range 40 {
		*in.Facts.Pools = append(*in.Facts.Pools, Pool{Name: fmt.Sprint("pool-", i), Wanted: "new", Current: "new", Machines: 1, Updated: 1})
	}
	if (Record{in.Status}).Reached(in, noon); len(in.Status.Rotation.Probes) != keptProbes {
		t.Errorf("%d pools are on record", len(in.Status.Rotation.Probes))
	}
}

func TestProbe_AnAttemptIsOnRecordBeforeItsPod(t *testing.T) {
	in := probingInput()
	in.Status.Rotation.Probes = append(in.Status.Rotation.Probes, v1alpha1.ProbeStatus{Pool: "infra", PodUID: "before", TriedAt: hours(-1)})
	s := Record{in.Status}
	s.PlanProbe("infra", "infra-1", "pod", noon)
	if p := s.Probe("infra"); p.Machine != "infra-1" || p.Pod != "pod" || p.PodUID != "" || !p.StartedAt.Equal(hours(0)) || p.TriedAt != nil || probe(&in).Pod != "" {
		t.Errorf("planned is %+v", in.Status.Rotation.Probes)
	}
	s.ProbeNotCreated("infra", noon)
	if p := s.Probe("infra"); !p.TriedAt.Equal(hours(0)) || p.Result != v1alpha1.ProbeNotCreated {
		t.Errorf("what could not be created is recorded as %+v", p)
	}
	if s.Probe("other") != nil {
		t.Error("a pool that is not on record has a probe")
	}
}

func TestProbed_RecordsAnswersAndWhoIsNoLongerAsked(t *testing.T) {
	answered := func(result v1alpha1.ProbeResult) func(*Input) {
		return func(in *Input) {
			pulling(in)
			(*in.Facts.Probes)[0].Result, (*in.Facts.Probes)[0].Machine = result, "worker-2"
		}
	}
	over := func(in *Input) { probe(in).FileSince = *hours(-9) }
	for _, row := range []struct {
		name                  string
		change                func(*Input)
		tried, ended, refused *metav1.Time
		result                v1alpha1.ProbeResult
		machine               string
	}{
		{"it has pulled", answered(v1alpha1.ProbePulled), hours(0), hours(0), nil, v1alpha1.ProbePulled, "worker-2"},
		{"it was refused before", func(in *Input) { answered(v1alpha1.ProbePulled)(in); probe(in).RefusedSince = hours(-1) }, hours(0), hours(0), nil, v1alpha1.ProbePulled, "worker-2"},
		{"it is refused", answered(v1alpha1.ProbeRefused), hours(0), nil, hours(0), v1alpha1.ProbeRefused, "worker-2"},
		{"it is refused still", func(in *Input) { answered(v1alpha1.ProbeRefused)(in); probe(in).RefusedSince = hours(-1) }, hours(0), nil, hours(-1), v1alpha1.ProbeRefused, "worker-2"},
		{"it cannot pull for another reason", answered(v1alpha1.ProbeFailed), hours(0), nil, nil, v1alpha1.ProbeFailed, "worker-2"},
		{"it is at it", pulling, nil, nil, nil, "", "worker-1"},
		{"its pool is no longer asked", over, nil, hours(0), nil, v1alpha1.ProbeNotStarted, ""},
		{"its pool is no longer asked, and something is known", func(in *Input) { over(in); probe(in).Result = v1alpha1.ProbeNotFound }, nil, hours(0), nil, v1alpha1.ProbeNotFound, ""},
		{"nothing has happened", func(*Input) {}, nil, nil, nil, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := probingInput()
			row.change(&in)
			Record{in.Status}.Probed(in)
			p := probe(&in)
			if !p.TriedAt.Equal(row.tried) || !p.EndedAt.Equal(row.ended) || !p.RefusedSince.Equal(row.refused) || p.Result != row.result || p.Machine != row.machine {
				t.Errorf("the record is %+v", p)
			}
		})
	}
}

func TestProbesDropped_EndsWhatNobodyAwaits(t *testing.T) {
	for _, row := range []struct {
		name    string
		change  func(*Input)
		all     bool
		dropped bool
		tried   *metav1.Time
	}{
		{"an awaited one stays", func(*Input) {}, false, false, nil},
		{"unless all go", func(*Input) {}, true, true, hours(0)},
		{"one that has answered goes", func(in *Input) { probe(in).TriedAt = hours(-1) }, false, true, hours(-1)},
		{"one of a suspended object goes", func(in *Input) { in.Spec.Suspend = true }, false, true, hours(0)},
	} {
		in := probingInput()
		pulling(&in)
		in.Status.Rotation.Probes = append(in.Status.Rotation.Probes, v1alpha1.ProbeStatus{Pool: "infra"})
		row.change(&in)
		Record{in.Status}.ProbesDropped(in, row.all)
		if p := probe(&in); (p.Pod == "") != row.dropped || (p.PodUID == "") != row.dropped || !p.TriedAt.Equal(row.tried) {
			t.Errorf("%s: %+v", row.name, p)
		}
		if p := in.Status.Rotation.Probes[1]; p.TriedAt != nil {
			t.Errorf("%s: a pool without a Pod has tried: %+v", row.name, p)
		}
	}
}
