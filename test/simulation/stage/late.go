package stage

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// late is a watch whose events come some time after they have happened, in their order, and perhaps twice.
type late struct {
	inner   watch.Interface
	events  chan watch.Event
	stopped chan struct{}
	once    sync.Once
}

func newLate(ctx context.Context, c *Cluster, name string, inner watch.Interface) *late {
	name = fmt.Sprint(name, " ", c.World.Draw(name, 1<<40)) // the next watch of the same does not draw what this one leaves
	l := &late{inner: inner, events: make(chan watch.Event), stopped: make(chan struct{})}
	go l.run(ctx, c, name)
	return l
}

// ResultChan implements watch.Interface.
func (l *late) ResultChan() <-chan watch.Event { return l.events }

// Stop implements watch.Interface.
func (l *late) Stop() {
	l.once.Do(func() {
		close(l.stopped)
		l.inner.Stop()
	})
}

func (l *late) run(ctx context.Context, c *Cluster, name string) {
	defer close(l.events)
	defer l.inner.Stop()
	for lag := c.Lag; ; {
		var event watch.Event
		var open bool
		select {
		case event, open = <-l.inner.ResultChan():
			lag = 0 // it has come while the one before was waiting
		default:
			if event, open = l.next(ctx); open {
				lag = c.Lag
			}
		}
		if !open || !l.pass(ctx, c, name, event, lag) {
			return
		}
	}
}

// next waits for an event.
func (l *late) next(ctx context.Context) (event watch.Event, open bool) {
	select {
	case <-ctx.Done():
	case <-l.stopped:
	case event, open = <-l.inner.ResultChan():
	}
	return event, open
}

// pass passes an event on after a while, perhaps twice.
func (l *late) pass(ctx context.Context, c *Cluster, name string, event watch.Event, lag time.Duration) bool {
	told := []watch.Event{event}
	if c.Doubled {
		told = append(told, watch.Event{Type: event.Type, Object: event.Object.DeepCopyObject()}) // who hears it may change it
	}
	for _, event := range told {
		select {
		case <-ctx.Done():
			return false
		case <-l.stopped:
			return false
		case <-time.After(lag + c.World.Delay(name, 50*time.Millisecond)):
		}
		select {
		case <-ctx.Done():
			return false
		case <-l.stopped:
			return false
		case l.events <- event:
		}
	}
	return true
}
