package cli

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"k8s.io/utils/ptr"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
)

// lagged is an object whose account has clusters that have not switched.
func lagged(change func(*v1alpha1.SiblingsStatus)) *v1alpha1.PullSecretRotation {
	o := waitingObject()
	o.Status.Siblings = &v1alpha1.SiblingsStatus{
		CountedAt: *ago(time.Hour), Clusters: ptr.To(int32(500)), RotationID: "present", AskedAt: ago(2 * time.Hour), Answer: v1alpha1.SiblingsComplete,
		Switched: ptr.To(int32(478)), NotSwitched: ptr.To(int32(22)), FirstOfferEndsAt: ago(-20 * time.Hour),
		Lagging: []v1alpha1.LaggingCluster{
			{ID: "00000000-0000-4000-8000-000000000007", Name: "branch office 7", OfferEndsAt: ago(-20 * time.Hour)},
			{ID: "00000000-0000-4000-8000-000000000008"},
		},
	}
	change(o.Status.Siblings)
	return o
}

func TestStatus_ListsTheClustersThatHaveNotSwitched(t *testing.T) {
	status := func(change func(*v1alpha1.SiblingsStatus)) string {
		env, _ := cluster(t, lagged(change))
		out, err := run(t, newStatusCommand(env))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := status(func(*v1alpha1.SiblingsStatus) {})
	expect(t, out, "478 of 500 clusters have switched (asked 2 h ago)", "OCM WAITS UNTIL", "branch office 7", "000000000007", "2026-11-22 08:00 UTC (in 20 h)", "and 20 more")
	if row := strings.Join(strings.Fields(lineWith(out, "000000000008")), " "); row != "00000000-0000-4000-8000-000000000008 00000000-0000-4000-8000-000000000008 -" {
		t.Errorf("the row of a cluster without a name is %q", row)
	}
	unknown := status(func(s *v1alpha1.SiblingsStatus) {
		s.Answer, s.Switched, s.NotSwitched, s.Lagging = v1alpha1.SiblingsRefused, nil, nil, nil
	})
	expect(t, unknown, "OCM does not say which clusters have switched", "Refused")
	if strings.Contains(unknown, "NOT SWITCHED") {
		t.Error("there is a table of clusters that nobody knows")
	}
	for _, change := range []func(*v1alpha1.SiblingsStatus){
		func(s *v1alpha1.SiblingsStatus) { s.Switched = nil }, func(s *v1alpha1.SiblingsStatus) { s.NotSwitched = nil },
	} {
		if half := status(change); !strings.Contains(half, "unknown: OCM does not say") || !strings.Contains(half, "branch office 7") {
			t.Errorf("of half a count it says:\n%s", half)
		}
	}
	if all := status(func(s *v1alpha1.SiblingsStatus) { s.NotSwitched = ptr.To(int32(2)) }); strings.Contains(all, " more") {
		t.Errorf("it leaves out clusters of a list that is complete:\n%s", all)
	}
	if never := status(func(s *v1alpha1.SiblingsStatus) { *s = v1alpha1.SiblingsStatus{Clusters: s.Clusters} }); strings.Contains(never, "witched") {
		t.Errorf("it speaks of what was never asked: %s", never)
	}
}

// Anybody may name a cluster, and a name must neither control the terminal nor make up rows.
func TestStatus_NamesDoNotControlTheTerminal(t *testing.T) {
	const name = "evil\x1b]0;title\x07\x1b[2J\u202e\u009b31m\n  fake   row\tcell\r\v\x00end"
	o := lagged(func(s *v1alpha1.SiblingsStatus) { s.Lagging[0].Name = name })
	o.Status.WaitingFor, o.Status.Conditions[0].Message = name, name
	o.Status.Targets[0].Message, o.Status.Registries[0].Message = name, name
	for _, args := range [][]string{nil, {"-o", "wide"}} {
		env, _ := cluster(t, o)
		out, err := run(t, newStatusCommand(env), args...)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, out, "evil]0;title[2J31m   fake   row cell")
		for _, r := range out {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("the output has %U", r)
			}
		}
		if strings.Contains(out, "\n  fake") {
			t.Error("a name makes a line of its own")
		}
	}
}

// lineWith is the first line that contains a text.
func lineWith(out, text string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, text) {
			return line
		}
	}
	return ""
}
