package pullsecret

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openshift/credential-rotation-operator/test/harness"
)

// insights-operator does the same work at the same time. In any order the result is the same, the new credentials are
// written once, and the machines get one new file.
func TestInsightsOperatorAndTheOperatorAtTheSameTime(t *testing.T) {
	for name, every := range map[string]time.Duration{
		"insights-operator is faster": 10 * time.Millisecond,
		"the operator is faster":      time.Hour,
		"both are about equally fast": time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, living())
			insights := harness.StartInsightsOperator(t.Context(), cp.Client, w.ocm.URL(), w.ocm.CA().Pool(), every)
			w.create(rotation())
			w.start()
			w.waitFor("the rotation has ended", ended)
			if err := insights.Stop(); err != nil {
				t.Errorf("insights-operator got stuck: %v", err)
			}
			w.oneRotation()
			w.current()
			if n := insights.Updates() + w.secretWrites(); n != 1 {
				t.Errorf("the new credentials were written %d times by insights-operator and %d times by the operator, want once in total", insights.Updates(), w.secretWrites())
			}
			harness.Eventually(t, "the machines get the new file", func(context.Context) error {
				if w.mco.Renders() == 0 {
					return errors.New("nothing was rendered")
				}
				return nil
			})
			if n := w.mco.Renders(); n != 1 {
				t.Errorf("the machines got %d new files, want one", n)
			}
		})
	}
}
