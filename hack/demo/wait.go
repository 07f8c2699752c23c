package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/openshift/credential-rotation-operator/test/sim/ocm"
)

const (
	// waitTimeout is the timeout of one wait: far longer than anything takes on two busy cores.
	waitTimeout = 2 * time.Minute
	// pollInterval is the poll interval of the demo.
	pollInterval = 100 * time.Millisecond
)

// pending is the error of a check that is not fulfilled yet; any other error ends the story.
type pending string

func (p pending) Error() string { return string(p) }

// waiting is pending with a message.
func waiting(format string, args ...any) error { return pending(fmt.Sprintf(format, args...)) }

// until waits for a condition, and reports what is pending.
func (w *world) until(ctx context.Context, what string, check func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	w.tell.await(false)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var p pending
	for {
		err := check(ctx)
		switch {
		case err == nil:
			return nil
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return fmt.Errorf("this did not happen within %s: %s. Last state: %w", waitTimeout, what, p)
		case !errors.As(err, &p) && ctx.Err() == nil:
			return fmt.Errorf("%s: %w", what, err)
		}
		w.tell.progress(string(p))
		select {
		case <-ctx.Done():
		case <-w.operatorEnded():
			return fmt.Errorf("the operator has ended (%d) before %s", w.operator.ExitCode(), what)
		case <-ticker.C:
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
	}
}

// pause lets some time pass while the reader sees simulated progress.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// hoursPerLook is how many hours of OCM's time may pass for each poll of the operator.
const hoursPerLook = 3

// hourPasses lets an hour of OCM's time pass after a moment for reading, if the operator has polled OCM recently: however busy the machine is,
// OCM's time does not outrun the operator.
func (w *world) hourPasses(ctx context.Context) {
	pause(ctx, hour)
	if looks := w.ocm.Count(ocm.OpListRotations) + w.ocm.Count(ocm.OpAccessToken); looks != w.looks {
		w.looks, w.hours = looks, hoursPerLook
	}
	if w.hours > 0 {
		w.hours--
		w.ocm.Advance(time.Hour)
	}
}

// operatorEnded is closed when the operator has ended; it is nil before the operator runs.
func (w *world) operatorEnded() <-chan struct{} {
	if w.operator == nil {
		return nil
	}
	return w.operator.Exited()
}
