package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// WaitFor polls at intervals of nine times as long as a poll takes, within these limits: waiting must not take the processors from what it waits for.
const (
	shortestTick = 50 * time.Millisecond
	longestTick  = 500 * time.Millisecond
)

// Patience is the timeout of Eventually, long enough for two busy cores.
const Patience = 3 * time.Minute

// permanent is an error that waiting cannot fix.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent makes WaitFor stop at once.
func Permanent(err error) error { return permanent{err} }

// WaitFor repeats f until it returns nil, ctx ends, or it returns a Permanent error. The error includes f's last error.
func WaitFor(ctx context.Context, f func(ctx context.Context) error) error {
	for {
		began := time.Now()
		err := f(ctx)
		var p permanent
		if err == nil || errors.As(err, &p) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last error: %w", ctx.Err(), err)
		case <-time.After(min(max(9*time.Since(began), shortestTick), longestTick)):
		}
	}
}

// Eventually fails the test unless f returns nil within Patience. Each explanation, such as Dump, is called on failure and added to the message.
func Eventually(t testing.TB, what string, f func(ctx context.Context) error, explanations ...func(ctx context.Context) string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	err := WaitFor(ctx, f)
	if err == nil {
		return
	}
	message := fmt.Sprintf("it never happened: %s\n%v", what, err)
	for _, explain := range explanations {
		message += "\n" + explain(t.Context())
	}
	t.Fatal(message)
}
