package main

import (
	"bytes"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTable_HasTheRatiosPairByPair(t *testing.T) {
	s := &scene{secrets: 7}
	made := func(own, servers time.Duration) turn {
		c := cost{wall: own + servers, cpu: map[string]time.Duration{"program": own, "kube-apiserver": servers}, requests: map[string]int{"PATCH secrets": 7, "POST events": 1}, calls: 2, connections: 1}
		return turn{costs: map[phase][]cost{fill: {c}, refresh: {c, c}}, steady: 20 << 20, peak: 30 << 20}
	}
	got := table(s, []program{{name: "least"}, {name: "other"}}, map[string][]turn{
		"least": {made(time.Second, time.Second), made(2*time.Second, 2*time.Second)}, "other": {made(2*time.Second, time.Second), made(2*time.Second, 3*time.Second)},
	})
	for _, want := range []string{
		"| refresh | other | 4.00 s | 2.00 s | 2.00 s | 0.00 s | 4.00 s | 1.38 (1.25 to 1.50) | 1.38 (1.25 to 1.50) |",
		"| least | 20 MiB | 30 MiB | refresh | 7 PATCH secrets, 1 POST events | 2 | 1 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the table does not contain\n%s\nbut is\n%s", want, got)
		}
	}
}

func TestCounted_AddsUpTheRequests(t *testing.T) {
	got := counted([]byte(`# HELP apiserver_request_total Counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="PATCH",version="v1"} 5
apiserver_request_total{code="409",component="apiserver",dry_run="",group="",resource="secrets",scope="resource",subresource="",verb="PATCH",version="v1"} 2
apiserver_request_total{code="200",group="g",resource="capcredentialsets",subresource="status",verb="PATCH"} 1
apiserver_request_total{code="200",group="",resource="leases",subresource="",verb="PUT"} 9
apiserver_longrunning_requests{group="",resource="secrets",subresource="",verb="WATCH"} 8
`))
	if want := map[string]int{"PATCH secrets": 7, "PATCH capcredentialsets/status": 1, "WATCH secrets": 8}; !maps.Equal(got, want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

func TestSteps_AddOneThingEach(t *testing.T) {
	if got := steps(config{}); got != nil {
		t.Errorf("without the flag: %v", got)
	}
	all := steps(config{steps: true})
	for i, step := range all {
		if flags := strings.Fields(step[1]); len(flags) != i+1 || i > 0 && !strings.HasPrefix(step[1], all[i-1][1]) {
			t.Errorf("step %d has the flags %q", i+1, step[1])
		}
	}
	if len(all) != 5 {
		t.Errorf("%d steps, want 5", len(all))
	}
}

// The whole comparison runs once with seven Secrets, to check that it works.
func TestRun_ComparesTheOperatorWithTheLeast(t *testing.T) {
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("etcd and kube-apiserver are needed: run `make test`, which provides them")
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-secrets=7", "-foreign=0", "-rounds=1", "-refreshes=1"}, &out, t.Output()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"### 7 Secrets of 2 roles, 0 foreign Secrets", "| refresh | lower bound |", "| refresh | operator |", "7 PATCH secrets"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output does not contain %q:\n%s", want, out.String())
		}
	}
}
