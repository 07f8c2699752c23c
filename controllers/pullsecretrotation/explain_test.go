package pullsecretrotation

import (
	"strings"
	"testing"
	"unicode/utf8"

	machineconfigurationv1 "github.com/openshift/api/machineconfiguration/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/events"

	"github.com/openshift/credential-rotation-operator/api/v1alpha1"
	simocm "github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

// The API server refuses an event whose note has more than 1024 bytes (k8s.io/kubernetes, pkg/apis/core/validation).
func TestEvent_IsNeverTooLongToBeAccepted(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	recorder := events.NewFakeRecorder(1)
	m.r.Recorder = recorder
	s := newScope(t.Context(), m.r, m.get(t))
	for _, words := range []string{strings.Repeat("a", 2000), strings.Repeat("日", 700)} {
		s.event("Warning", "Reason", "Wait", "%s", words)
		_, note, _ := strings.Cut(<-recorder.Events, "Reason ")
		if len(note) > 1024 || !utf8.ValidString(note) || len(note) < 1000 {
			t.Errorf("the note has %d bytes", len(note))
		}
	}
}

func TestPoolsPaused_IsTakenBackWhenTheyAreUnpaused(t *testing.T) {
	m := newMeter(t, simocm.Options{}, isDueNow())
	m.worker(func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = true })
	m.through(hasEnded)
	if !meta.IsStatusConditionTrue(m.seen.Status.Conditions, v1alpha1.ConditionPoolsPaused) {
		t.Fatal("the paused pool is not reported")
	}
	m.worker(func(p *machineconfigurationv1.MachineConfigPool) { p.Spec.Paused = false })
	m.wait()
	if m.look(); meta.FindStatusCondition(m.seen.Status.Conditions, v1alpha1.ConditionPoolsPaused) != nil {
		t.Error("the pool is unpaused, and the condition says that it is paused")
	}
}
