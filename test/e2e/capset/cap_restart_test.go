package capset

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"
)

// reconciled is the counter of reconciles that ended well; CAP's controller comes back by time, so it requeues.
var reconciled = regexp.MustCompile(`controller_runtime_reconcile_total\{controller="capcredentialset",result="(requeue_after|success)"\} [1-9]`)

// An operator that was restarted, by whatever, finds in the Secrets what it did before: nothing is due.
func TestCAP_ARestartRefreshesNothing(t *testing.T) {
	for name, end := range map[string]func(*capWorld){
		"terminated": func(w *capWorld) { w.stop() },
		"killed":     func(w *capWorld) { w.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newCAPWorld(t, time.Hour)
			w.start()
			w.create()
			w.eventuallyFresh()
			end(w)
			w.cap.ResetCounts()
			w.api.Forget()

			w.start()
			w.eventually("the new process has looked at the set", func(ctx context.Context) error {
				metrics, err := w.operator.Metrics(ctx)
				if err == nil && !reconciled.MatchString(metrics) {
					err = errors.New("no reconcile has ended well yet")
				}
				return err
			})
			w.stop()
			if n := w.cap.Counts().Requests; n != 0 {
				t.Errorf("the restart asked CAP %d times", n)
			}
			if writes := w.writes(); len(writes) != 0 {
				t.Errorf("the restart wrote: %v", writes)
			}
		})
	}
}
