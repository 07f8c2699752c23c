package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// machineLists answers each list with a page of its own, and then with an error if there is one.
type machineLists struct {
	client.Reader
	pages [][]string
	err   error
	asked []string // the continue of each request
}

func (l *machineLists) List(_ context.Context, into client.ObjectList, opts ...client.ListOption) error {
	o := (&client.ListOptions{}).ApplyOptions(opts)
	l.asked = append(l.asked, o.Continue)
	if len(l.pages) == 0 {
		return l.err
	}
	list := into.(*machineconfigurationv1.MachineConfigNodeList)
	list.Items, list.Continue = nil, ""
	for _, name := range l.pages[0] {
		list.Items = append(list.Items, machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	if l.pages = l.pages[1:]; len(l.pages) > 0 || l.err != nil {
		list.Continue = fmt.Sprintf("after %d", len(l.asked))
	}
	return nil
}

func TestReadMachines_ReadsAllPages(t *testing.T) {
	l := &machineLists{pages: [][]string{{"a", "b"}, {"c"}}}
	machines, err := ReadMachines(t.Context(), l)
	if err != nil || len(machines) != 3 || machines[2].Name != "c" || fmt.Sprint(l.asked) != "[ after 1]" {
		t.Errorf("machines %+v, asked %q, error %v", machines, l.asked, err)
	}
}

func TestReadMachines_NeitherAMissingKindNorAMissingRightIsAnError(t *testing.T) {
	resource := schema.GroupResource{Group: "machineconfiguration.openshift.io", Resource: "machineconfignodes"}
	for name, failure := range map[string]error{
		"no such kind":           &meta.NoKindMatchError{},
		"the kind has gone":      apierrors.NewNotFound(resource, ""),
		"the right is not there": apierrors.NewForbidden(resource, "", nil),
	} {
		if machines, err := ReadMachines(t.Context(), &machineLists{err: failure}); err != nil || len(machines) != 0 {
			t.Errorf("%s: machines %v, error %v", name, machines, err)
		}
	}
	if _, err := ReadMachines(t.Context(), &machineLists{pages: [][]string{{"a"}}, err: apierrors.NewResourceExpired("too old")}); err == nil {
		t.Error("a list that broke off counts as whole")
	}
}

func TestMachine_IsAsItsObjectSays(t *testing.T) {
	n := &machineconfigurationv1.MachineConfigNode{ObjectMeta: metav1.ObjectMeta{Name: "m"}}
	n.Spec.Pool.Name = "worker"
	n.Status.ConfigVersion = &machineconfigurationv1.MachineConfigNodeStatusMachineConfigVersion{Current: "rendered-1", Desired: "rendered-2"}
	n.Status.Conditions = []metav1.Condition{{Type: "Updated", Status: metav1.ConditionTrue}, {Type: "NodeDegraded", Status: metav1.ConditionFalse}}
	if got := machine(n); got != (Machine{Name: "m", Pool: "worker", Current: "rendered-1", Updated: true}) {
		t.Errorf("got %+v", got)
	}
}

func TestMachine_TellsWhyItLagsByPlainWordsAlone(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "secret"}
	}
	executed := condition("UpdateExecuted", metav1.ConditionUnknown, "UpdateExecuted")
	longest := strings.Repeat("A"+strings.Repeat("a", 20), 3) + "A"
	rest := condition("Updated", metav1.ConditionTrue, "Updated")
	for name, test := range map[string]struct {
		conditions []metav1.Condition
		want       string
	}{
		"at rest":                         {[]metav1.Condition{rest}, ": "},
		"nothing is said":                 {nil, ": "},
		"the part is meant, not the step": {[]metav1.Condition{condition("Drained", metav1.ConditionUnknown, "UpdateExecutedDrained"), executed}, "Drained: UpdateExecutedDrained"},
		"degraded comes first":            {[]metav1.Condition{executed, condition("NodeDegraded", metav1.ConditionTrue, "NodeDegraded")}, "NodeDegraded: NodeDegraded"},
		"not updated":                     {[]metav1.Condition{condition("Updated", metav1.ConditionFalse, "AppliedFilesAndOS")}, "Updated: AppliedFilesAndOS"},
		"a reason that is a sentence":     {[]metav1.Condition{condition("Updated", metav1.ConditionFalse, "it is late")}, "Updated: "},
		"the first step":                  {[]metav1.Condition{condition("UpdatePrepared", metav1.ConditionUnknown, "Prepared")}, "UpdatePrepared: Prepared"},
		"a reason as long as may be":      {[]metav1.Condition{condition("Updated", metav1.ConditionFalse, longest)}, "Updated: " + longest},
		"a reason that is longer":         {[]metav1.Condition{condition("Updated", metav1.ConditionFalse, longest+"B")}, "Updated: "},
		"a reason that is random":         {[]metav1.Condition{condition("Updated", metav1.ConditionFalse, "b3BlbnNoaWZ0")}, "Updated: "},
		"a type that nobody knows":        {[]metav1.Condition{condition("b3BlbnNoaWZ0", metav1.ConditionUnknown, "Odd")}, ": "},
	} {
		m := machine(&machineconfigurationv1.MachineConfigNode{Status: machineconfigurationv1.MachineConfigNodeStatus{Conditions: test.conditions}})
		if got := m.Condition + ": " + m.Reason; got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}
